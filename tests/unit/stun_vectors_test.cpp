#include <gtest/gtest.h>

#include <array>

#include "base/crypto.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"
#include "stun/builder_access.hpp"
#include "support/stun_vectors.hpp"

namespace ice::stun {
namespace {

using test::copy;

constexpr TransactionId ice_id{{0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae}};
constexpr TransactionId long_term_id{{0x78, 0xad, 0x34, 0x33, 0xc6, 0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e}};

Credential ice_credential() { return *Credential::short_term(test::short_term_password); }
Credential long_term_credential(PasswordAlgorithm algorithm) {
  return *Credential::long_term(test::matrix_username, "example.org", test::matrix_password, algorithm);
}

Endpoint endpoint(std::string_view text) { return *Endpoint::parse(text); }

TEST(StunVectors, SampleRequestIsReadAndVerified) {
  const auto bytes = test::sample_request();
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is(Method::binding, Class::request));
  EXPECT_EQ(message->transaction_id(), ice_id);
  EXPECT_TRUE(message->check_fingerprint());
  const auto covered = message->authenticate(ice_credential());
  ASSERT_TRUE(covered);
  EXPECT_EQ(*covered->get<attr::Software>(), "STUN test client");
  EXPECT_EQ(*covered->get<attr::Priority>(), 0x6e0001ffU);
  EXPECT_EQ(*covered->get<attr::IceControlled>(), 0x932ff9b151263b36U);
  EXPECT_EQ(*covered->get<attr::Username>(), "evtj:h6vY");
}

TEST(StunVectors, SampleRequestIsBuiltByteForByte) {
  std::array<std::uint8_t, 256> out;
  Builder builder{out, Method::binding, Class::request, ice_id};
  BuilderAccess::pad_with(builder, ' ');
  const auto built = builder.add<attr::Software>("STUN test client")
                         .add<attr::Priority>(0x6e0001ff)
                         .add<attr::IceControlled>(0x932ff9b151263b36)
                         .add<attr::Username>("evtj:h6vY")
                         .integrity(ice_credential())
                         .fingerprint()
                         .finish();
  ASSERT_TRUE(built);
  EXPECT_EQ(copy(*built), test::sample_request());
}

struct ResponseVector {
  std::vector<std::uint8_t> bytes;
  Endpoint mapped;
};

class StunResponseVectors : public testing::TestWithParam<ResponseVector> {};
INSTANTIATE_TEST_SUITE_P(BothFamilies, StunResponseVectors,
                         testing::Values(ResponseVector{test::ipv4_response(), endpoint("192.0.2.1:32853")},
                                         ResponseVector{test::ipv6_response(),
                                                        endpoint("[2001:db8:1234:5678:11:2233:4455:6677]:32853")}));

TEST_P(StunResponseVectors, AreReadAndVerified) {
  const auto message = Message::parse(GetParam().bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is(Method::binding, Class::success_response));
  EXPECT_TRUE(message->check_fingerprint());
  const auto covered = message->authenticate(ice_credential());
  ASSERT_TRUE(covered);
  EXPECT_EQ(*covered->get<attr::XorMappedAddress>(), GetParam().mapped);
  EXPECT_EQ(*covered->get<attr::Software>(), "test vector");
}

TEST_P(StunResponseVectors, AreBuiltByteForByte) {
  std::array<std::uint8_t, 256> out;
  Builder builder{out, Method::binding, Class::success_response, ice_id};
  BuilderAccess::pad_with(builder, ' ');
  const auto built = builder.add<attr::Software>("test vector")
                         .add<attr::XorMappedAddress>(GetParam().mapped)
                         .integrity(ice_credential())
                         .fingerprint()
                         .finish();
  ASSERT_TRUE(built);
  EXPECT_EQ(copy(*built), GetParam().bytes);
}

TEST(StunVectors, LongTermRequestIsReadAndVerified) {
  const auto bytes = test::long_term_request();
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  const auto covered = message->authenticate(long_term_credential(PasswordAlgorithm::md5));
  ASSERT_TRUE(covered);
  EXPECT_EQ(*covered->get<attr::Username>(), test::matrix_username);
  EXPECT_EQ(*covered->get<attr::Nonce>(), "f//499k954d6OL34oL9FSTvy64sA");
  EXPECT_EQ(*covered->get<attr::Realm>(), "example.org");
}

TEST(StunVectors, LongTermRequestIsBuiltByteForByte) {
  std::array<std::uint8_t, 256> out;
  const auto built = Builder{out, Method::binding, Class::request, long_term_id}
                         .add<attr::Username>(test::matrix_username)
                         .add<attr::Nonce>("f//499k954d6OL34oL9FSTvy64sA")
                         .add<attr::Realm>("example.org")
                         .integrity(long_term_credential(PasswordAlgorithm::md5))
                         .finish();
  ASSERT_TRUE(built);
  EXPECT_EQ(copy(*built), test::long_term_request());
}

// Every single bit that is flipped must be noticed by one of the checks.
TEST(StunVectors, NoFlippedBitOfTheSampleRequestIsAccepted) {
  const Credential credential = ice_credential();
  const auto original = test::sample_request();
  for (std::size_t bit = 0; bit < original.size() * 8; ++bit) {
    auto bytes = original;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1U << bit % 8);
    const auto message = Message::parse(bytes);
    EXPECT_FALSE(message && message->check_fingerprint()) << "bit " << bit;
  }
}

// RFC 8489 B.1 has a header that promises 156 bytes where 136 follow.
TEST(StunVectors, UserhashRequestAsPrintedIsRefused) {
  const auto bytes = test::userhash_request();
  ASSERT_EQ(bytes.size(), header_size + 136);
  EXPECT_EQ(Message::parse(bytes).error(), errc::truncated);
}

// Its MAC was made over that wrong header, by which key does not matter: with the length put right it is wrong.
TEST(StunVectors, MacOfTheUserhashRequestAsPrintedCoversTheWrongLength) {
  auto bytes = test::userhash_request();
  const Bytes printed{bytes};
  const auto key = crypto::sha256({bytes_of(test::matrix_username), bytes_of(":example.org:TheMatrIX")});
  const auto covering_156 = crypto::HmacSha256{key}({printed.first(printed.size() - 36)});
  EXPECT_EQ(copy(covering_156), copy(printed.last(32)));

  bytes[3] = 136;
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->authenticate(long_term_credential(PasswordAlgorithm::sha256)).error(), errc::wrong_integrity);
}

// What the vector says beside its MAC holds, and the MAC that it should have is the one over the corrected header.
TEST(StunVectors, CorrectedUserhashRequestIsBuiltAndRead) {
  constexpr std::string_view nonce = "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA";
  const auto hash = userhash(test::matrix_username, "example.org");
  ASSERT_TRUE(hash);
  const Credential credential = long_term_credential(PasswordAlgorithm::sha256);
  std::array<std::uint8_t, 256> out;
  const auto built = Builder{out, Method::binding, Class::request, long_term_id}
                         .add<attr::Userhash>(*hash)
                         .add<attr::Nonce>(nonce)
                         .add<attr::Realm>("example.org")
                         .integrity_sha256(credential)
                         .finish();
  ASSERT_TRUE(built);

  auto printed = test::userhash_request();
  printed[3] = 136;
  constexpr std::size_t mac = 32;
  ASSERT_EQ(built->size(), printed.size());
  EXPECT_EQ(copy(built->first(built->size() - mac)), copy(Bytes{printed}.first(printed.size() - mac)));

  const auto message = Message::parse(*built);
  ASSERT_TRUE(message);
  const auto covered = message->authenticate(credential);
  ASSERT_TRUE(covered);
  EXPECT_EQ(*covered->get<attr::Userhash>(), *hash);
  EXPECT_EQ(*covered->get<attr::Nonce>(), nonce);
}

}  // namespace
}  // namespace ice::stun
