#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "ice/base/datagram.hpp"
#include "ice/base/random.hpp"
#include "ice/checklist.hpp"
#include "ice/session.hpp"
#include "ice/stun/message.hpp"
#include "ice/stun/transaction_id.hpp"

namespace ice {

/// Keeps the peer's consent to receive on the selected pair (RFC 7675 §5.1), or, where the application wants no
/// consent, only the NAT mappings (RFC 8445 §11).
class Consent {
 public:
  static constexpr Duration lifetime = std::chrono::seconds{30};       // RFC 7675 §5.1
  static constexpr Duration shortest = std::chrono::seconds{4};        // RFC 7675 §5.1: 0.8 times 5 s
  static constexpr Duration longest = std::chrono::seconds{6};         // RFC 7675 §5.1: 1.2 times 5 s
  static constexpr std::size_t outstanding = lifetime / shortest + 1;  // requests whose answer would still count

  Consent(Checklist& checklist, const Session& session, RandomSource& random, bool enabled) noexcept;

  /// The pair is selected, and its last check was answered at `heard`: consent runs from there.
  void start(TimePoint now, PairIndex pair, TimePoint heard);
  void stop() noexcept { pair_.reset(); }

  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<TimePoint> next_timeout() const noexcept;
  /// False once consent has expired; then it has stopped.
  [[nodiscard]] bool handle_timeout(TimePoint now);

  enum class Answer : std::uint8_t {
    not_ours,
    refreshed,
    ignored,  // authentic, and no consent: an error, or from elsewhere
    unauthenticated,
    revoked,
  };
  Answer handle_response(TimePoint now, const stun::Message& response, const Datagram& datagram);

  /// A packet has left on the pair, so its mapping is fresh.
  void sent(TimePoint now) noexcept { last_sent_ = now; }
  /// True while data may be sent on the pair.
  bool given(TimePoint now) const noexcept { return pair_ && (!enabled_ || now < expires_); }
  std::optional<TimePoint> refreshed() const noexcept { return refreshed_; }

 private:
  struct Request {
    stun::TransactionId id;
    bool open = false;
  };
  Duration interval();

  Checklist& checklist_;
  const Session& session_;
  RandomSource& random_;
  bool enabled_;
  bool due_ = false;
  std::optional<PairIndex> pair_;
  std::optional<TimePoint> refreshed_;
  TimePoint expires_{};
  TimePoint next_{};
  TimePoint last_sent_{};
  std::array<Request, outstanding> requests_{};
  std::size_t next_request_ = 0;
};

}  // namespace ice
