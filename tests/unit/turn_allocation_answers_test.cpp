// Answers that are late, strange or overtaken, and what an allocation remembers from one to the next.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/turn_client_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::Class;
using stun::ErrorCode;
using stun::Method;
using test::endpoint;
using test::Packet;
using test::ScriptedTurnServer;
using test::TurnClientRig;
using testing::ElementsAre;

namespace attr = stun::attr;

struct AnAnsweredAllocation : testing::Test, TurnClientRig {
  AnAnsweredAllocation() : AnAnsweredAllocation{config()} {}
  explicit AnAnsweredAllocation(AllocationConfig c) : TurnClientRig{std::move(c)} {}

  /// What the server of this address says to the last request, although it is said to be dead.
  Packet late_answer(std::string_view from = "192.0.2.1:3478") {
    ScriptedTurnServer& late = server(from);
    late.alive = true;
    const auto answer = late.answer(sent.back().packet.message());
    late.alive = false;
    return *answer;
  }
  /// The first round trip takes so long, and the server is dead afterwards.
  void allocate_slowly(Duration round_trip) {
    server().alive = false;
    allocate();
    run_for(round_trip);
    receive(late_answer());
  }
  void send() {
    const std::array<std::uint8_t, 1> byte{};
    EXPECT_TRUE(allocation.wrap(now, endpoint("198.51.100.1:9"), byte, scratch));
  }
};

// --- what is strange

TEST_F(AnAnsweredAllocation, IgnoresAnAnswerWithAWrongFingerprint) {
  server().alive = false;
  allocate();
  Packet answer = test::error_response(
      sent[0].packet.message().transaction_id(), ErrorCode::unauthenticated,
      [](stun::Builder& b) { b.add<attr::Realm>("example.org").add<attr::Nonce>("nonce").fingerprint(); },
      Method::allocate);
  answer.bytes().back() ^= 1;
  EXPECT_EQ(receive(answer).verdict, Verdict::malformed);
  EXPECT_EQ(sent.size(), 1u);
  answer.bytes().back() ^= 1;
  EXPECT_EQ(receive(answer).verdict, Verdict::handled);
  EXPECT_EQ(sent.size(), 2u);
}

TEST_F(AnAnsweredAllocation, FailsAtAnAnswerThatItCannotUnderstand) {  // RFC 8489 §6.3.3
  server().add_to_allocate = [](stun::Builder& b) { b.add_raw(stun::AttributeType{0x7000}, {}); };
  allocate();
  EXPECT_EQ(told<AllocationFailed>().at(0).why.error, errc::bad_response);
}

TEST_F(AnAnsweredAllocation, FailsAtAnErrorWithoutACode) {  // RFC 8489 §6.3.4
  AllocationConfig config = TurnClientRig::config();
  config.login.reset();
  TurnClientRig rig{config};
  rig.server().alive = false;
  rig.allocate();
  rig.receive(test::stun_message(Class::error_response, rig.sent[0].packet.message().transaction_id(),
                                 test::NoAttributes{}, Method::allocate));
  EXPECT_EQ(rig.told<AllocationFailed>().at(0).why.error, errc::bad_response);
}

TEST_F(AnAnsweredAllocation, HasNoRelayedAddressWithPort0) {
  server().relayed = {endpoint("192.0.2.15:0")};
  allocate();
  EXPECT_EQ(told<AllocationFailed>().at(0).why.error, errc::bad_response);
}

TEST_F(AnAnsweredAllocation, HasNoRelayedAddressThatNobodyCanBeReachedAt) {
  for (const char* const nowhere : {"0.0.0.0:50000", "224.0.0.1:50000"}) {
    TurnClientRig rig;
    rig.server().relayed = {endpoint(nowhere)};
    rig.allocate();
    EXPECT_EQ(rig.told<AllocationFailed>().at(0).why.error, errc::bad_response) << nowhere;
    EXPECT_FALSE(rig.server().has_allocation) << "it is given back";
  }
}

TEST_F(AnAnsweredAllocation, IsLostWhereARefreshLeavesItNoTime) {
  allocate();
  server().lifetime = stun::Seconds{0};
  check();
  EXPECT_EQ(told<AllocationLost>().at(0).why.error, errc::bad_response);
}

TEST_F(AnAnsweredAllocation, IsRefreshedOnceADayHoweverLongItsLifetimeIs) {
  server().lifetime = stun::Seconds{0xFFFFFFFF};
  allocate();
  EXPECT_EQ(allocation.report(now).expires_at, now + 24h);
}

TEST_F(AnAnsweredAllocation, KnowsWhenItHasLastHeardOfTheServer) {
  allocate();
  bind("198.51.100.1:9");
  run_for(5s);
  const std::array<std::uint8_t, 4> channel_data{0x40, 0, 0, 0};
  receive(channel_data);
  EXPECT_EQ(allocation.report(now).last_heard, now);
  run_for(5s);
  receive(test::stun_message(
      Class::indication, {{9}},
      [](stun::Builder& b) { b.add<attr::XorPeerAddress>(endpoint("198.51.100.1:9")).add<attr::Data>(Bytes{}); },
      Method::data));
  EXPECT_EQ(allocation.report(now).last_heard, now);
}

// --- what is late

TEST_F(AnAnsweredAllocation, IsNotRedirectedAfterItWasReleased) {
  for (const unsigned code : {300u, 437u, 420u}) {
    TurnClientRig rig;
    rig.server().refusals[Method::allocate] = {code};
    rig.server().add_to_refusal = [](stun::Builder& b) { b.add<attr::AlternateServer>(endpoint("192.0.2.2:3478")); };
    rig.server().alive = false;
    rig.allocate();
    rig.receive(*[&] {
      rig.server().alive = true;
      const auto challenge = rig.server().answer(rig.sent.back().packet.message());
      rig.server().alive = false;
      return challenge;
    }());
    rig.allocation.release(rig.now);
    rig.server().alive = true;
    rig.run_for(1s);
    EXPECT_EQ(rig.told<Released>().size(), 1u) << code;
    EXPECT_EQ(rig.allocation.server(), rig.configured.server);
    EXPECT_EQ(rig.allocation.state(), AllocationState::released);
  }
}

TEST_F(AnAnsweredAllocation, AsksAnewWhereTheNonceChangedBetweenARequestAndItsRetransmission) {  // RFC 8489 §6.2.1
  allocate();
  server().alive = false;
  permit("198.51.100.1");
  const Packet first = sent.back().packet;
  server().alive = true;
  server().auth.nonce = "second-nonce";
  permit("198.51.100.2");
  server().alive = false;
  run_for(500ms);
  EXPECT_NE(sent.back().packet.message().transaction_id(), first.message().transaction_id());
  EXPECT_NE(sent.back().packet.bytes(), first.bytes());
  server().alive = true;
  run_for(1s);
  EXPECT_EQ(told<PermissionGranted>().size(), 2u);
}

TEST_F(AnAnsweredAllocation, DoesNotAskAgainForAPeerThatWasForgottenMeanwhile) {
  allocate();
  server().alive = false;
  ASSERT_TRUE(allocation.permit(now, *Address::parse("198.51.100.1")));
  ASSERT_TRUE(allocation.permit(now, *Address::parse("10.0.0.1")));
  settle();
  allocation.forget(*Address::parse("10.0.0.1"));
  server().refusals[Method::create_permission] = {403};
  receive(late_answer());
  EXPECT_EQ(count(Method::create_permission), 2u);
  EXPECT_EQ(sent.back().packet.message().get<attr::XorPeerAddress>()->address, *Address::parse("198.51.100.1"));
}

// --- what is remembered

TEST_F(AnAnsweredAllocation, LearnsHowLongAnAnswerTakes) {  // RFC 6298: 400 ms + 4 * 200 ms
  allocate_slowly(400ms);
  forget_sent();
  run_for(2s);
  EXPECT_THAT(times(Method::allocate), ElementsAre(1600ms));
}

TEST_F(AnAnsweredAllocation, ForgetsItForAnotherServer) {
  server("192.0.2.2:3478").alive = false;
  server().refusals[Method::allocate] = {300};
  server().add_to_refusal = [](stun::Builder& b) { b.add<attr::AlternateServer>(endpoint("192.0.2.2:3478")); };
  allocate_slowly(400ms);
  run_for(400ms);
  receive(late_answer());
  ASSERT_EQ(allocation.server(), endpoint("192.0.2.2:3478"));
  forget_sent();
  run_for(600ms);
  EXPECT_THAT(times(Method::allocate), ElementsAre(1300ms));
}

TEST_F(AnAnsweredAllocation, ForgetsItOnTheWayBackFromAnotherServer) {
  server().refusals[Method::allocate] = {300};
  server().add_to_refusal = [](stun::Builder& b) { b.add<attr::AlternateServer>(endpoint("192.0.2.2:3478")); };
  server("192.0.2.2:3478");
  allocate();
  server("192.0.2.2:3478").alive = false;
  allocation.check(now);
  settle();
  run_for(400ms);
  receive(late_answer("192.0.2.2:3478"));
  server().alive = false;
  allocation.check(now);
  settle();
  run_for(300ms);
  server("192.0.2.2:3478").has_allocation = false;
  receive(late_answer("192.0.2.2:3478"));
  ASSERT_EQ(allocation.server(), configured.server);
  forget_sent();
  run_for(600ms);
  EXPECT_EQ(count(Method::allocate), 1u) << "after 500 ms";
}

TEST_F(AnAnsweredAllocation, ForgetsThatAServerWasFullOnceItIsNot) {
  server().refusals[Method::allocate] = {508};
  allocate();
  allocate();
  run_for(60s);
  ASSERT_EQ(allocation.state(), AllocationState::allocated);
  server().alive = false;
  check();
  run_for(39500ms);
  happen(SocketUnreachable{shared, configured.server, 3, 3});
  EXPECT_EQ(told<AllocationFailed>().back().retry_at, now + 1s);
}

TEST_F(AnAnsweredAllocation, DoubtsNothingWhileDataComesBack) {
  allocate();
  permit("198.51.100.1");
  bind("198.51.100.1:9");
  const std::array<std::uint8_t, 4> channel_data{0x40, 0, 0, 0};
  for (int i = 0; i < 100; ++i) {
    send();
    run_for(1s);
    receive(channel_data);
  }
  EXPECT_EQ(count(Method::refresh), 0u);
}

TEST_F(AnAnsweredAllocation, DoubtsNothingWhereTheServerHasJustAnswered) {
  allocate();
  permit("198.51.100.1");
  send();
  run_for(5s);
  permit("198.51.100.2");
  run_for(9s);
  EXPECT_EQ(count(Method::refresh), 0u);
}

TEST_F(AnAnsweredAllocation, UsesAChannelNoLongerThanItLasts) {
  allocate();
  bind("198.51.100.1:9");
  run_for(500s);
  ASSERT_TRUE(allocation.permitted(now, *Address::parse("198.51.100.1")));
  const std::array<std::uint8_t, 4> channel_data{0x40, 0, 0, 0};
  const std::array<std::uint8_t, 1> byte{};
  now = TimePoint{} + 600s - 1ns;  // nobody has told it of its timers
  EXPECT_EQ(receive_quietly(channel_data, configured.server).verdict, Verdict::application_data);
  EXPECT_EQ(allocation.wrap(now, endpoint("198.51.100.1:9"), byte, scratch)->head[0], 0x40);
  now += 1ns;
  EXPECT_EQ(receive_quietly(channel_data, configured.server).verdict, Verdict::unauthenticated);
  EXPECT_EQ(allocation.wrap(now, endpoint("198.51.100.1:9"), byte, scratch)->head[0], 0x00);
}

TEST_F(AnAnsweredAllocation,
       KeepsANumberForAPeerWhoseChannelWasRefused) {  // RFC 8656 §12: it may be bound all the same
  allocate();
  server().refusals[Method::channel_bind] = {508};
  bind("198.51.100.1:9");
  run_for(899s);
  bind("198.51.100.2:9");
  bind("198.51.100.1:9");
  EXPECT_EQ(told<ChannelReady>().at(0).number, 0x4001);
  EXPECT_EQ(told<ChannelReady>().at(1).number, 0x4000);
}

struct AnAllocationOverIpv6 : AnAnsweredAllocation {
  static AllocationConfig wishing() {
    AllocationConfig config = TurnClientRig::config();
    config.family = RequestedFamily::ipv6;
    return config;
  }
  AnAllocationOverIpv6() : AnAnsweredAllocation{wishing()} { server().relayed = {endpoint("[2001:db8::15]:50000")}; }
};

TEST_F(AnAllocationOverIpv6, TellsTheServerNoScopes) {
  allocate();
  permit("fe80::1%2");
  EXPECT_EQ(told<PermissionGranted>().at(0).peer, *Address::parse("fe80::1"));
  EXPECT_TRUE(allocation.permitted(now, *Address::parse("fe80::1%3")));
}

TEST_F(AnAnsweredAllocation, TakesNoAnswerOfAnotherMethodThanItsRequest) {
  server().alive = false;
  allocate();
  const auto id = sent.back().packet.message().transaction_id();
  const auto answer = test::error_response(id, stun::ErrorCode::forbidden, test::NoAttributes{}, Method::refresh);
  EXPECT_EQ(receive(answer).verdict, Verdict::not_mine);
  EXPECT_EQ(allocation.counters().unsolicited, 1u);
  EXPECT_EQ(allocation.state(), AllocationState::allocating);
}

}  // namespace
}  // namespace ice::turn
