#pragma once

#include <algorithm>
#include <cstddef>

#include "ice/base/time.hpp"
#include "ice/stun/transaction.hpp"

namespace ice {

/// Ours: RFC 8445 §14.3 lets the RTO grow with all that there is to do, and a transaction takes 79 of them, so that a
/// long list or a slow peer would be waited on for minutes to hours. At this one a transaction ends after 158 s.
inline constexpr Duration longest_rto = std::chrono::seconds{2};

/// RFC 8445 §14.3: MAX (500 ms, Ta times the number of `transactions` that go on side by side), within our bound. The
/// RFC has N times this for checks, which keeps the rate of retransmissions below one in Ta by a wide margin and makes
/// a lost packet cost seconds.
inline Duration rto_for(Duration interval, std::size_t transactions) noexcept {
  return std::clamp(interval * static_cast<Duration::rep>(transactions), stun::RetransmissionSchedule::default_rto,
                    longest_rto);
}

}  // namespace ice
