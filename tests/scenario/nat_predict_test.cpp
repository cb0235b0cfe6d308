// What is predicted of two networks is what becomes of a call between them.

#include "ice/nat/predict.hpp"

#include <gtest/gtest.h>

#include "scenario/support/call.hpp"

namespace ice::nat {
namespace {

using namespace std::chrono_literals;
using test::Call;

constexpr sim::Behavior behaviors[] = {sim::Behavior::endpoint_independent, sim::Behavior::address_dependent,
                                       sim::Behavior::address_and_port_dependent};

struct Network {
  sim::NatConfig nat;
  Behavior behavior;
};

/// The nine kinds, and what a discovery says of them (see nat_discovery_test.cpp).
std::vector<Network> networks(std::uint8_t side) {
  std::vector<Network> all;
  for (int mapping = 0; mapping < 3; ++mapping)
    for (int filtering = 0; filtering < 3; ++filtering) {
      Network one{sim::NatConfig::symmetric(), {}};
      one.nat.mapping = behaviors[mapping];
      one.nat.filtering = behaviors[filtering];
      one.behavior.family = Family::ipv4;
      one.behavior.udp_answered = true;
      one.behavior.translated = true;
      one.behavior.mapped = {Address::v4(198, 51, 100, side), 4000};
      one.behavior.mapping.value = static_cast<Mapping>(mapping + 1);
      one.behavior.filtering.value = static_cast<Filtering>(filtering + 1);
      all.push_back(one);
    }
  return all;
}

TEST(APrediction, ComesTrueInACall) {
  for (const Network& caller : networks(1))
    for (const Network& callee : networks(2)) {
      Call::Config config;
      config.caller.nat = caller.nat;
      config.callee.nat = callee.nat;
      Call call{config};
      call.start();
      const bool connected = call.run_until_connected(60s);
      const Prediction prediction = predict(caller.behavior, callee.behavior);
      EXPECT_EQ(connected, prediction.outcome != Outcome::relay_needed)
          << to_string(caller.nat.mapping) << " x " << to_string(caller.nat.filtering) << " calls "
          << to_string(callee.nat.mapping) << " x " << to_string(callee.nat.filtering) << ": "
          << to_string(prediction.outcome) << ", " << describe(prediction.reason);
      // Whoever's own checks do not get in learns of the other one's address by his.
      if (prediction.outcome == Outcome::direct_if_other_first && connected) {
        EXPECT_EQ(call.selected(0)->remote_type, CandidateType::peer_reflexive);
      }
    }
}

}  // namespace
}  // namespace ice::nat
