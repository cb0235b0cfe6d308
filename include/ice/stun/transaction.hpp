#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "ice/base/export.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/transaction_id.hpp"

namespace ice::stun {

/// When a request is sent again, and for how long an answer is waited for. The three numbers are RFC 8489 §6.2.1's:
/// the request leaves, after RTO again, then after 2, 4, 8 ... times RTO, until it was sent Rc times; Rm times RTO
/// after the last one the transaction has failed. By default at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s, and the end
/// is at 39.5 s.
struct RetransmissionSchedule {
  static constexpr Duration default_rto = std::chrono::milliseconds{500};   ///< RFC 8489 §6.2.1
  static constexpr std::uint8_t default_rc = 7;                             ///< RFC 8489 §6.2.1
  static constexpr std::uint8_t default_rm = 16;                            ///< RFC 8489 §6.2.1
  static constexpr Duration default_ti = std::chrono::milliseconds{39500};  ///< RFC 8489 §6.2.2
  static constexpr std::uint8_t most_rc = 16;                               ///< ours: nobody waits 2^16 times RTO

  Duration rto = default_rto;       ///< more than 0
  std::uint8_t rc = default_rc;     ///< 1 to most_rc
  std::uint8_t rm = default_rm;     ///< at least 1
  bool reliable_transport = false;  ///< the request goes over TCP or TLS (RFC 8489 §6.2.2)

  /// Over UDP or DTLS. RFC 8445 §14.3 says which RTO checks and gathering use.
  static constexpr RetransmissionSchedule datagram(Duration rto = default_rto) noexcept { return {.rto = rto}; }

  /// Over TCP or TLS: sent once, failed after Ti (RFC 8489 §6.2.2).
  static constexpr RetransmissionSchedule stream(Duration ti = default_ti) noexcept {
    return {.rto = ti, .rc = 1, .rm = 1, .reliable_transport = true};
  }

  /// Sent once over a datagram socket and waited for this long, as consent wants it (RFC 7675 §5.1).
  static constexpr RetransmissionSchedule once(Duration wait) noexcept { return {.rto = wait, .rc = 1, .rm = 1}; }
};

/// One request on its way to an answer: its id and its timers, in 56 bytes, without a heap. ICE checks, gathering,
/// consent and TURN all use it alike; the packet belongs to the owner.
///
/// The fields of a request are frozen for its transaction: a retransmission is the same message (RFC 8489 §6.2.1).
/// So no packet is kept. The owner keeps the few values that the request was made of, and writes the same bytes from
/// them whenever a transmission is due; what has changed (a role, a nomination, a nonce) is a new transaction. The
/// only field that may differ is TRANSACTION_TRANSMIT_COUNTER, whose value is transmissions() + 1 (RFC 7982 §3.1).
///
///     Transaction transaction{TransactionId::random(random), RetransmissionSchedule::datagram()};
///     // poll_transmit:   if (transaction.transmit_due()) { write the request; transaction.transmitted(now); }
///     // handle_timeout:  switch (transaction.handle_timeout(now)) ...
///     // next_timeout:    transaction.next_timeout()
///     // a response with transaction.id(): verify it; good: transaction.finish(); else: reject_response()
class ICE_API Transaction {
 public:
  /// What handle_timeout found.
  enum class Step : std::uint8_t {
    wait,                ///< nothing to do yet, or not in progress
    transmit,            ///< the request is due (again): transmit_due() is true from now on
    timed_out,           ///< failed: nobody answered
    integrity_violated,  ///< failed: there were answers, and none could be verified (RFC 8489 §9.1.4, §9.2.5)
  };

  /// A transaction whose request is due at once. The schedule is checked by assertions.
  Transaction(const TransactionId& id, const RetransmissionSchedule& schedule) noexcept;

  const TransactionId& id() const noexcept { return id_; }

  /// True until it has been answered, has failed or was finished.
  bool in_progress() const noexcept { return in_progress_; }

  /// True if the request should be written at the next chance.
  bool transmit_due() const noexcept { return transmit_due_; }

  /// The request has been given out. The next interval counts from here, so that a late timer never causes a burst.
  void transmitted(TimePoint now) noexcept;

  /// Time has passed. Early and repeated calls are harmless.
  Step handle_timeout(TimePoint now) noexcept;

  /// When handle_timeout has something to say; none while a transmission is due or when it is over.
  std::optional<TimePoint> next_timeout() const noexcept;

  /// It got its answer, or the owner has lost interest. Nothing is due any more.
  void finish() noexcept;

  /// Stops sending but goes on waiting, until the moment at which the transaction would have timed out (RFC 8445
  /// §7.3.1.4: a check that a triggered check of the same pair replaces). A request never sent just ends.
  void cancel() noexcept;
  bool cancelled() const noexcept { return cancelled_; }

  /// A response with this id that could not be verified. Over datagrams it counts as never received, and only the
  /// end of the transaction tells; over a stream it ends it at once: integrity_violated (RFC 8489 §9.1.4, §9.2.5).
  Step reject_response() noexcept;

  /// How often the request was sent, and how many responses were rejected.
  std::uint8_t transmissions() const noexcept { return transmissions_; }
  std::uint8_t rejected_responses() const noexcept { return rejected_; }

  /// When it was sent first and last; meaningless before transmitted().
  TimePoint first_sent() const noexcept { return first_sent_; }
  TimePoint last_sent() const noexcept { return last_sent_; }

  /// The round trip that a response arriving now has measured. By Karn's rule (RFC 8489 §6.2.1) there is none after
  /// a retransmission, unless the response says which transmission it answers: the Req field that it echoes in
  /// TRANSACTION_TRANSMIT_COUNTER (RFC 7982 §3.3; 0 where it has none). The times of the first and the last
  /// transmission are kept, those between are not.
  std::optional<Duration> round_trip(TimePoint now, std::uint8_t echoed_req = 0) const noexcept;

 private:
  Duration rto_;
  TimePoint deadline_{};
  TimePoint first_sent_{};
  TimePoint last_sent_{};
  TransactionId id_;
  std::uint8_t rc_;
  std::uint8_t rm_;
  std::uint8_t transmissions_ = 0;
  std::uint8_t rejected_ = 0;
  bool reliable_transport_;
  bool in_progress_ = true;
  bool transmit_due_ = true;
  bool cancelled_ = false;
};

/// The RTO for the next transaction with one server, learned from those before (RFC 8489 §6.2.1, RFC 6298 §2). Servers
/// are told apart by IP address; the owner keeps one of these for each.
class ICE_API RtoEstimate {
 public:
  static constexpr Duration lifetime = std::chrono::minutes{10};  ///< stale after so long without use, RFC 8489 §6.2.1
  static constexpr Duration longest = std::chrono::seconds{60};   ///< RFC 6298 §2.5: an upper bound of at least 60 s

  /// A measured round trip, from Transaction::round_trip.
  void sample(TimePoint now, Duration round_trip) noexcept;

  /// SRTT + 4 RTTVAR, never below `least` nor above `longest`; `least` while nothing (recent) is known. Not rounded
  /// to seconds (RFC 8489 §6.2.1).
  Duration rto(TimePoint now, Duration least = RetransmissionSchedule::default_rto) const noexcept;

  std::optional<Duration> smoothed_round_trip() const noexcept;

 private:
  bool known_ = false;
  TimePoint last_sample_{};
  Duration srtt_{};
  Duration rttvar_{};
};

}  // namespace ice::stun
