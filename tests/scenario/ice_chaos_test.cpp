// Random networks: whatever happens to the packets, both agents come to an end, and to the same one; where there is a
// way they find it, and where there is none they do not say that there is.

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <vector>

#include "scenario/support/call.hpp"
#include "scenario/support/oracle.hpp"
#include "scenario/support/seeds.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::Call;
using test::Oracle;

// What a scenario can be made of, drawn from its seed alone.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_{seed} {}

  bool chance(unsigned percent) { return random_.below(100) < percent; }
  Duration upto(Duration most) {
    return Duration{static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(most.count()) + 1))};
  }
  double fraction(double most) { return most * static_cast<double>(random_.below(10'001)) / 10'000; }
  template <class E>
  E one_of(E last) {
    return static_cast<E>(random_.below(static_cast<std::uint64_t>(last) + 1));
  }

  sim::NatConfig nat() {
    if (chance(4)) return sim::NatConfig::udp_blocked();
    if (chance(4)) return sim::NatConfig::firewall();
    sim::NatConfig nat;
    nat.mapping = one_of(sim::Behavior::address_and_port_dependent);
    nat.filtering = one_of(sim::Behavior::address_and_port_dependent);
    nat.ports = one_of(sim::PortAllocation::random);
    nat.hairpinning = one_of(sim::Hairpinning::internal_source);
    nat.refresh = one_of(sim::Refresh::both);
    nat.new_port_after_expiry = chance(50);
    nat.udp_lifetime = chance(50) ? sim::NatConfig::short_udp_lifetime : sim::NatConfig::rfc4787_udp_lifetime;
    return nat;
  }

  sim::LinkProfile link(double loss) {
    sim::LinkProfile link;
    link.latency = 1ms + upto(100ms);
    link.jitter = upto(50ms);
    link.loss = loss;
    link.reordering = fraction(0.1);
    link.duplication = fraction(0.05);
    return link;
  }

  test::SideConfig side(double loss) {
    test::SideConfig side;
    if (chance(90)) side.nat = nat();
    if (side.nat && chance(10)) side.outer = nat();
    side.link = {link(loss), link(loss)};
    side.ipv6 = chance(15);
    side.use_stun = chance(95);
    return side;
  }

  Call::Config call(std::uint64_t seed) {
    Call::Config call;
    call.seed = seed;
    // Of the packets that go one way this many are lost; each passes two links.
    loss_ = chance(50) ? fraction(0.05) : fraction(0.20);
    const double link_loss = 1 - std::sqrt(1 - loss_);
    call.caller = side(link_loss);
    call.callee = side(link_loss);
    call.same_nat = call.caller.nat && chance(10);
    call.signalling = 5ms + upto(500ms);
    if (chance(30)) call.ringing = upto(60s);
    if (chance(10)) call.same_role = one_of(Role::controlled);
    return call;
  }

  /// Who restarts, and how long after the one before; often nobody.
  struct Restart {
    Duration after;
    int side;
  };
  std::vector<Restart> restarts() {
    std::vector<Restart> all;
    while (all.size() < 3 && chance(20)) all.push_back({chance(50) ? upto(2s) : upto(60s), chance(50) ? 0 : 1});
    return all;
  }
  double loss() const { return loss_; }

 private:
  SeededRandom random_;
  double loss_ = 0;
};

std::string describe(Call& call) {
  std::ostringstream text;
  for (int side : {0, 1}) {
    const ConnectivityReport report = call.agent(side).report();
    text << "\n  side " << side << ": " << to_string(report.state) << " (" << to_string(report.cause) << ")";
    for (const PairReport& pair : report.pairs)
      text << "\n    " << pair.base.to_string() << " -> " << pair.remote.to_string() << ' ' << to_string(pair.state)
           << ' ' << to_string(pair.cause) << (pair.selected ? " selected" : "") << ", sent " << pair.requests_sent
           << ", heard " << pair.responses_heard << ", asked " << pair.requests_heard;
  }
  return text.str();
}

// ICE_CHAOS_SEEDS runs more of them, ICE_CHAOS_FIRST begins elsewhere: one failing seed alone is FIRST=N SEEDS=1.
TEST(Chaos, EverySeedEndsTheSameAtBothSidesAndConnectsWhereThereIsAWay) {
  const std::uint64_t first = test::environment_or("ICE_CHAOS_FIRST", 1);
  const std::uint64_t seeds = test::environment_or("ICE_CHAOS_SEEDS", 1000);
  std::array<std::array<unsigned, 3>, 3> cells{};
  unsigned connected = 0;
  unsigned with_path = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Draw draw{seed};
    const Call::Config config = draw.call(seed);
    const auto restarts = draw.restarts();
    SCOPED_TRACE("seed " + std::to_string(seed) + ", loss " + std::to_string(draw.loss()));
    for (const test::SideConfig* side : {&config.caller, &config.callee})
      if (side->nat)
        ++cells[static_cast<std::size_t>(side->nat->mapping)][static_cast<std::size_t>(side->nat->filtering)];

    Call call{config};
    call.start();
    for (const Draw::Restart& restart : restarts) {
      call.network.run_for(restart.after);
      if (restart.side == 0 || call.picked_up()) call.restart(restart.side);
    }
    // Ringing, gathering, patience, and a check that begins at its end.
    ASSERT_TRUE(call.run_until_final(60s + 3 * 40s + 60s)) << describe(call);
    // Where one side has ended, the other's consent expires: 30 s, and at most 6 s between requests (RFC 7675 §5.1).
    call.run_until_quiet(36s);
    const bool a = call.agent(0).state() == AgentState::connected;
    const bool b = call.agent(1).state() == AgentState::connected;
    EXPECT_EQ(a, b) << describe(call);
    if (a && b) {
      EXPECT_TRUE(call.same_pair()) << describe(call);
      EXPECT_TRUE(call.send(0, "are you there?"));
    }
    const bool path = Oracle::has_path(config, seed);
    with_path += path;
    connected += a && b;
    if (path && draw.loss() <= 0.05) {
      EXPECT_TRUE(a && b) << "there is a way" << describe(call);
    } else if (!path) {
      EXPECT_FALSE(a || b) << "there is no way" << describe(call);
    }
    if (HasNonfatalFailure()) break;  // one is enough to look at
  }
  std::cout << seeds << " seeds, " << with_path << " with a path, " << connected
            << " connected; mapping x filtering:\n";
  for (const auto& row : cells) {
    for (const unsigned cell : row) {
      std::cout << std::setw(6) << cell;
      if (seeds >= 1000) {
        EXPECT_GE(cell, 20U);
      }
    }
    std::cout << '\n';
  }
}

}  // namespace
}  // namespace ice
