#pragma once

#include <optional>

#include "ice/base/datagram.hpp"
#include "ice/base/random.hpp"
#include "ice/base/time.hpp"
#include "ice/checklist.hpp"

namespace ice {

/// Writes a Binding indication with FINGERPRINT and nothing else (RFC 8445 §11).
std::optional<Bytes> write_keepalive(MutableBytes scratch, RandomSource& random) noexcept;

/// Keeps the NAT mappings of the pair that carries data before one is selected (RFC 8445 §11). From then on consent
/// does that.
class Keepalive {
 public:
  static constexpr Duration interval = std::chrono::seconds{15};  // RFC 8445 §11: Tr

  Keepalive(Checklist& checklist, RandomSource& random) noexcept : checklist_{checklist}, random_{random} {}

  /// Data has left on this pair.
  void sent(TimePoint now, PairIndex pair) noexcept;
  void stop() noexcept { pair_.reset(); }

  std::optional<TimePoint> next_timeout() const noexcept;
  /// `open` is the pair that data may use now. What it may not use any more is kept no longer.
  void handle_timeout(TimePoint now, std::optional<PairIndex> open) noexcept;
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch) noexcept;

 private:
  Checklist& checklist_;
  RandomSource& random_;
  std::optional<PairIndex> pair_;
  TimePoint last_sent_{};
  bool due_ = false;
};

}  // namespace ice
