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

constexpr std::string_view remote = RelayedAgent::remote;
constexpr std::string_view server_at = RelayedAgent::server_at;
constexpr std::string_view other_server_at = "203.0.113.21:3478";
constexpr std::string_view relayed_at = RelayedAgent::relayed_at;

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

}  // namespace
}  // namespace ice
