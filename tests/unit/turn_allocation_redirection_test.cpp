// How an allocation is sent to another server (RFC 8656 §7.4, RFC 8489 §10).

#include <gtest/gtest.h>

#include "support/turn_client_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::ErrorCode;
using stun::Method;
using test::endpoint;
using test::TurnClientRig;
namespace attr = stun::attr;

struct ARedirectedAllocation : testing::Test, TurnClientRig {
  Refusal failure() const {
    const auto failures = told<AllocationFailed>();
    EXPECT_EQ(failures.size(), 1u);
    return failures.empty() ? Refusal{} : failures[0].why;
  }
  Endpoint asked_last() const { return told<AllocationFailed>().at(0).server; }
};

TEST_F(ARedirectedAllocation, IsRedirectedToAnotherServer) {  // §7.4, 300
  server().refusals[Method::allocate] = {300};
  server().add_to_refusal = [](stun::Builder& b) { b.add<attr::AlternateServer>(endpoint("192.0.2.2:3478")); };
  server("192.0.2.2:3478").auth.realm = "example.net";
  allocate();
  EXPECT_EQ(told<Allocated>().at(0).server, endpoint("192.0.2.2:3478"));
  EXPECT_EQ(allocation.server(), endpoint("192.0.2.2:3478"));
  EXPECT_EQ(allocation.report(now).redirects, 1u);
  EXPECT_EQ(allocation.report(now).first_server, configured.server);
  permit("198.51.100.1");
  EXPECT_EQ(last(Method::create_permission).packet.to, endpoint("192.0.2.2:3478"));
}

/// A 300 to the request that was sent last, unsigned.
test::Packet unsigned_redirection(const TurnClientRig& rig) {
  return test::error_response(
      rig.sent.back().packet.message().transaction_id(), ErrorCode::try_alternate,
      [](stun::Builder& b) { b.add<attr::AlternateServer>(endpoint("192.0.2.2:3478")); }, Method::allocate);
}

TEST_F(ARedirectedAllocation, IsNotRedirectedByAnAnswerThatAnybodyCouldHaveSent) {  // RFC 8489 §14.8
  server().alive = false;
  server("192.0.2.2:3478");
  allocate();
  receive(unsigned_redirection(*this));
  EXPECT_EQ(failure().error, errc::server_refused);
  EXPECT_EQ(failure().code, ErrorCode::try_alternate) << "which says what is wrong with the server";
  EXPECT_EQ(count(Method::allocate), 1u);
}

TEST_F(ARedirectedAllocation,
       IsRedirectedBeforeItHasSignedAnythingWhereACertificateSaysWhoSpeaks) {  // as coturn does it
  for (const Transport transport : {Transport::tls, Transport::dtls, Transport::tcp}) {
    AllocationConfig config = TurnClientRig::config();
    config.transport = transport;
    TurnClientRig rig{config};
    rig.server().alive = false;
    rig.server("192.0.2.2:3478");
    rig.allocate();
    rig.open();
    rig.receive(unsigned_redirection(rig));
    const bool follows = rig.allocation.state() == AllocationState::connecting;
    EXPECT_EQ(follows, transport != Transport::tcp);
    if (!follows) continue;
    rig.open();
    EXPECT_EQ(rig.told<Allocated>().at(0).server, endpoint("192.0.2.2:3478"));
  }
}

TEST_F(ARedirectedAllocation, IsNotRedirectedToWhereNoServerIs) {
  for (const char* const nowhere :
       {"0.0.0.0:3478", "224.0.0.1:3478", "127.0.0.1:3478", "169.254.1.1:3478", "192.0.2.2:0"}) {
    TurnClientRig rig;
    rig.server().refusals[Method::allocate] = {300};
    rig.server().add_to_refusal = [&](stun::Builder& b) { b.add<attr::AlternateServer>(endpoint(nowhere)); };
    rig.allocate();
    ASSERT_EQ(rig.told<AllocationFailed>().size(), 1u) << nowhere;
    EXPECT_EQ(rig.told<AllocationFailed>()[0].why.error, errc::bad_response) << nowhere;
  }
}

TEST_F(ARedirectedAllocation, IsNotRedirectedWithoutASignatureWhereItHasSigned) {
  server().refusals[Method::allocate] = {300};
  server().add_to_refusal = [](stun::Builder& b) { b.add<attr::AlternateServer>(endpoint("192.0.2.1:3479")); };
  server("192.0.2.1:3479").alive = false;
  allocate();
  ASSERT_EQ(allocation.server(), endpoint("192.0.2.1:3479"));
  const auto challenge = server().auth.challenge(sent.back().packet.message(), ErrorCode::unauthenticated);
  receive(challenge);
  ASSERT_TRUE(sent.back().packet.message().has<attr::Username>());
  EXPECT_EQ(receive(unsigned_redirection(*this)).verdict, Verdict::unauthenticated);
  EXPECT_EQ(allocation.server(), endpoint("192.0.2.1:3479"));
}

TEST_F(ARedirectedAllocation, IsNotLedInCircles) {
  for (auto [from, to] :
       {std::pair{"192.0.2.1:3478", "192.0.2.2:3478"}, std::pair{"192.0.2.2:3478", "192.0.2.1:3478"}}) {
    server(from).refusals[Method::allocate] = {300, 300};
    server(from).add_to_refusal = [to = to](stun::Builder& b) { b.add<attr::AlternateServer>(endpoint(to)); };
  }
  allocate();
  EXPECT_EQ(failure().error, errc::redirect_loop);
  EXPECT_EQ(count(Method::allocate), 4u);
}

TEST_F(ARedirectedAllocation, FollowsOnlySoManyServers) {
  for (int i = 1; i <= 6; ++i) {
    auto& redirecting = server("192.0.2." + std::to_string(i) + ":3478");
    redirecting.refusals[Method::allocate] = {300};
    redirecting.add_to_refusal = [i](stun::Builder& b) {
      b.add<attr::AlternateServer>(endpoint("192.0.2." + std::to_string(i + 1) + ":3478"));
    };
  }
  allocate();
  EXPECT_EQ(failure().error, errc::redirect_loop);
  EXPECT_EQ(asked_last(), endpoint("192.0.2.5:3478"));
}

TEST_F(ARedirectedAllocation, FailsWhereTheAlternateServerIsMissing) {
  server().refusals[Method::allocate] = {300};
  allocate();
  EXPECT_EQ(failure().error, errc::bad_response);
}

TEST_F(ARedirectedAllocation, GoesBackToTheFirstServerAfterARedirection) {
  server().refusals[Method::allocate] = {300};
  server().add_to_refusal = [](stun::Builder& b) { b.add<attr::AlternateServer>(endpoint("192.0.2.2:3478")); };
  server("192.0.2.2:3478");
  allocate();
  server("192.0.2.2:3478").has_allocation = false;
  check();
  EXPECT_EQ(told<Allocated>().at(1).server, configured.server);
}

TEST_F(ARedirectedAllocation, GivesNothingBackThatItHasNotMadeThere) {  // it may be in use, for another URI
  server().refusals[Method::allocate] = {300};
  server().add_to_refusal = [](stun::Builder& b) { b.add<attr::AlternateServer>(endpoint("192.0.2.2:3478")); };
  server("192.0.2.2:3478").has_allocation = true;
  allocate();
  EXPECT_EQ(failure().code, ErrorCode::allocation_mismatch);
  EXPECT_EQ(count(Method::refresh), 0u);
  EXPECT_TRUE(server("192.0.2.2:3478").has_allocation);
}

TEST_F(ARedirectedAllocation, GivesBackWhatItHasLeftThere) {
  server().refusals[Method::allocate] = {300, 300};
  server().add_to_refusal = [](stun::Builder& b) { b.add<attr::AlternateServer>(endpoint("192.0.2.2:3478")); };
  server("192.0.2.2:3478");
  allocate();
  server("192.0.2.2:3478").alive = false;  // the network is away; the server still has it
  check();
  run_for(39s);
  server("192.0.2.2:3478").alive = true;
  run_for(1min);
  EXPECT_EQ(told<AllocationLost>().size(), 1u);
  EXPECT_EQ(told<Allocated>().size(), 2u);
}

}  // namespace
}  // namespace ice::turn
