#include "ice/agent.hpp"

#include <gtest/gtest.h>

#include "support/two_agents.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::TwoAgents;

const PairReport* selected(const ConnectivityReport& report) {
  for (const PairReport& pair : report.pairs)
    if (pair.selected) return &pair;
  return nullptr;
}

TEST(Agent, TwoAgentsConnectAndHoldTheSamePair) {
  TwoAgents two;
  two.connect();
  two.run_for(1s);
  ASSERT_EQ(two.agent(0).state(), AgentState::connected);
  ASSERT_EQ(two.agent(1).state(), AgentState::connected);
  const auto a = two.agent(0).report();
  const auto b = two.agent(1).report();
  ASSERT_NE(selected(a), nullptr);
  ASSERT_NE(selected(b), nullptr);
  EXPECT_EQ(selected(a)->mapped, selected(b)->remote);
  EXPECT_EQ(selected(a)->remote, selected(b)->mapped);
}

}  // namespace
}  // namespace ice
