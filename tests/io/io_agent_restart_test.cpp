#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/use_future.hpp>

#include "agent_pair.hpp"

namespace ice::io {
namespace {

using namespace std::chrono_literals;

struct AgentRestartTest : AgentPair {
  AgentRestartTest() {
    b->on_data([this](Bytes data) { heard.emplace_back(text_of(data)); });
    connect();
    // As an application signals: the offer goes when the agent says so, the answer when the offer has been taken.
    a->on_event([this](const AgentEvent& event) {
      if (const auto* restarted = std::get_if<Restarted>(&event); restarted != nullptr && !restarted->by_peer) offer();
    });
  }

  void offer() {
    EXPECT_TRUE(b->set_remote(a->local_description()));
    EXPECT_TRUE(a->set_remote(b->local_description()));
  }
  bool both(AgentState state) const { return a->state() == state && b->state() == state; }

  std::vector<std::string> heard;
};

TEST_F(AgentRestartTest, AnotherPairIsSelectedAndDataGoesOnMeanwhile) {
  const Description before = a->local_description();
  ASSERT_TRUE(a->restart());
  EXPECT_EQ(a->state(), AgentState::gathering);
  EXPECT_NE(a->local_description().ufrag, before.ufrag);
  EXPECT_TRUE(a->send("in between"));
  ASSERT_TRUE(run_until(loop, [&] { return both(AgentState::connected) && !heard.empty(); }));
  EXPECT_THAT(heard, testing::ElementsAre("in between"));
  EXPECT_TRUE(a->send("afterwards"));
  ASSERT_TRUE(run_until(loop, [&] { return heard.size() == 2; }));
  EXPECT_EQ(a->report().restarts, 1U);
  EXPECT_EQ(b->report().restarts, 1U);
  EXPECT_EQ(b->report().earlier.at(0).why, GenerationEnd::restarted_by_peer);
  EXPECT_EQ(a->selected()->local.ufrag, a->local_description().ufrag);
}

TEST_F(AgentRestartTest, ConnectingWaitsForThePairOfTheNewGeneration) {
  ASSERT_TRUE(a->restart());
  auto pair = a->async_connect(boost::asio::use_future);
  ASSERT_TRUE(run_until(loop, [&] { return pair.wait_for(0s) == std::future_status::ready; }));
  EXPECT_EQ(pair.get().local.ufrag, a->local_description().ufrag);
}

TEST_F(AgentRestartTest, AClosedAgentRefuses) {
  a->close();
  EXPECT_EQ(a->restart().error(), errc::closed);
}

}  // namespace
}  // namespace ice::io
