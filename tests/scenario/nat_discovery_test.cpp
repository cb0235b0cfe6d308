// What a discovery finds out is what the NAT was built with, or nothing.

#include <gtest/gtest.h>

#include <sstream>

#include "scenario/support/discovery_world.hpp"
#include "scenario/support/seeds.hpp"

namespace ice::nat {
namespace {

using namespace std::chrono_literals;
using sim::Behavior;
using test::DiscoveryWorld;

constexpr sim::Behavior behaviors[] = {sim::Behavior::endpoint_independent, sim::Behavior::address_dependent,
                                       sim::Behavior::address_and_port_dependent};
constexpr sim::PortAllocation allocations[] = {sim::PortAllocation::preserving, sim::PortAllocation::sequential,
                                               sim::PortAllocation::random};

sim::NatConfig nat_of(sim::Behavior mapping, sim::Behavior filtering,
                      sim::PortAllocation ports = sim::PortAllocation::random) {
  sim::NatConfig config;
  config.mapping = mapping;
  config.filtering = filtering;
  config.ports = ports;
  return config;
}

std::string describe(const DiscoveryWorld& world) {
  std::ostringstream text;
  text << "seed " << world.network.seed();
  for (const Observation& o : world.discovery->observations())
    text << "\n  " << std::chrono::duration_cast<std::chrono::milliseconds>(o.at.time_since_epoch()).count() << " ms "
         << to_string(o.test) << ' ' << o.local.to_string() << " -> " << o.server.to_string() << " x"
         << int{o.transmissions} << ' '
         << (o.error ? o.error.message() : o.mapped.to_string() + " from " + o.from.to_string());
  return text.str();
}

/// Every kind of NAT that the simulator has on three axes.
template <class F>
void for_each_nat(F f) {
  for (const sim::Behavior mapping : behaviors)
    for (const sim::Behavior filtering : behaviors)
      for (const sim::PortAllocation ports : allocations) f(nat_of(mapping, filtering, ports));
}

std::string name(const sim::NatConfig& nat) {
  return std::string{to_string(nat.mapping)} + " x " + std::string{to_string(nat.filtering)} + " ports " +
         std::to_string(static_cast<int>(nat.ports));
}

TEST(ADiscovery, NamesEveryKindOfNat) {
  for_each_nat([](const sim::NatConfig& nat) {
    DiscoveryWorld world{{.nat = nat}};
    const nat::Behavior found = world.discover();
    SCOPED_TRACE(name(nat) + describe(world));
    EXPECT_EQ(to_string(found.mapping.value), to_string(nat.mapping));
    EXPECT_EQ(to_string(found.filtering.value), to_string(nat.filtering));
    EXPECT_EQ(found.mapping.confidence, Confidence::high);
    EXPECT_GE(found.filtering.confidence, Confidence::medium);
    constexpr PortAllocation named[] = {PortAllocation::preserving, PortAllocation::sequential, PortAllocation::random};
    EXPECT_EQ(found.port_allocation.value, named[static_cast<int>(nat.ports)]);
    EXPECT_EQ(found.port_step, nat.ports == sim::PortAllocation::sequential ? 1 : 0);
    EXPECT_EQ(found.translated, true);
    EXPECT_LE(world.took, 12s);
  });
}

/// How often each of the two was known, over all NATs and some seeds; a wrong name fails the test.
struct Known {
  unsigned runs = 0;
  unsigned mapping = 0;
  unsigned filtering = 0;
};

Known run_with_loss(double loss, std::uint64_t seeds) {
  Known known;
  for (const sim::Behavior mapping : behaviors)
    for (const sim::Behavior filtering : behaviors)
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        DiscoveryWorld world{{.nat = nat_of(mapping, filtering), .loss = loss, .seed = seed}};
        const nat::Behavior found = world.discover();
        SCOPED_TRACE(name(nat_of(mapping, filtering)) + describe(world));
        EXPECT_LE(world.took, 12s);
        ++known.runs;
        const bool vague =
            found.mapping.value == Mapping::endpoint_dependent && mapping != sim::Behavior::endpoint_independent;
        if (vague) continue;
        if (found.mapping.value != Mapping::unknown) {
          EXPECT_EQ(to_string(found.mapping.value), to_string(mapping));
          ++known.mapping;
        }
        if (found.filtering.value != Filtering::unknown) {
          EXPECT_EQ(to_string(found.filtering.value), to_string(filtering));
          ++known.filtering;
        }
      }
  return known;
}

TEST(ADiscovery, IsRarelyInDoubtAndNeverWrongWithATenthLost) {
  const Known known = run_with_loss(0.10, test::environment_or("ICE_DISCOVERY_SEEDS", 10));
  EXPECT_GE(known.mapping * 10, known.runs * 8);
  EXPECT_GE(known.filtering * 10, known.runs * 8);
}

TEST(ADiscovery, IsNeverWrongWithThreeTenthsLost) {
  const Known known = run_with_loss(0.30, test::environment_or("ICE_DISCOVERY_SEEDS", 10));
  EXPECT_GT(known.mapping, 0u);
}

TEST(ADiscovery, IsNeverWrongWhenThePathIsDeadForAWhile) {
  unsigned known = 0;
  unsigned runs = 0;
  for (const sim::Behavior mapping : behaviors)
    for (const sim::Behavior filtering : behaviors)
      for (const Duration length : {500ms, 2000ms, 4000ms})
        for (Duration from = 0ms; from < 6s; from += 250ms) {
          DiscoveryWorld world{{.nat = nat_of(mapping, filtering)}};
          sim::Link& link = world.client_host.interfaces().front()->link();
          world.network.schedule(TimePoint{from}, [&] { link.egress.up = link.ingress.up = false; });
          world.network.schedule(TimePoint{from + length}, [&] { link.egress.up = link.ingress.up = true; });
          const nat::Behavior found = world.discover();
          SCOPED_TRACE(name(nat_of(mapping, filtering)) + describe(world));
          ++runs;
          if (found.mapping.value != Mapping::unknown && found.mapping.value != Mapping::endpoint_dependent) {
            EXPECT_EQ(to_string(found.mapping.value), to_string(mapping));
          }
          if (found.filtering.value == Filtering::unknown) continue;
          EXPECT_EQ(to_string(found.filtering.value), to_string(filtering));
          ++known;
        }
  EXPECT_GE(known * 10, runs * 7);
}

}  // namespace
}  // namespace ice::nat
