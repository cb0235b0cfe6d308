#pragma once

#include <optional>

#include "ice/base/time.hpp"

namespace ice {

/// Lowers `next` to `other`, if there is one: how a parent takes the smallest of its children's timeouts.
inline void earliest(std::optional<TimePoint>& next, const std::optional<TimePoint>& other) noexcept {
  if (other && (!next || *other < *next)) next = other;
}

}  // namespace ice
