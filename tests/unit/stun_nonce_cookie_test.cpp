#include "ice/stun/nonce_cookie.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "ice/stun/builder.hpp"

namespace ice::stun {
namespace {

std::string cookie_of(std::uint32_t bits) {
  const auto cookie = make_nonce_cookie({bits});
  return {cookie.begin(), cookie.end()};
}

// RFC 8489 §9.2: bit 0 is the most significant bit of the first byte.
TEST(StunNonceCookie, EncodesTwentyFourBits) {
  EXPECT_EQ(cookie_of(0), "obMatJos2AAAA");
  EXPECT_EQ(cookie_of(SecurityFeatures::password_algorithms), "obMatJos2gAAA");
  EXPECT_EQ(cookie_of(SecurityFeatures::username_anonymity), "obMatJos2QAAA");
  EXPECT_EQ(cookie_of(0xffffff), "obMatJos2////");
}

TEST(StunNonceCookie, ReadsWhatItWrote) {
  for (std::uint32_t bit = 1; bit < 1U << 24U; bit <<= 1U)
    EXPECT_EQ(read_nonce_cookie(cookie_of(bit) + "anything"), SecurityFeatures{bit});
}

// The nonce of RFC 8489 appendix B.1 and that of RFC 8656 §20.
TEST(StunNonceCookie, ReadsTheNoncesOfTheRfcs) {
  EXPECT_EQ(read_nonce_cookie("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"), SecurityFeatures{2});
  EXPECT_EQ(read_nonce_cookie("obMatJos2gAAAadl7W7PeDU4hKE72jda"),
            SecurityFeatures{SecurityFeatures::password_algorithms});
}

TEST(StunNonceCookie, OtherNoncesHaveNone) {
  for (const std::string_view nonce :
       {"", "obMatJos2", "obMatJos2AAA", "obMatJos3AAAA", "obMatJos2AA-A", "xobMatJos2AAAA"})
    EXPECT_FALSE(read_nonce_cookie(nonce)) << nonce;
}

Message parsed(result<Bytes> built) { return *Message::parse(*built); }

// RFC 8489 §9.2.5.
TEST(StunBidDown, ANonceThatAnnouncesAlgorithmsMustComeWithThem) {
  std::array<std::uint8_t, 256> out;
  const std::string nonce = cookie_of(SecurityFeatures::password_algorithms) + "n";
  const auto response = [&] { return Builder{out, Method::allocate, Class::error_response, {}}; };
  EXPECT_EQ(check_bid_down(parsed(response().add<attr::Nonce>(nonce).finish())).error(), errc::bid_down);
  EXPECT_TRUE(check_bid_down(parsed(response()
                                        .add<attr::Nonce>(nonce)
                                        .add<attr::PasswordAlgorithms>(PasswordAlgorithms::sha256_and_md5())
                                        .finish())));
  // An empty list is as bad as none.
  EXPECT_EQ(
      check_bid_down(parsed(response().add<attr::Nonce>(nonce).add_raw(attr::PasswordAlgorithms::type, {}).finish()))
          .error(),
      errc::bid_down);
}

TEST(StunBidDown, OlderServersAreNotSuspected) {
  std::array<std::uint8_t, 256> out;
  const auto response = [&] { return Builder{out, Method::allocate, Class::error_response, {}}; };
  EXPECT_TRUE(check_bid_down(parsed(response().finish())));
  EXPECT_TRUE(check_bid_down(parsed(response().add<attr::Nonce>("0123456789abcdef").finish())));
  EXPECT_TRUE(
      check_bid_down(parsed(response().add<attr::Nonce>(cookie_of(SecurityFeatures::username_anonymity)).finish())));
}

// RFC 8489 §9.2.4.
TEST(StunBidDown, AServerWantsItsListBackAndAChoiceFromIt) {
  std::array<std::uint8_t, 256> out;
  const PasswordAlgorithms offered = PasswordAlgorithms::sha256_and_md5();
  const std::array<std::uint8_t, 4> md5_only = {0, 1, 0, 0};
  const PasswordAlgorithms weaker = *PasswordAlgorithms::parse(md5_only);
  const auto request = [&] { return Builder{out, Method::allocate, Class::request, {}}; };
  const auto check = [&](Builder builder) { return check_password_algorithm(parsed(builder.finish()), offered); };

  EXPECT_EQ(*check(request()), PasswordAlgorithm::md5);
  EXPECT_EQ(*check(request().add<attr::PasswordAlgorithms>(offered).add<attr::PasswordAlgorithm>(
                {PasswordAlgorithm::sha256})),
            PasswordAlgorithm::sha256);
  EXPECT_EQ(
      *check(request().add<attr::PasswordAlgorithms>(offered).add<attr::PasswordAlgorithm>({PasswordAlgorithm::md5})),
      PasswordAlgorithm::md5);

  EXPECT_EQ(check(request().add<attr::PasswordAlgorithms>(offered)).error(), errc::bid_down);
  EXPECT_EQ(check(request().add<attr::PasswordAlgorithm>({PasswordAlgorithm::md5})).error(), errc::bid_down);
  EXPECT_EQ(
      check(request().add<attr::PasswordAlgorithms>(weaker).add<attr::PasswordAlgorithm>({PasswordAlgorithm::md5}))
          .error(),
      errc::bid_down);
  EXPECT_EQ(
      check(request().add<attr::PasswordAlgorithms>(offered).add<attr::PasswordAlgorithm>({PasswordAlgorithm{0x7777}}))
          .error(),
      errc::bid_down);
}

}  // namespace
}  // namespace ice::stun
