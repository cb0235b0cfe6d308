#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ice/base/time.hpp"
#include "ice/explain.hpp"
#include "ice/sim/nat.hpp"

namespace ice::truth {

/// What a scenario is built on. Without a fault each of them connects.
enum class Shape : std::uint8_t {
  direct,   ///< two NATs that can be traversed, and no relay
  relayed,  ///< two that cannot, and a TURN server
  choice,   ///< two that can, and a TURN server
  nested,   ///< two NATs behind one that turns packets around
};

/// Something that goes wrong, at one side where it is a matter of sides.
struct Fault {
  RootCause cause{};
  int side = 0;
  bool variant = false;  ///< most can happen in two ways
};

/// A scenario: what follows from a seed, before anything is tried.
struct Plan {
  std::uint64_t seed = 0;
  Shape shape = Shape::direct;
  std::array<sim::NatConfig, 2> nats{};
  std::array<Duration, 2> latency{};
  Duration signalling{};
  Duration ringing{};
  Transport relay = Transport::udp;
  std::vector<Fault> faults{};  ///< none, one or two
};

/// The causes that can be staged in a shape.
std::vector<RootCause> causes_of(Shape shape);

/// Those that strike a connection that is there.
bool strikes_late(RootCause cause) noexcept;

/// Draws a scenario. One in ten is healthy, and of the others one in three has two faults.
Plan draw(std::uint64_t seed);

}  // namespace ice::truth
