// Restarts of whole calls (RFC 8445 §9): who restarts, when, and what is lost meanwhile does not matter to the data.

#include <gtest/gtest.h>

#include "scenario/support/talk.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::Call;
using test::Talk;

Call::Config between(const sim::NatConfig& caller, const sim::NatConfig& callee) {
  Call::Config config;
  config.caller.nat = caller;
  config.callee.nat = callee;
  return config;
}

TEST(Restart, OfEitherSideLosesNoPacketInAnyWorld) {
  for (const auto& nat : {sim::NatConfig::full_cone(), sim::NatConfig::port_restricted_cone()})
    for (const int side : {0, 1}) {
      Talk talk{between(nat, sim::NatConfig::port_restricted_cone())};
      talk.talk_for(1s);
      talk.call.restart(side);
      talk.talk_for(3s);
      talk.expect_restarted(1);
      talk.expect_all_arrived();
      EXPECT_EQ(talk.call.agent(side).report().earlier.at(0).why, GenerationEnd::restarted);
      EXPECT_EQ(talk.call.agent(1 - side).report().earlier.at(0).why, GenerationEnd::restarted_by_peer);
    }
}

TEST(Restart, OfBothSidesAtOnceIsOneRestart) {
  Talk talk{between(sim::NatConfig::port_restricted_cone(), sim::NatConfig::port_restricted_cone())};
  talk.call.restart(0);
  talk.call.restart(1);
  talk.talk_for(3s);
  talk.expect_restarted(1);
  talk.expect_all_arrived();
}

TEST(Restart, WhoseOfferIsLostCostsNothingAndTheNextOneSucceeds) {
  Talk talk{between(sim::NatConfig::port_restricted_cone(), sim::NatConfig::full_cone())};
  talk.call.lose_signalling(true);
  talk.call.restart(0);
  talk.talk_for(60s);
  EXPECT_EQ(talk.call.agent(0).state(), AgentState::gathering);
  EXPECT_EQ(talk.call.agent(1).state(), AgentState::connected);
  talk.call.lose_signalling(false);
  talk.call.restart(0);
  talk.talk_for(3s);
  EXPECT_EQ(talk.call.agent(0).report().restarts, 2U);
  EXPECT_TRUE(talk.call.same_pair());
  talk.expect_all_arrived();
}

TEST(Restart, WhoseAnswerIsLostFailsAtOneSideAndBothGoOnAsBefore) {
  Talk talk{between(sim::NatConfig::port_restricted_cone(), sim::NatConfig::full_cone())};
  talk.call.restart(0);
  talk.talk_for(60ms);  // the offer takes 50 ms
  talk.call.lose_signalling(true);
  talk.talk_for(2min);
  EXPECT_EQ(talk.call.agent(0).state(), AgentState::gathering);
  EXPECT_EQ(talk.call.agent(1).state(), AgentState::connected);
  EXPECT_EQ(talk.call.agent(1).report().earlier.back().why, GenerationEnd::fell_back);
  talk.call.lose_signalling(false);
  talk.call.restart(0);
  talk.talk_for(3s);
  EXPECT_EQ(talk.call.agent(0).state(), AgentState::connected);
  EXPECT_EQ(talk.call.agent(1).state(), AgentState::connected);
  EXPECT_TRUE(talk.call.same_pair());
  talk.expect_all_arrived();
}

TEST(Restart, BringsBackACallThatTheNetworkHasCut) {
  for (const int side : {0, 1}) {
    Talk talk{between(sim::NatConfig::full_cone(), sim::NatConfig::port_restricted_cone())};
    talk.call[side].host->interfaces().front()->set_up(false);
    talk.call.network.run_for(40s);
    EXPECT_EQ(talk.call.agent(0).state(), AgentState::disconnected);
    EXPECT_EQ(talk.call.agent(1).state(), AgentState::disconnected);
    talk.call[side].host->interfaces().front()->set_up(true);
    talk.call.restart(side);
    talk.call.network.run_for(5s);
    talk.expect_restarted(1);
    talk.talk_for(1s);
    talk.expect_all_arrived();
  }
}

TEST(Restart, TwentyInARowLoseNothing) {
  Talk talk{between(sim::NatConfig::port_restricted_cone(), sim::NatConfig::full_cone())};
  for (int i = 0; i < 20; ++i) {
    talk.call.restart(i % 2);
    talk.talk_for(i % 3 == 0 ? 300ms : 2s);
  }
  talk.talk_for(2s);
  EXPECT_EQ(talk.call.agent(0).state(), AgentState::connected);
  EXPECT_EQ(talk.call.agent(1).state(), AgentState::connected);
  EXPECT_TRUE(talk.call.same_pair());
  talk.expect_all_arrived();
}

}  // namespace
}  // namespace ice
