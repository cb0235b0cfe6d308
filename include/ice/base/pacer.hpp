#pragma once

#include <algorithm>

#include "ice/base/export.hpp"
#include "ice/base/time.hpp"

namespace ice {

/// Hands out the moments at which a host may begin a STUN transaction (RFC 8445 §14.2). The limit is one for the
/// host, so agents share a pacer: the agents of a driver one, several drivers one each with a part of the budget.
/// It paces new transactions in gathering and in connectivity checks; retransmissions, consent and refreshes go
/// beside it.
class ICE_API Pacer {
 public:
  /// The next free moment at or after `now`, which is then taken. The slot after this one, whoever asks for
  /// it, comes no earlier than `interval` later: the host's share (RFC 8445 §14.2), not what a peer wants, which slows
  /// its own session alone. Zero turns pacing off.
  /// A slot that is not used is lost, so reserve one at a time and only when there is something to begin.
  TimePoint reserve(TimePoint now, Duration interval) noexcept {
    const TimePoint slot = std::max(now, next_free_);
    next_free_ = slot + interval;
    return slot;
  }

 private:
  TimePoint next_free_ = TimePoint::min();
};

}  // namespace ice
