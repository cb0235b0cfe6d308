#include "ice/checklist.hpp"

#include <algorithm>
#include <cassert>

namespace ice {

Checklist::Checklist(const LocalCandidates& local, const RemoteCandidates& remote, const Session& session,
                     std::size_t limit) noexcept
    : local_{local}, remote_{remote}, session_{session}, limit_{std::max<std::size_t>(limit, 1)} {}

// RFC 8445 §6.1.2.2. A global destination cannot be reached from a loopback address, nor the other way round.
bool Checklist::can_pair(const Base& base, const RemoteCandidate& remote) const noexcept {
  const Address& a = base.local.address;
  const Address& b = remote.candidate.endpoint.address;
  return base.live() && base.paired && a.family() == b.family() && base.component == remote.candidate.component &&
         (!a.is_v6() || a.is_link_local() == b.is_link_local()) && a.is_loopback() == b.is_loopback();
}

std::uint64_t Checklist::priority_of(const Pair& pair, std::uint32_t ours) const noexcept {
  const std::uint32_t theirs = remote_[pair.remote].candidate.priority;
  return session_.role == Role::controlling ? pair_priority(ours, theirs) : pair_priority(theirs, ours);
}

std::uint64_t Checklist::valid_priority(const Pair& pair) const noexcept {
  return priority_of(pair, local_[*pair.mapped].priority);
}

bool Checklist::same_foundation(const Pair& a, const Pair& b) const noexcept {
  return base_of(a).foundation == base_of(b).foundation && remote_[a.remote].foundation == remote_[b.remote].foundation;
}

bool Checklist::is_relayed(const Pair& pair) const noexcept {
  return base_of(pair).relayed || remote_[pair.remote].candidate.type == CandidateType::relayed;
}

Endpoint Checklist::destination(const Pair& pair) const noexcept {
  const Endpoint& remote = remote_[pair.remote].candidate.endpoint;
  if (!remote.address.is_v6() || !remote.address.is_link_local()) return remote;
  std::array<std::uint8_t, 16> bytes;
  std::copy_n(remote.address.bytes().begin(), bytes.size(), bytes.begin());
  return {Address::v6(bytes, base_of(pair).local.address.scope()), remote.port};
}

std::optional<PairIndex> Checklist::find(BaseIndex base, RemoteIndex remote) const noexcept {
  for (PairIndex i = 0; i < pairs_.size(); ++i)
    if (pairs_[i].base == base && pairs_[i].remote == remote) return i;
  return std::nullopt;
}

void Checklist::pair_base(TimePoint now, BaseIndex base) {
  for (RemoteIndex remote = 0; remote < remote_.all().size(); ++remote)
    // A peer-reflexive candidate is paired with nothing but what its check arrived on (RFC 8445 §7.3.1.3).
    if (remote_[remote].signalled && !find(base, remote)) add(now, base, remote);
}

void Checklist::pair_remote(TimePoint now, RemoteIndex remote) {
  for (BaseIndex base = 0; base < local_.bases().size(); ++base)
    if (!find(base, remote)) add(now, base, remote);
}

std::optional<PairIndex> Checklist::find_or_add(TimePoint now, BaseIndex base, RemoteIndex remote) {
  const auto known = find(base, remote);
  if (!known) return add(now, base, remote);
  const Pair& pair = pairs_[*known];
  // One that has failed is about to be tried again, and counts again.
  if (pair.state == PairState::failed && !make_room(now, pair.priority)) return std::nullopt;
  return known;
}

std::optional<PairIndex> Checklist::add(TimePoint now, BaseIndex base, RemoteIndex remote) {
  if (!can_pair(local_.bases()[base], remote_[remote])) return std::nullopt;
  Pair pair;
  pair.base = base;
  pair.remote = remote;
  pair.component = local_.bases()[base].component;
  pair.held = local_.bases()[base].relayed;
  pair.created = now;
  pair.priority = priority_of(pair, base_of(pair).host_priority);
  pair.state = initial_state(pair);
  if (!make_room(now, pair.priority)) return std::nullopt;
  const PairIndex place = free_place();
  if (place == pairs_.size())
    pairs_.push_back(pair);
  else
    pairs_[place] = pair;
  return place;
}

// RFC 8838 §10 item 6: at the limit a pair of lower priority gives way. Which one: the least that no check was sent on,
// so that nothing is lost that is already known. Where there is none the new pair is the one to go.
bool Checklist::make_room(TimePoint now, std::uint64_t priority) {
  std::size_t counted = 0;
  std::optional<PairIndex> least;
  for (PairIndex i = 0; i < pairs_.size(); ++i) {
    const Pair& pair = pairs_[i];
    if (pair.state == PairState::failed) continue;
    ++counted;
    const bool untouched = (pair.state == PairState::frozen || pair.state == PairState::waiting) && !pair.queued;
    if (untouched && (!least || pair.priority < pairs_[*least].priority)) least = i;
  }
  if (counted < limit_) return true;
  if (!least || pairs_[*least].priority >= priority) return false;
  fail(now, *least, Cause::evicted);
  return true;
}

// Where a new pair goes: behind the others, or in place of the one that has failed first.
PairIndex Checklist::free_place() const noexcept {
  if (pairs_.size() < limit_ * kept_per_limit) return static_cast<PairIndex>(pairs_.size());
  std::optional<PairIndex> oldest;
  for (PairIndex i = 0; i < pairs_.size(); ++i)
    if (pairs_[i].state == PairState::failed && (!oldest || pairs_[i].ended < pairs_[*oldest].ended)) oldest = i;
  assert(oldest);  // fewer than limit_ have not failed
  return *oldest;
}

// RFC 8838 §12, which for a list that is complete from the start is RFC 8445 §6.1.2.6: the topmost pair of its
// foundation waits; so does one whose foundation has succeeded already; the others are frozen. With one component the
// topmost is the one of highest priority; a newcomer above a frozen pair does not freeze what waits already.
PairState Checklist::initial_state(const Pair& pair) const noexcept {
  bool topmost = true;
  for (const Pair& other : pairs_) {
    if (!same_foundation(pair, other) || other.state == PairState::failed) continue;
    if (other.state == PairState::succeeded) return PairState::waiting;
    if (other.component < pair.component || (other.component == pair.component && other.priority >= pair.priority))
      topmost = false;
  }
  return topmost ? PairState::waiting : PairState::frozen;
}

void Checklist::trigger(PairIndex index) {
  Pair& pair = pairs_[index];
  if (pair.state == PairState::failed) pair.mapped.reset();
  pair.state = PairState::waiting;
  pair.cause = Cause::none;
  pair.ended.reset();
  if (pair.queued) return;
  pair.queued = true;
  triggered_.push_back(index);
}

// RFC 8445 §6.1.4.2 step 2.
bool Checklist::may_thaw(const Pair& pair) const noexcept {
  return std::none_of(pairs_.begin(), pairs_.end(), [&](const Pair& other) {
    return (other.state == PairState::waiting || other.state == PairState::in_progress) && same_foundation(pair, other);
  });
}

bool Checklist::has_next() const noexcept {
  if (!triggered_.empty()) return true;
  return std::any_of(pairs_.begin(), pairs_.end(), [this](const Pair& pair) {
    return !pair.held && (pair.state == PairState::waiting || (pair.state == PairState::frozen && may_thaw(pair)));
  });
}

bool Checklist::has_frozen() const noexcept {
  return std::any_of(pairs_.begin(), pairs_.end(), [](const Pair& pair) { return pair.state == PairState::frozen; });
}

void Checklist::thaw_all() noexcept {
  for (Pair& pair : pairs_)
    if (pair.state == PairState::frozen) pair.state = PairState::waiting;
}

// The checks of a peer behind a filter may come by relay alone until ours has opened the way for the others, so what
// they trigger waits for that; a nomination does not.
bool Checklist::may_wait(const Pair& triggered) const noexcept {
  return is_relayed(triggered) && !triggered.nominate && !triggered.peer_nominated;
}

std::optional<PairIndex> Checklist::take_next() {
  const auto better = [this](PairIndex a, const std::optional<PairIndex>& b) {
    return !b || pairs_[a].priority > pairs_[*b].priority ||
           (pairs_[a].priority == pairs_[*b].priority && pairs_[a].component < pairs_[*b].component);
  };
  std::optional<PairIndex> best;
  for (PairIndex i = 0; i < pairs_.size(); ++i)
    if (pairs_[i].state == PairState::waiting && !pairs_[i].queued && !pairs_[i].held && better(i, best)) best = i;
  const bool direct_first = best && !is_relayed(pairs_[*best]) && pairs_[*best].requests_sent == 0;
  if (!triggered_.empty() && !(direct_first && may_wait(pairs_[triggered_.front()]))) {
    const PairIndex first = triggered_.front();
    triggered_.erase(triggered_.begin());
    pairs_[first].queued = false;
    pairs_[first].state = PairState::in_progress;
    return first;
  }
  if (!best)
    for (PairIndex i = 0; i < pairs_.size(); ++i)
      if (pairs_[i].state == PairState::frozen && !pairs_[i].held && better(i, best) && may_thaw(pairs_[i])) best = i;
  if (best) pairs_[*best].state = PairState::in_progress;
  return best;
}

void Checklist::succeed(TimePoint now, PairIndex index, LocalIndex mapped) {
  Pair& pair = pairs_[index];
  pair.state = PairState::succeeded;
  pair.cause = Cause::none;
  pair.mapped = mapped;
  pair.answered = now;
  pair.ended = now;
  if (pair.queued) {
    std::erase(triggered_, index);
    pair.queued = false;
  }
  for (Pair& other : pairs_)
    if (other.state == PairState::frozen && same_foundation(pair, other)) other.state = PairState::waiting;
}

void Checklist::fail(TimePoint now, PairIndex index, Cause cause) {
  Pair& pair = pairs_[index];
  pair.state = PairState::failed;
  pair.cause = cause;
  pair.ended = now;
  if (pair.queued) {
    std::erase(triggered_, index);
    pair.queued = false;
  }
}

void Checklist::fail_all(TimePoint now, Cause cause) {
  for (PairIndex i = 0; i < pairs_.size(); ++i)
    if (pairs_[i].state != PairState::failed && !pairs_[i].selected) fail(now, i, cause);
}

void Checklist::recompute_priorities() {
  for (Pair& pair : pairs_) pair.priority = priority_of(pair, base_of(pair).host_priority);
}

std::optional<PairIndex> Checklist::best_valid(TimePoint since) const noexcept {
  std::optional<PairIndex> best;
  for (PairIndex i = 0; i < pairs_.size(); ++i)
    if (pairs_[i].valid() && pairs_[i].answered > since &&
        (!best || valid_priority(pairs_[i]) > valid_priority(pairs_[*best])))
      best = i;
  return best;
}

std::size_t Checklist::undecided() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(pairs_.begin(), pairs_.end(), [](const Pair& p) { return p.undecided(); }));
}

std::size_t Checklist::active() const noexcept {
  return static_cast<std::size_t>(std::count_if(pairs_.begin(), pairs_.end(), [](const Pair& pair) {
    return pair.state == PairState::waiting || pair.state == PairState::in_progress;
  }));
}

}  // namespace ice
