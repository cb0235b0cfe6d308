#include <algorithm>
#include <utility>

#include "ice/agent_impl.hpp"
#include "ice/earliest.hpp"
#include "ice/rto.hpp"

namespace ice {
namespace {

constexpr std::chrono::milliseconds default_interval{50};  // RFC 8445 §14.2: Ta where a side is silent

}  // namespace

void Agent::Impl::handle_timeout(TimePoint now) {
  if (closed()) return;
  gatherer.handle_timeout(now);
  while (const auto expired = checks.expire(now)) {
    const Pair& pair = checklist[expired->pair];
    note(now, "ice-check-timed-out", pair, pair.requests_sent);
    check_failed(now, expired->pair, expired->cause);
  }
  if (!consent.handle_timeout(now)) {
    note(now, "ice-consent-expired", checklist[*selected]);
    end(now, AgentState::disconnected, Cause::consent_expired);
  }
  advance(now);
}

void Agent::Impl::advance(TimePoint now) {
  touch();
  if (ended()) return;
  while (auto name = gatherer.next_name()) events.push_back(std::move(*name));
  if (!gathering_told && gatherer.done()) {
    gathering_told = true;
    gathering_done = now;
    events.push_back(GatheringDone{});
  }
  nominate(now);
  begin_paced(now);
  conclude(now);
}

void Agent::Impl::begin_base(TimePoint now, BaseIndex base) {
  if (!local.bases()[base].live()) return;
  if (const auto host = local.add_host(base)) {
    journal.note(now, "ice-host-candidate", local.bases()[base].local, {});
    tell(*host);
  }
  gatherer.add_base(base);
  if (state == AgentState::checking) checklist.pair_base(now, base);
}

// RFC 8838 §13: nothing is trickled once the end of candidates is told. What is found later all the same (a new
// interface, a mapping that has changed) the peer may learn from checks.
void Agent::Impl::tell(LocalIndex candidate) {
  if (gathering_told) return;
  local.set_told(candidate);
  events.push_back(CandidateGathered{local[candidate]});
}

// RFC 8445 §14.2: the larger of both proposals. Before the peer's is known, ours; it rules gathering.
Duration Agent::Impl::interval() const noexcept {
  if (!session.remote_known()) return config.pacing;
  // Both agents must agree that there is no pacing: it is for peers in one process.
  return std::max(config.pacing, remote_pacing.value_or(default_interval));
}

// A peer slows its own session and no other of this host: the pacer is asked for what the application wants, 5 ms where
// it did not say, and the rest of Ta is waited for here.
Duration Agent::Impl::host_interval() const noexcept {
  return std::min<Duration>(interval(), std::max(config.pacing, shortest_interval));
}

bool Agent::Impl::has_paced() const noexcept {
  const bool checking = state == AgentState::checking && session.remote_known();
  return gatherer.has_next() || (checking && checklist.has_next()) ||
         (state == AgentState::connected && checklist.has_triggered());
}

// One transaction a slot (RFC 8445 §14.2): triggered checks first, since the peer waits for them, then gathering,
// then the rest of the checklist.
void Agent::Impl::begin_paced(TimePoint now) {
  // A slot that was meant for something that is no longer to be done is lost: used later it would come on top of those
  // that others have by then.
  if (!has_paced()) slot.reset();
  while (has_paced()) {
    // Not reserved ahead, or the others would queue behind a slot that is far away.
    if (!slot && now < next_own) return;
    if (!slot) slot = environment.pacer.reserve(now, host_interval());
    if (*slot > now) return;
    next_own = *slot + interval();
    slot.reset();
    const bool check = checklist.has_triggered() || !gatherer.has_next();
    if (!check) {
      gatherer.start_next(interval());
      continue;
    }
    const Duration rto = rto_for(interval(), checklist.active());
    const auto index = checklist.take_next();
    if (!index) return;
    Pair& pair = checklist[*index];
    if (!first_check_sent) first_check_sent = now;
    const bool nominating = std::exchange(pair.nominate, false) && session.role == Role::controlling;
    checks.start(environment.random, *index, rto, nominating);
    journal.trace(now, "ice-check-begun", checklist.base_of(pair).local, checklist.destination(pair));
  }
}

void Agent::Impl::nominate(TimePoint now) {
  nominate_again.reset();
  if (state != AgentState::checking || session.role != Role::controlling || selected) return;
  const Nominator::Decision decision = nominator.decide(now, checklist, checks, interval());
  nominate_again = decision.again;
  if (!decision.nominate) return;
  nominator.begin(*decision.nominate);
  Pair& pair = checklist[*decision.nominate];
  pair.nominate = true;
  note(now, "ice-nominating", pair);
  checklist.trigger(*decision.nominate);  // RFC 8445 §8.1.1
}

void Agent::Impl::select(TimePoint now, PairIndex index) {
  if (selected == index) return;
  if (selected) checklist[*selected].selected = false;
  Pair& pair = checklist[index];
  pair.nominated = true;
  pair.selected = true;
  selected = index;
  // RFC 8445 §8.1.2. Late answers to the others change nothing any more.
  checklist.fail_all(now, Cause::superseded);
  checks.forget_all();
  gatherer.stop();  // RFC 8445 §8.3.1: only the selected pair's mapping is needed, and consent keeps it
  consent.start(now, index, *pair.answered);
  if (!connected) connected = now;
  note(now, "ice-pair-selected", pair);
  events.push_back(PairSelected{pair.component, local[*pair.mapped], remote[pair.remote].candidate});
  set_state(now, AgentState::connected, Cause::none);
}

void Agent::Impl::fail_pair(TimePoint now, PairIndex index, Cause why) {
  checks.forget(index);
  checklist.fail(now, index, why);
}

void Agent::Impl::switched_role(TimePoint now) {
  ++role_switches;
  nominator.reset();
  for (PairIndex i = 0; i < checklist.pairs().size(); ++i) {
    checklist[i].nominate = false;
    checklist[i].peer_nominated = false;
  }
  checklist.recompute_priorities();
  journal.note(now, "ice-role-switched", {}, {});
  events.push_back(RoleSwitched{session.role});
}

// A nomination that fails ends the checklist, at either end (RFC 8445 §7.2.5.3.4, §7.3.1.5). A peer of RFC 5245 may
// have nominated more than one pair: then the last of them decides.
void Agent::Impl::check_failed(TimePoint now, PairIndex index, Cause why) {
  const bool by_us = nominator.nominated() == index;
  const bool by_peer = checklist[index].peer_nominated;
  fail_pair(now, index, why);
  if (selected || !(by_us || by_peer)) return;
  const auto& pairs = checklist.pairs();
  if (std::any_of(pairs.begin(), pairs.end(), [](const Pair& pair) { return pair.peer_nominated && pair.undecided(); }))
    return;
  end(now, AgentState::failed, Cause::nomination_failed);
}

// Failing takes: patience is over (RFC 8863 §4), nothing is left to try, and no candidate of ours is still to come. The
// peer's end-of-candidates is not waited for beyond that (RFC 8863 §5). A valid pair that the peer does not nominate is
// waited on for as long as an answer on it is consent. None where there is something to do before.
std::optional<TimePoint> Agent::Impl::gives_up_at() const noexcept {
  if (state != AgentState::checking || checklist.undecided() != 0 || !gatherer.done()) return std::nullopt;
  const auto best = checklist.best_valid();
  if (!best) return patience_over;
  if (session.role == Role::controlling) return std::nullopt;
  return std::max(*patience_over, *checklist[*best].answered + Consent::lifetime);
}

void Agent::Impl::conclude(TimePoint now) {
  const auto over = gives_up_at();
  if (!over || now < *over) return;
  end(now, AgentState::failed, checklist.best_valid() ? Cause::nomination_failed : failure_cause());
}

Cause Agent::Impl::failure_cause() const noexcept {
  const auto& bases = local.bases();
  if (std::none_of(bases.begin(), bases.end(), [](const Base& base) { return base.live(); }))
    return Cause::no_local_candidates;
  if (remote.all().empty()) return Cause::no_remote_candidates;
  if (checklist.pairs().empty()) return Cause::no_common_family;
  return Cause::checks_failed;
}

void Agent::Impl::end(TimePoint now, AgentState final_state, Cause why) {
  if (closed() || (ended() && final_state != AgentState::closed)) return;
  // What failed before stays as it was: a closed agent's report is that of the failure.
  const bool first = !ended();
  if (first) {
    cause = why;
    ended_at = now;
  }
  consent.stop();
  gatherer.stop();
  checks.forget_all();
  for (PairIndex i = 0; i < checklist.pairs().size(); ++i)
    if (checklist[i].undecided()) checklist.fail(now, i, why);
  slot.reset();
  nominate_again.reset();
  set_state(now, final_state, why);
  touch();
}

void Agent::Impl::set_state(TimePoint now, AgentState next, Cause why) {
  if (state == next) return;
  state = next;
  journal.note(now, "ice-state", {}, {}, static_cast<std::uint32_t>(next));
  events.push_back(StateChanged{next, why});
  touch();
}

std::optional<Transmit> Agent::Impl::poll_transmit(TimePoint now, MutableBytes scratch) {
  if (ended()) return std::nullopt;
  auto out = checks.poll_transmit(now, scratch);
  if (!out) out = consent.poll_transmit(now, scratch);
  if (!out) out = gatherer.poll_transmit(now, scratch);
  if (out) touch();
  return out;
}

std::optional<AgentEvent> Agent::Impl::poll_event() {
  if (next_event == events.size()) {
    events.clear();
    next_event = 0;
    return std::nullopt;
  }
  return std::move(events[next_event++]);
}

std::optional<TimePoint> Agent::Impl::next_timeout() const {
  if (!timeout_known) {
    timeout = compute_next_timeout();
    timeout_known = true;
  }
  return timeout;
}

std::optional<TimePoint> Agent::Impl::compute_next_timeout() const {
  if (ended()) return std::nullopt;
  std::optional<TimePoint> next = gatherer.next_timeout();
  earliest(next, checks.next_timeout());
  earliest(next, consent.next_timeout());
  earliest(next, nominate_again);
  if (has_paced()) earliest(next, slot.value_or(next_own));
  earliest(next, gives_up_at());
  return next;
}

void Agent::Impl::note(TimePoint now, std::string_view what, const Pair& pair, std::uint32_t number) {
  journal.note(now, what, checklist.base_of(pair).local, checklist.destination(pair), number);
}

}  // namespace ice
