#include "ice/responder.hpp"

#include <gtest/gtest.h>

#include <array>

#include "support/stun_messages.hpp"

namespace ice {
namespace {

using stun::Class;
using stun::Integrity;
namespace attr = stun::attr;

constexpr std::string_view password = "thePasswordOfThisSide12345";
const Endpoint from{Address::v4(203, 0, 113, 9), 40000};

class AResponder : public testing::Test {
 protected:
  stun::Credential key_ = *stun::Credential::short_term(password);
  Session session_{Role::controlled, 1, "ourUfrag", std::string{password}, key_};
  Responder responder_{session_};
  std::array<std::uint8_t, scratch_size> scratch_{};

  test::Packet check(bool sha1, bool sha256, std::optional<stun::AttributeType> unknown = {},
                     std::uint32_t priority = 1'862'270'975) const {
    return test::stun_message(Class::request, {}, [&](stun::Builder& builder) {
      builder.add<attr::Username>("ourUfrag:peerUfrag").add<attr::Priority>(priority);
      builder.add<attr::IceControlling>(7);
      if (unknown) builder.add_raw(*unknown, {});
      if (sha1) builder.integrity(key_);
      if (sha256) builder.integrity_sha256(key_);
      builder.fingerprint();
    });
  }
  test::Packet answer(const test::Packet& request, bool revoked = false) {
    return test::Packet{responder_.handle_request({}, request.message(), from, revoked, scratch_).answer};
  }
  void expect_signed_with(Integrity expected, const test::Packet& answer) {
    const stun::Message message = answer.message();
    EXPECT_EQ(message.integrity(), expected);
    // "Only one of these attributes can appear in a response", and no user name.
    EXPECT_EQ(message.has<attr::MessageIntegrity>(), expected == Integrity::sha1);
    EXPECT_FALSE(message.has<attr::Username>());
    EXPECT_TRUE(message.authenticate(key_));
    EXPECT_TRUE(message.check_fingerprint());
  }
};

// RFC 8489 §9.1.3, whatever the answer is.
TEST_F(AResponder, SignsItsAnswerWithTheAlgorithmThatTheRequestWasVerifiedBy) {
  struct Case {
    bool sha1, sha256;
    Integrity expected;
  };
  for (const Case& c :
       {Case{true, false, Integrity::sha1}, {false, true, Integrity::sha256}, {true, true, Integrity::sha256}}) {
    const test::Packet success = answer(check(c.sha1, c.sha256));
    EXPECT_TRUE(success.message().is(stun::Method::binding, Class::success_response));
    EXPECT_EQ(*success.message().get<attr::XorMappedAddress>(), from);
    expect_signed_with(c.expected, success);

    const test::Packet unknown = answer(check(c.sha1, c.sha256, stun::AttributeType{0x7F00}));
    EXPECT_EQ(unknown.message().get<attr::ErrorCode>()->code, stun::ErrorCode::unknown_attribute);
    expect_signed_with(c.expected, unknown);

    const test::Packet bad = answer(check(c.sha1, c.sha256, {}, 0));
    EXPECT_EQ(bad.message().get<attr::ErrorCode>()->code, stun::ErrorCode::bad_request);
    expect_signed_with(c.expected, bad);

    const test::Packet revoked = answer(check(c.sha1, c.sha256), true);
    EXPECT_EQ(revoked.message().get<attr::ErrorCode>()->code, stun::ErrorCode::forbidden);
    expect_signed_with(c.expected, revoked);
  }
}

// RFC 8489 §9.1.3: there is no key that both sides are known to have.
TEST_F(AResponder, DoesNotSignWhatItCouldNotVerify) {
  const stun::Credential stranger = *stun::Credential::short_term("another");
  const auto refusal_of = [&](std::string_view username, const stun::Credential* key) {
    return answer(test::stun_message(Class::request, {}, [&](stun::Builder& builder) {
      if (!username.empty()) builder.add<attr::Username>(username);
      if (key != nullptr) builder.integrity(*key);
      builder.fingerprint();
    }));
  };
  const auto expect_refused = [](const test::Packet& refusal, stun::ErrorCode code) {
    EXPECT_EQ(refusal.message().get<attr::ErrorCode>()->code, code);
    EXPECT_EQ(refusal.message().integrity(), Integrity::none);
    EXPECT_FALSE(refusal.message().has<attr::Username>());
  };
  expect_refused(refusal_of("ourUfrag:peerUfrag", nullptr), stun::ErrorCode::bad_request);
  expect_refused(refusal_of("", &key_), stun::ErrorCode::bad_request);
  expect_refused(refusal_of("theirUfrag:peerUfrag", &key_), stun::ErrorCode::unauthenticated);
  expect_refused(refusal_of("ourUfrag:peerUfrag", &stranger), stun::ErrorCode::unauthenticated);
}

}  // namespace
}  // namespace ice
