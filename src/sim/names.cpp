#include <array>

#include "ice/sim/counters.hpp"
#include "ice/sim/nat.hpp"

namespace ice::sim {

std::string_view to_string(Drop cause) noexcept {
  static constexpr std::array<std::string_view, drop_causes> names{
      "loss",       "link-down",       "too-big",  "no-route", "hops",    "host-dead",  "port-closed",
      "no-mapping", "mapping-expired", "filtered", "hairpin",  "blocked", "no-external"};
  return names[static_cast<std::size_t>(cause)];
}

std::string_view to_string(Behavior behavior) noexcept {
  switch (behavior) {
    case Behavior::endpoint_independent:
      return "endpoint-independent";
    case Behavior::address_dependent:
      return "address-dependent";
    case Behavior::address_and_port_dependent:
      return "address-and-port-dependent";
  }
  return {};
}

}  // namespace ice::sim
