#pragma once

#include <chrono>

#include "ice/base/time.hpp"

namespace ice::io {

/// What std::chrono::steady_clock says, as the machines count it. The only clock of this library.
inline TimePoint now() noexcept {
  return TimePoint{std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

/// The moment on std::chrono::steady_clock, for an Asio timer.
inline std::chrono::steady_clock::time_point to_steady(TimePoint at) noexcept {
  return std::chrono::steady_clock::time_point{
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(at.time_since_epoch())};
}

}  // namespace ice::io
