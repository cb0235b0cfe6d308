#include <gtest/gtest.h>

#include <array>

#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"
#include "ice/stun/nonce_cookie.hpp"
#include "support/allocations.hpp"
#include "support/stun_vectors.hpp"

namespace ice::stun {
namespace {

TEST(StunAllocation, BuildingAndVerifyingDoNotAllocate) {
  const Credential credential = *Credential::short_term("swordfish");
  std::array<std::uint8_t, 512> out;
  const test::Allocations allocations;

  const auto built = Builder{out, Method::binding, Class::request, {}}
                         .add<attr::Username>("alice:\xc3\xa9milie")
                         .add<attr::Realm>("example.org")
                         .add<attr::Nonce>("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA")
                         .add<attr::PasswordAlgorithms>(PasswordAlgorithms::sha256_and_md5())
                         .add<attr::PasswordAlgorithm>({PasswordAlgorithm::sha256})
                         .add<attr::XorMappedAddress>(Endpoint{Address::loopback(Family::ipv6), 1})
                         .add<attr::ErrorCode>(Error{ErrorCode::role_conflict})
                         .add<attr::UnknownAttributes>(AttributeTypeList{})
                         .integrity(credential)
                         .integrity_sha256(credential)
                         .fingerprint()
                         .finish();
  ASSERT_TRUE(built);
  const auto message = Message::parse(*built);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->check_fingerprint());
  EXPECT_TRUE(message->unknown_required().empty());
  const auto covered = message->authenticate(credential);
  ASSERT_TRUE(covered);
  EXPECT_TRUE(covered->get<attr::Username>());
  EXPECT_TRUE(covered->get<attr::XorMappedAddress>());
  EXPECT_TRUE(covered->get<attr::ErrorCode>());
  EXPECT_TRUE(check_password_algorithm(*covered, PasswordAlgorithms::sha256_and_md5()));
  EXPECT_TRUE(check_bid_down(*covered));
  EXPECT_EQ(allocations.count(), 0U);
}

TEST(StunAllocation, RefusingDoesNotAllocate) {
  const Credential credential = *Credential::short_term("swordfish");
  auto bytes = test::sample_request();
  const test::Allocations allocations;
  EXPECT_FALSE(Message::parse(Bytes{bytes}.first(50)));
  EXPECT_FALSE(Message::parse(bytes)->authenticate(credential));
  EXPECT_FALSE(Message::parse(bytes)->get<attr::Realm>());
  bytes[30] ^= 1;
  EXPECT_FALSE(Message::parse(bytes)->check_fingerprint());
  EXPECT_EQ(allocations.count(), 0U);
}

}  // namespace
}  // namespace ice::stun
