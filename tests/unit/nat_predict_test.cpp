#include "ice/nat/predict.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace ice::nat {
namespace {

Behavior seen(Mapping mapping, Filtering filtering, std::uint8_t host = 1) {
  Behavior behavior;
  behavior.family = Family::ipv4;
  behavior.udp_answered = true;
  behavior.translated = true;
  behavior.mapped = {Address::v4(198, 51, 100, host), 4000};
  behavior.mapping.value = mapping;
  behavior.filtering.value = filtering;
  return behavior;
}

const Behavior full_cone = seen(Mapping::endpoint_independent, Filtering::endpoint_independent, 1);
const Behavior restricted = seen(Mapping::endpoint_independent, Filtering::address_dependent, 2);
const Behavior port_restricted = seen(Mapping::endpoint_independent, Filtering::address_and_port_dependent, 3);
const Behavior symmetric = seen(Mapping::address_and_port_dependent, Filtering::address_and_port_dependent, 4);

Behavior elsewhere(Behavior behavior) {
  behavior.mapped.address = Address::v4(192, 0, 2, 1);
  return behavior;
}

TEST(Prediction, IsThatOfTheClassicPairs) {
  for (const Behavior& cone : {full_cone, restricted, port_restricted})
    for (const Behavior& other : {full_cone, restricted, port_restricted})
      EXPECT_EQ(predict(cone, elsewhere(other)), (Prediction{Outcome::direct, Reason::both_get_in}));
  for (const Behavior& cone : {full_cone, restricted}) {
    EXPECT_EQ(predict(symmetric, cone), (Prediction{Outcome::direct, Reason::own_get_in}));
    EXPECT_EQ(predict(cone, symmetric), (Prediction{Outcome::direct_if_other_first, Reason::other_gets_in}));
  }
  EXPECT_EQ(predict(symmetric, port_restricted), (Prediction{Outcome::relay_needed, Reason::no_way_in}));
  EXPECT_EQ(predict(port_restricted, symmetric), (Prediction{Outcome::relay_needed, Reason::no_way_in}));
  EXPECT_EQ(predict(symmetric, elsewhere(symmetric)), (Prediction{Outcome::relay_needed, Reason::no_way_in}));
}

TEST(Prediction, NeedsARelayWithoutUdpOrWithoutACommonFamily) {
  Behavior blocked;
  blocked.family = Family::ipv4;
  blocked.tcp_answered = true;
  EXPECT_EQ(predict(blocked, full_cone).reason, Reason::own_udp_blocked);
  EXPECT_EQ(predict(full_cone, blocked).reason, Reason::other_udp_blocked);
  Behavior six = full_cone;
  six.family = Family::ipv6;
  EXPECT_EQ(predict(six, restricted), (Prediction{Outcome::relay_needed, Reason::families_differ}));
}

TEST(Prediction, SaysWhatAllPossibilitiesHaveInCommon) {
  const Behavior unknown_filter = seen(Mapping::endpoint_independent, Filtering::unknown, 5);
  EXPECT_EQ(predict(unknown_filter, port_restricted).outcome, Outcome::direct) << "whatever the filter is";
  EXPECT_EQ(predict(unknown_filter, symmetric), (Prediction{Outcome::unknown, Reason::not_known_enough}));
  const Behavior vague = seen(Mapping::endpoint_dependent, Filtering::address_and_port_dependent, 6);
  EXPECT_EQ(predict(vague, port_restricted).outcome, Outcome::relay_needed);
  EXPECT_EQ(predict(Behavior{}, Behavior{}).outcome, Outcome::unknown) << "a server that is down says nothing";
}

TEST(Prediction, KnowsThatBehindOneNatHairpinningDecides) {
  EXPECT_EQ(predict(full_cone, full_cone), (Prediction{Outcome::unknown, Reason::behind_one_nat}));
  Behavior hairpin = full_cone;
  hairpin.hairpinning.value = Hairpinning::external_source;
  EXPECT_EQ(predict(hairpin, full_cone).outcome, Outcome::direct);
}

TEST(Prediction, KnowsThatTwoMappingsForEachPortNeverMeet) {
  const Behavior wide_open = seen(Mapping::address_and_port_dependent, Filtering::endpoint_independent, 7);
  EXPECT_EQ(predict(wide_open, elsewhere(wide_open)).outcome, Outcome::relay_needed);
  EXPECT_EQ(predict(wide_open, seen(Mapping::address_dependent, Filtering::endpoint_independent, 8)).outcome,
            Outcome::direct);
}

TEST(Prediction, HasWordsForEveryReason) {
  for (int reason = 0; reason <= static_cast<int>(Reason::behind_one_nat); ++reason)
    EXPECT_TRUE(describe(static_cast<Reason>(reason)).ends_with('.'));
}

}  // namespace
}  // namespace ice::nat
