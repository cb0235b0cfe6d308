#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ice/local_candidates.hpp"
#include "ice/remote_candidates.hpp"
#include "ice/report.hpp"
#include "ice/session.hpp"

namespace ice {

/// Index of a pair in Checklist::pairs(). A pair keeps it for as long as it is in the report.
using PairIndex = std::uint16_t;

/// A candidate pair. Its local candidate is always a base (RFC 8445 §6.1.2.4), so a pair is a way that packets can go:
/// from this socket to that address. What the peer sees of it is told by `mapped` once a check has succeeded.
struct Pair {
  BaseIndex base = 0;
  RemoteIndex remote = 0;
  ComponentId component{1};
  std::uint64_t priority = 0;
  PairState state = PairState::frozen;
  Cause cause = Cause::none;
  std::optional<LocalIndex> mapped;  // the local candidate of the valid pair (RFC 8445 §7.2.5.3.2); none: not valid
  bool held = false;                 // waits for a permission on its TURN server (RFC 8656 §9); not checked before
  bool queued = false;               // in the triggered-check queue
  bool nominate = false;             // controlling: its next check carries USE-CANDIDATE
  bool peer_nominated = false;       // controlled: the peer's check carried it (RFC 8445 §7.3.1.5)
  bool nominated = false;            // RFC 8445 §7.2.5.3.4
  bool selected = false;
  std::uint16_t error_code = 0;
  std::uint32_t requests_sent = 0;
  std::uint32_t responses_heard = 0;
  std::uint32_t requests_heard = 0;
  std::uint32_t unauthenticated = 0;
  std::uint32_t unreachable = 0;
  std::uint32_t too_big = 0;
  TimePoint created;
  std::optional<TimePoint> first_sent;
  std::optional<TimePoint> last_sent;
  std::optional<TimePoint> last_heard;
  std::optional<TimePoint> answered;  // the last success response: consent, for a while (RFC 7675 §5.1)
  std::optional<TimePoint> first_request;
  std::optional<TimePoint> last_request;
  std::optional<TimePoint> ended;
  std::optional<Duration> round_trip;

  /// Also while it is checked once more to be nominated (RFC 8445 §8.1.1).
  bool valid() const noexcept { return mapped.has_value() && state != PairState::failed; }
  /// Something may still come of it.
  bool undecided() const noexcept {
    return state == PairState::frozen || state == PairState::waiting || state == PairState::in_progress;
  }
};

/// The pairs of one data stream, in which order they are tried, and what became of them (RFC 8445 §6.1.2 to §6.1.4).
/// It sends nothing and knows no time but what it is told.
class Checklist {
 public:
  /// `limit` bounds the pairs that are undecided or succeeded (RFC 8445 §6.1.2.5). Failed ones do not count there; they
  /// stay for the report until there are `kept_per_limit` times as many pairs in all, then the oldest makes room.
  Checklist(const LocalCandidates& local, const RemoteCandidates& remote, const Session& session,
            std::size_t limit) noexcept;
  static constexpr std::size_t kept_per_limit = 2;

  /// Pairs a base with every remote candidate, or a remote candidate with every base (RFC 8445 §6.1.2.2).
  void pair_base(TimePoint now, BaseIndex base);
  void pair_remote(TimePoint now, RemoteIndex remote);

  /// The pair of the two, made if need be and within the limit: a check has arrived on it (RFC 8445 §7.3.1.4).
  std::optional<PairIndex> find_or_add(TimePoint now, BaseIndex base, RemoteIndex remote);

  /// Puts a pair into the triggered-check queue, in state Waiting (RFC 8445 §7.3.1.4). Twice is once.
  void trigger(PairIndex pair);

  bool has_triggered() const noexcept { return !triggered_.empty(); }
  /// Something to check: triggered, waiting, or frozen with nothing before it.
  bool has_next() const noexcept;
  bool has_frozen() const noexcept;
  /// Nothing is frozen any more.
  void thaw_all() noexcept;
  /// The pair to check now, in state In-Progress (RFC 8445 §6.1.4.2): a triggered one, or the best; but the first check
  /// of a direct pair goes before one of a relayed pair that the peer's check has triggered.
  std::optional<PairIndex> take_next();

  /// A check succeeded: the pair is valid, and others of its foundation may be tried (RFC 8445 §7.2.5.3.3).
  void succeed(TimePoint now, PairIndex pair, LocalIndex mapped);
  void fail(TimePoint now, PairIndex pair, Cause cause);
  /// Fails every undecided pair, and every valid one but those selected.
  void fail_all(TimePoint now, Cause cause);

  /// The role has switched, or a candidate's priority became known better (RFC 8445 §7.3.1.1).
  void recompute_priorities();

  /// The priority of the valid pair that the check of `pair`, which has succeeded, has made: that of the candidate
  /// which the peer saw, not of its base (RFC 8445 §7.2.5.3.2). Both agents compute the same.
  std::uint64_t valid_priority(const Pair& pair) const noexcept;
  /// The valid pair of highest priority, of those whose last answer came after `since`.
  std::optional<PairIndex> best_valid(TimePoint since = TimePoint::min()) const noexcept;

  std::size_t undecided() const noexcept;
  /// Num-Waiting + Num-In-Progress (RFC 8445 §14.3).
  std::size_t active() const noexcept;

  const std::vector<Pair>& pairs() const noexcept { return pairs_; }
  Pair& operator[](PairIndex index) noexcept { return pairs_[index]; }
  const Pair& operator[](PairIndex index) const noexcept { return pairs_[index]; }

  /// Goes through a TURN server, as far as candidates tell: ours, or the one that the peer has signalled.
  bool is_relayed(const Pair& pair) const noexcept;
  /// Where its packets leave from, and where they go: the remote address, with the base's scope if it is link-local.
  const Base& base_of(const Pair& pair) const noexcept { return local_.bases()[pair.base]; }
  Endpoint destination(const Pair& pair) const noexcept;

 private:
  bool can_pair(const Base& base, const RemoteCandidate& remote) const noexcept;
  std::uint64_t priority_of(const Pair& pair, std::uint32_t local_priority) const noexcept;
  bool same_foundation(const Pair& a, const Pair& b) const noexcept;
  std::optional<PairIndex> find(BaseIndex base, RemoteIndex remote) const noexcept;
  std::optional<PairIndex> add(TimePoint now, BaseIndex base, RemoteIndex remote);
  bool make_room(TimePoint now, std::uint64_t priority);
  PairIndex free_place() const noexcept;
  PairState initial_state(const Pair& pair) const noexcept;
  bool may_thaw(const Pair& pair) const noexcept;
  bool may_wait(const Pair& triggered) const noexcept;

  const LocalCandidates& local_;
  const RemoteCandidates& remote_;
  const Session& session_;
  std::size_t limit_;
  std::vector<Pair> pairs_;
  std::vector<PairIndex> triggered_;
};

}  // namespace ice
