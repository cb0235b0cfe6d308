#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ice/base/datagram.hpp"
#include "ice/base/random.hpp"
#include "ice/checklist.hpp"
#include "ice/session.hpp"
#include "ice/stun/message.hpp"
#include "ice/stun/transaction.hpp"

namespace ice {

/// What a check Binding request says that may change between requests (RFC 8445 §7.1); a transaction freezes it.
struct CheckFields {
  Role role;
  std::uint64_t tie_breaker;
  bool nominate;
};

/// Writes the request of a connectivity check or of consent, signed with the peer's password (RFC 8445 §7.2.2, §7.2.4).
std::optional<Bytes> write_check(MutableBytes scratch, const Session& session, const stun::TransactionId& id,
                                 std::uint32_t priority, const CheckFields& fields) noexcept;

/// The client side of connectivity checks: one transaction a check, retransmitted until it is answered, replaced or
/// timed out (RFC 8445 §7.2). Which pair is checked when is the checklist's business.
class Checks {
 public:
  /// Cancelled transactions of a pair that still wait for a late answer (RFC 8445 §7.3.1.4); ours: each check that the
  /// peer sends may cancel one, and an answer to the fourth last is no better than to the last.
  static constexpr std::size_t max_cancelled = 3;

  Checks(Checklist& checklist, const Session& session) noexcept;

  /// Begins a check of the pair, with the role and tie-breaker of this moment. A check of it that is under way is
  /// cancelled.
  void start(RandomSource& random, PairIndex pair, Duration rto, bool nominate);

  /// Stops retransmitting the pair's checks; their answers still count for as long as they would have been waited for.
  void cancel(PairIndex pair);

  void cancel_all() noexcept;

  /// Forgets the pair's checks.
  void forget(PairIndex pair);
  void forget_all() noexcept;

  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<TimePoint> next_timeout() const noexcept;

  struct Expired {
    PairIndex pair;
    Cause cause;
  };
  /// Handles time. Each check that has failed by now is told once: call it until it has none.
  std::optional<Expired> expire(TimePoint now);

  struct Answer {
    enum class Kind : std::uint8_t {
      success,          // `mapped` says how the peer saw us
      role_conflict,    // 487, to a request that claimed `fields.role`
      failure,          // `cause`
      unauthenticated,  // counted, and waited on
    };
    Kind kind;
    PairIndex pair;
    CheckFields fields;
    Endpoint mapped{};
    Cause cause = Cause::none;
    bool replaced = false;  // of a check that another one has replaced since
  };
  /// What a response means, if it answers a check of ours (RFC 8445 §7.2.5). `datagram.from` must be canonical.
  std::optional<Answer> handle_response(TimePoint now, const stun::Message& response, const Datagram& datagram);

  /// When the check of the pair that is under way was first sent; none where there is none, or it waits to be sent.
  std::optional<TimePoint> under_way_since(PairIndex pair) const noexcept;

 private:
  struct Check {
    stun::Transaction transaction;
    PairIndex pair;
    CheckFields fields;
  };

  void erase(std::size_t index) noexcept;

  Checklist& checklist_;
  const Session& session_;
  std::vector<Check> checks_;
};

}  // namespace ice
