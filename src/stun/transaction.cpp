#include "ice/stun/transaction.hpp"

#include <algorithm>
#include <cassert>

namespace ice::stun {

static_assert(sizeof(Transaction) <= 56, "an agent holds hundreds of these");

Transaction::Transaction(const TransactionId& id, const RetransmissionSchedule& schedule) noexcept
    : rto_{schedule.rto},
      id_{id},
      rc_{schedule.rc},
      rm_{schedule.rm},
      reliable_transport_{schedule.reliable_transport} {
  assert(schedule.rto > Duration::zero());
  assert(schedule.rc >= 1 && schedule.rc <= RetransmissionSchedule::most_rc);
  assert(schedule.rm >= 1);
}

void Transaction::transmitted(TimePoint now) noexcept {
  assert(in_progress_ && transmit_due_);
  transmit_due_ = false;
  if (transmissions_ == 0) first_sent_ = now;
  last_sent_ = now;
  ++transmissions_;
  // RFC 8489 §6.2.1: the interval doubles after each retransmission; after the last request it is Rm times RTO.
  const std::int64_t factor = transmissions_ < rc_ ? std::int64_t{1} << (transmissions_ - 1) : rm_;
  deadline_ = now + factor * rto_;
}

Transaction::Step Transaction::handle_timeout(TimePoint now) noexcept {
  if (!in_progress_ || transmit_due_ || now < deadline_) return Step::wait;
  if (transmissions_ < rc_ && !cancelled_) {
    transmit_due_ = true;
    return Step::transmit;
  }
  in_progress_ = false;
  return rejected_ > 0 ? Step::integrity_violated : Step::timed_out;
}

std::optional<TimePoint> Transaction::next_timeout() const noexcept {
  if (!in_progress_ || transmit_due_) return std::nullopt;
  return deadline_;
}

void Transaction::finish() noexcept {
  in_progress_ = false;
  transmit_due_ = false;
}

void Transaction::cancel() noexcept {
  if (!in_progress_ || cancelled_) return;
  if (transmissions_ == 0) return finish();
  cancelled_ = true;
  transmit_due_ = false;
  // What remains of the schedule as it would have run: the intervals not yet slept, and the last wait.
  const std::int64_t slept = (std::int64_t{1} << (transmissions_ - 1)) - 1;
  const std::int64_t whole = (std::int64_t{1} << (rc_ - 1)) - 1;
  deadline_ = last_sent_ + (whole - slept + rm_) * rto_;
}

Transaction::Step Transaction::reject_response() noexcept {
  if (!in_progress_) return Step::wait;
  if (rejected_ < UINT8_MAX) ++rejected_;
  if (!reliable_transport_) return Step::wait;
  finish();
  return Step::integrity_violated;
}

std::optional<Duration> Transaction::round_trip(TimePoint now, std::uint8_t echoed_req) const noexcept {
  if (transmissions_ == 0 || echoed_req > transmissions_) return std::nullopt;
  if (transmissions_ == 1 || echoed_req == 1) return now - first_sent_;
  if (echoed_req == transmissions_) return now - last_sent_;
  return std::nullopt;
}

void RtoEstimate::sample(TimePoint now, Duration round_trip) noexcept {
  round_trip = std::max(round_trip, Duration::zero());
  if (!known_ || now - last_sample_ > lifetime) {
    srtt_ = round_trip;  // RFC 6298 §2.2
    rttvar_ = round_trip / 2;
  } else {
    // RFC 6298 §2.3, alpha 1/8 and beta 1/4; RTTVAR first, it uses the old SRTT.
    rttvar_ = (3 * rttvar_ + std::chrono::abs(srtt_ - round_trip)) / 4;
    srtt_ = (7 * srtt_ + round_trip) / 8;
  }
  known_ = true;
  last_sample_ = now;
}

Duration RtoEstimate::rto(TimePoint now, Duration least) const noexcept {
  if (!known_ || now - last_sample_ > lifetime) return least;
  return std::clamp(srtt_ + 4 * rttvar_, least, std::max(least, longest));
}

std::optional<Duration> RtoEstimate::smoothed_round_trip() const noexcept {
  if (!known_) return std::nullopt;
  return srtt_;
}

}  // namespace ice::stun
