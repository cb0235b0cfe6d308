// What an allocation makes of each error, and how it comes back when it was lost (RFC 8656 §7.4, §8.3).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/turn_client_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::ErrorCode;
using stun::Method;
using test::endpoint;
using test::TurnClientRig;
using testing::ElementsAre;
using testing::IsEmpty;
namespace attr = stun::attr;

struct ATroubledAllocation : testing::Test, TurnClientRig {
  using TurnClientRig::TurnClientRig;

  const AllocationFailed& failure() const {
    failures = told<AllocationFailed>();
    EXPECT_EQ(failures.size(), 1u);
    return failures.at(0);
  }
  Refusal loss() const {
    const auto losses = told<AllocationLost>();
    EXPECT_EQ(losses.size(), 1u);
    return losses.empty() ? Refusal{} : losses[0].why;
  }

 private:
  mutable std::vector<AllocationFailed> failures;
};

// --- Allocate is refused

struct AnAllocationThatIsRefused : ATroubledAllocation, testing::WithParamInterface<unsigned> {};

TEST_P(AnAllocationThatIsRefused, SaysSoAtOnceAndAsksNoMore) {
  server().refusals[Method::allocate] = {GetParam()};
  allocate();
  EXPECT_EQ(failure().why.error, errc::server_refused);
  EXPECT_EQ(to_number(failure().why.code), GetParam());
  EXPECT_EQ(failure().why.at, now);
  EXPECT_EQ(failure().server, configured.server);
  EXPECT_FALSE(failure().retry_at);
  EXPECT_EQ(allocation.state(), AllocationState::failed);
  forget_sent();
  run_for(10min);
  EXPECT_THAT(sent, IsEmpty());
  EXPECT_EQ(allocation.report(now).last_refusal.code, failure().why.code);
}
INSTANTIATE_TEST_SUITE_P(Code, AnAllocationThatIsRefused,
                         testing::Values(400, 403, 405, 440, 441, 442, 443, 446, 447, 486, 500, 508, 599, 699),
                         testing::PrintToStringParamName());

TEST_F(ATroubledAllocation, SaysThatItsPasswordIsWrongWithTheSecondAnswer) {
  server().auth.password = "another";
  allocate();
  EXPECT_EQ(failure().why.error, errc::unauthorized);
  EXPECT_EQ(failure().why.code, ErrorCode::unauthenticated);
  EXPECT_EQ(sent.size(), 2u) << "§7.4: no further requests";
  run_for(10min);
  EXPECT_EQ(sent.size(), 2u);
}

TEST_F(ATroubledAllocation, BeginsAgainWithOtherCredentialsAfterItsOwnWereRefused) {
  server().auth.password = "another";
  allocate();
  allocation.replace_credentials(now, *stun::Login::make("user", "another"));
  settle();
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
}

TEST_F(ATroubledAllocation, AsksWithAFreshSessionWhereTheOwnerTriesTheSameCredentialsAgain) {
  server().auth.password = "another";
  allocate();
  server().auth.password = "pass";
  allocate();
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
}

TEST_F(ATroubledAllocation, MeetsAStaleNonceAtOnce) {
  allocate();
  server().auth.nonce = "second-nonce";
  forget_sent();
  permit("198.51.100.1");
  EXPECT_EQ(count(Method::create_permission), 2u);
  EXPECT_EQ(told<PermissionGranted>().size(), 1u);
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
}

TEST_F(ATroubledAllocation, WithoutALoginSaysThatOneIsNeeded) {
  AllocationConfig config = TurnClientRig::config();
  config.login.reset();
  TurnClientRig rig{config};
  rig.allocate();
  EXPECT_EQ(rig.sent.size(), 1u);
  EXPECT_EQ(rig.told<AllocationFailed>().at(0).why.code, ErrorCode::unauthenticated);
}

TEST_F(ATroubledAllocation, WaitsAsLongAsTheServerMayWantIt) {  // §7.4: 486 and 508 one minute
  server().refusals[Method::allocate] = {486, 508};
  allocate();
  const TimePoint first = now;
  allocate();
  EXPECT_EQ(allocation.state(), AllocationState::waiting) << "although the owner is in a hurry";
  EXPECT_EQ(allocation.report(now).retry_at, first + 60s);
  run_until(first + 60s);
  EXPECT_EQ(told<AllocationFailed>().size(), 2u);
  EXPECT_EQ(told<AllocationFailed>().at(1).why.at, first + 60s);
  allocate();
  run_for(60s);
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
}

TEST_F(ATroubledAllocation, DoesWithoutDontFragmentWhereTheServerDoesNotKnowIt) {  // §7.4, 420
  AllocationConfig config = TurnClientRig::config();
  config.dont_fragment = true;
  TurnClientRig rig{config};
  rig.server().refusals[Method::allocate] = {420};
  rig.server().add_to_refusal = [](stun::Builder& b) {
    stun::AttributeTypeList unknown;
    unknown.push_back(attr::DontFragment::type);
    b.add<attr::UnknownAttributes>(unknown);
  };
  rig.allocate();
  EXPECT_FALSE(rig.told<Allocated>().at(0).dont_fragment);
  EXPECT_EQ(rig.count(Method::allocate), 3u);
}

TEST_F(ATroubledAllocation, DoesWithoutTheWishForIpv4WhereTheServerKnowsNothingElse) {  // RFC 5766 has no families
  AllocationConfig config = TurnClientRig::config();
  config.family = RequestedFamily::ipv4;
  TurnClientRig rig{config};
  rig.server().refusals[Method::allocate] = {420};
  rig.server().add_to_refusal = [](stun::Builder& b) {
    stun::AttributeTypeList unknown;
    unknown.push_back(attr::RequestedAddressFamily::type);
    b.add<attr::UnknownAttributes>(unknown);
  };
  rig.allocate();
  EXPECT_EQ(rig.told<Allocated>().size(), 1u);
}

TEST_F(ATroubledAllocation, DoesNotDoWithoutAnEvenPortOrIpv6) {
  const auto refused_for = [](stun::AttributeType type, auto change) {
    AllocationConfig config = TurnClientRig::config();
    change(config);
    TurnClientRig rig{config};
    rig.server().refusals[Method::allocate] = {420};
    rig.server().add_to_refusal = [type](stun::Builder& b) {
      stun::AttributeTypeList unknown;
      unknown.push_back(type);
      b.add<attr::UnknownAttributes>(unknown);
    };
    rig.allocate();
    return rig.told<AllocationFailed>().at(0).why.code;
  };
  EXPECT_EQ(refused_for(attr::EvenPort::type, [](auto& c) { c.even_port = stun::EvenPort{}; }),
            ErrorCode::unknown_attribute);
  EXPECT_EQ(refused_for(attr::RequestedAddressFamily::type, [](auto& c) { c.family = RequestedFamily::ipv6; }),
            ErrorCode::unknown_attribute);
  EXPECT_EQ(refused_for(attr::DontFragment::type, [](auto&) {}), ErrorCode::unknown_attribute)
      << "which was not in the request";
}

TEST_F(ATroubledAllocation, GivesBackWhatAnEarlierOneLeftOnThe5TupleAndTriesAgain) {  // §7.4, 437
  server().has_allocation = true;
  allocate();
  EXPECT_EQ(*last(Method::refresh).packet.message().get<attr::Lifetime>(), stun::Seconds{0});
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
  EXPECT_THAT(told<AllocationFailed>(), IsEmpty());
}

TEST_F(ATroubledAllocation, GivesUpAt437WhereThatDoesNotHelp) {
  server().refusals[Method::allocate] = {437, 437};
  allocate();
  EXPECT_EQ(failure().why.code, ErrorCode::allocation_mismatch);
  EXPECT_EQ(count(Method::refresh), 1u) << "once";
  allocate();
  EXPECT_EQ(allocation.report(now).retry_at, now + 120s) << "§7.4";
}

TEST_F(ATroubledAllocation, SaysThatNobodyAnswersWithinOneTransaction) {
  server().alive = false;
  allocate();
  run_for(39499ms);
  EXPECT_THAT(events, IsEmpty());
  EXPECT_THAT(times(Method::allocate), ElementsAre(0ms, 500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms));
  run_for(1ms);
  EXPECT_EQ(failure().why.error, errc::timed_out);
  EXPECT_EQ(failure().why.code, ErrorCode{});
}

TEST_F(ATroubledAllocation, SaysAtOnceThatNobodyIsThereWhereIcmpDoes) {  // RFC 8489 §6.2.1
  server().alive = false;
  allocate();
  happen(SocketUnreachable{shared, endpoint("192.0.2.66:3478"), 3, 3});
  happen(SocketUnreachable{SocketId{9}, configured.server, 3, 3});
  happen(SocketUnreachable{shared, configured.server, 3, 4});
  EXPECT_THAT(events, IsEmpty()) << "about another, on another socket, no hard error";
  happen(SocketUnreachable{shared, configured.server, 3, 3});
  EXPECT_EQ(failure().why.error, errc::unreachable);
}

TEST_F(ATroubledAllocation, RefusesWhatItsServerDidNotSign) {  // RFC 8489 §9.2.5
  allocate();
  forget_sent();
  server().alive = false;
  permit("198.51.100.1");
  const auto id = last(Method::create_permission).packet.message().transaction_id();
  EXPECT_EQ(
      receive(test::stun_message(stun::Class::success_response, id, test::NoAttributes{}, Method::create_permission))
          .verdict,
      Verdict::unauthenticated);
  EXPECT_THAT(told<PermissionGranted>(), IsEmpty());
  EXPECT_EQ(allocation.counters().unauthenticated, 1u);
  run_for(40s);
  EXPECT_EQ(loss().error, errc::wrong_integrity);
}

// --- it is lost, and comes back

TEST_F(ATroubledAllocation, ThatTheServerHasForgottenIsMadeAnewAtOnce) {  // 437: restarted, or a NAT's new mapping
  allocate();
  permit("198.51.100.1");
  bind("198.51.100.2:7");
  server().has_allocation = false;
  server().relayed = {endpoint("192.0.2.15:50010")};
  events.clear();
  check();
  EXPECT_EQ(loss().code, ErrorCode::allocation_mismatch);
  EXPECT_EQ(told<AllocationLost>().at(0).relayed, endpoint("192.0.2.15:50000"));
  EXPECT_EQ(told<Allocated>().at(0).relayed, endpoint("192.0.2.15:50010"));
  EXPECT_EQ(told<PermissionGranted>().size(), 2u) << "and so are its permissions and channels";
  EXPECT_EQ(told<ChannelReady>().at(0).peer, endpoint("198.51.100.2:7"));
  EXPECT_TRUE(std::holds_alternative<AllocationLost>(events.front()));
  EXPECT_EQ(allocation.report(now).losses, 1u);
}

struct AnAllocationThatALiveRequestLoses : ATroubledAllocation,
                                           testing::WithParamInterface<std::pair<Method, unsigned>> {};

TEST_P(AnAllocationThatALiveRequestLoses, SaysWhyAndIsMadeAnew) {
  const auto [method, code] = GetParam();
  allocate();
  bind("198.51.100.2:7");
  server().refusals[method] = {code};
  if (method == Method::refresh) check();
  if (method == Method::create_permission) permit("198.51.100.3");
  if (method == Method::channel_bind) run_for(9min);
  run_for(1s);
  EXPECT_EQ(to_number(loss().code), code);
  EXPECT_EQ(told<Allocated>().size(), 2u) << "what was left there has been given back before";
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
}
INSTANTIATE_TEST_SUITE_P(Code, AnAllocationThatALiveRequestLoses,
                         testing::Values(std::pair{Method::refresh, 400u}, std::pair{Method::refresh, 403u},
                                         std::pair{Method::refresh, 437u}, std::pair{Method::refresh, 441u},
                                         std::pair{Method::refresh, 443u}, std::pair{Method::create_permission, 437u},
                                         std::pair{Method::create_permission, 441u},
                                         std::pair{Method::channel_bind, 437u},
                                         std::pair{Method::channel_bind, 400u}));  // the last: RFC 8656 §12.3

TEST_F(ATroubledAllocation, IsAskedForAgainWithGrowingPatienceWhereTheServerIsDead) {
  allocate();
  const TimePoint dead = now;
  server().alive = false;
  check();
  run_until(dead + 39500ms);
  EXPECT_EQ(loss().error, errc::timed_out);
  forget_sent();
  for (const Duration wait : {1s, 2s, 4s, 8s, 16s, 32s, 32s}) {
    happen(SocketUnreachable{shared, configured.server, 3, 3});
    const auto last_failure = told<AllocationFailed>().back();
    EXPECT_EQ(last_failure.why.error, errc::unreachable);
    ASSERT_EQ(last_failure.retry_at, now + wait);
    EXPECT_EQ(allocation.state(), AllocationState::waiting);
    run_for(wait);
    EXPECT_EQ(allocation.state(), AllocationState::allocating);
  }
  server().alive = true;
  server().has_allocation = false;
  run_for(500ms);
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
  run_for(Allocation::longest_backoff);
  server().alive = false;
  check();
  run_for(39500ms);
  happen(SocketUnreachable{shared, configured.server, 3, 3});
  EXPECT_EQ(told<AllocationFailed>().back().retry_at, now + 1s) << "patience begins anew";
}

TEST_F(ATroubledAllocation, IsGivenUpWhereTheServerNoLongerGivesIt) {
  allocate();
  server().has_allocation = false;
  server().refusals[Method::allocate] = {403};
  check();
  EXPECT_EQ(failure().why.code, ErrorCode::forbidden);
  EXPECT_FALSE(failure().retry_at);
  EXPECT_EQ(allocation.state(), AllocationState::failed);
  EXPECT_FALSE(allocation.next_timeout());
}

TEST_F(ATroubledAllocation, WaitsAMinuteForAServerThatIsFullAfterARestart) {
  allocate();
  server().has_allocation = false;
  server().refusals[Method::allocate] = {508};
  check();
  EXPECT_EQ(failure().retry_at, now + 60s);
  run_for(60s);
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
}

TEST_F(ATroubledAllocation, ExpiresWhereItsRefreshIsNotAnswered) {
  server().lifetime = stun::Seconds{60};
  allocate();
  server().alive = false;
  run_until(TimePoint{} + 60s);
  EXPECT_EQ(loss().error, errc::timed_out);
  EXPECT_EQ(loss().at, TimePoint{} + 60s);
}

TEST_F(ATroubledAllocation, IsRefreshedAgainAfterAServerError) {  // RFC 8489 §6.3.4
  allocate();
  server().refusals[Method::refresh] = {500, 500, 500, 500};
  check();
  forget_sent();
  run_for(20s);
  EXPECT_THAT(times(Method::refresh), ElementsAre(500ms, 1500ms, 3500ms, 7500ms));
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
  server().refusals[Method::refresh] = {500, 500, 500, 500, 500};
  check();
  run_for(20s);
  EXPECT_EQ(loss().code, ErrorCode::server_error);
}

TEST_F(ATroubledAllocation, NoticesThatTheServerHasForgottenItWhereDataStaysUnanswered) {
  allocate();
  permit("198.51.100.1");
  server().has_allocation = false;
  const std::array<std::uint8_t, 1> byte{};
  const TimePoint first = now;
  for (int i = 0; i < 11; ++i) {
    ASSERT_TRUE(allocation.wrap(now, endpoint("198.51.100.1:9"), byte, scratch));
    settle();
    run_for(1s);
  }
  EXPECT_EQ(loss().at, first + 10s);
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
}

TEST_F(ATroubledAllocation, AsksNoMoreThanOnceInTenSecondsWhetherItIsStillThere) {
  allocate();
  permit("198.51.100.1");
  const std::array<std::uint8_t, 1> byte{};
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(allocation.wrap(now, endpoint("198.51.100.1:9"), byte, scratch));
    run_for(500ms);
  }
  EXPECT_THAT(times(Method::refresh), ElementsAre(10s, 20s, 30s, 40s, 50s));
}

TEST_F(ATroubledAllocation, AsksAtOnceWhereIcmpDoubtsTheServer) {
  allocate();
  server().alive = false;
  happen(SocketUnreachable{shared, configured.server, 3, 3});
  EXPECT_EQ(count(Method::refresh), 1u);
  const TimePoint asked = now;
  for (int i = 0; i < 10; ++i) happen(SocketUnreachable{shared, configured.server, 3, 3});
  EXPECT_EQ(count(Method::refresh), 1u);
  EXPECT_THAT(told<AllocationLost>(), IsEmpty()) << "anybody can forge one";
  run_for(40s);
  EXPECT_EQ(loss().error, errc::timed_out);
  EXPECT_EQ(loss().at, asked + 39500ms);
}

TEST_F(ATroubledAllocation, SurvivesForgedIcmpErrors) {
  allocate();
  permit("198.51.100.1");
  server().unheard = {Method::refresh};  // its answers are on the way
  for (int i = 0; i < 100; ++i) {
    happen(SocketUnreachable{shared, configured.server, 3, 3});
    run_for(100ms);
  }
  server().unheard.clear();
  run_for(40s);
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
  EXPECT_TRUE(allocation.permitted(now, *Address::parse("198.51.100.1")));
}

// --- credentials are replaced

TEST_F(ATroubledAllocation, IsKeptWithANewPasswordOfTheSameUser) {
  allocate();
  server().auth.password = "newer";
  allocation.replace_credentials(now, *stun::Login::make("user", "newer"));
  permit("198.51.100.1");
  EXPECT_EQ(told<PermissionGranted>().size(), 1u);
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
}

TEST_F(ATroubledAllocation,
       StaysWithTheOldUserAsLongAsTheServerTakesIt) {  // §5: all requests have the user of the first
  allocate();
  allocation.replace_credentials(now, *stun::Login::make("later:user", "other"));
  permit("198.51.100.1");
  EXPECT_EQ(*last(Method::create_permission).packet.message().get<attr::Username>(), "user");
  server().has_allocation = false;
  server().auth.username = "later:user";
  server().auth.password = "other";
  check();
  EXPECT_EQ(*last(Method::allocate).packet.message().get<attr::Username>(), "later:user");
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
}

TEST_F(ATroubledAllocation, TakesTheNewUserWhereTheOldOneIsRefused) {
  allocate();
  allocation.replace_credentials(now, *stun::Login::make("later:user", "other"));
  server().auth.username = "later:user";
  server().auth.password = "other";
  permit("198.51.100.1");
  EXPECT_EQ(*last(Method::create_permission).packet.message().get<attr::Username>(), "later:user");
  EXPECT_EQ(told<PermissionGranted>().size(), 1u) << "where the server does not insist";
}

TEST_F(ATroubledAllocation, IsMadeAnewWhereTheServerInsistsOnTheOldUser) {  // 441
  allocate();
  allocation.replace_credentials(now, *stun::Login::make("later:user", "other"));
  server().auth.username = "later:user";
  server().auth.password = "other";
  server().refusals[Method::create_permission] = {441};
  permit("198.51.100.1");
  EXPECT_EQ(loss().code, ErrorCode::wrong_credentials);
  EXPECT_EQ(told<Allocated>().size(), 2u);
}

TEST_F(ATroubledAllocation, WhoseCredentialsTheServerNoLongerTakesSaysSoAndAsksNoMore) {
  allocate();
  server().auth.password = "another";
  permit("198.51.100.1");
  EXPECT_EQ(loss().error, errc::unauthorized);
  EXPECT_EQ(failure().why.error, errc::unauthorized);
  forget_sent();
  run_for(10min);
  EXPECT_THAT(sent, IsEmpty());
  server().has_allocation = false;
  allocation.replace_credentials(now, *stun::Login::make("user", "another"));
  settle();
  EXPECT_EQ(told<PermissionGranted>().size(), 1u);
}

TEST_F(ATroubledAllocation, IgnoresAnswersToWhatTheOldPasswordSigned) {
  allocate();
  server().alive = false;
  permit("198.51.100.1");
  const auto old = last(Method::create_permission).packet;
  allocation.replace_credentials(now, *stun::Login::make("user", "newer"));
  server().alive = true;
  const auto answer = server().answer(old.message());
  ASSERT_TRUE(answer);
  EXPECT_EQ(receive(*answer).verdict, Verdict::not_mine);
  EXPECT_EQ(allocation.counters().unsolicited, 1u);
}

}  // namespace
}  // namespace ice::turn
