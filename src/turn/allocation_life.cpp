#include <algorithm>
#include <utility>

#include "base/earliest.hpp"
#include "base/reachable.hpp"
#include "stun/hard_error.hpp"
#include "turn/allocation_impl.hpp"

// How an allocation comes and goes: attempts, loss, waiting, sockets.

namespace ice::turn {

namespace {

using stun::ErrorCode;

/// Nobody refreshes less often than once a day. Ours: LIFETIME has 32 bits of seconds.
constexpr Duration longest_lifetime = std::chrono::hours{24};

/// How long RFC 8656 §7.4 wants a client to wait before it asks the server again.
std::optional<Duration> wait_after(ErrorCode code) noexcept {
  if (code == ErrorCode::allocation_quota_reached || code == ErrorCode::insufficient_capacity)
    return Allocation::capacity_wait;
  if (code == ErrorCode::allocation_mismatch) return Allocation::mismatch_wait;
  return std::nullopt;
}

bool is_server_error(ErrorCode code) noexcept { return stun::to_number(code) / 100 == 5; }

}  // namespace

// --- attempts

/// Asks the first server, as if nobody had been asked before.
void Allocation::Impl::begin(TimePoint now) {
  if (!began) watch_token(now);
  if (next_login) {
    take_next_login(now);
  } else if (server != config.server || state == AllocationState::failed) {
    // The owner asks for it once more: nothing holds of what the server has said and its answers have failed at.
    session = session.restarted();
  }
  if (server.address != config.server.address) requests.forget_rto();
  server = config.server;
  tls_name = config.tls_name;
  redirects = 0;
  sockets_tried = 0;
  cleaned_up = false;
  dont_fragment = config.dont_fragment;
  family = config.family;
  visited = {config.server};
  not_before.reset();
  retry_at.reset();
  began = now;
  // RFC 7635 §8: what is needed is a new one.
  if (token_is_over(now)) return attempt_failed(now, {make_error_code(errc::token_expired), {}, now});
  connect(now);
}

/// A socket to ask over, where there is none yet.
void Allocation::Impl::connect(TimePoint now) {
  if (socket) return ask(now);
  if (!has_own_socket()) return attempt_failed(now, {make_error_code(errc::closed), {}, now});
  state = AllocationState::connecting;
  ++sockets_tried;
  want_socket(now);
}

void Allocation::Impl::want_socket(TimePoint now) {
  ticket = SocketTicket{static_cast<std::uint32_t>(ticket) + 1};
  socket_wanted = true;
  // RFC 8489 §6.2.2: Ti covers the connection too.
  connect_until = now + stun::RetransmissionSchedule::default_ti;
}

void Allocation::Impl::forget_wanted_socket() noexcept {
  socket_wanted = false;
  connect_until.reset();
}

void Allocation::Impl::ask(TimePoint now) {
  state = AllocationState::allocating;
  requests.clear();
  requests.begin(now, Purpose::allocate);
}

void Allocation::Impl::allocated(TimePoint now, const Allocated& what) {
  state = AllocationState::allocated;
  relayed = what.relayed;
  relayed_other = what.relayed_other;
  mapped = what.mapped;
  dont_fragment = what.dont_fragment;
  recovering = true;
  allocated_at = now;
  leftover.reset();
  if (config.reservation_token) {
    // It is spent: the next allocation, if this one is lost, is any other of its family.
    config.reservation_token.reset();
    if (relayed.address.family() == Family::ipv6) config.family = RequestedFamily::ipv6;
  }
  unanswered_since.reset();
  refreshed(now, what.lifetime);
  tell(what);
  trace(now, "turn-allocated");
  for (const Family missing : {Family::ipv4, Family::ipv6}) {
    if (!lacks(missing)) continue;
    const Refusal why{make_error_code(errc::server_refused), ErrorCode::peer_address_family_mismatch, now};
    permissions.drop_family(missing, tell_refused(why));
    channels.drop_family(missing, [&](const Endpoint& peer) { tell(ChannelRefused{peer, why}); });
  }
}

void Allocation::Impl::refreshed(TimePoint now, Duration granted) noexcept {
  lifetime = std::min(granted, longest_lifetime);
  expires_at = now + lifetime;
  // RFC 8656 §8: "roughly 1 minute before it expires"; one that is shorter than that, in its middle.
  refresh_at = *expires_at - std::min(allocation_margin, lifetime / 2);
}

/// After what has happened the server may give one later, if it is asked again.
bool Allocation::Impl::may_pass(const Refusal& why) const noexcept {
  if (!has_own_socket() && !socket) return false;
  if (why.error == errc::server_refused) return is_server_error(why.code);
  return why.error != errc::unauthorized && why.error != errc::token_expired && why.error != errc::bid_down &&
         why.error != errc::unsupported && why.error != errc::bad_response;
}

void Allocation::Impl::attempt_failed(TimePoint now, Refusal why) {
  requests.clear();
  drop_socket();
  if (state == AllocationState::releasing) return released();
  if (why.error == errc::unauthorized && next_login) return begin(now);
  last_refusal = why;
  if (const auto wait = wait_after(why.code)) not_before = now + *wait;
  std::optional<TimePoint> again;
  if (recovering && not_before) {
    again = not_before;
  } else if (recovering && may_pass(why)) {
    again = now + next_pause();
  }
  stop(now, why, again);
}

/// There is none now; it is asked for again then, if ever.
void Allocation::Impl::stop(TimePoint now, const Refusal& why, std::optional<TimePoint> again) {
  drop_socket();
  retry_at = again;
  state = again ? AllocationState::waiting : AllocationState::failed;
  tell(AllocationFailed{why, server, retry_at});
  trace(now, "turn-allocation-failed", why);
}

/// Grows until an allocation has lasted: a server may answer and still be of no use.
Duration Allocation::Impl::next_pause() noexcept {
  const Duration pause = std::max(backoff, first_backoff);
  backoff = std::min(2 * pause, longest_backoff);
  return pause;
}

/// It was there, and is not any more.
void Allocation::Impl::lost(TimePoint now, Refusal why) {
  last_refusal = why;
  ++losses;
  tell(AllocationLost{why, relayed, relayed_other});
  trace(now, "turn-allocation-lost", why);
  no_longer_here();
  permissions.reset();
  channels.reset();
  if (why.code == ErrorCode::allocation_mismatch) {
    leftover.reset();
  } else {
    leftover = {session, server};
  }
  // A server that still answers does so on this socket; else it takes a new connection.
  if (why.code == ErrorCode{}) drop_socket();
  // RFC 8656 §7.4: no further requests to a server that does not take the credentials.
  if (why.error == errc::unauthorized && !next_login) return attempt_failed(now, why);
  // A server that gives allocations and takes them back, or a connection that it closes, would else keep us both busy
  // as fast as packets travel.
  if (now - *allocated_at >= longest_backoff) backoff = {};
  if (backoff > Duration::zero()) return stop(now, why, now + next_pause());
  backoff = first_backoff;
  begin(now);
}

void Allocation::Impl::no_longer_here() {
  requests.clear();
  if (moving) socket ? stay() : settle_there();
  close_if_own(old_socket);
  ticket_to_move.clear();
  token_untold = false;
  expires_at.reset();
  refresh_at.reset();
  unanswered_since.reset();
}

void Allocation::Impl::released() {
  state = AllocationState::released;
  no_longer_here();
  drop_socket();
  retry_at.reset();
  tell(Released{});
}

/// RFC 8489 §10. `next` may be none. A server knows others like itself: none is in our own host where it is not.
void Allocation::Impl::redirect(TimePoint now, const Endpoint& next, std::string_view domain) {
  if (!is_reachable(next) || !same_reach(next.address, server.address))
    return attempt_failed(now, {make_error_code(errc::bad_response), ErrorCode::try_alternate, now});
  const auto known = visited.begin() + redirects + 1;
  if (redirects == most_redirects || std::find(visited.begin(), known, next) != known)
    return attempt_failed(now, {make_error_code(errc::redirect_loop), ErrorCode::try_alternate, now});
  visited[++redirects] = next;
  if (next.address != server.address) requests.forget_rto();
  server = next;
  if (!domain.empty()) tls_name = domain;
  session = session.restarted();
  sockets_tried = 0;
  drop_socket();
  connect(now);
}

/// 437 to Allocate (RFC 8656 §7.4): the server sees our 5-tuple as in use. On a socket of our own we try others. On a
/// shared one all that may be is an allocation of ours that we believe lost, or one of a program before us with the
/// same user name: it is given back, once, by the user who had it.
void Allocation::Impl::mismatched(TimePoint now) {
  const Refusal why{make_error_code(errc::server_refused), ErrorCode::allocation_mismatch, now};
  if (has_own_socket()) {
    if (sockets_tried == most_sockets) return attempt_failed(now, why);
    drop_socket();
    return connect(now);
  }
  // Where another server has sent us to there may be one that is in use, of ours as well, unless we left one there.
  if (cleaned_up || (redirects > 0 && !left_here())) return attempt_failed(now, why);
  cleaned_up = true;
  requests.begin(now, Purpose::clean_up);
}

// --- time

void Allocation::Impl::handle_timeout(TimePoint now) {
  while (const auto expired = requests.next_expired(now))
    failed(now, expired->request,
           {make_error_code(expired->unverified ? errc::wrong_integrity : errc::timed_out), {}, now});
  if (connect_until && now >= *connect_until) no_socket(now, {make_error_code(errc::timed_out), {}, now});
  want_token_if_due(now);
  if (retry_at && now >= *retry_at) begin(now);
  if (!is_allocated()) return;
  if (now >= *expires_at)
    return lost(now, {make_error_code(token_is_over(now) ? errc::token_expired : errc::timed_out), {}, now});
  permissions.handle_timeout(now);
  channels.handle_timeout(now);
  const bool silent = unanswered_since && now >= *unanswered_since + longest_silence;
  const bool due = refresh_at && now >= *refresh_at;
  if (due) refresh_at.reset();
  if (due || silent) check(now);
  if (keeps_mapping() && now >= last_out + config.keepalive) keepalive_due = true;
}

std::optional<TimePoint> Allocation::Impl::next_timeout() const noexcept {
  std::optional<TimePoint> next = requests.next_timeout();
  earliest(next, connect_until);
  earliest(next, retry_at);
  if (needs_token()) earliest(next, want_token_at);
  if (!is_allocated()) return next;
  earliest(next, expires_at);
  earliest(next, refresh_at);
  earliest(next, permissions.next_timeout());
  earliest(next, channels.next_timeout());
  if (unanswered_since && !requests.has(Purpose::refresh)) earliest(next, *unanswered_since + longest_silence);
  if (keeps_mapping() && !keepalive_due) earliest(next, last_out + config.keepalive);
  return next;
}

// --- sockets

/// Gives up the present socket, if it is the allocation's own, and one that was asked for.
void Allocation::Impl::drop_socket() {
  if (!has_own_socket()) return;
  close_if_own(socket);
  forget_wanted_socket();
}

/// The one that was asked for cannot be had.
void Allocation::Impl::no_socket(TimePoint now, const Refusal& why) {
  if (moving) return move_refused(now, why);
  attempt_failed(now, why);
}

std::optional<SocketRequest> Allocation::Impl::poll_socket() {
  if (!to_close.empty()) {
    const SocketId closing = to_close.back();
    to_close.pop_back();
    return CloseSocket{closing};
  }
  if (!socket_wanted) return std::nullopt;
  socket_wanted = false;
  OpenSocket open;
  open.ticket = ticket;
  open.transport = config.transport;
  const Address& local = moving ? moving->local : config.local;
  open.local = {local ? local : Address::any(server.address.family()), 0};
  if (config.transport != Transport::udp) {
    open.kind = OpenSocket::Kind::connect;
    open.remote = server;
  }
  if (is_stream(config.transport)) open.framing = Framing::stun;
  open.tls_name = tls_name;
  return open;
}

void Allocation::Impl::handle_socket(TimePoint now, const SocketEvent& event) {
  const auto awaited = [&](SocketTicket answered) {
    return (state == AllocationState::connecting || (moving && !moving->to)) && ticket == answered;
  };
  if (const auto* const opened = std::get_if<SocketOpened>(&event)) {
    if (!awaited(opened->ticket)) return to_close.push_back(opened->socket);
    if (moving) return ask_to_move(now, opened->socket);
    socket = opened->socket;
    connect_until.reset();
    ask(now);
  } else if (const auto* const failure = std::get_if<SocketFailed>(&event)) {
    if (awaited(failure->ticket)) no_socket(now, {failure->error, {}, now});
  } else if (const auto* const closed = std::get_if<SocketClosed>(&event)) {
    const Refusal why{closed->error ? closed->error : make_error_code(errc::closed), {}, now};
    if (took_closed(now, closed->socket, why) || closed->socket != socket) return;
    socket.reset();
    if (is_allocated()) return lost(now, why);
    if (state == AllocationState::allocating || state == AllocationState::releasing) attempt_failed(now, why);
  } else if (const auto* const icmp = std::get_if<SocketUnreachable>(&event)) {
    if (icmp->socket == socket && icmp->to.canonical() == server.canonical() && stun::is_hard(*icmp))
      handle_unreachable(now);
  }
}

/// RFC 8489 §6.2.1: a hard ICMP error ends a transaction. But whoever knows our address and the server's can forge one,
/// and both are in the candidates that a peer is told. So where there is something to lose it makes us ask, no more.
void Allocation::Impl::handle_unreachable(TimePoint now) {
  const Refusal why{make_error_code(errc::unreachable), {}, now};
  trace(now, "turn-icmp", why);
  if (is_allocated()) return check(now);
  const auto sent =
      std::find_if(requests.begin(), requests.end(), [](const ClientRequest& r) { return r.answerable(); });
  if (sent == requests.end()) return;
  const ClientRequest request = *sent;
  requests.erase(request.id);
  failed(now, request, why);
}

}  // namespace ice::turn
