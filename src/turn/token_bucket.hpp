#pragma once

#include <algorithm>
#include <cstdint>

#include "ice/base/time.hpp"

namespace ice::turn {

/// So much at once, and so much a second after that. It counts in nanoseconds of waiting, so that it needs one number
/// and no rounding piles up: `full_at` is when the bucket will be full again.
class TokenBucket {
 public:
  struct Rate {
    std::uint64_t per_second = 1;  ///< at least 1
    Duration depth{};              ///< how long it takes to fill

    Duration cost(std::uint64_t tokens) const noexcept {
      return Duration{static_cast<Duration::rep>(tokens * 1'000'000'000 / per_second)};
    }
  };
  static Rate rate(std::uint32_t at_once, std::uint64_t per_second) noexcept {
    Rate rate{std::max<std::uint64_t>(per_second, 1)};
    rate.depth = rate.cost(at_once);
    return rate;
  }

  /// What a second brings may come at once.
  static Rate rate(std::uint64_t per_second) noexcept {
    return {std::max<std::uint64_t>(per_second, 1), std::chrono::seconds{1}};
  }

  /// True if there were so many; they are gone then.
  bool spend(TimePoint now, const Rate& rate, std::uint64_t tokens = 1) noexcept {
    const TimePoint full_at = std::max(full_at_, now) + rate.cost(tokens);
    if (full_at > now + rate.depth) return false;
    full_at_ = full_at;
    return true;
  }
  /// Takes them whether they are there or not. When no more than there were will have been taken.
  TimePoint charge(TimePoint now, const Rate& rate, std::uint64_t tokens) noexcept {
    full_at_ = std::max(full_at_, now) + rate.cost(tokens);
    return full_at_ - rate.depth;
  }
  bool empty(TimePoint now, const Rate& rate) const noexcept {
    return std::max(full_at_, now) + rate.cost(1) > now + rate.depth;
  }
  TimePoint full_at() const noexcept { return full_at_; }

 private:
  TimePoint full_at_{TimePoint::min()};
};

}  // namespace ice::turn
