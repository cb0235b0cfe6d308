// The TURN client and the relay server with a network between them (RFC 8656).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenario/support/turn_world.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::ErrorCode;
using test::endpoint;
using test::ip;
using test::turn_config;
using test::TurnUser;
using test::TurnWorld;
using testing::ElementsAre;
using testing::IsEmpty;

// --- getting it

TEST(TurnRelay, IsThereAfterTwoRoundTripsToThePacket) {
  TurnWorld world;
  world.user.allocate();
  world.user.wait_for_allocation();
  EXPECT_EQ(world.network.now() - TimePoint{}, 40ms) << "four packets, each over two links of 5 ms";
  EXPECT_EQ(world.network.counters().sent, 4u);
  const auto what = world.user.told<Allocated>().at(0);
  EXPECT_EQ(what.relayed.address, test::TurnServerProcess::v4().address);
  EXPECT_GE(what.relayed.port, 49152);
  EXPECT_EQ(what.mapped.address, world.user.host.addresses().front());
  EXPECT_EQ(world.server->gauges().allocations, 1u);
}

TEST(TurnRelay, TellsWhatTheNatMadeOfTheClient) {
  for (const sim::NatConfig& kind : {sim::NatConfig::full_cone(), sim::NatConfig::symmetric()}) {
    TurnWorld world{kind};
    world.user.allocate();
    world.user.wait_for_allocation();
    const Endpoint local = world.user.node.local_endpoint(*world.user.allocation.socket());
    EXPECT_EQ(world.user.allocation.mapped(), world.nat->external_of(local));
  }
}

TEST(TurnRelay, GivesAnAddressOfEachFamily) {
  AllocationConfig config = turn_config();
  config.family = RequestedFamily::both;
  TurnWorld world{{}, config};
  world.begin();
  EXPECT_EQ(world.user.relayed(Family::ipv4).address, test::TurnServerProcess::v4().address);
  EXPECT_EQ(world.user.relayed(Family::ipv6).address, test::TurnServerProcess::v6().address);

  const SocketId over_v6 = world.peer.udp(ip("2001:db8::9"), 9);
  world.user.bind(endpoint("[2001:db8::9]:9"));
  world.network.run_for(1s);
  EXPECT_TRUE(world.user.send(endpoint("[2001:db8::9]:9"), "six"));
  EXPECT_TRUE(world.user.send(TurnWorld::peer_v4(), "four"));
  world.network.run_for(1s);
  ASSERT_THAT(world.peer.texts(), ElementsAre("six", "four"));
  EXPECT_EQ(world.peer.heard[0].from, world.user.relayed(Family::ipv6));
  EXPECT_EQ(world.peer.heard[1].from, world.user.relayed(Family::ipv4));
  EXPECT_TRUE(world.peer.send(over_v6, world.user.relayed(Family::ipv6), "six"));
  world.answer_from_peer("four");
  world.network.run_for(1s);
  EXPECT_THAT(world.user.texts(), ElementsAre("six", "four"));
}

TEST(TurnRelay, GivesAnIpv6AddressToAClientOnIpv4AndTheOtherWayRound) {
  AllocationConfig config = turn_config();
  config.family = RequestedFamily::ipv6;
  TurnWorld world{{}, config};
  world.user.allocate();
  world.user.wait_for_allocation();
  EXPECT_EQ(world.user.relayed(Family::ipv6).address, test::TurnServerProcess::v6().address);

  AllocationConfig other = turn_config();
  other.server = test::TurnServerProcess::v6();
  TurnWorld over_v6{{}, other};
  over_v6.user.allocate();
  over_v6.user.wait_for_allocation();
  EXPECT_EQ(over_v6.user.relayed(Family::ipv4).address, test::TurnServerProcess::v4().address);
}

TEST(TurnRelay, GivesAnEvenPortAndTheNextOneToWhoHasTheToken) {
  AllocationConfig config = turn_config();
  config.even_port = stun::EvenPort{true};
  TurnWorld world{{}, config};
  world.user.allocate();
  world.user.wait_for_allocation();
  const auto first = world.user.told<Allocated>().at(0);
  EXPECT_EQ(first.relayed.port % 2, 0);
  ASSERT_TRUE(first.reservation_token);

  AllocationConfig next = turn_config();
  next.reservation_token = first.reservation_token;
  TurnUser second{world.network.internet().add_host("second", {Address::v4(192, 0, 2, 3)}), next};
  second.allocate();
  second.wait_for_allocation();
  EXPECT_EQ(second.relayed().port, first.relayed.port + 1);
}

TEST(TurnRelay, FindsTheMtuOfThePathToThePeerForWhoForbidsToCut) {
  const std::string too_long(700, 'x');
  const auto told_after_sending = [&](TurnWorld& world) {
    world.peer.host().interfaces()[0]->link().ingress.mtu = 600;
    world.begin();
    EXPECT_TRUE(world.user.send(TurnWorld::peer_v4(), too_long));
    world.network.run_for(1s);
    return world.user.told<PeerUnreachable>();
  };
  AllocationConfig config = turn_config();
  config.dont_fragment = true;
  TurnWorld strict{{}, config};
  const auto told = told_after_sending(strict);
  EXPECT_THAT(strict.peer.texts(), IsEmpty());
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].peer, TurnWorld::peer_v4());
  EXPECT_EQ(told[0].icmp, (stun::IcmpError{3, 4, 600}));
  EXPECT_TRUE(strict.user.told<Allocated>().at(0).dont_fragment);
  EXPECT_TRUE(strict.user.send(TurnWorld::peer_v4(), std::string(600 - 28, 'x')));
  strict.network.run_for(1s);
  EXPECT_EQ(strict.peer.heard.size(), 1u);

  TurnWorld easy;
  EXPECT_THAT(told_after_sending(easy), IsEmpty());
  EXPECT_THAT(easy.peer.texts(), ElementsAre(too_long));
}

TEST(TurnRelay, SaysThatThePasswordIsWrongAfterTwoRoundTrips) {
  AllocationConfig config = turn_config();
  config.login = *stun::Login::make("user", "wrong");
  TurnWorld world{{}, config};
  world.user.allocate();
  world.network.run_for(40ms);
  EXPECT_EQ(world.user.told<AllocationFailed>().at(0).why.error, errc::unauthorized);
}

TEST(TurnRelay, SaysThatTheQuotaIsReached) {
  TurnWorld world;
  world.server.die();
  world.server.config.limits.allocations_per_user = 1;
  world.server.start();
  world.begin();
  TurnUser second{world.network.internet().add_host("second", {Address::v4(192, 0, 2, 3)}), turn_config()};
  second.allocate();
  world.network.run_for(1s);
  EXPECT_EQ(second.told<AllocationFailed>().at(0).why.code, ErrorCode::allocation_quota_reached);
}

TEST(TurnRelay, SendsWhoComesToAServerThatStopsToAnotherOne) {
  TurnWorld world;
  test::TurnServerProcess other{world.network, endpoint("203.0.113.7:3478"), endpoint("[2001:db8::7]:3478")};
  other.start();
  world.server->stop_accepting(other.local[0]);
  world.begin(true);
  EXPECT_EQ(world.user.relayed().address, other.local[0].address);
  EXPECT_EQ(world.user.told<Allocated>().at(0).server, other.local[0]);
  EXPECT_TRUE(world.user.send(TurnWorld::peer_v4(), "hello"));
  world.network.run_for(1s);
  EXPECT_THAT(world.peer.texts(), ElementsAre("hello"));
}

TEST(TurnRelay, SurvivesLoss) {
  int retransmitted = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    TurnWorld world{sim::NatConfig::symmetric(), turn_config(), seed};
    world.user.host.interfaces().front()->link() = sim::Link::both({.loss = 0.2});
    world.user.bind(TurnWorld::peer_v4());
    world.user.permit(ip("192.0.2.10"));
    world.user.allocate();
    world.network.run_for(30s);
    EXPECT_TRUE(world.user.allocation.bound(world.network.now(), TurnWorld::peer_v4())) << "seed " << seed;
    EXPECT_TRUE(world.user.allocation.permitted(world.network.now(), ip("192.0.2.10"))) << "seed " << seed;
    EXPECT_THAT(world.user.told<AllocationLost>(), IsEmpty()) << "seed " << seed;
    EXPECT_EQ(world.server->gauges().allocations, 1u);
    retransmitted += world.user.allocation.counters().requests > 4;
  }
  EXPECT_GT(retransmitted, 10) << "else the test shows nothing";
}

// --- using it

TEST(TurnRelay, CarriesDataBothWaysByIndicationsAndThenByChannelData) {
  TurnWorld world{sim::NatConfig::port_restricted_cone()};
  world.begin();
  EXPECT_TRUE(world.user.send(TurnWorld::peer_v4(), "one"));
  world.answer_from_peer("two");
  world.network.run_for(1s);
  world.user.bind(TurnWorld::peer_v4());
  world.network.run_for(1s);
  EXPECT_TRUE(world.user.send(TurnWorld::peer_v4(), "three"));
  EXPECT_TRUE(world.user.send(TurnWorld::peer_v4(), ""));
  world.answer_from_peer("four");
  world.network.run_for(1s);
  EXPECT_THAT(world.peer.texts(), ElementsAre("one", "three", ""));
  EXPECT_THAT(world.user.texts(), ElementsAre("two", "four"));
  EXPECT_EQ(world.peer.heard[0].from, world.user.relayed());
  EXPECT_EQ(world.user.heard[0].from, TurnWorld::peer_v4());
  EXPECT_EQ(world.user.heard[1].from, TurnWorld::peer_v4());
}

TEST(TurnRelay, LetsNobodyInWhoIsNotPermitted) {
  TurnWorld world;
  world.begin();
  test::Peer stranger{world.network.internet().add_host("stranger", {Address::v4(192, 0, 2, 66)})};
  EXPECT_TRUE(stranger.send(stranger.udp(), world.user.relayed(), "let me in"));
  world.network.run_for(1s);
  EXPECT_THAT(world.user.heard, IsEmpty());
  EXPECT_EQ(world.server->counters().no_permission, 1u);
}

TEST(TurnRelay, IsToldWhichPeersTheServerForbidsAndKeepsTheOthers) {
  TurnWorld world;
  world.user.permit(ip("127.0.0.1"));
  world.user.permit(ip("10.1.2.3"));
  world.user.permit(TurnWorld::peer_v4().address);
  world.user.allocate();
  world.network.run_for(1s);
  EXPECT_EQ(world.user.told<PermissionRefused>().size(), 2u);
  EXPECT_EQ(world.user.told<PermissionRefused>().at(0).why.code, ErrorCode::forbidden);
  EXPECT_EQ(world.user.told<PermissionGranted>().at(0).peer, TurnWorld::peer_v4().address);
}

TEST(TurnRelay, LetsTwoOfItsClientsTalkToEachOther) {  // forwarded inside the server
  TurnWorld world{sim::NatConfig::symmetric()};
  sim::Nat& nat = world.network.internet().add_nat("other nat", sim::NatConfig::symmetric(), {ip("198.51.100.2")});
  TurnUser other{nat.inside().add_host("other", {Address::v4(10, 0, 0, 3)}), turn_config()};
  world.user.allocate();
  other.allocate();
  world.user.wait_for_allocation();
  other.wait_for_allocation();
  world.user.bind(other.relayed());
  other.permit(world.user.relayed().address);
  world.network.run_for(1s);
  EXPECT_TRUE(world.user.send(other.relayed(), "hello"));
  EXPECT_TRUE(other.send(world.user.relayed(), "hello yourself"));
  world.network.run_for(1s);
  ASSERT_EQ(other.texts(), std::vector<std::string>{"hello"});
  ASSERT_EQ(world.user.texts(), std::vector<std::string>{"hello yourself"});
  EXPECT_EQ(other.heard[0].from, world.user.relayed());
  EXPECT_EQ(world.user.heard[0].from, other.relayed());
  EXPECT_EQ(world.server->counters().between_relays, 2u);
}

TEST(TurnRelay, StaysForHoursAndThroughNatsThatForgetAfterHalfAMinute) {
  TurnWorld world{sim::NatConfig::symmetric()};
  world.begin(true);
  const Endpoint relayed = world.user.relayed();
  for (int hour = 0; hour < 3; ++hour) {
    world.network.run_for(1h);
    world.answer_from_peer("still there?");
    EXPECT_TRUE(world.user.send(TurnWorld::peer_v4(), "still there"));
  }
  world.network.run_for(1s);
  EXPECT_EQ(world.user.heard.size(), 3u);
  EXPECT_EQ(world.peer.heard.size(), 3u);
  EXPECT_EQ(world.user.relayed(), relayed);
  EXPECT_THAT(world.user.told<AllocationLost>(), IsEmpty());
  EXPECT_EQ(world.nat->counters().of(sim::Drop::mapping_expired), 0u);
}

TEST(TurnRelay, IsGoneFromTheServerWhenItIsReleased) {
  TurnWorld world;
  world.begin();
  world.user.allocation.release(world.network.now());
  world.user.node.wake();
  world.network.run_for(20ms);
  EXPECT_EQ(world.user.told<Released>().size(), 1u);
  EXPECT_EQ(world.server->gauges().allocations, 0u);
}

// --- losing it

/// How long after `lost` there was data again, when the user sends every 100 ms and the peer echoes.
std::optional<Duration> silence_after(TurnWorld& world, TimePoint lost, Duration patience) {
  while (world.network.now() < lost + patience) {
    world.user.send(TurnWorld::peer_v4(), "?");
    world.network.run_for(100ms);
    if (!world.user.heard.empty() && world.user.heard.back().at > lost + 500ms)
      return world.user.heard.back().at - lost;
  }
  return std::nullopt;
}

TEST(TurnRelay, IsThereAgainSoonAfterTheServerWasRestarted) {
  for (const bool icmp : {true, false}) {
    TurnWorld world{sim::NatConfig::port_restricted_cone()};
    world.begin(true);
    world.echo();
    world.server.host.set_icmp_unreachable(icmp);
    const Endpoint before = world.user.relayed();
    const TimePoint death = world.network.now();
    world.server.die();
    world.network.schedule(death + 5s, [&] { world.server.start(); });
    const auto silence = silence_after(world, death, 40s);
    ASSERT_TRUE(silence) << icmp;
    // With ICMP it is asked at once, and again until 7.5 s; without, after ten seconds of silence.
    EXPECT_LT(*silence, icmp ? 8s : 11s);
    ASSERT_EQ(world.user.told<AllocationLost>().size(), 1u);
    EXPECT_EQ(world.user.told<AllocationLost>()[0].why.code, ErrorCode::allocation_mismatch)
        << "an ICMP error alone proves nothing";
    EXPECT_NE(world.user.relayed(), before);
    EXPECT_EQ(world.user.told<ChannelReady>().size(), 2u);
  }
}

TEST(TurnRelay, IsMadeAnewWhereANatGivesAnotherMapping) {
  for (const sim::NatConfig& kind : {sim::NatConfig::port_restricted_cone(), sim::NatConfig::symmetric()}) {
    TurnWorld world{kind};
    world.begin(true);
    world.echo();
    const Endpoint mapped = world.user.allocation.mapped();
    world.nat->set_external_addresses({ip("198.51.100.99")});
    const auto silence = silence_after(world, world.network.now(), 30s);
    ASSERT_TRUE(silence);
    EXPECT_LT(*silence, 11s);
    EXPECT_EQ(world.user.told<AllocationLost>().at(0).why.code, ErrorCode::allocation_mismatch);
    EXPECT_NE(world.user.allocation.mapped(), mapped);
  }
}

TEST(TurnRelay, SaysThatTheServerIsDeadWithinOneTransactionOfNoticing) {
  TurnWorld world;
  world.begin();
  world.server.host.kill();
  EXPECT_TRUE(world.user.send(TurnWorld::peer_v4(), "?"));
  world.user.node.wake();
  const TimePoint sent = world.network.now();
  world.network.run_for(50s);
  EXPECT_EQ(world.user.told<AllocationLost>().at(0).why.error, errc::timed_out);
  EXPECT_EQ(world.user.told<AllocationLost>().at(0).why.at, sent + 10s + 39500ms);
}

// --- other credentials

TEST(TurnRelay, LivesOnWithCredentialsThatHaveExpiredAndIsMadeAnewWithLaterOnes) {
  const auto login = [](std::chrono::seconds until) {
    return *make_shared_secret_login("secret", "alice", test::TurnServerProcess::unix_time_at_start + until);
  };
  AllocationConfig config = turn_config();
  config.login = login(10min);
  TurnWorld world{{}, config};
  world.server.die();
  world.server.secrets = {"secret"};
  world.server.start();
  world.begin();
  world.network.run_for(1h);
  EXPECT_THAT(world.user.told<AllocationLost>(), IsEmpty());
  world.user.allocation.replace_credentials(world.network.now(), login(2h));
  world.server.die();
  world.server.start();
  world.user.allocation.check(world.network.now());
  world.user.node.wake();
  world.network.run_for(1s);
  EXPECT_EQ(world.user.told<Allocated>().size(), 2u);
}

TEST(TurnRelay, SaysThatItsCredentialsHaveExpiredAndComesBackWithOthers) {
  const auto login = [](std::chrono::seconds until) {
    return *make_shared_secret_login("secret", "alice", test::TurnServerProcess::unix_time_at_start + until);
  };
  AllocationConfig config = turn_config();
  config.login = login(10min);
  TurnWorld world{{}, config};
  world.server.die();
  world.server.secrets = {"secret"};
  world.server.start();
  world.begin();
  world.network.run_for(1h);
  world.server.die();
  world.server.start();
  world.user.allocation.check(world.network.now());
  world.user.node.wake();
  world.network.run_for(1s);
  EXPECT_EQ(world.user.allocation.state(), AllocationState::failed);
  EXPECT_EQ(world.user.told<AllocationFailed>().back().why.error, errc::unauthorized);
  world.user.allocation.replace_credentials(world.network.now(), login(2h));
  world.user.node.wake();
  world.network.run_for(1s);
  EXPECT_EQ(world.user.allocation.state(), AllocationState::allocated);
  EXPECT_TRUE(world.user.send(TurnWorld::peer_v4(), "back"));
}

// --- over TCP

TEST(TurnRelay, CarriesDataOverTcpWhereUdpIsBlocked) {
  TurnWorld world{sim::NatConfig::udp_blocked(), turn_config(Transport::tcp)};
  world.begin(true);
  for (const char* text : {"1", "12", "123", "1234", ""}) EXPECT_TRUE(world.user.send(TurnWorld::peer_v4(), text));
  world.network.run_for(1s);
  EXPECT_THAT(world.peer.texts(), ElementsAre("1", "12", "123", "1234", ""));
  for (const char* text : {"1", "12", "123", "1234", ""}) world.answer_from_peer(text);
  world.network.run_for(1s);
  EXPECT_THAT(world.user.texts(), ElementsAre("1", "12", "123", "1234", ""));
}

TEST(TurnRelay, SurvivesLossOverTcp) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    TurnWorld world{sim::NatConfig::udp_blocked(), turn_config(Transport::tcp), seed};
    world.user.host.interfaces().front()->link() = sim::Link::both({.loss = 0.2});
    world.user.bind(TurnWorld::peer_v4());
    world.user.allocate();
    world.network.run_for(38s);
    EXPECT_TRUE(world.user.allocation.bound(world.network.now(), TurnWorld::peer_v4())) << "seed " << seed;
  }
}

TEST(TurnRelay, ConnectsAgainAfterTheServerWasRestarted) {
  TurnWorld world{sim::NatConfig::udp_blocked(), turn_config(Transport::tcp)};
  world.begin(true);
  world.echo();
  const TimePoint death = world.network.now();
  world.server.die();
  world.network.schedule(death + 5s, [&] { world.server.start(); });
  const auto silence = silence_after(world, death, 40s);
  ASSERT_TRUE(silence);
  EXPECT_LT(*silence, 8s) << "at 0, 1, 3 and 7 s";
  EXPECT_EQ(world.user.told<AllocationLost>().size(), 1u);
}

}  // namespace
}  // namespace ice::turn
