#include "mesh_demo/call.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "ice/sdp/candidate.hpp"
#include "ice/sdp/description.hpp"

namespace ice::mesh {
namespace {

bool has_relay(const AgentConfig& config) noexcept {
  return std::any_of(config.servers.begin(), config.servers.end(),
                     [](const auto& server) { return server.uri.is_turn(); });
}

void keep_earliest(std::optional<TimePoint>& earliest, const std::optional<TimePoint>& other) noexcept {
  if (other && (!earliest || *other < *earliest)) earliest = other;
}

}  // namespace

// ---- verbs

result<void> Call::say(TimePoint now, std::string_view text) {
  if (!active()) return fail(errc::closed);
  const auto said = texts_.say(text);
  pump(now);
  return said;
}

void Call::leave(TimePoint now) {
  if (!connected()) return end(now);
  leaving_ = true;
  texts_.say_bye();
  pump(now);
}

void Call::close(TimePoint now) { end(now); }

void Call::resolve(TimePoint now, const stun::Uri& uri, const std::vector<Endpoint>& addresses) {
  for (const ServerId server : std::exchange(unresolved_, {})) {
    if (uri_of(server) != uri) {
      unresolved_.push_back(server);
    } else if (session_ == nullptr) {
      continue;
    } else if (addresses.empty()) {
      session_->agent().fail_server(now, server, make_error_code(errc::name_not_resolved));
    } else {
      session_->agent().resolve_server(now, server, addresses);
    }
  }
  pump(now);
}

const stun::Uri& Call::uri_of(ServerId server) const noexcept {
  return config_.agent.servers[static_cast<std::size_t>(server)].uri;
}

// ---- attempts

void Call::begin_attempt(TimePoint now, Attempt attempt) {
  attempt_ = attempt;
  began_ = now;
  deadline_ = now + config_.attempt_timeout;
  state_ = State::waiting;
  if (we_offer(attempt)) open_session(now, Role::controlling);
}

void Call::open_session(TimePoint now, Role role) {
  AgentConfig config = config_.agent;
  config.role = role;
  // Where only the peer has a relay, ours to it are all that can be paired with it.
  if (attempt_ == relayed_attempt && has_relay(config)) config.policy = CandidatePolicy::relay_only;
  session_ = std::make_unique<IceSession>(now, std::move(config), config_.addresses, environment_, tickets_);
  state_ = State::trying;
}

void Call::close_session(TimePoint now) {
  if (session_ == nullptr) return;
  session_->agent().close(now);
  std::array<std::uint8_t, scratch_size> scratch{};
  while (const auto packet = session_->agent().poll_transmit(now, scratch))
    last_words_.push_back({packet->socket, packet->to, {packet->head.begin(), packet->head.end()}});
  for (const SocketId socket : session_->sockets()) to_close_.push_back(socket);
  session_.reset();
  offer_.reset();
  pair_.reset();
  restart_offered_ = restarting_ = false;
  lost_.reset();
  unresolved_.clear();
}

void Call::fail_attempt(TimePoint now, EndCause cause, bool tell_peer, std::string peer_cause) {
  const bool final = attempt_ >= last_attempt() || !signalled_;
  CallFailed failed{attempt_, final, cause, now - began_, {}, std::move(peer_cause)};
  if (session_ != nullptr) failed.report = session_->agent().report();
  past_.push_back({attempt_, cause, failed.report});
  events_.push_back(std::move(failed));
  if (tell_peer && signalled_)
    messages_.push_back(Error{ErrorCode::attempt_failed, std::string{to_string(cause)}, peer_.id, attempt_});
  close_session(now);
  if (final)
    end(now);
  else
    begin_attempt(now, static_cast<Attempt>(attempt_ + 1));
}

/// Where neither offers a relay the third attempt would be the first one again.
Attempt Call::last_attempt() const noexcept {
  return has_relay(config_.agent) ? relayed_attempt : static_cast<Attempt>(relayed_attempt - 1);
}

void Call::disconnect(TimePoint now, EndCause cause) {
  events_.push_back(CallDisconnected{cause});
  end(now);
}

void Call::end(TimePoint now) {
  if (session_ != nullptr) past_.push_back({attempt_, {}, session_->agent().report()});
  close_session(now);
  deadline_.reset();
  state_ = State::over;
}

// ---- restarts

void Call::begin_restart(TimePoint now, EndCause cause) {
  if (!signalled_ || !session_->agent().restart(now)) return;
  lost_ = cause;
  deadline_ = now + restart_patience;
  events_.push_back(CallRestarting{cause});
  restart_offered_ = true;
  messages_.push_back(Offer{peer_.id, attempt_, sdp::format(session_->agent().local_description())});
}

/// An offer within the attempt that stands is a restart; false for any other.
bool Call::take_restart(TimePoint now, const Offer& offer) {
  const bool ours_counts = restart_offered_ && we_offer(attempt_);
  if (!connected() || offer.attempt != attempt_ || ours_counts) return false;
  auto session = sdp::parse(offer.sdp);
  const auto content = session ? sdp::ice_content(*session) : fail(errc::bad_sdp);
  if (!content || !session_->agent().set_remote_description(now, content->description)) return false;
  restart_offered_ = false;
  const Description local = session_->agent().local_description();
  messages_.push_back(Answer{peer_.id, attempt_, sdp::format(sdp::make_answer(*session, local))});
  return true;
}

// ---- signalling

void Call::handle_message(TimePoint now, const Offer& offer) {
  // The next attempt begins with the peer's offer, whatever we thought of the one before.
  const bool next = active() && offer.attempt == attempt_ + 1 && offer.attempt <= most_attempts;
  if (next && !we_offer(offer.attempt)) fail_attempt(now, DemoCause::peer_gave_up, false);
  if (take_restart(now, offer)) return pump(now);
  if (state_ != State::waiting || offer.attempt != attempt_) {
    ++ignored_;
    return;
  }
  deadline_ = now + config_.attempt_timeout;
  auto session = sdp::parse(offer.sdp);
  const auto content = session ? sdp::ice_content(*session) : fail(errc::bad_sdp);
  if (!content) {
    fail_attempt(now, DemoCause::bad_description, true);
  } else {
    open_session(now, Role::controlled);
    offer_ = std::move(*session);
    set_remote(now, content->description);
  }
  pump(now);
}

void Call::handle_message(TimePoint now, const Answer& answer) {
  const bool asked = restart_offered_ || (we_offer(attempt_) && !connected());
  if (!is_current(answer.attempt) || !asked) {
    ++ignored_;
    return;
  }
  const auto description = sdp::parse_description(answer.sdp);
  restart_offered_ = false;
  if (description)
    set_remote(now, *description);
  else if (connected())
    ++ignored_;  // of a restart: what stands, stands
  else
    fail_attempt(now, DemoCause::bad_description, true);
  pump(now);
}

void Call::set_remote(TimePoint now, const Description& description) {
  if (!session_->agent().set_remote_description(now, description)) ++ignored_;
}

void Call::handle_message(TimePoint now, const CandidateLine& line) {
  if (!is_current(line.attempt)) {
    ++ignored_;
    return;
  }
  if (line.candidate.empty()) {
    session_->agent().end_of_remote_candidates(now);
  } else {
    const auto candidate = sdp::parse_candidate(line.candidate);
    if (!candidate || !session_->agent().add_remote_candidate(now, *candidate)) ++ignored_;
  }
  pump(now);
}

void Call::handle_message(TimePoint now, const Error& error) {
  if (error.code != ErrorCode::attempt_failed || error.attempt != attempt_ || !active()) {
    ++ignored_;
    return;
  }
  fail_attempt(now, DemoCause::peer_gave_up, false, error.text);
  pump(now);
}

void Call::handle_peer_left(TimePoint now, bool said_bye) {
  signalled_ = false;
  if (!active()) return end(now);
  if (said_bye) {
    events_.push_back(CallLeft{});
    end(now);
  } else if (connected()) {
    // It may live, and only its way to the server has died. Losing signalling ends no call, so it is asked.
    deadline_ = now + proof_of_life;
    texts_.probe();
  } else {
    disconnect(now, DemoCause::peer_vanished);
  }
  pump(now);
}

void Call::handle_replaced(TimePoint now) {
  if (active())
    disconnect(now, DemoCause::peer_vanished);
  else
    end(now);
}

void Call::handle_signalling_lost(TimePoint now) {
  signalled_ = false;
  const bool told = session_ != nullptr && !session_->agent().report().remote_ufrag.empty();
  if (state_ == State::waiting || (state_ == State::trying && !told))
    fail_attempt(now, DemoCause::signalling_lost, false);
  pump(now);
}

// ---- packets, sockets, time

Received Call::handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
  Received received = session_->agent().handle_datagram(now, in, scratch);
  if (received.verdict == Verdict::application_data) {
    handle_heard(now, texts_.handle_datagram(now, received.data));
    received = {Verdict::handled};
  }
  pump(now);
  return received;
}

void Call::handle_heard(TimePoint now, const TextChannel::Heard& heard) {
  using Kind = TextChannel::Heard::Kind;
  if (heard.kind == Kind::text) {
    events_.push_back(CallText{std::string{heard.text}});
  } else if (heard.kind == Kind::alive && connected()) {
    deadline_.reset();
  } else if (heard.kind == Kind::bye && state_ != State::lingering) {
    events_.push_back(CallLeft{});
    state_ = State::lingering;
    deadline_ = now + goodbye_linger;
  }
}

void Call::handle_socket(TimePoint now, const SocketEvent& event) {
  const auto* unreachable = std::get_if<SocketUnreachable>(&event);
  session_->handle_socket(now, event);
  // While the peer has to prove that it lives, a closed port is the proof that it does not.
  const bool asked = connected() && deadline_ && !lost_;  // nor is a relay's closed port the peer's
  if (unreachable != nullptr && asked && pair_ && unreachable->to == pair_->remote.endpoint)
    disconnect(now, DemoCause::peer_vanished);
  pump(now);
}

void Call::handle_timeout(TimePoint now) {
  if (session_ != nullptr) session_->agent().handle_timeout(now);
  pump(now);
  if (const auto unheard = text_deadline(); unheard && *unheard <= now) disconnect(now, DemoCause::texts_unheard);
  if (deadline_ && *deadline_ <= now) handle_deadline(now);
  pump(now);
}

void Call::handle_deadline(TimePoint now) {
  switch (state_) {
    case State::waiting:
    case State::trying:
      fail_attempt(now, DemoCause::attempt_timeout, true);
      break;
    case State::connected:
      disconnect(now, lost_.value_or(DemoCause::peer_vanished));
      break;
    case State::lingering:
    case State::over:
      end(now);
      break;
  }
}

std::optional<TimePoint> Call::text_deadline() const noexcept {
  const auto since = texts_.unacknowledged_since();
  if (!connected() || !since || lost_ || restarting_) return std::nullopt;
  return std::max(*since, stands_since_) + text_patience;
}

/// Whatever the session has to tell. The session may be another one, or none, after each event.
void Call::pump(TimePoint now) {
  while (session_ != nullptr) {
    const auto event = session_->poll_event();
    if (!event) break;
    std::visit([&](const auto& one) { handle(now, one); }, *event);
  }
  if (leaving_ && connected() && texts_.idle()) end(now);
}

void Call::handle(TimePoint, const SessionReady&) {
  const Description local = session_->agent().local_description();
  if (we_offer(attempt_))
    messages_.push_back(Offer{peer_.id, attempt_, sdp::format(local)});
  else
    messages_.push_back(Answer{peer_.id, attempt_, sdp::format(sdp::make_answer(*offer_, local))});
}

void Call::handle(TimePoint now, const AgentEvent& event) {
  if (const auto* gathered = std::get_if<CandidateGathered>(&event)) {
    messages_.push_back(CandidateLine{peer_.id, attempt_, sdp::format(gathered->candidate)});
  } else if (std::holds_alternative<GatheringDone>(event)) {
    messages_.push_back(CandidateLine{peer_.id, attempt_, {}});
  } else if (const auto* selected = std::get_if<PairSelected>(&event)) {
    pair_ = *selected;
  } else if (const auto* changed = std::get_if<StateChanged>(&event)) {
    handle_state(now, *changed);
  } else if (const auto* needed = std::get_if<RestartNeeded>(&event)) {
    if (connected() && !lost_) begin_restart(now, needed->cause);
  } else if (const auto* restarted = std::get_if<Restarted>(&event)) {
    began_ = now;
    restarting_ = true;
    if (restarted->by_peer) events_.push_back(CallRestarting{DemoCause::peer_restarts});
  } else if (const auto* name = std::get_if<ServerNameNeeded>(&event)) {
    unresolved_.push_back(name->server);
    events_.push_back(CallNeedsServer{uri_of(name->server)});
  }
}

void Call::handle_state(TimePoint now, const StateChanged& changed) {
  if (state_ == State::lingering) {  // it said goodbye before we had selected a pair, and stays gone
    if (changed.state == AgentState::failed || changed.state == AgentState::disconnected) end(now);
  } else if (changed.state == AgentState::connected) {
    state_ = State::connected;
    deadline_.reset();
    lost_.reset();
    restarting_ = false;
    stands_since_ = now;
    if (changed.cause != Cause::none) return;  // the restart failed, and the pair of before carries on
    events_.push_back(CallConnected{attempt_, session_->agent().role(), pair_->local, pair_->remote, now - began_});
  } else if (changed.state == AgentState::failed || changed.state == AgentState::disconnected) {
    handle_loss(now, changed);
  }
}

void Call::handle_loss(TimePoint now, const StateChanged& changed) {
  if (!connected()) return fail_attempt(now, changed.cause, true);
  const bool may_restart = changed.state == AgentState::disconnected && changed.cause != Cause::consent_revoked;
  if (may_restart && !lost_) begin_restart(now, changed.cause);
  if (session_->agent().state() == changed.state) disconnect(now, lost_.value_or(changed.cause));
}

// ---- what leaves

std::optional<Message> Call::poll_message() {
  if (messages_.empty()) return std::nullopt;
  Message message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

std::optional<CallEvent> Call::poll_event() {
  if (events_.empty()) return std::nullopt;
  CallEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<SocketRequest> Call::poll_socket() {
  if (session_ != nullptr) {
    if (auto request = session_->poll_socket()) return request;
  }
  if (to_close_.empty() || !last_words_.empty()) return std::nullopt;
  const SocketId socket = to_close_.back();
  to_close_.pop_back();
  return CloseSocket{socket};
}

std::optional<Transmit> Call::poll_transmit(TimePoint now, MutableBytes scratch) {
  if (!last_words_.empty()) {
    const LastWord word = std::move(last_words_.front());
    last_words_.pop_front();
    std::copy(word.bytes.begin(), word.bytes.end(), scratch.begin());
    Transmit packet;
    packet.socket = word.socket;
    packet.to = word.to;
    packet.head = scratch.first(word.bytes.size());
    return packet;
  }
  if (session_ == nullptr) return std::nullopt;
  if (auto packet = session_->agent().poll_transmit(now, scratch)) return packet;
  if (state_ != State::connected && state_ != State::lingering) return std::nullopt;
  while (const auto datagram = texts_.poll_transmit(now)) {
    // What cannot be sent now is as good as lost, and will be sent again.
    const auto packet = session_->agent().wrap(now, ComponentId{1}, *datagram, scratch);
    if (packet) return *packet;
  }
  return std::nullopt;
}

std::optional<TimePoint> Call::next_timeout() const {
  std::optional<TimePoint> next = deadline_;
  if (session_ != nullptr) keep_earliest(next, session_->agent().next_timeout());
  if (state_ == State::connected || state_ == State::lingering) keep_earliest(next, texts_.next_timeout());
  keep_earliest(next, text_deadline());
  return next;
}

std::vector<AttemptReport> Call::reports() const {
  std::vector<AttemptReport> all = past_;
  if (session_ != nullptr) all.push_back({attempt_, {}, session_->agent().report()});
  return all;
}

}  // namespace ice::mesh
