#pragma once

#include <chrono>
#include <cstdint>

namespace ice {

/// The clock of every machine: a steady count of nanoseconds from an origin that the driver chose. It has no now():
/// time is an argument, so that a test or the simulator can make it up. On the io floor the origin is the one of
/// std::chrono::steady_clock, in the simulator it is the start of the run.
struct Clock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;
};

using Duration = Clock::duration;
using TimePoint = Clock::time_point;

}  // namespace ice
