#include <gtest/gtest.h>

#include "nat/mapping_test.hpp"
#include "nat/path_quality.hpp"
#include "nat/port_test.hpp"
#include "support/stun_messages.hpp"

namespace ice::nat {
namespace {

using test::endpoint;

const Endpoint a1p1 = endpoint("203.0.113.1:3478");
const Endpoint a1p2 = endpoint("203.0.113.1:3479");
const Endpoint a2p1 = endpoint("203.0.113.2:3478");
const Endpoint a2p2 = endpoint("203.0.113.2:3479");
const Endpoint a3p1 = endpoint("203.0.113.3:3478");

Endpoint at(std::uint16_t port) { return {Address::v4(198, 51, 100, 1), port}; }

TEST(Sights, NameTheMappingThatTheyFit) {  // RFC 5780 §4.3
  EXPECT_EQ(judge_sights({{a1p1, at(1)}, {a2p1, at(1)}}).value, Mapping::endpoint_independent);
  EXPECT_EQ(judge_sights({{a1p1, at(1)}, {a1p2, at(1)}, {a2p1, at(2)}, {a2p2, at(2)}}).value,
            Mapping::address_dependent);
  EXPECT_EQ(judge_sights({{a1p1, at(1)}, {a1p2, at(2)}, {a2p1, at(3)}, {a2p2, at(4)}}).value,
            Mapping::address_and_port_dependent);
  EXPECT_EQ(judge_sights({{a1p1, at(1)}, {a1p2, at(2)}}).value, Mapping::address_and_port_dependent);
  EXPECT_EQ(judge_sights({{a1p1, at(1)}, {a2p1, at(2)}}).value, Mapping::endpoint_dependent);
}

TEST(Sights, SayNothingWhereTheyFitNone) {
  EXPECT_EQ(judge_sights({}).doubt, Doubt::no_answer);
  EXPECT_EQ(judge_sights({{a1p1, at(1)}}).doubt, Doubt::one_server);
  EXPECT_EQ(judge_sights({{a1p1, at(1)}, {a1p2, at(1)}}).doubt, Doubt::one_server);
  EXPECT_EQ(judge_sights({{a1p1, at(1)}, {a2p1, at(1)}, {a3p1, at(2)}}).doubt, Doubt::disagreement);
  EXPECT_EQ(judge_sights({{a1p1, at(1)}, {a1p2, at(2)}, {a2p1, at(3)}, {a2p2, at(3)}}).doubt, Doubt::disagreement);
  EXPECT_EQ(judge_sights({{a1p1, at(1)}, {a1p2, at(2)}, {a2p1, at(1)}, {a2p2, at(2)}}).doubt, Doubt::disagreement);
}

std::vector<PortSample> ports(const std::vector<int>& external) {
  std::vector<PortSample> samples;
  for (const int port : external)
    samples.push_back({static_cast<std::uint16_t>(50'000 + samples.size()), static_cast<std::uint16_t>(port)});
  return samples;
}

TEST(Ports, ArePreservedEvenWhereSomebodyHasOneAlready) {
  EXPECT_EQ(judge_ports(ports({50'000, 50'001, 50'002, 50'003})).allocation,
            (Judged<PortAllocation>{PortAllocation::preserving, Confidence::high, Doubt::no_doubt}));
  EXPECT_EQ(judge_ports(ports({50'000, 61'001, 50'002, 50'003})).allocation.value, PortAllocation::preserving);
  EXPECT_EQ(judge_ports(ports({50'000, 61'001, 12'002, 7'003})).allocation.doubt, Doubt::disagreement);
}

TEST(Ports, AreSequentialByTheirStep) {
  EXPECT_EQ(judge_ports(ports({2000, 2001, 2002, 2003})).step, 1);
  EXPECT_EQ(judge_ports(ports({2000, 2002, 2004, 2008})).step, 2) << "somebody else took one";
  EXPECT_EQ(judge_ports(ports({2009, 2006, 2003, 2000})).step, -3);
  EXPECT_EQ(judge_ports(ports({65'534, 65'535, 1024, 1025, 1026})).allocation.value, PortAllocation::sequential);
}

TEST(Ports, AreRandomOnlyWhereNothingSpeaksForCounting) {
  EXPECT_EQ(judge_ports(ports({2000, 40'000, 1500, 22'000})).allocation.value, PortAllocation::random);
  EXPECT_EQ(judge_ports(ports({2000, 2500, 2900, 4000})).allocation.doubt, Doubt::disagreement) << "a busy NAT";
  EXPECT_EQ(judge_ports(ports({2000, 2001, 50'000, 1500, 22'000})).allocation.doubt, Doubt::disagreement);
  EXPECT_EQ(judge_ports(ports({2000, 40'000, 1500})).allocation.doubt, Doubt::too_few_answers);
}

TEST(Silence, CountsTheLessTheMoreIsLost) {
  PathQuality good;
  for (int i = 0; i < 10; ++i) good.add(1, true);
  EXPECT_TRUE(good.silence_counts(8));
  EXPECT_FALSE(good.silence_counts(5));
  EXPECT_FALSE(good.lossy());
  PathQuality bad;
  for (int i = 0; i < 10; ++i) bad.add(2, true);
  EXPECT_FALSE(bad.silence_counts(15));
  EXPECT_TRUE(bad.silence_counts(40));
  EXPECT_TRUE(bad.lossy());
  EXPECT_FALSE(PathQuality{}.silence_counts(1000)) << "nothing is known of the path";
}

}  // namespace
}  // namespace ice::nat
