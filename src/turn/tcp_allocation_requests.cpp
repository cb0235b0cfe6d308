#include <algorithm>
#include <utility>

#include "stun/response.hpp"
#include "turn/client_requests.hpp"
#include "turn/tcp_allocation_impl.hpp"

// What is asked of the server for each peer, what it answers, and the bytes that follow.

namespace ice::turn {

using namespace stun;

Received TcpAllocation::Impl::drop_message(std::uint64_t& counter, Verdict verdict) noexcept {
  ++counter;
  return {.verdict = verdict};
}

// ---- what arrives

Received TcpAllocation::Impl::handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
  if (control.owns(in)) {
    const Received received = with_control(now, [&] { return control.handle_datagram(now, in, scratch); });
    return received.verdict == Verdict::not_mine ? handle_control(now, in.payload) : received;
  }
  const auto at = find(in.socket);
  if (at == peers.end()) return {.verdict = Verdict::not_mine};
  return handle_data(now, at, in.payload);
}

/// What the allocation itself has no use for.
Received TcpAllocation::Impl::handle_control(TimePoint now, Bytes payload) {
  const result<Message> message = Message::parse(payload);
  if (!message) return {.verdict = Verdict::not_mine};
  if (message->is(Method::connection_attempt, Class::indication)) return handle_attempt(now, *message);
  if (message->method() != Method::connect || message->message_class() == Class::request ||
      message->message_class() == Class::indication)
    return {.verdict = Verdict::not_mine};
  const auto at = std::find_if(peers.begin(), peers.end(), [&](const auto& one) {
    return one.second.state == State::connecting && one.second.request->id() == message->transaction_id();
  });
  if (at == peers.end()) return drop_message(counters.unsolicited, Verdict::not_mine);
  return handle_response(now, at, session, *message);
}

Received TcpAllocation::Impl::handle_data(TimePoint now, Peers::iterator at, Bytes payload) {
  if (at->second.state == State::open) {
    counters.bytes_in += payload.size();
    return {.verdict = Verdict::application_data, .data = payload, .from = at->first};
  }
  const result<Message> message = Message::parse(payload);
  if (!message) return drop_message(counters.malformed, Verdict::malformed);
  const bool answer = message->is(Method::connection_bind, Class::success_response) ||
                      message->is(Method::connection_bind, Class::error_response);
  if (!answer || message->transaction_id() != at->second.request->id())
    return drop_message(counters.unsolicited, Verdict::not_mine);
  return handle_response(now, at, at->second.session, *message);
}

/// RFC 6062 §4.4.
Received TcpAllocation::Impl::handle_attempt(TimePoint now, const Message& message) {
  const auto id = message.get<attr::ConnectionId>();
  const auto from = message.get<attr::XorPeerAddress>();
  if (!id || !from || has_unknown_required(message)) return drop_message(counters.malformed, Verdict::malformed);
  if (control.state() != AllocationState::allocated) return drop_message(counters.unsolicited, Verdict::not_mine);
  const Endpoint endpoint{from->address.canonical().without_scope(), from->port};
  const auto known = peers.find(endpoint);
  const bool wanted =
      known != peers.end() && (known->second.state == State::wanted || known->second.state == State::connecting);
  if (known != peers.end() && !wanted) {
    // The server knows of one at most, so the one that we know of is over.
    if (known->second.state == State::open) events.emplace_back(PeerClosed{endpoint, {}});
    drop(known);
  }
  if (!wanted && peers.size() == most_peers) return drop_message(counters.unsolicited, Verdict::handled);
  ClientPeer& peer = peers[endpoint];
  peer.id = *id;
  if (wanted) {  // both have called at once; a Connect that is under way is answered with 446
    open_data(now, peer);
  } else {
    peer.state = State::called;
    peer.until = now + accept_time;
    events.emplace_back(PeerCalled{endpoint});
  }
  return {};
}

Received TcpAllocation::Impl::handle_response(TimePoint now, Peers::iterator at, AuthSession& with,
                                              const Message& response) {
  ClientPeer& peer = at->second;
  if (response.has<attr::Fingerprint>() && !response.check_fingerprint())
    return drop_message(counters.malformed, Verdict::malformed);
  using Step = AuthSession::Judgement::Step;
  const AuthSession::Judgement judged = with.judge(response, peer.signed_at);
  const auto error = response.get<attr::ErrorCode>();
  const ErrorCode code = error ? error->code : ErrorCode{};
  switch (judged.step) {
    case Step::ignore:
      return drop_message(counters.unauthenticated, Verdict::unauthenticated);
    case Step::reject:
      if (peer.request->reject_response() == Transaction::Step::integrity_violated)
        refuse(at, {make_error_code(errc::wrong_integrity), {}, now});
      return drop_message(counters.unauthenticated, Verdict::unauthenticated);
    case Step::retry:
      if (peer.challenges++ == ClientRequests::most_challenges) {
        refuse(at, {make_error_code(errc::unauthorized), code, now});
      } else {
        ask(peer);
      }
      return {};
    case Step::fail:
      refuse(at, {judged.error, code, now});
      return {};
    case Step::accept:
      break;
  }
  if (has_unknown_required(judged.message)) {
    refuse(at, {make_error_code(errc::bad_response), code, now});
  } else if (judged.message.message_class() == Class::success_response) {
    take_success(now, at, judged.message);
  } else {
    take_error(now, at, judged.message);
  }
  return {};
}

void TcpAllocation::Impl::take_success(TimePoint now, Peers::iterator at, const Message& response) {
  ClientPeer& peer = at->second;
  peer.request.reset();
  if (peer.state == State::connecting) {
    const auto id = response.get<attr::ConnectionId>();
    if (!id) return refuse(at, {make_error_code(errc::bad_response), {}, now});
    peer.id = *id;
    return open_data(now, peer);
  }
  ++counters.connected;
  peer.state = State::open;
  peer.until.reset();
  requests.emplace_back(FrameSocket{*peer.socket, Framing::none});
  events.emplace_back(PeerConnected{at->first});
}

void TcpAllocation::Impl::take_error(TimePoint now, Peers::iterator at, const Message& response) {
  const auto error = response.get<attr::ErrorCode>();
  const ErrorCode code = error ? error->code : ErrorCode{};
  refuse(at, {make_error_code(error ? errc::server_refused : errc::bad_response), code, now});
  // RFC 8656 §5: perhaps there is no allocation any more, which the allocation itself finds out.
  if (code == ErrorCode::allocation_mismatch) with_control(now, [&] { control.check(now); });
}

// ---- what leaves

void TcpAllocation::Impl::ask(ClientPeer& peer) {
  peer.request.emplace(TransactionId::random(environment.random), RetransmissionSchedule::stream());
}

std::optional<Transmit> TcpAllocation::Impl::poll_transmit(TimePoint now, MutableBytes scratch) {
  if (auto transmit = control.poll_transmit(now, scratch)) return transmit;
  take_control_events(now);
  for (auto at = peers.begin(); at != peers.end();) {
    const auto here = at++;
    if (!here->second.request || !here->second.request->transmit_due()) continue;
    if (auto transmit = send_request(now, here, scratch)) return transmit;
  }
  return std::nullopt;
}

std::optional<Transmit> TcpAllocation::Impl::send_request(TimePoint now, Peers::iterator at, MutableBytes scratch) {
  ClientPeer& peer = at->second;
  const bool connecting = peer.state == State::connecting;
  const auto socket = connecting ? control.socket() : peer.socket;
  if (!socket) return std::nullopt;
  const AuthSession& with = connecting ? session : peer.session;
  Builder builder{scratch, connecting ? Method::connect : Method::connection_bind, Class::request, peer.request->id()};
  if (connecting) {
    builder.add<attr::XorPeerAddress>(at->first);
  } else {
    builder.add<attr::ConnectionId>(peer.id);
  }
  with.sign(builder);
  const result<Bytes> message = builder.finish();
  if (!message) {
    refuse(at, {message.error(), {}, now});
    return std::nullopt;
  }
  peer.signed_at = with.generation();
  peer.request->transmitted(now);
  Transmit transmit;
  transmit.socket = *socket;
  transmit.to = way.remote;
  transmit.head = *message;
  return transmit;
}

void TcpAllocation::Impl::expire_requests(TimePoint now) {
  for (auto at = peers.begin(); at != peers.end();) {
    const auto here = at++;
    if (!here->second.request) continue;
    const Transaction::Step step = here->second.request->handle_timeout(now);
    if (step != Transaction::Step::timed_out && step != Transaction::Step::integrity_violated) continue;
    const bool unverified = step == Transaction::Step::integrity_violated;
    refuse(here, {make_error_code(unverified ? errc::wrong_integrity : errc::timed_out), {}, now});
  }
}

}  // namespace ice::turn
