// Random networks with a relay that everybody can reach: servers die and come back, or are elsewhere by the word of
// DNS, credentials expire, either side restarts, and an application that does what it is told to is never stranded.

#include <gtest/gtest.h>

#include <iostream>

#include "scenario/support/draw.hpp"
#include "scenario/support/seeds.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::Call;
using test::Draw;

stun::Login expiring_login(std::chrono::seconds until) {
  return *turn::make_shared_secret_login(Call::relay_secret, "id", test::TurnServerProcess::unix_time_at_start + until);
}

struct Outage {
  Duration after;
  Duration lasts;
};

struct Plan {
  Call::Config call;
  std::vector<Draw::Restart> restarts;
  std::vector<Outage> outages;
  bool expires = false;
  bool by_word = false;     // the application restarts once where it is told to, and does not look at the clock
  Duration dns{};           // what an answer of DNS takes
  bool dns_dies = false;    // with the server
  bool elsewhere = false;   // there are two servers of the name, and DNS tells of them by turns
  bool late_login = false;  // new credentials come after the restart, not before it
};

Plan plan_of(std::uint64_t seed, Draw& draw) {
  Plan plan;
  plan.call = draw.call(seed);
  plan.restarts = draw.restarts();
  plan.call.relays = draw.chance(50) ? std::vector{Transport::udp, Transport::tcp} : std::vector{Transport::tcp};
  for (test::SideConfig* side : {&plan.call.caller, &plan.call.callee})
    if (draw.chance(20)) side->agent.policy = CandidatePolicy::relay_only;
  while (plan.outages.size() < 2 && draw.chance(40)) plan.outages.push_back({draw.upto(90s), draw.upto(40s)});
  plan.expires = draw.chance(30);
  if (plan.expires) {
    const auto until = std::chrono::duration_cast<std::chrono::seconds>(draw.upto(100s));
    for (test::SideConfig* side : {&plan.call.caller, &plan.call.callee}) side->relay_login = expiring_login(until);
  }
  plan.by_word = draw.chance(50);
  plan.late_login = draw.chance(50);
  if (draw.chance(50)) {
    plan.call.named_relays = true;
    plan.dns = draw.upto(4s);
    plan.dns_dies = draw.chance(50);
    plan.elsewhere = draw.chance(30);
  }
  return plan;
}

/// The servers of the call's relay name, and DNS.
class Servers {
 public:
  Servers(Call& call, const Plan& plan) : call_{call}, plan_{plan} {
    call.dns.takes = plan.dns;
    if (!plan.elsewhere) return;
    other_.emplace(call.network, test::endpoint("198.51.100.10:3478"), test::endpoint("[2001:db8:ffff::10]:3478"));
    other_->secrets = call.turn->secrets;
    other_->start();
  }
  void die() {
    call_.turn->die();
    if (other_) other_->die();
    dead_ = true;
    turn_dns();
  }
  void start() {
    call_.turn->start();
    if (other_) other_->start();
    dead_ = false;
    turn_dns();
  }
  /// Whoever asks now is told of the other server.
  void turn_dns() {
    first_ = !first_;
    const auto& at = other_ && !first_ ? other_->local : call_.turn->local;
    call_.dns.addresses.assign(at.begin(), at.end());
    if (dead_ && plan_.dns_dies) call_.dns.addresses.clear();
  }

 private:
  Call& call_;
  const Plan& plan_;
  std::optional<test::TurnServerProcess> other_{};
  bool first_ = false;
  bool dead_ = false;
};

/// An application: it gets new credentials and restarts when it is told that only that helps, once each time, or it
/// looks every few seconds.
class Application {
 public:
  Application(Call& call, Servers& servers, const Plan& plan) : call_{call}, servers_{servers}, plan_{plan} {}

  void run_for(Duration time) {
    for (const TimePoint end = call_.network.now() + time; call_.network.now() < end;) {
      call_.network.run_for(std::min<Duration>(500ms, end - call_.network.now()));
      servers_.turn_dns();
      for (const int side : {0, 1}) {
        static_cast<void>(call_.send(side, "text"));
        if (plan_.by_word ? is_told(side) : sees(side)) restart(side);
      }
    }
  }
  void restart(int side) {
    if (side == 1 && !call_.picked_up()) return;
    const TimePoint now = call_.network.now();
    if (!plan_.by_word && now < next_[index(side)]) return;
    // Long enough for an answer, shorter at one side, so that they do not always meet.
    next_[index(side)] = now + (side == 0 ? 7s : 11s);
    told_[index(side)] = false;
    if (!plan_.late_login) replace_credentials();
    call_.restart(side);
    if (plan_.late_login) replace_credentials();
  }

 private:
  static std::size_t index(int side) { return static_cast<std::size_t>(side); }
  bool sees(int side) {
    const AgentState state = call_.agent(side).state();
    return state == AgentState::failed || state == AgentState::disconnected;
  }
  /// The last word counts: the peer may have restarted meanwhile.
  bool is_told(int side) {
    const auto& events = call_[side].events;
    for (std::size_t& i = heard_[index(side)]; i < events.size(); ++i) {
      const auto* changed = std::get_if<StateChanged>(&events[i]);
      if (std::holds_alternative<RestartNeeded>(events[i]) || (changed && changed->state == AgentState::failed))
        told_[index(side)] = true;
      if (std::holds_alternative<Restarted>(events[i])) told_[index(side)] = false;
    }
    return told_[index(side)];
  }
  void replace_credentials() {
    if (!plan_.expires) return;
    for (const int one : {0, 1}) call_.replace_credentials(one, expiring_login(call_.turn->since_start() + 120s));
  }

  Call& call_;
  Servers& servers_;
  const Plan& plan_;
  std::array<TimePoint, 2> next_{};
  std::array<std::size_t, 2> heard_{};
  std::array<bool, 2> told_{};
};

// ICE_CHAOS_SEEDS and ICE_CHAOS_FIRST as in the other chaos test.
TEST(RelayChaos, WhoeverCanReachARelayIsNeverStranded) {
  const std::uint64_t first = test::environment_or("ICE_CHAOS_FIRST", 1);
  const std::uint64_t seeds = test::environment_or("ICE_CHAOS_SEEDS", 2000);
  unsigned connected = 0;
  unsigned relayed = 0;
  unsigned restarted = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Draw draw{seed};
    const Plan plan = plan_of(seed, draw);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", loss " + std::to_string(draw.loss()));
    Call call{plan.call};
    Servers servers{call, plan};
    Application application{call, servers, plan};
    call.start();
    application.run_for(5s);
    for (const Draw::Restart& restart : plan.restarts) {
      application.run_for(restart.after);
      application.restart(restart.side);
    }
    for (const Outage& outage : plan.outages) {
      application.run_for(outage.after);
      servers.die();
      application.run_for(outage.lasts);
      servers.start();
    }
    application.run_for(plan.call.ringing + 150s);
    const bool a = call.agent(0).state() == AgentState::connected;
    const bool b = call.agent(1).state() == AgentState::connected;
    if (draw.loss() <= 0.05) {
      EXPECT_TRUE(a && b && call.same_pair()) << describe(call);
    }
    connected += a && b;
    restarted += call.agent(0).report().restarts > 0;
    if (const auto pair = call.selected(0); a && b && pair)
      relayed += pair->local_type == CandidateType::relayed || pair->remote_type == CandidateType::relayed;
    if (HasNonfatalFailure()) break;  // one is enough to look at
  }
  std::cout << seeds << " seeds, " << connected << " connected, " << relayed << " by relay, " << restarted
            << " after a restart\n";
  if (seeds >= 400) {
    EXPECT_GE(relayed, seeds / 5);
    EXPECT_GE(restarted, seeds / 5);
  }
}

}  // namespace
}  // namespace ice
