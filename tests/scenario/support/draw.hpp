#pragma once

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "scenario/support/call.hpp"

namespace ice::test {

/// What a scenario can be made of, drawn from its seed alone.
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

  SideConfig side(double loss) {
    SideConfig side;
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

/// Where a call stands, for a test that failed.
inline std::string describe(Call& call) {
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

}  // namespace ice::test
