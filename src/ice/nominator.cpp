#include "ice/nominator.hpp"

#include <algorithm>

namespace ice {

Nominator::Decision Nominator::decide(TimePoint now, const Checklist& checklist, const Checks& checks,
                                      Duration interval) {
  if (nominated_) return {};
  const auto best = checklist.best_valid();
  if (!best) return {};
  if (!first_valid_) first_valid_ = now;

  const Pair& valid = checklist[*best];
  const Duration patience =
      std::clamp(valid.round_trip.value_or(most_patience) * round_trips, least_patience, most_patience);
  TimePoint until = now;
  Duration::rep to_send = 0;
  for (PairIndex i = 0; i < checklist.pairs().size(); ++i) {
    const Pair& pair = checklist[i];
    const bool may_come = pair.state == PairState::waiting || pair.state == PairState::in_progress;
    if (!may_come || pair.priority <= valid.priority || i == *best) continue;
    const auto since = checks.under_way_since(i);
    if (!since) ++to_send;
    until = std::max(until, since ? *since + patience : now + interval * to_send + patience);
  }
  const TimePoint latest = *first_valid_ + deadline;
  if (until > now && latest > now) return {.again = std::min(until, latest)};
  if (latest > now && checklist.is_relayed(valid)) {
    if (const auto pair = asked_once(checklist, valid)) return {.check_again = pair};
  }
  return {.nominate = best};
}

/// A direct pair above the relayed one whose check was sent once and not answered.
std::optional<PairIndex> Nominator::asked_once(const Checklist& checklist, const Pair& relayed) {
  for (PairIndex i = 0; i < checklist.pairs().size(); ++i) {
    const Pair& pair = checklist[i];
    if (pair.state == PairState::in_progress && pair.requests_sent == 1 && pair.priority > relayed.priority &&
        !checklist.is_relayed(pair))
      return i;
  }
  return std::nullopt;
}

}  // namespace ice
