// Agents on loopback that may use a relay alone, and the relay server beside them.

#include <gtest/gtest.h>

#include "agent_pair.hpp"
#include "certificates.hpp"
#include "ice/io/turn_server.hpp"

namespace ice::io {
namespace {

using namespace std::chrono_literals;

struct AgentRelayTest : testing::Test {
  AgentRelayTest() {
    EXPECT_TRUE(context.configure_tls(authority.issue()));
    EXPECT_TRUE(clients.configure_tls(authority.client()));
    EXPECT_TRUE(server.add_user("user", "pass"));
    const auto listening = server.listen({.plain = {loopback()}, .secured = {loopback()}});
    EXPECT_TRUE(listening);
    bound = *listening;
  }

  static turn::ServerConfig allowing_loopback() {
    turn::ServerConfig config;
    config.allow_peers.push_back(*turn::AddressRange::parse("127.0.0.0/8"));
    config.relay_ports = {0, 0};
    return config;
  }
  AgentConfig relay_only(const std::string& uri, Role role) const {
    AgentConfig config = loopback_config(role);
    config.policy = CandidatePolicy::relay_only;
    config.servers.emplace_back(*stun::Uri::parse(uri), *stun::Login::make("user", "pass"));
    return config;
  }

  void expect_talk_through(const std::string& uri) {
    auto a = std::make_unique<Agent>(clients, relay_only(uri, Role::controlling));
    auto b = std::make_unique<Agent>(clients, relay_only(uri, Role::controlled));
    AgentPair::trickle(*a, b);
    AgentPair::trickle(*b, a);
    std::vector<std::string> heard;
    b->on_data([&](Bytes data) { heard.emplace_back(text_of(data)); });
    ASSERT_TRUE(a->set_remote(b->local_description()));
    ASSERT_TRUE(b->set_remote(a->local_description()));
    ASSERT_TRUE(
        run_until(loop, [&] { return a->state() == AgentState::connected && b->state() == AgentState::connected; }));
    EXPECT_EQ(a->selected()->local.type, CandidateType::relayed);
    EXPECT_EQ(a->selected()->remote.type, CandidateType::relayed);
    ASSERT_TRUE(a->send("through the relay"));
    ASSERT_TRUE(run_until(loop, [&] { return !heard.empty(); }));
    EXPECT_EQ(heard[0], "through the relay");
    EXPECT_EQ(server.machine().gauges().allocations, 2U);
    a->close();
    b->close();
    EXPECT_TRUE(run_until(loop, [&] { return server.machine().gauges().allocations == 0; }));
  }

  boost::asio::io_context loop;
  Context context{loop.get_executor()};
  Context clients{loop.get_executor()};
  CertificateAuthority authority;
  TurnServer server{context, allowing_loopback()};
  TurnServer::Bound bound;
};

TEST_F(AgentRelayTest, OverUdp) { expect_talk_through("turn:" + bound.plain.at(0).to_string()); }

TEST_F(AgentRelayTest, OverTcp) { expect_talk_through("turn:" + bound.plain.at(0).to_string() + "?transport=tcp"); }

TEST_F(AgentRelayTest, OverTls) { expect_talk_through("turns:" + bound.secured.at(0).to_string()); }

TEST_F(AgentRelayTest, OverDtls) { expect_talk_through("turns:" + bound.secured.at(0).to_string() + "?transport=udp"); }

TEST_F(AgentRelayTest, AServerWhoseCertificateIsNotBelievedIsInTheReport) {
  ASSERT_TRUE(clients.configure_tls(TlsConfig{}));
  Agent agent{clients, relay_only("turns:" + bound.secured.at(0).to_string(), Role::controlling)};
  bool done = false;
  agent.on_gathering_done([&] { done = true; });
  ASSERT_TRUE(run_until(loop, [&] { return done; }));
  EXPECT_EQ(agent.report().servers.at(0).cause, Cause::unreachable);
}

}  // namespace
}  // namespace ice::io
