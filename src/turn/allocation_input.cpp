#include <utility>

#include "base/reachable.hpp"
#include "stun/response.hpp"
#include "turn/allocation_impl.hpp"
#include "turn/channel_data.hpp"

// What arrives from the server: data of peers, and what it answers.

namespace ice::turn {

using namespace stun;

namespace {

/// Whoever speaks there has shown a certificate.
bool is_secure(Transport transport) noexcept { return transport == Transport::tls || transport == Transport::dtls; }

}  // namespace

bool Allocation::Impl::owns(const Datagram& in) const noexcept {
  if (in.socket != socket && in.socket != old_socket && !(moving && in.socket == moving->to)) return false;
  // A connection has one other end; on a UDP socket anybody may be.
  return config.transport != Transport::udp || in.from.canonical() == server.canonical();
}

Received Allocation::Impl::malformed(TimePoint now, std::string_view what) {
  ++counters.malformed;
  trace(now, what);
  return {.verdict = Verdict::malformed};
}

Received Allocation::Impl::handle_datagram(TimePoint now, const Datagram& in) {
  if (!owns(in)) return {.verdict = Verdict::not_mine};
  if (!in.payload.empty() && is_channel_data(in.payload[0])) return handle_channel_data(now, in);
  const result<Message> message = Message::parse(in.payload);
  if (!message) {
    if (message.error() == errc::not_stun) return {.verdict = Verdict::not_mine};
    return malformed(now, "turn-malformed");
  }
  if (message->is(Method::data, Class::indication)) return handle_data_indication(now, *message, in.socket);
  const Method method = message->method();
  const bool response =
      message->message_class() == Class::success_response || message->message_class() == Class::error_response;
  if (response && (method == Method::allocate || method == Method::refresh || method == Method::create_permission ||
                   method == Method::channel_bind))
    return handle_response(now, *message);
  return {.verdict = Verdict::not_mine};
}

// --- data

Received Allocation::Impl::data_from(const Endpoint& peer, Bytes data, SocketId by) {
  arrived_by(by);
  ++counters.datagrams_in;
  counters.bytes_in += data.size();
  unanswered_since.reset();
  return {.verdict = Verdict::application_data, .data = data, .from = peer};
}

Received Allocation::Impl::not_permitted(TimePoint now, std::string_view what) {
  ++counters.no_permission;
  trace(now, what);
  return {.verdict = Verdict::unauthenticated};
}

Received Allocation::Impl::handle_channel_data(TimePoint now, const Datagram& in) {
  if (!is_allocated()) return {.verdict = Verdict::not_mine};
  last_heard = now;
  const auto message = read_channel_data(in.payload);
  if (!message) return malformed(now, "turn-channel-data-truncated");
  const ClientChannel* const channel = channels.incoming(now, message->number);
  if (channel == nullptr || !may_send(now, *channel)) return not_permitted(now, "turn-channel-not-bound");
  return data_from(channel->peer, message->data, in.socket);
}

/// RFC 8656 §12: the server may use a channel, and the permission that comes with it, before its answer arrives.
bool Allocation::Impl::may_send(TimePoint now, const ClientChannel& channel) const noexcept {
  return channel.request != RequestId::none ? permissions.wanted(channel.peer.address)
                                            : permissions.may_send(now, channel.peer.address);
}

Received Allocation::Impl::handle_data_indication(TimePoint now, const Message& message, SocketId by) {
  if (!is_allocated()) return {.verdict = Verdict::not_mine};
  last_heard = now;
  // RFC 8489 §6.3.2
  if (has_unknown_required(message)) return malformed(now, "turn-indication-unknown-attribute");
  const auto peer = message.get<attr::XorPeerAddress>();
  const auto data = message.get<attr::Data>();
  const auto icmp = message.get<attr::Icmp>();
  if (!peer || (!data && !icmp)) return malformed(now, "turn-indication-incomplete");  // RFC 8656 §11.4
  const Endpoint from = peer->canonical();
  if (!permissions.may_send(now, from.address)) return not_permitted(now, "turn-peer-not-permitted");
  if (data) return data_from(from, *data, by);
  if (events.size() < most_events) tell(PeerUnreachable{from, *icmp});
  return {};
}

// --- responses

Received Allocation::Impl::unauthenticated(TimePoint now, std::string_view what) {
  ++counters.unauthenticated;
  trace(now, what);
  return {.verdict = Verdict::unauthenticated};
}

Received Allocation::Impl::handle_response(TimePoint now, const Message& response) {
  ClientRequest* const request = requests.find(response.transaction_id());
  if (request == nullptr || response.method() != method_of(request->purpose)) {
    ++counters.unsolicited;
    trace(now, "turn-unsolicited");
    return {.verdict = Verdict::not_mine};
  }
  if (response.has<attr::Fingerprint>() && !response.check_fingerprint())
    return malformed(now, "turn-wrong-fingerprint");

  hear_of_third_party(response);
  using Step = AuthSession::Judgement::Step;
  const AuthSession::Judgement judged = session_of(*request).judge(response, request->signed_at);
  const auto error = response.get<attr::ErrorCode>();
  const ErrorCode code = error ? error->code : ErrorCode{};
  switch (judged.step) {
    case Step::ignore:
      return unauthenticated(now, "turn-answer-ignored");
    case Step::reject: {
      if (request->transaction.reject_response() == Transaction::Step::integrity_violated)
        failed(now, take(*request), {make_error_code(errc::wrong_integrity), {}, now});
      return unauthenticated(now, "turn-answer-rejected");
    }
    case Step::retry:
      heard(now, *request);
      if (state == AllocationState::releasing && request->purpose == Purpose::allocate) {
        released();  // there is none yet, and none is to be made
      } else if (!requests.restart(now, *request)) {
        failed(now, take(*request), {make_error_code(errc::unauthorized), code, now});
      }
      return {};
    case Step::fail:
      heard(now, *request);
      if (judged.error == errc::unauthorized && is_allocated() && next_login) {
        use_next_login(now);
      } else {
        failed(now, take(*request), {judged.error, code, now});
      }
      return {};
    case Step::accept:
      break;
  }
  heard(now, *request);
  if (has_unknown_required(judged.message)) {
    failed(now, take(*request), {make_error_code(errc::bad_response), code, now});
  } else if (judged.message.message_class() == Class::success_response) {
    take_success(now, take(*request), judged.message);
  } else {
    take_error(now, *request, judged.message, judged.authenticated);
  }
  return {};
}

/// An answer that counts has come.
void Allocation::Impl::heard(TimePoint now, const ClientRequest& request) noexcept {
  ++counters.responses;
  last_heard = now;
  unanswered_since.reset();
  if (const auto round_trip = request.transaction.round_trip(now)) requests.rto().sample(now, *round_trip);
}

ClientRequest Allocation::Impl::take(const ClientRequest& request) noexcept {
  const ClientRequest taken = request;
  requests.erase(taken.id);
  return taken;
}

void Allocation::Impl::take_success(TimePoint now, const ClientRequest& request, const Message& response) {
  const TimePoint sent = request.transaction.first_sent();  // the server's timers run from there at the earliest
  switch (request.purpose) {
    case Purpose::allocate:
      return take_allocation(now, response);
    case Purpose::refresh:
    case Purpose::move: {
      const auto granted = response.get<attr::Lifetime>();
      if (granted && granted->count() == 0) return lost(now, {make_error_code(errc::bad_response), {}, now});
      keep_ticket(response);
      token_untold = false;
      if (request.purpose == Purpose::move) moved(now);
      return refreshed(now, granted ? Duration{*granted} : lifetime);
    }
    case Purpose::clean_up:
      leftover.reset();
      [[fallthrough]];
    case Purpose::release:
      return gave_back(now);
    case Purpose::permissions:
      return permissions.granted(sent, request.id, tell_granted());
    case Purpose::channel: {
      ClientChannel* const channel = channels.find(request.id);
      permissions.granted(sent, channel->peer.address, tell_granted());
      if (ClientChannels::bound(sent, *channel)) tell(ChannelReady{channel->peer, channel->number});
      return;
    }
  }
}

/// What may be on the present 5-tuple is known.
bool Allocation::Impl::left_here() const noexcept { return leftover && leftover->server == server; }

const AuthSession& Allocation::Impl::session_of(const ClientRequest& request) const noexcept {
  return request.purpose == Purpose::clean_up && left_here() ? leftover->session : session;
}

AuthSession& Allocation::Impl::session_of(const ClientRequest& request) noexcept {
  return const_cast<AuthSession&>(std::as_const(*this).session_of(request));  // it is one of ours
}

/// The Refresh with LIFETIME 0 is over.
void Allocation::Impl::gave_back(TimePoint now) {
  if (state == AllocationState::releasing) return released();
  if (state == AllocationState::allocating) requests.begin(now, Purpose::allocate);
}

/// RFC 8656 §7.3
void Allocation::Impl::take_allocation(TimePoint now, const Message& response) {
  Allocated what;
  for (const RawAttribute raw : response.attributes()) {
    if (raw.type != attr::XorRelayedAddress::type) continue;
    const auto address = attr::XorRelayedAddress::decode(raw.value, response.header());
    if (!address || !is_reachable(*address)) continue;
    (what.relayed ? what.relayed_other : what.relayed) = *address;
  }
  const auto granted = response.get<attr::Lifetime>();
  const auto reflexive = response.get<attr::XorMappedAddress>();
  if (granted) what.lifetime = *granted;
  if (reflexive) what.mapped = reflexive->canonical();
  what.server = server;
  what.dont_fragment = dont_fragment;
  ticket_to_move.clear();
  keep_ticket(response);
  what.mobile = !ticket_to_move.empty();
  if (const auto token = response.get<attr::ReservationToken>()) what.reservation_token = *token;
  if (const auto refused = response.get<attr::AddressErrorCode>())
    what.refused = AddressError{refused->family, {refused->error.code, {}}};

  if (state == AllocationState::releasing || !is_acceptable(what)) {
    // RFC 8656 §7.3: what we cannot use is deleted.
    const bool unusable = state != AllocationState::releasing;
    if (unusable) attempt_failed(now, {make_error_code(errc::bad_response), {}, now});
    if (socket) requests.begin(now, Purpose::release);
    return;
  }
  allocated(now, what);
}

bool Allocation::Impl::is_acceptable(const Allocated& what) const noexcept {
  const Family first = what.relayed.address.family();
  const Family other = what.relayed_other.address.family();
  if (first == Family::none || what.lifetime == Duration::zero()) return false;
  if (config.reservation_token) return other == Family::none;
  switch (family) {
    case RequestedFamily::both:
      return first != other;
    case RequestedFamily::ipv6:
      return first == Family::ipv6 && other == Family::none;
    case RequestedFamily::unspecified:
    case RequestedFamily::ipv4:
      break;
  }
  return first == Family::ipv4 && other == Family::none;
}

void Allocation::Impl::take_error(TimePoint now, ClientRequest& request, const Message& response, bool authenticated) {
  const auto error = response.get<attr::ErrorCode>();
  const ErrorCode code = error ? error->code : ErrorCode{};
  // RFC 8489 §6.3.4
  const Refusal why{make_error_code(error ? errc::server_refused : errc::bad_response), code, now};
  if (request.purpose == Purpose::allocate) {
    const ClientRequest taken = take(request);
    if (!take_allocate_error(now, code, response, authenticated)) failed(now, taken, why);
    return;
  }
  const bool passing = to_number(code) / 100 == 5 && code != ErrorCode::insufficient_capacity;
  if (passing && request.server_errors < most_server_errors) return requests.restart_later(now, request);
  failed(now, take(request), why);
}

/// What can be done about an error to Allocate but to fail (RFC 8656 §7.4). False if nothing.
bool Allocation::Impl::take_allocate_error(TimePoint now, ErrorCode code, const Message& response, bool authenticated) {
  if (state != AllocationState::allocating) return false;
  switch (code) {
    case ErrorCode::try_alternate: {
      // RFC 8489 §14.8: else anybody who can forge one answer sends our requests to a victim, or over TCP into our own
      // network. coturn sends it to whoever has not signed yet, which is as good where a certificate says who speaks.
      if (!authenticated && !is_secure(config.transport)) return false;
      const auto domain = response.get<attr::AlternateDomain>();
      redirect(now, alternate_in(response, server.address.family()), domain ? *domain : std::string_view{});
      return true;
    }
    case ErrorCode::allocation_mismatch:
      mismatched(now);
      return true;
    case ErrorCode::mobility_forbidden:  // RFC 8016 §3.1.4: not to be asked for again, of this server
      if (!asks_for_ticket()) return false;
      forbids_moves = server;
      requests.begin(now, Purpose::allocate);
      return true;
    case ErrorCode::unknown_attribute:
      if (!drop_unknown_wish(response)) return false;
      requests.begin(now, Purpose::allocate);
      return true;
    default:
      return false;
  }
}

/// RFC 8656 §7.4: DONT-FRAGMENT may be left out, and Allocated says so. A wish for IPv4 may be left out to a server
/// that knows nothing else. An even port or IPv6 is what was wanted, or nothing is. True if something is left out.
bool Allocation::Impl::drop_unknown_wish(const Message& response) noexcept {
  const auto unknown = response.get<attr::UnknownAttributes>();
  if (!unknown) return false;
  bool dropped = false;
  for (const AttributeType type : *unknown) {
    if (type == attr::DontFragment::type && std::exchange(dont_fragment, false)) dropped = true;
    if (type == attr::RequestedAddressFamily::type && family == RequestedFamily::ipv4) {
      family = RequestedFamily::unspecified;
      dropped = true;
    }
  }
  return dropped;
}

void Allocation::Impl::not_cleaned_up(TimePoint now, const Refusal& why) {
  if (state != AllocationState::allocating) return gave_back(now);
  if (why.code == ErrorCode{}) return attempt_failed(now, why);
  const bool gone = why.code == ErrorCode::allocation_mismatch;  // RFC 8656 §8.3
  const bool refused = left_here() && !gone;
  leftover.reset();
  // Its user is not taken any more. Whoever we are now may count as the same, as with shared-secret names.
  if (refused) requests.begin(now, Purpose::clean_up);
  if (!refused) gave_back(now);
}

void Allocation::Impl::failed(TimePoint now, const ClientRequest& request, Refusal why) {
  if (request.purpose == Purpose::allocate) return attempt_failed(now, why);
  if (request.purpose == Purpose::release) return gave_back(now);  // RFC 8656 §8.3: 437 is as good as success
  if (request.purpose == Purpose::clean_up) return not_cleaned_up(now, why);
  if (request.purpose == Purpose::move) return move_refused(now, why);
  // RFC 8656 §5: after 437 there is none; 441 says that it is somebody else's. No answer says that the server is gone.
  const bool about_peer = why.error == errc::server_refused && why.code != ErrorCode::allocation_mismatch &&
                          why.code != ErrorCode::wrong_credentials;
  if (!about_peer || request.purpose == Purpose::refresh) return lost(now, why);
  if (request.purpose == Purpose::permissions) {
    return permissions.refused(request.id, [this, why](const Address& peer) {
      tell(PermissionRefused{peer, why});
      channels.forget(peer);  // a binding would permit it again behind the owner's back (RFC 8656 §12)
    });
  }

  ClientChannel* const channel = channels.find(request.id);
  // RFC 8656 §12.3: we and the server are of two minds about our channels.
  if (channel->told && why.code == ErrorCode::bad_request) return lost(now, why);
  const bool wanted = channel->wanted;
  ClientChannels::refused(*channel);
  permissions.make_due_unless_active(now, channel->peer.address);
  if (wanted) tell(ChannelRefused{channel->peer, why});
}

}  // namespace ice::turn
