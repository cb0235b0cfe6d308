#include "ice/stun/credential.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string>

#include "base/crypto.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"
#include "support/stun_vectors.hpp"

namespace ice::stun {
namespace {

using test::copy;
using test::from_hex;

/// A signature says which key made it.
std::vector<std::uint8_t> signature(const Credential& credential) {
  std::array<std::uint8_t, 128> out;
  return copy(
      *Builder{out, Method::binding, Class::request, {}}.integrity(credential).integrity_sha256(credential).finish());
}
std::vector<std::uint8_t> signature(const result<Credential>& credential) { return signature(*credential); }

// RFC 8489 §9.2.2: "the resulting hash being 0x8493fbc53ba582fb4c044c456bdc40eb".
TEST(StunCredential, LongTermKeyIsTheExampleOfTheRfc) {
  EXPECT_EQ(signature(Credential::long_term("user", "realm", "pass", PasswordAlgorithm::md5)),
            signature(Credential::from_key(from_hex("8493fbc53ba582fb4c044c456bdc40eb"))));
}

// RFC 8489 §18.5.1.2.
TEST(StunCredential, LongTermKeyWithSha256) {
  EXPECT_EQ(signature(Credential::long_term("user", "realm", "pass", PasswordAlgorithm::sha256)),
            signature(Credential::from_key(crypto::sha256({bytes_of("user:realm:pass")}))));
}

TEST(StunCredential, ShortTermKeyIsThePassword) {
  EXPECT_EQ(signature(Credential::short_term("p\xc3\xa4ss")), signature(Credential::from_key(bytes_of("p\xc3\xa4ss"))));
}

TEST(StunCredential, KeysAreMadeOfPreparedTexts) {
  // "a" with a combining diaeresis, and a no-break space.
  EXPECT_EQ(signature(Credential::short_term("pa\xcc\x88\xc2\xa0ss")),
            signature(Credential::short_term("p\xc3\xa4 ss")));
  EXPECT_EQ(signature(Credential::long_term("u\xc2\xa0", "r\xc2\xa0", "p\xc2\xa0", PasswordAlgorithm::md5)),
            signature(Credential::long_term("u ", "r ", "p ", PasswordAlgorithm::md5)));
}

// RFC 8489 §9.2.2: "with any quotes and trailing nulls removed".
TEST(StunCredential, QuotesAndTrailingNulsAreRemoved) {
  using namespace std::string_view_literals;
  const auto plain = signature(Credential::long_term("user", "realm", "pass", PasswordAlgorithm::md5));
  EXPECT_EQ(signature(Credential::long_term("\"user\"\0"sv, "\"realm\"", "pass\0\0"sv, PasswordAlgorithm::md5)), plain);
  EXPECT_NE(signature(Credential::long_term("user", "realm", "\"pass\"", PasswordAlgorithm::md5)), plain);
  EXPECT_NE(signature(Credential::long_term("\"user", "realm", "pass", PasswordAlgorithm::md5)), plain);
  EXPECT_EQ(userhash("\"user\"\0"sv, "realm")->at(0), userhash("user", "\"realm\"")->at(0));
}

TEST(StunCredential, TextsThatTheProfileForbidsAreRefused) {
  EXPECT_EQ(Credential::short_term("").error(), errc::bad_text);
  EXPECT_EQ(Credential::short_term("tab\t").error(), errc::bad_text);
  EXPECT_EQ(Credential::long_term("", "realm", "pass", PasswordAlgorithm::md5).error(), errc::bad_text);
  EXPECT_EQ(Credential::long_term("user", "\xff", "pass", PasswordAlgorithm::md5).error(), errc::bad_text);
  EXPECT_EQ(Credential::long_term("user", "realm", "\0", PasswordAlgorithm::md5).error(), errc::bad_text);
  EXPECT_EQ(userhash("", "realm").error(), errc::bad_text);
  EXPECT_EQ(userhash("user", "").error(), errc::bad_text);
}

TEST(StunCredential, UnknownAlgorithmsAreUnsupported) {
  EXPECT_EQ(Credential::long_term("user", "realm", "pass", PasswordAlgorithm{3}).error(), errc::unsupported);
}

// RFC 8489 appendix B.1.
TEST(StunCredential, UserhashIsTheOneOfTheRfc) {
  const auto vector = test::userhash_request();
  const auto hash = userhash(test::matrix_username, "example.org");
  ASSERT_TRUE(hash);
  EXPECT_EQ(copy(*hash), copy(Bytes{vector}.subspan(24, 32)));
}

TEST(StunCredential, CopiesSignAlike) {
  const Credential one = *Credential::short_term("one");
  Credential other = *Credential::short_term("other");
  EXPECT_NE(signature(one), signature(other));
  other = one;
  EXPECT_EQ(signature(one), signature(other));
  EXPECT_EQ(signature(Credential{one}), signature(one));
}

TEST(StunCredential, LeavesNoKeyBehind) {
  alignas(Credential) std::array<std::byte, sizeof(Credential)> storage;
  auto* const credential = new (storage.data()) Credential{*Credential::short_term("swordfish")};
  EXPECT_FALSE(std::all_of(storage.begin(), storage.end(), [](std::byte b) { return b == std::byte{0}; }));
  std::destroy_at(credential);
  EXPECT_TRUE(std::all_of(storage.begin(), storage.end(), [](std::byte b) { return b == std::byte{0}; }));
}

}  // namespace
}  // namespace ice::stun
