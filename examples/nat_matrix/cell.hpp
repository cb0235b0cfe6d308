#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ice/report.hpp"
#include "ice/sim/nat.hpp"

namespace ice::matrix {

/// Whether the agents are offered a relay, and how they reach it.
enum class Relay : std::uint8_t { none, udp, tcp };

/// A kind of NAT under its name.
struct NatKind {
  std::string name;
  std::optional<sim::NatConfig> nat{};  ///< none: on the internet itself
};

/// "open", "full cone", "restricted cone", "port restricted cone", "symmetric" (RFC 3489 §5); and, where a relay can be
/// reached over TCP, "udp blocked", from which nothing else leads out.
std::vector<NatKind> classic_kinds(Relay relay = Relay::none);

/// Mapping × filtering of RFC 4787, named "endpoint-independent/address-dependent" and so on, mapping first.
std::vector<NatKind> grid_kinds();

/// What two agents came to.
struct Cell {
  struct Side {
    std::optional<CandidateType> type{};  ///< of the local candidate in the selected pair
    ConnectivityReport report;
    std::uint64_t turned_away = 0;  ///< packets of the other side that its NAT did not let in
  };
  std::string a;
  std::string b;
  bool connected = false;  ///< at both ends
  bool ended = false;      ///< both agents reached a final state
  Duration took{};         ///< from the call until then
  std::array<Side, 2> sides{};
};

/// Lets an agent behind `a` call one behind `b` in a simulated internet with one server, of STUN and of TURN where a
/// relay is offered. What happens follows from the seed alone.
Cell run_cell(const NatKind& a, const NatKind& b, std::uint64_t seed, Relay relay = Relay::none);

}  // namespace ice::matrix
