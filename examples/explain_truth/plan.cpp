#include "explain_truth/plan.hpp"

#include <algorithm>
#include <chrono>

#include "ice/base/random.hpp"

namespace ice::truth {
namespace {

using namespace std::chrono_literals;

const std::vector<RootCause> before_connecting{
    RootCause::no_local_address,  RootCause::stun_unreachable,    RootCause::server_name_unresolved,
    RootCause::udp_blocked,       RootCause::description_missing, RootCause::candidates_missing,
    RootCause::wrong_credentials, RootCause::wrong_generation,    RootCause::no_common_family,
    RootCause::one_direction,     RootCause::answers_lost,        RootCause::checks_blocked,
    RootCause::symmetric_nats,    RootCause::mapping_expired};
const std::vector<RootCause> after_connecting{RootCause::consent_lost, RootCause::peer_ended, RootCause::rebinding,
                                              RootCause::interface_gone, RootCause::path_mtu};
const std::vector<RootCause> with_a_relay{RootCause::turn_unreachable,         RootCause::turn_credentials_refused,
                                          RootCause::turn_credentials_expired, RootCause::turn_refused,
                                          RootCause::server_name_unresolved,   RootCause::description_missing,
                                          RootCause::wrong_credentials,        RootCause::wrong_generation,
                                          RootCause::candidates_missing,       RootCause::relay_lost};

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_{seed} {}

  bool chance(unsigned percent) { return random_.below(100) < percent; }
  Duration between(Duration least, Duration most) {
    const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + Duration{static_cast<Duration::rep>(random_.below(span))};
  }
  template <class T>
  T one_of(const std::vector<T>& all) {
    return all[random_.below(all.size())];
  }

  sim::NatConfig cone() {
    sim::NatConfig nat =
        one_of<sim::NatConfig>({sim::NatConfig::full_cone(), sim::NatConfig::restricted_cone(),
                                sim::NatConfig::port_restricted_cone(), sim::NatConfig::port_restricted_cone()});
    nat.ports = chance(50) ? sim::PortAllocation::random : sim::PortAllocation::preserving;
    nat.refresh = chance(50) ? sim::Refresh::both : sim::Refresh::outbound;
    return nat;
  }

 private:
  SeededRandom random_;
};

/// Causes that do the same thing, one more thoroughly than the other.
const std::vector<std::vector<RootCause>> one_of_a_kind{
    {RootCause::one_direction, RootCause::answers_lost, RootCause::checks_blocked},
    {RootCause::wrong_credentials, RootCause::wrong_generation},
    {RootCause::turn_credentials_refused, RootCause::turn_credentials_expired, RootCause::turn_refused}};

bool of_a_kind(RootCause a, RootCause b) {
  return std::any_of(one_of_a_kind.begin(), one_of_a_kind.end(), [&](const std::vector<RootCause>& kind) {
    return std::find(kind.begin(), kind.end(), a) != kind.end() && std::find(kind.begin(), kind.end(), b) != kind.end();
  });
}

/// Two faults can both be seen where neither keeps the other from happening at all.
bool go_together(RootCause a, RootCause b) {
  if (a == b || of_a_kind(a, b)) return false;
  const bool late_a = strikes_late(a);
  const bool late_b = strikes_late(b);
  if (late_a != late_b) return false;
  return !late_a || a == RootCause::path_mtu || b == RootCause::path_mtu;
}

Shape draw_shape(Draw& draw) {
  if (draw.chance(4)) return Shape::nested;
  if (draw.chance(4)) return Shape::choice;
  return draw.chance(30) ? Shape::relayed : Shape::direct;
}

}  // namespace

bool strikes_late(RootCause cause) noexcept {
  return cause == RootCause::relay_lost ||
         std::find(after_connecting.begin(), after_connecting.end(), cause) != after_connecting.end();
}

std::vector<RootCause> causes_of(Shape shape) {
  switch (shape) {
    case Shape::direct: {
      std::vector<RootCause> all = before_connecting;
      all.insert(all.end(), after_connecting.begin(), after_connecting.end());
      return all;
    }
    case Shape::relayed:
      return with_a_relay;
    case Shape::choice:
      return {RootCause::relay_by_policy};
    case Shape::nested:
      return {RootCause::hairpin_missing};
  }
  return {};
}

Plan draw(std::uint64_t seed) {
  Draw draw{seed};
  Plan plan;
  plan.seed = seed;
  plan.shape = draw_shape(draw);
  for (int side : {0, 1}) {
    const auto i = static_cast<std::size_t>(side);
    plan.nats[i] = plan.shape == Shape::relayed ? sim::NatConfig::symmetric() : draw.cone();
    plan.latency[i] = draw.between(2ms, 60ms);
  }
  if (plan.shape == Shape::direct && draw.chance(3)) {  // one that takes any port meets one that takes a new one
    const std::size_t which = draw.chance(50) ? 0 : 1;
    plan.nats[which] = draw.chance(50) ? sim::NatConfig::full_cone() : sim::NatConfig::restricted_cone();
    plan.nats[1 - which] = sim::NatConfig::symmetric();
  }
  plan.signalling = draw.between(10ms, 300ms);
  plan.ringing = draw.chance(30) ? draw.between(1s, 20s) : Duration{};
  plan.relay = draw.chance(70) ? Transport::udp : Transport::tcp;
  if (draw.chance(10)) return plan;
  const std::vector<RootCause> causes = causes_of(plan.shape);
  const auto fault = [&](RootCause cause) { return Fault{cause, draw.chance(50) ? 0 : 1, draw.chance(50)}; };
  plan.faults.push_back(fault(draw.one_of(causes)));
  std::vector<RootCause> more;
  for (const RootCause each : causes)
    if (go_together(plan.faults[0].cause, each)) more.push_back(each);
  if (!more.empty() && draw.chance(33)) plan.faults.push_back(fault(draw.one_of(more)));
  return plan;
}

}  // namespace ice::truth
