// What a TURN server says of addresses that a peer is not to be told.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/relayed_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using test::RelayedAgent;

std::vector<Candidate> of_type(RelayedAgent& agent, CandidateType type) {
  std::vector<Candidate> found;
  for (const Candidate& one : agent.candidates())
    if (one.type == type) found.push_back(one);
  return found;
}

TEST(AnAgentWithALyingTurnServer, SignalsNoServerReflexiveAddressAtWhichNobodyIs) {
  for (const char* const mapped : {"0.0.0.0:0", "0.0.0.0:9", "203.0.113.9:0", "127.0.0.1:22", "224.0.0.1:9"}) {
    RelayedAgent agent{test::with_turn_and_all()};
    agent.server.mapped = endpoint(mapped);
    agent.gather();
    EXPECT_TRUE(of_type(agent, CandidateType::server_reflexive).empty()) << mapped;
    ASSERT_EQ(of_type(agent, CandidateType::relayed).size(), 1u) << mapped;
    EXPECT_FALSE(of_type(agent, CandidateType::relayed)[0].related) << mapped;
  }
}

TEST(AnAgentWithALyingTurnServer, SignalsNoRelayedAddressAtWhichNobodyIs) {
  for (const char* const relayed : {"0.0.0.0:50000", "127.0.0.1:50000", "224.0.0.1:50000"}) {
    RelayedAgent agent{test::with_turn_and_all()};
    agent.server.relayed = {endpoint(relayed)};
    agent.gather();
    EXPECT_TRUE(of_type(agent, CandidateType::relayed).empty()) << relayed;
  }
}

}  // namespace
}  // namespace ice
