#pragma once

#include <chrono>
#include <optional>

#include "ice/base/time.hpp"

namespace ice::turn {

/// What Unix time it is, as far as somebody has told.
class UnixClock {
 public:
  void set(TimePoint now, std::chrono::seconds since_1970) noexcept {
    at_origin_ = since_1970 - now.time_since_epoch();
  }

  /// None before the first set().
  std::optional<std::chrono::nanoseconds> at(TimePoint now) const noexcept {
    if (!at_origin_) return std::nullopt;
    return now.time_since_epoch() + *at_origin_;
  }

 private:
  std::optional<std::chrono::nanoseconds> at_origin_;
};

}  // namespace ice::turn
