// Restarts of an agent with relayed candidates: what becomes of its allocations, and what goes on through them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/relayed_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::controlled_config;
using test::endpoint;
using test::LoneAgent;
using test::RelayedAgent;
using test::with_named_turn;
using test::with_turn;
using test::with_turn_and_all;

/// A server with an address, and one with a name.
AgentConfig with_turn_and_named_turn() {
  AgentConfig config = with_turn();
  config.servers.push_back(with_named_turn().servers[0]);
  return config;
}

constexpr std::string_view remote = RelayedAgent::remote;
constexpr std::string_view other = "198.51.100.2:6000";
constexpr std::string_view server_at = RelayedAgent::server_at;
constexpr std::string_view other_server_at = "203.0.113.21:3478";
constexpr std::string_view relayed_at = RelayedAgent::relayed_at;

/// Says something all the time, which makes the agent notice, until the allocation is lost.
void talk_until_lost(RelayedAgent& agent) {
  for (int i = 0; i < 200 && agent.report().losses == 0; ++i) {
    static_cast<void>(agent.can_send());
    agent.run_for(500ms);
  }
  ASSERT_EQ(agent.report().losses, 1U);
  ASSERT_EQ(agent.lone.events_of<RestartNeeded>().size(), 1U);
}
/// The server has forgotten the allocation of a call, and answers no Allocate.
void lose_the_relay(RelayedAgent& agent) {
  agent.server.has_allocation = false;
  agent.server.unheard = {stun::Method::allocate};
  talk_until_lost(agent);
}

// RFC 8839 §4.4.3.1.1: the generation of before still answers the peer's requests for consent, and asks for its own, on
// a way that the new one has no candidate on.
TEST(AgentRelayRestart, ThePairOfBeforeGoesOnThroughARelayThatTheNewGenerationHasNoRoomFor) {
  AgentConfig config = with_turn(controlled_config());
  config.servers.emplace_back(*stun::Uri::parse("turn:" + std::string{other_server_at}),
                              *stun::Login::make("user", "pass"));
  config.limits.local_candidates = 1;
  std::swap(config.servers[0], config.servers[1]);
  RelayedAgent agent{config};
  agent.other_servers[endpoint(other_server_at)].relayed = {endpoint("192.0.2.21:50000")};
  agent.other_servers[endpoint(other_server_at)].alive = false;
  agent.gather();
  agent.other_servers[endpoint(other_server_at)].alive = true;
  agent.run_for(1s);
  ASSERT_EQ(agent.candidates().at(0).endpoint, endpoint(relayed_at));
  agent.connect();
  const std::string ufrag = agent.lone.agent().local_description().ufrag;
  const std::string password = agent.lone.agent().local_description().password;
  agent.restart();
  ASSERT_EQ(agent.candidates().at(0).endpoint, endpoint("192.0.2.21:50000"));
  agent.talk_for(60s);
  EXPECT_TRUE(agent.can_send());
  EXPECT_EQ(agent.check(remote, {.to_ufrag = ufrag, .password = password}).verdict, Verdict::forward);
}

TEST(AgentRelayRestart, HasItsCandidateBeforeDnsAnswersWhereTheAllocationIsThere) {
  RelayedAgent agent{with_named_turn()};
  agent.gather();
  agent.resolve();
  agent.connect();
  const std::size_t asked = agent.asked(stun::Method::allocate);
  agent.restart();
  ASSERT_EQ(agent.candidates().size(), 1U);
  EXPECT_EQ(agent.candidates()[0].endpoint, endpoint(relayed_at));
  EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 1U) << "another server may come";
  agent.resolve();
  EXPECT_EQ(agent.candidates().size(), 1U);
  EXPECT_EQ(agent.asked(stun::Method::allocate), asked);
  EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 2U);
}

TEST(AgentRelayRestart, AsksAtTheAddressThatDnsTellsNowToo) {
  RelayedAgent agent{with_named_turn()};
  agent.gather();
  agent.resolve();
  agent.connect();
  agent.other_servers[endpoint(other_server_at)].relayed = {endpoint("192.0.2.21:50000")};
  agent.restart();
  agent.resolve(other_server_at);
  agent.run_for(10ms);
  ASSERT_EQ(agent.candidates().size(), 2U);
  EXPECT_EQ(agent.candidates()[0].endpoint, endpoint(relayed_at));
  EXPECT_EQ(agent.candidates()[1].endpoint, endpoint("192.0.2.21:50000"));
}

// It was lost, and the Allocate that makes it anew is answered while DNS is still asked.
TEST(AgentRelayRestart, KeepsTheAllocationThatIsMadeAnewWhileDnsIsAsked) {
  RelayedAgent agent{with_named_turn()};
  agent.gather();
  agent.resolve();
  agent.connect();
  agent.server.relayed = {endpoint("192.0.2.15:50001")};
  lose_the_relay(agent);
  agent.restart();
  agent.server.unheard.clear();
  const std::size_t refreshes = agent.asked(stun::Method::refresh);
  agent.run_for(40s);
  ASSERT_EQ(agent.candidates().size(), 1U);
  EXPECT_EQ(agent.candidates()[0].endpoint, endpoint("192.0.2.15:50001"));
  EXPECT_EQ(agent.asked(stun::Method::refresh), refreshes) << "none that gives it back";
  EXPECT_TRUE(agent.server.has_allocation);
}

TEST(AgentRelayRestart, AServerThatAnswersLateTakesNoOtherRelayAlong) {
  RelayedAgent agent{with_turn_and_named_turn()};
  auto& late = agent.other_servers[endpoint(other_server_at)];
  late.relayed = {endpoint("192.0.2.21:50000")};
  late.alive = false;
  agent.gather();
  agent.resolve(other_server_at, 1);
  agent.run_for(100ms);
  agent.restart();
  ASSERT_EQ(agent.candidates().size(), 1U);
  late.alive = true;
  agent.run_for(1s);
  EXPECT_TRUE(agent.server.has_allocation);
  EXPECT_TRUE(late.has_allocation);
  EXPECT_EQ(agent.asked(stun::Method::refresh), 0U);
  ASSERT_EQ(agent.candidates().size(), 2U);
  EXPECT_EQ(agent.candidates()[1].endpoint, endpoint("192.0.2.21:50000"));
}

TEST(AgentRelayRestart, AnAgentThatHasFailedGivesItsAllocationBackThoughDnsAnswersThen) {
  RelayedAgent agent{with_turn_and_named_turn()};
  agent.gather();
  agent.describe(LoneAgent::description({remote}));
  agent.fail_to_resolve(1);
  while (agent.lone.state() == AgentState::checking) agent.run_for(1s);
  ASSERT_EQ(agent.lone.state(), AgentState::failed);
  agent.resolve(other_server_at, 1);
  agent.run_for(31s);
  EXPECT_FALSE(agent.server.has_allocation);
}

// RFC 8838 §13: the end is told even so, or an application that does not trickle waits for ever.
TEST(AgentRelayRestart, EndsGatheringWithinATransactionAlthoughTheServerHasDied) {
  RelayedAgent agent;
  agent.connect();
  agent.server.alive = false;
  talk_until_lost(agent);
  // At any time of its attempts and of the waits between them.
  for (int i = 0; i < 20; ++i) {
    agent.run_for(13s);
    agent.lone.events.clear();
    agent.restart();
    agent.run_for(40s);
    EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 1U) << i;
  }
}

TEST(AgentRelayRestart, IsToldOfAServerThatIsBackWithinOneAttempt) {
  RelayedAgent agent;
  agent.connect();
  agent.server.alive = false;
  talk_until_lost(agent);
  agent.run_for(2min);  // between two attempts
  agent.server.alive = true;
  agent.server.has_allocation = false;
  agent.lone.events.clear();
  agent.restart();
  agent.run_for(20ms);
  EXPECT_EQ(agent.candidates().size(), 1U);
  EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 1U);
}

// RFC 8656 §7.4: it must not be asked for minutes.
TEST(AgentRelayRestart, EndsGatheringAtOnceWhereTheServerWantsToBeAskedLater) {
  for (const unsigned refusal : {437U, 486U, 508U}) {
    RelayedAgent agent;
    agent.server.refusals[stun::Method::allocate] = {refusal, refusal};
    agent.gather();
    agent.run_for(1s);
    ASSERT_EQ(agent.lone.events_of<GatheringDone>().size(), 1U);
    const std::size_t asked = agent.asked(stun::Method::allocate);
    agent.restart();
    agent.run_for(1s);
    EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 2U) << refusal;
    EXPECT_EQ(agent.asked(stun::Method::allocate), asked);
  }
}

TEST(AgentRelayRestart, AsksAnewForWhatIsBeingGivenBack) {
  RelayedAgent agent{with_turn_and_all()};
  agent.gather();
  agent.describe(LoneAgent::description({remote}));
  for (int i = 0; i < 20 && agent.lone.state() != AgentState::connected; ++i) {
    agent.run_for(5ms);
    for (const auto& sent : std::exchange(agent.direct, {}))
      if (sent.is_check()) agent.lone.succeed(sent);
  }
  ASSERT_EQ(agent.lone.state(), AgentState::connected);
  agent.server.alive = false;
  agent.run_for(3100ms);
  agent.server.alive = true;
  agent.lone.events.clear();
  agent.restart();
  EXPECT_TRUE(agent.lone.events_of<GatheringDone>().empty());
  agent.run_for(2s);
  EXPECT_EQ(agent.candidates().back().endpoint, endpoint(relayed_at));
  EXPECT_EQ(agent.lone.events_of<GatheringDone>().size(), 1U);
}

void replace_credentials(RelayedAgent& agent, std::string_view user) {
  agent.server.auth.username = user;
  agent.server.auth.password = "other";
  agent.lone.agent().replace_credentials(agent.lone.now, ServerId{0}, *stun::Login::make(user, "other"));
  agent.lone.settle();
}

// What an application does that is told RestartNeeded. The allocation is asked for at that moment, or waits to be.
TEST(AgentRelayRestart, UsesCredentialsThatWereGivenBeforeOrAfterIt) {
  for (const bool before : {true, false})
    for (const std::string_view user : {"user", "later:user"}) {
      RelayedAgent agent;
      agent.connect();
      lose_the_relay(agent);
      if (before) replace_credentials(agent, user);
      agent.restart();
      if (!before) replace_credentials(agent, user);
      agent.server.unheard.clear();
      agent.run_for(20s);
      EXPECT_EQ(agent.candidates().size(), 1U)
          << (before ? "before, " : "after, ") << user << ", cause " << to_string(agent.report().cause);
    }
}

TEST(AgentRelayRestart, UsesCredentialsThatWereReplacedWhileTheAllocationWaitedToBeAskedForAgain) {
  RelayedAgent agent;
  agent.connect();
  lose_the_relay(agent);
  agent.run_for(39'500ms);  // the attempt has come to nothing
  replace_credentials(agent, "later:user");
  agent.restart();
  agent.server.unheard.clear();
  agent.run_for(20s);
  EXPECT_EQ(agent.candidates().size(), 1U) << to_string(agent.report().cause);
}

/// The host moves to another network: its socket goes, another one comes, and it restarts.
void move(RelayedAgent& agent, std::uint32_t from) {
  ASSERT_TRUE(agent.lone.remove_socket(from));
  agent.settle();
  agent.server.has_allocation = false;
  ASSERT_TRUE(agent.lone.add_socket(from + 1, "192.0.2." + std::to_string(from + 1) + ":5000"));
  agent.restart();
  agent.run_for(100ms);
}

TEST(AgentRelayRestart, FindsARelayInEachOfAHundredNetworksOneAfterTheOther) {
  RelayedAgent agent{with_turn_and_all()};
  agent.gather();
  for (std::uint32_t network = 1; network < 100; ++network) {
    move(agent, network);
    ASSERT_EQ(agent.candidates().back().type, CandidateType::relayed) << network;
  }
  EXPECT_EQ(agent.lone.report().ignored.over_limit, 0U);
  EXPECT_LE(agent.lone.report().servers.size(), 32U);
}

TEST(AgentRelayRestart, FindsARelayAtEachOfAHundredAddressesOfItsName) {
  RelayedAgent agent{with_named_turn()};
  agent.gather();
  for (int i = 1; i < 100; ++i) {
    const std::string at = "203.0.113." + std::to_string(100 + i) + ":3478";
    agent.other_servers[endpoint(at)].refusals[stun::Method::allocate] = {403};
    agent.resolve(at);
    agent.run_for(10ms);
    const auto servers = agent.lone.report().servers;
    EXPECT_TRUE(std::any_of(servers.begin(), servers.end(), [&](const ServerReport& server) {
      return server.server == endpoint(at) && server.error_code == 403;
    })) << at;
    agent.restart();
  }
  EXPECT_EQ(agent.lone.report().ignored.over_limit, 0U);
}

// The connection that was asked for in the network before opens when the place has another owner.
TEST(AgentRelayRestart, AConnectionOfTheNetworkBeforeIsClosedAlthoughItsPlaceIsTaken) {
  AgentConfig config;
  config.servers.emplace_back(*stun::Uri::parse("turn:203.0.113.20?transport=tcp"), *stun::Login::make("user", "pass"));
  LoneAgent lone{config};
  lone.gather();
  const SocketTicket first = std::get<OpenSocket>(lone.requests.at(0)).ticket;
  for (std::uint32_t network = 1; network < 40; ++network) {
    ASSERT_TRUE(lone.remove_socket(network));
    lone.requests.clear();
    ASSERT_TRUE(lone.add_socket(network + 1, "192.0.2." + std::to_string(network + 1) + ":5000"));
    lone.restart();
    lone.run_for(10ms);
    ASSERT_EQ(lone.requests.size(), 1U) << network;
    EXPECT_NE(std::get<OpenSocket>(lone.requests[0]).ticket, first);
  }
  lone.requests.clear();
  lone.agent().handle_socket(lone.now, SocketOpened{first, SocketId{777}, endpoint("192.0.2.1:33333")});
  lone.settle();
  ASSERT_EQ(lone.requests.size(), 1U);
  EXPECT_EQ(std::get<CloseSocket>(lone.requests[0]).socket, SocketId{777});
}

// The nominated pair is on a relay beside the socket; the generation of before had no room for that socket.
TEST(AgentRelayRestart, ThatASocketsRelayEndsFallsBackToAGenerationThatNeverHadTheSocket) {
  RelayedAgent agent;
  agent.connect();
  const auto address = [](std::uint32_t id) { return "192.0.2." + std::to_string(id) + ":5000"; };
  for (std::uint32_t id = 2; id <= 64; ++id) {  // as many as a generation has, those that went included
    ASSERT_TRUE(agent.lone.add_socket(id, address(id)));
    ASSERT_TRUE(agent.lone.remove_socket(id));
  }
  agent.restart();
  agent.server.has_allocation = false;
  agent.server.relayed = {endpoint("192.0.2.16:50000")};
  ASSERT_TRUE(agent.lone.add_socket(65, address(65)));
  agent.run_for(100ms);
  ASSERT_EQ(agent.lone.report().servers.size(), 2U);
  ASSERT_EQ(agent.lone.report().servers[1].relayed, endpoint("192.0.2.16:50000"));
  agent.describe(LoneAgent::new_description({other}));
  bool nominated = false;
  for (int i = 0; i < 300 && !nominated; ++i) {
    agent.run_for(20ms);
    for (const auto& sent : agent.take_to_peers()) {
      const bool on_new_socket = sent.socket == SocketId{65};
      nominated = nominated || (on_new_socket && sent.message().has<stun::attr::UseCandidate>());
      if (sent.peer == endpoint(other) && on_new_socket && !nominated) agent.answer(sent, LoneAgent::new_peer_key());
      if (sent.peer == endpoint(remote)) agent.answer(sent);
    }
  }
  ASSERT_TRUE(nominated);
  ASSERT_TRUE(agent.lone.remove_socket(65));
  EXPECT_EQ(agent.lone.state(), AgentState::connected);
  EXPECT_TRUE(agent.can_send());
}

}  // namespace
}  // namespace ice
