#include <variant>

#include "base/reachable.hpp"
#include "ice/agent_impl.hpp"

namespace ice {
namespace {

/// Which generation a request is for: the first half of its user name says so (RFC 8445 §7.3).
std::string_view addressed_ufrag(const stun::Message& request) noexcept {
  const auto username = request.get<stun::attr::Username>();
  return username ? username->substr(0, username->find(':')) : std::string_view{};
}

}  // namespace

Received Agent::Impl::handle_datagram(TimePoint now, const Datagram& datagram, MutableBytes scratch) {
  if (closed()) return {Verdict::not_mine};
  if (Relays::Relay* relay = relays.owner(datagram)) {
    const Received inside = relay->allocation.handle_datagram(now, datagram, scratch);
    if (inside.verdict == Verdict::application_data) return handle_relayed(now, *relay, inside, scratch);
    if (inside.verdict != Verdict::not_mine) {
      handle_relay_events(now);
      advance(now);
      return inside;
    }
  }
  return handle_inner(now, datagram, scratch);
}

// Which socket the driver calls by its id makes no difference to ICE, nor does a relayed address.
Received Agent::Impl::handle_inner(TimePoint now, const Datagram& datagram, MutableBytes scratch) {
  if (!is_reachable(datagram.from)) {  // a forged source: nobody is there to be answered or checked
    ++ignored.malformed;
    return {Verdict::malformed};
  }
  if (!stun::is_stun(datagram.payload)) return handle_data(now, datagram);
  auto base = current->local.base_of(datagram.socket);
  // Where only relayed candidates are used nobody has been told of the others.
  if (base && !current->local.bases()[*base].paired) base.reset();
  // What carries data while the next generation gathers goes on answering (RFC 8839 §4.4.3.1.1), also on a way that
  // this one has not found again.
  if (!base && !past.uses(datagram.socket)) return {Verdict::not_mine};
  Datagram from_canonical = datagram;
  from_canonical.from = datagram.from.canonical();

  const auto message = stun::Message::parse(datagram.payload);
  if (!message) {
    ++ignored.malformed;
    journal.trace(now, "ice-malformed", base ? current->local.bases()[*base].local : Endpoint{}, from_canonical.from);
    return {Verdict::malformed};
  }
  // RFC 8445 §7.3: checks must bear FINGERPRINT, so what looks like one and has none, or a wrong one, is data that
  // happens to look so (RFC 8489 §7). Answers of STUN servers have none; their transaction id proves more.
  const auto fingerprint = message->check_fingerprint();
  const bool response = message->message_class() == stun::Class::success_response ||
                        message->message_class() == stun::Class::error_response;
  if (!fingerprint && !(response && fingerprint.error() == errc::no_such_attribute)) return handle_data(now, datagram);
  if (message->method() != stun::Method::binding) return {Verdict::not_mine};
  switch (message->message_class()) {
    case stun::Class::request:
      return handle_request(now, *message, from_canonical, base, scratch);
    case stun::Class::indication:
      return {Verdict::handled};  // a keepalive (RFC 8445 §11)
    case stun::Class::success_response:
    case stun::Class::error_response:
      return handle_response(now, *message, from_canonical);
  }
  return {Verdict::not_mine};
}

Received Agent::Impl::handle_data(TimePoint now, const Datagram& datagram) {
  const Endpoint from = datagram.from.canonical();
  if (!ended() && (current->proven.contains(datagram.socket, from) || past.has_proven(datagram.socket, from)))
    return {Verdict::application_data, datagram.payload, from, ComponentId{1}, std::nullopt};
  ++ignored.data_from_strangers;
  journal.trace(now, "ice-data-from-stranger", {}, from);
  return {Verdict::not_mine};
}

Received Agent::Impl::handle_request(TimePoint now, const stun::Message& request, const Datagram& datagram,
                                     std::optional<BaseIndex> at, MutableBytes scratch) {
  if (const std::string_view ufrag = addressed_ufrag(request); past.knows_local(ufrag))
    return handle_late_request(ufrag, now, request, datagram, scratch);
  if (!at) return {Verdict::not_mine};
  const BaseIndex base = *at;
  const Endpoint& local = current->local.bases()[base].local;
  const Responder::Outcome outcome = current->responder.handle_request(now, request, datagram.from, ended(), scratch);
  Received received{outcome.verdict};
  if (!outcome.answer.empty())
    received.forward = Transmit{datagram.socket, datagram.from, outcome.answer, {}, 0, {datagram.ip.local}};
  if (!outcome.authentic || outcome.other_session) {
    ++ignored.unauthenticated;
    if (outcome.other_ufrag || outcome.other_session) ++ignored.other_ufrag;
    journal.trace(now, "ice-check-unauthenticated", local, datagram.from);
    return received;
  }
  if (!current->first_check_heard) {
    current->first_check_heard = now;
    journal.note(now, "ice-first-check-heard", local, datagram.from);
  }
  if (outcome.role_switched) switched_role(now);
  if (!outcome.check) return received;

  const Responder::Check& check = *outcome.check;
  if (!current->proven.add(datagram.socket, datagram.from)) ++ignored.over_limit;
  if (current->session.remote_known()) {
    learn(now, base, datagram.from, check.priority, check.nominates);
    advance(now);
  } else {
    ++current->early_count;
    if (!current->early.keep({base, datagram.from, std::string{check.remote_ufrag}, check.priority, check.nominates}))
      ++ignored.over_limit;
  }
  return received;
}

// What an authentic check tells: a candidate, a pair, perhaps a nomination (RFC 8445 §7.3.1.3 to §7.3.1.5).
void Agent::Impl::learn(TimePoint now, BaseIndex base, const Endpoint& source, std::uint32_t priority, bool nominates) {
  const std::size_t known = current->remote.all().size();
  const auto candidate =
      current->remote.find_or_discover(now, current->local.bases()[base].component, source, priority);
  if (!candidate) {
    ++ignored.over_limit;
    return;
  }
  if (current->remote.all().size() > known)
    journal.note(now, "ice-peer-reflexive-candidate", current->local.bases()[base].local, source);
  const auto index = current->checklist.find_or_add(now, base, *candidate);
  if (!index) {
    ++ignored.over_limit;
    return;
  }
  Pair& pair = current->checklist[*index];
  ++pair.requests_heard;
  if (!pair.first_request) pair.first_request = now;
  pair.last_request = now;
  const bool nominated = nominates && current->session.role == Role::controlled;
  if (nominated && !pair.peer_nominated) {
    pair.peer_nominated = true;
    current->note(now, "ice-nominated-by-peer", pair);
  }
  // After a pair is selected only a nomination of a better one matters: a peer of RFC 5245 may nominate more than one
  // (RFC 8445 §8.1.1).
  const bool better = state == AgentState::connected && current->session.role == Role::controlled &&
                      pair.peer_nominated &&
                      pair.priority > current->checklist.valid_priority(current->checklist[*current->selected]);
  const bool open = state == AgentState::checking || better;
  if (!open) {
    if (pair.undecided()) current->fail_pair(now, *index, Cause::superseded);
    return;
  }
  if (pair.valid()) {
    if (!pair.peer_nominated) return;
    // Its last answer is consent for no longer than any other (RFC 7675 §5.1). Where little of that is left the pair is
    // checked once more, and selected when the answer comes.
    if (now - *pair.answered < Consent::lifetime / 2) return select(now, *index);
  }
  if (pair.state == PairState::in_progress) current->checks.cancel(*index);
  current->checklist.trigger(*index);
}

Received Agent::Impl::handle_response(TimePoint now, const stun::Message& response, const Datagram& datagram) {
  if (current->session.remote_known() && !ended()) {
    if (const auto answer = current->checks.handle_response(now, response, datagram)) {
      handle_check_answer(now, *answer, datagram);
      advance(now);
      const bool authentic = answer->kind != Checks::Answer::Kind::unauthenticated;
      return {authentic ? Verdict::handled : Verdict::unauthenticated};
    }
    switch (current->consent.handle_response(now, response, datagram)) {
      case Consent::Answer::not_ours:
        break;
      case Consent::Answer::refreshed:
        touch();
        return {Verdict::handled};
      case Consent::Answer::ignored:
        return {Verdict::handled};
      case Consent::Answer::unauthenticated:
        ++ignored.unauthenticated;
        return {Verdict::unauthenticated};
      case Consent::Answer::revoked:
        current->note(now, "ice-consent-revoked", current->checklist[*current->selected]);
        end(now, AgentState::disconnected, Cause::consent_revoked);
        return {Verdict::handled};
    }
  }
  if (bool authentic = true; !ended() && past.handle_response(now, response, datagram, authentic)) {
    touch();
    if (!authentic) ++ignored.unauthenticated;
    return {authentic ? Verdict::handled : Verdict::unauthenticated};
  }
  if (const auto answer = current->gatherer.handle_response(now, response, datagram)) {
    handle_gather_answer(now, *answer);
    advance(now);
    return {Verdict::handled};
  }
  ++ignored.unexpected_responses;
  journal.trace(now, "ice-unexpected-response", {}, datagram.from);
  return {Verdict::handled};
}

void Agent::Impl::handle_check_answer(TimePoint now, const Checks::Answer& answer, const Datagram& datagram) {
  Pair& pair = current->checklist[answer.pair];
  switch (answer.kind) {
    case Checks::Answer::Kind::unauthenticated:
      ++ignored.unauthenticated;
      journal.trace(now, "ice-answer-unauthenticated", current->checklist.base_of(pair).local, datagram.from);
      return;
    case Checks::Answer::Kind::role_conflict:
      current->note(now, "ice-role-conflict", pair);
      if (answer.fields.role == current->session.role) {
        current->session.role = current->session.role == Role::controlling ? Role::controlled : Role::controlling;
        switched_role(now);
      }
      current->session.tie_breaker = environment.random.next();  // RFC 8445 §7.2.5.1
      if (!current->selected) current->checklist.trigger(answer.pair);
      return;
    case Checks::Answer::Kind::failure:
      current->note(now, "ice-check-refused", pair, pair.error_code);
      // A late answer to a check that another one replaced decides nothing: the other has succeeded or is still open.
      if (pair.selected || (answer.replaced && !answer.fields.nominate)) return;
      check_failed(now, answer.pair, answer.cause);
      return;
    case Checks::Answer::Kind::success:
      break;
  }
  // A lite peer sends no check of its own (RFC 8445 §2.5), so its answers are all that proves it.
  if (!current->proven.add(datagram.socket, datagram.from)) ++ignored.over_limit;
  // RFC 8445 §7.2.5.3.2: the valid pair is the one that the peer saw. Where the bound on local candidates leaves no
  // name for the mapped address the pair is as good, and its own base stands in.
  const std::size_t known = current->local.all().size();
  auto mapped = current->local.find_or_add_mapped(pair.base, answer.mapped);
  if (!mapped) {
    ++ignored.over_limit;
    mapped = current->local.find_or_add_mapped(pair.base, current->checklist.base_of(pair).local);
  }
  if (current->local.all().size() > known)
    journal.note(now, "ice-local-peer-reflexive", current->checklist.base_of(pair).local, answer.mapped);
  current->checks.forget(answer.pair);
  current->checklist.succeed(now, answer.pair, *mapped);
  current->note(now, "ice-pair-valid", pair);
  if (!current->first_valid) {
    current->first_valid = now;
    if (!current->selected) events.push_back(FirstPairValid{pair.component});
  }
  const bool nominated_by_us = answer.fields.nominate && current->session.role == Role::controlling;
  const bool nominated_by_peer = pair.peer_nominated && current->session.role == Role::controlled;
  const bool wanted =
      current->selected
          ? nominated_by_peer && current->checklist.valid_priority(pair) >
                                     current->checklist.valid_priority(current->checklist[*current->selected])
          : nominated_by_us || nominated_by_peer;
  if (wanted) select(now, answer.pair);
  // The success has taken the place of the nominating check that was queued or under way: it is still to be answered.
  if (!current->selected && current->nominator.nominated() == answer.pair && !answer.fields.nominate) {
    pair.nominate = true;
    current->checklist.trigger(answer.pair);
  }
}

void Agent::Impl::handle_socket(TimePoint now, const SocketEvent& event) {
  relays.handle_socket(now, event);
  // The other sockets are the driver's; what ICMP says is kept as evidence.
  if (const auto* unreachable = std::get_if<SocketUnreachable>(&event)) {
    current->handle_unreachable(*unreachable);
    past.handle_unreachable(*unreachable);
  }
  if (closed()) return;
  handle_relay_events(now);
  advance(now);
}

void Agent::Impl::handle_gather_answer(TimePoint now, const Gatherer::Answer& answer) {
  if (!answer.mapped) return;
  const auto added =
      current->local.add_server_reflexive(answer.base, *answer.mapped, answer.server.address, answer.server_index);
  journal.note(now, "ice-mapped-address", current->local.bases()[answer.base].local, *answer.mapped);
  // It makes no new pair: checks leave from the base, which is paired already (RFC 8445 §6.1.2.4).
  if (added) tell(*added);
}

}  // namespace ice
