#include <algorithm>
#include <utility>

#include "base/earliest.hpp"
#include "ice/agent_impl.hpp"
#include "ice/rto.hpp"

namespace ice {
namespace {

// Ours: an application that restarts what has failed, or was cut off, does so within that time, and finds its relayed
// addresses still there.
constexpr Duration restart_linger = std::chrono::seconds{30};

}  // namespace

void Agent::Impl::handle_timeout(TimePoint now) {
  if (closed()) return;
  relays.handle_timeout(now);
  handle_relay_events(now);
  if (release_at && now >= *release_at) release_relays(now);
  past.handle_timeout(now);
  current->gatherer.handle_timeout(now);
  while (const auto expired = current->checks.expire(now)) {
    const Pair& pair = current->checklist[expired->pair];
    current->note(now, "ice-check-timed-out", pair, pair.requests_sent);
    check_failed(now, expired->pair, expired->cause);
  }
  if (!current->consent.handle_timeout(now)) {
    current->note(now, "ice-consent-expired", current->checklist[*current->selected]);
    end(now, AgentState::disconnected, Cause::consent_expired);
  }
  current->keepalive.handle_timeout(now, current->data_pair(now));
  advance(now);
}

void Agent::Impl::advance(TimePoint now) {
  touch();
  if (ended()) return;
  while (auto name = current->servers.next_name()) events.push_back(std::move(*name));
  go_on_to_next_addresses(now);
  if (thaws_at() && now >= *thaws_at()) current->checklist.thaw_all();
  ask_permissions(now);
  nominate(now);
  begin_paced(now);
  // After what has begun now, which may have come to nothing at once.
  if (!current->gathering_told && gathered()) {
    current->gathering_told = true;
    current->gathering_done = now;
    events.push_back(GatheringDone{});
  }
  conclude(now);
}

void Agent::Impl::begin_base(TimePoint now, BaseIndex base) {
  if (!current->local.bases()[base].live()) return;
  if (current->local.bases()[base].paired) {
    if (const auto host = current->local.add_host(base)) {
      journal.note(now, "ice-host-candidate", current->local.bases()[base].local, {});
      tell(*host);
    }
  }
  current->gatherer.add_base(base);
  take_over_relays(now, base);
  want_relays(now, base);
  if (state == AgentState::checking) current->checklist.pair_base(now, base);
}

// RFC 8838 §13: nothing is trickled once the end of candidates is told. What is found later all the same (a new
// interface, a mapping that has changed) the peer may learn from checks.
void Agent::Impl::tell(LocalIndex candidate) {
  if (current->gathering_told) return;
  current->local.set_told(candidate);
  events.push_back(CandidateGathered{current->local[candidate]});
}

// A peer slows its own session and no other of this host: the pacer is asked for what the application wants, 5 ms where
// it did not say, and the rest of Ta is waited for here.
Duration Agent::Impl::host_interval() const noexcept {
  return std::min<Duration>(current->interval(), std::max(config.pacing, shortest_interval));
}

bool Agent::Impl::has_paced() const noexcept {
  const bool checking = state == AgentState::checking && current->session.remote_known();
  return current->gatherer.has_next() || relays.has_next() || (checking && current->checklist.has_next()) ||
         (state == AgentState::connected && current->checklist.has_triggered());
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
    next_own = *slot + current->interval();
    slot.reset();
    if (!current->checklist.has_triggered() && begin_gathering(now)) continue;
    const Duration rto = rto_for(current->interval(), current->checklist.active());
    const auto index = current->checklist.take_next();
    if (!index) return;
    Pair& pair = current->checklist[*index];
    if (!current->first_check_sent) current->first_check_sent = now;
    const bool nominating = std::exchange(pair.nominate, false) && current->session.role == Role::controlling;
    current->checks.start(environment.random, *index, rto, nominating);
    journal.trace(now, "ice-check-begun", current->checklist.base_of(pair).local, current->checklist.destination(pair));
  }
}

// A relayed candidate takes two round trips, so its first request goes first. False where there is nothing to ask.
bool Agent::Impl::begin_gathering(TimePoint now) {
  if (relays.has_next())
    relays.start_next(now);
  else if (current->gatherer.has_next())
    current->gatherer.start_next(current->interval());
  else
    return false;
  return true;
}

bool Agent::Impl::gathered() const noexcept { return current->gatherer.done() && relays.settled(); }

void Agent::Impl::nominate(TimePoint now) {
  current->nominate_again.reset();
  if (state != AgentState::checking || current->selected) return;
  const auto decide = [&] {
    return current->nominator.decide(now, current->checklist, current->checks, current->interval());
  };
  Nominator::Decision decision = decide();
  for (; decision.check_again; decision = decide()) {
    current->note(now, "ice-check-again", current->checklist[*decision.check_again]);
    current->checks.cancel(*decision.check_again);
    current->checklist.trigger(*decision.check_again);
  }
  current->nominate_again = decision.again;
  if (!decision.nominate || current->session.role != Role::controlling) return;
  current->nominator.begin(*decision.nominate);
  Pair& pair = current->checklist[*decision.nominate];
  pair.nominate = true;
  current->note(now, "ice-nominating", pair);
  current->checklist.trigger(*decision.nominate);  // RFC 8445 §8.1.1
}

void Agent::Impl::select(TimePoint now, PairIndex index) {
  if (current->selected == index) return;
  if (current->selected) current->checklist[*current->selected].selected = false;
  Pair& pair = current->checklist[index];
  pair.nominated = true;
  pair.selected = true;
  current->selected = index;
  past.supersede(now);
  // RFC 8445 §8.1.2. Late answers to the others change nothing any more.
  current->checklist.fail_all(now, Cause::superseded);
  current->checks.forget_all();
  current->servers.stop();
  current->gatherer.stop();  // RFC 8445 §8.3.1: only the selected pair's mapping is needed, and consent keeps it
  relays.want_none();
  release_later(now + candidate_linger);
  const SocketId socket = current->checklist.base_of(pair).socket;
  // No errors but those that the checks on this pair would have met.
  if (Relays::Relay* relay = relays.find(socket))
    static_cast<void>(relay->allocation.bind_channel(now, current->checklist.destination(pair)).has_value());
  current->keepalive.stop();
  current->consent.start(now, index, *pair.answered);
  if (!current->connected) current->connected = now;
  current->note(now, "ice-pair-selected", pair);
  events.push_back(PairSelected{pair.component, current->local[*pair.mapped], current->remote[pair.remote].candidate});
  set_state(now, AgentState::connected, Cause::none);
}

void Agent::Impl::switched_role(TimePoint now) {
  ++role_switches;
  current->nominator.reset();
  for (PairIndex i = 0; i < current->checklist.pairs().size(); ++i) {
    current->checklist[i].nominate = false;
    current->checklist[i].peer_nominated = false;
  }
  current->checklist.recompute_priorities();
  journal.note(now, "ice-role-switched", {}, {});
  events.push_back(RoleSwitched{current->session.role});
}

// A nomination that fails ends the checklist, at either end (RFC 8445 §7.2.5.3.4, §7.3.1.5). A peer of RFC 5245 may
// have nominated more than one pair: then the last of them decides.
void Agent::Impl::check_failed(TimePoint now, PairIndex index, Cause why) {
  const bool by_us = current->nominator.nominated() == index;
  const bool by_peer = current->checklist[index].peer_nominated;
  current->fail_pair(now, index, why);
  if (current->selected || !(by_us || by_peer)) return;
  const auto& pairs = current->checklist.pairs();
  if (std::any_of(pairs.begin(), pairs.end(), [](const Pair& pair) { return pair.peer_nominated && pair.undecided(); }))
    return;
  end(now, AgentState::failed, Cause::nomination_failed);
}

// Frozen pairs are checked one after the other as those of their foundation fail (RFC 8445 §6.1.4.2), which takes a
// transaction each. Once patience is over nobody is to wait for that any longer: all that are left begin.
std::optional<TimePoint> Agent::Impl::thaws_at() const noexcept {
  if (state != AgentState::checking || !current->checklist.has_frozen()) return std::nullopt;
  return current->patience_over;
}

// Failing takes: patience is over (RFC 8863 §4), nothing is left to try, and no candidate of ours is still to come: a
// relay that was asked for late, since DNS was, has as much time as the peer. The peer's end-of-candidates is not
// waited for beyond that (RFC 8863 §5). A valid pair that the peer does not nominate is
// waited on for as long as an answer on it is consent. None where there is something to do before.
std::optional<TimePoint> Agent::Impl::gives_up_at() const noexcept {
  if (state != AgentState::checking || current->checklist.undecided() != 0 || !current->gatherer.done())
    return std::nullopt;
  const auto over = std::max(current->patience_over, relays.awaited_until(config.patience));
  if (over == TimePoint::max()) return std::nullopt;
  const auto best = current->checklist.best_valid();
  if (!best) return over;
  if (current->session.role == Role::controlling) return std::nullopt;
  return std::max(*over, *current->checklist[*best].answered + Consent::lifetime);
}

void Agent::Impl::conclude(TimePoint now) {
  const auto over = gives_up_at();
  if (!over || now < *over) return;
  end(now, AgentState::failed, current->checklist.best_valid() ? Cause::nomination_failed : failure_cause());
}

Cause Agent::Impl::failure_cause() const noexcept {
  const auto& bases = current->local.bases();
  if (std::none_of(bases.begin(), bases.end(), [](const Base& base) { return base.live(); }))
    return Cause::no_local_candidates;
  if (std::none_of(bases.begin(), bases.end(), [](const Base& base) { return base.live() && base.paired; }))
    return Cause::no_relay;
  if (current->remote.all().empty()) return Cause::no_remote_candidates;
  if (current->checklist.pairs().empty()) return Cause::no_common_family;
  return Cause::checks_failed;
}

void Agent::Impl::end(TimePoint now, AgentState final_state, Cause why) {
  if (closed() || (ended() && final_state != AgentState::closed)) return;
  if (final_state == AgentState::failed && fall_back(now, why)) return;
  // What failed before stays as it was: a closed agent's report is that of the failure.
  if (!ended()) {
    cause = why;
    current->ended = now;
  }
  past.end();
  current->finish(now, why);
  relays.want_none();
  release_later(now + restart_linger);
  slot.reset();
  set_state(now, final_state, why);
  // Where the peer has withdrawn its consent it is gone, and has nobody to restart with.
  if (final_state == AgentState::disconnected && why != Cause::consent_revoked) events.push_back(RestartNeeded{why});
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
  if (auto out = relays.poll_transmit(now, scratch)) {
    touch();
    return out;
  }
  if (ended()) return std::nullopt;
  while (const auto inner = poll_part(now, inner_scratch(scratch))) {
    touch();
    if (auto out = outward(now, *inner, scratch)) return out;
  }
  return std::nullopt;
}

std::optional<Transmit> Agent::Impl::poll_part(TimePoint now, MutableBytes scratch) {
  auto out = current->checks.poll_transmit(now, scratch);
  if (!out) out = current->consent.poll_transmit(now, scratch);
  if (!out) out = current->keepalive.poll_transmit(now, scratch);
  if (!out) out = past.poll_transmit(now, scratch);
  if (!out) out = current->gatherer.poll_transmit(now, scratch);
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
  if (closed()) return std::nullopt;
  std::optional<TimePoint> next = relays.next_timeout();
  earliest(next, release_at);
  if (ended()) return next;
  earliest(next, current->gatherer.next_timeout());
  earliest(next, current->checks.next_timeout());
  earliest(next, current->consent.next_timeout());
  earliest(next, current->keepalive.next_timeout());
  earliest(next, past.next_timeout());
  earliest(next, current->nominate_again);
  if (has_paced()) earliest(next, slot.value_or(next_own));
  earliest(next, thaws_at());
  earliest(next, gives_up_at());
  earliest(next, goes_on_at());
  return next;
}

}  // namespace ice
