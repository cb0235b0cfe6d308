#pragma once

#include <optional>

#include "ice/checklist.hpp"
#include "ice/checks.hpp"

namespace ice {

/// Decides, on the controlling side, which valid pair to nominate and when (RFC 8445 §8.1.1: regular nomination, one
/// pair, once). The best one there can be is nominated at once. Otherwise those above it get the time that an answer
/// would take, so that a lost or late packet does not decide; what could be had by waiting for ever is not waited for.
///
/// On both sides it says which direct pairs to check once more before a relayed one is taken. The first check from
/// behind a filter often does no more than open it, for it comes before the peer's filter is open, and its
/// retransmission comes half a second later (RFC 8445 §14.3).
class Nominator {
 public:
  // Ours, since RFC 8445 leaves the criterion to the agent. A check above the best valid pair is waited for as long as
  // it takes that pair's round trip, three times over, to bring an answer.
  static constexpr Duration least_patience = std::chrono::milliseconds{20};
  static constexpr Duration most_patience = std::chrono::milliseconds{500};
  static constexpr int round_trips = 3;
  // And no longer than this in all, from the first valid pair.
  static constexpr Duration deadline = std::chrono::seconds{1};

  /// The pair to check again first; or the one to nominate now, if this is the controlling side; or when to ask again
  /// at the latest; or none of them, where nothing is valid. `interval` is Ta: pairs that wait for their first check
  /// need it to be sent.
  struct Decision {
    std::optional<PairIndex> check_again{};
    std::optional<PairIndex> nominate{};
    std::optional<TimePoint> again{};
  };
  Decision decide(TimePoint now, const Checklist& checklist, const Checks& checks, Duration interval);

  /// The nomination is under way, or was undone by a role switch.
  void begin(PairIndex pair) noexcept { nominated_ = pair; }
  void reset() noexcept { nominated_.reset(); }
  std::optional<PairIndex> nominated() const noexcept { return nominated_; }

 private:
  static std::optional<PairIndex> asked_once(const Checklist& checklist, const Pair& relayed);

  std::optional<PairIndex> nominated_;
  std::optional<TimePoint> first_valid_;
};

}  // namespace ice
