#include "ice/consent.hpp"

#include <algorithm>

#include "ice/checks.hpp"
#include "ice/keepalive.hpp"

namespace ice {

Consent::Consent(Checklist& checklist, const Session& session, RandomSource& random, bool enabled) noexcept
    : checklist_{checklist}, session_{session}, random_{random}, enabled_{enabled} {}

Duration Consent::interval() {
  return shortest + Duration{static_cast<Duration::rep>(
                        random_.below(static_cast<std::uint64_t>((longest - shortest).count()) + 1))};
}

void Consent::start(TimePoint now, PairIndex pair, TimePoint heard) {
  pair_ = pair;
  refreshed_ = heard;
  expires_ = heard + lifetime;
  last_sent_ = now;
  next_ = now + (enabled_ ? interval() : Keepalive::interval);
  due_ = false;
  // Answers to requests on another pair say nothing of this one.
  for (Request& request : requests_) request.open = false;
}

std::optional<TimePoint> Consent::next_timeout() const noexcept {
  if (!pair_ || due_) return std::nullopt;
  return enabled_ ? std::min(next_, expires_) : next_;
}

bool Consent::handle_timeout(TimePoint now) {
  if (!pair_) return true;
  if (enabled_ && now >= expires_) {
    stop();
    return false;
  }
  if (due_ || now < next_) return true;
  if (enabled_) {
    due_ = true;
  } else if (now - last_sent_ >= Keepalive::interval) {
    due_ = true;
  } else {
    next_ = last_sent_ + Keepalive::interval;
  }
  return true;
}

std::optional<Transmit> Consent::poll_transmit(TimePoint now, MutableBytes scratch) {
  if (!pair_ || !due_) return std::nullopt;
  due_ = false;
  next_ = now + (enabled_ ? interval() : Keepalive::interval);
  last_sent_ = now;
  Pair& pair = checklist_[*pair_];
  const Base& base = checklist_.base_of(pair);
  Transmit out{base.socket, checklist_.destination(pair), {}, {}, 0, {}};
  if (enabled_) {
    // A new transaction each time, never retransmitted (RFC 7675 §5.1).
    Request& request = requests_[next_request_];
    next_request_ = (next_request_ + 1) % requests_.size();
    request = {stun::TransactionId::random(random_), true};
    const auto written =
        write_check(scratch, session_, request.id, base.check_priority(), {session_.role, session_.tie_breaker, false});
    if (!written) return std::nullopt;
    out.head = *written;
    ++pair.requests_sent;
    pair.last_sent = now;
  } else {
    const auto written = write_keepalive(scratch, random_);
    if (!written) return std::nullopt;
    out.head = *written;
  }
  return out;
}

Consent::Answer Consent::handle_response(TimePoint now, const stun::Message& response, const Datagram& datagram) {
  const auto found = std::find_if(requests_.begin(), requests_.end(), [&](const Request& request) {
    return request.open && request.id == response.transaction_id();
  });
  if (!pair_ || found == requests_.end()) return Answer::not_ours;
  Pair& pair = checklist_[*pair_];
  const auto authentic = response.authenticate(*session_.remote);
  if (!authentic) {
    ++pair.unauthenticated;
    return Answer::unauthenticated;
  }
  found->open = false;
  ++pair.responses_heard;
  pair.last_heard = now;
  if (authentic->message_class() == stun::Class::error_response) {
    const auto error = authentic->get<stun::attr::ErrorCode>();
    if (error) pair.error_code = static_cast<std::uint16_t>(error->code);
    if (!error || error->code != stun::ErrorCode::forbidden) return Answer::ignored;
    stop();
    return Answer::revoked;
  }
  // "Received from the remote peer's transport address" (RFC 7675 §5.1).
  if (datagram.socket != checklist_.base_of(pair).socket || datagram.from != checklist_.destination(pair))
    return Answer::ignored;
  refreshed_ = now;
  expires_ = now + lifetime;
  return Answer::refreshed;
}

}  // namespace ice
