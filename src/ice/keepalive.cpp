#include "ice/keepalive.hpp"

#include "ice/stun/builder.hpp"

namespace ice {

std::optional<Bytes> write_keepalive(MutableBytes scratch, RandomSource& random) noexcept {
  stun::Builder builder{scratch, stun::Method::binding, stun::Class::indication, stun::TransactionId::random(random)};
  const auto written = builder.fingerprint().finish();
  if (!written) return std::nullopt;
  return *written;
}

void Keepalive::sent(TimePoint now, PairIndex pair) noexcept {
  pair_ = pair;
  last_sent_ = now;
  due_ = false;
}

std::optional<TimePoint> Keepalive::next_timeout() const noexcept {
  if (!pair_ || due_) return std::nullopt;
  return last_sent_ + interval;
}

void Keepalive::handle_timeout(TimePoint now, std::optional<PairIndex> open) noexcept {
  if (!pair_ || now - last_sent_ < interval) return;
  if (pair_ == open)
    due_ = true;
  else
    stop();
}

std::optional<Transmit> Keepalive::poll_transmit(TimePoint now, MutableBytes scratch) noexcept {
  if (!pair_ || !due_) return std::nullopt;
  due_ = false;
  last_sent_ = now;
  const auto written = write_keepalive(scratch, random_);
  if (!written) return std::nullopt;
  const Pair& pair = checklist_[*pair_];
  return Transmit{checklist_.base_of(pair).socket, checklist_.destination(pair), *written, {}, 0, {}};
}

}  // namespace ice
