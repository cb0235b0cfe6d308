#include "ice/turn/tcp_allocation.hpp"

#include <algorithm>
#include <utility>

#include "base/earliest.hpp"
#include "ice/base/machine.hpp"
#include "turn/tcp_allocation_impl.hpp"

namespace ice::turn {
namespace {

AllocationConfig for_tcp(AllocationConfig config) {
  config.tcp_to_peers = true;
  return config;
}

stun::AuthSession session_for(const std::optional<stun::Login>& login) {
  return login ? stun::AuthSession::long_term(*login) : stun::AuthSession{};
}

/// One host has one spelling, and what a peer is called by goes over the wire without a scope.
Endpoint peer_key(const Endpoint& peer) noexcept { return {peer.address.canonical().without_scope(), peer.port}; }

}  // namespace

TcpAllocation::Impl::Impl(AllocationConfig config, Environment env)
    : environment{env}, control{for_tcp(config), env}, session{session_for(config.login)}, login{config.login} {}

// ---- verbs

result<void> TcpAllocation::Impl::allocate(TimePoint now) {
  return with_control(now, [&] { return control.allocate(now); });
}

result<void> TcpAllocation::Impl::connect(TimePoint now, const Endpoint& peer) {
  if (!peer || peer.port == 0 || peer.address.is_unspecified() || peer.address.is_multicast())
    return fail(errc::invalid_argument);
  ClientPeer* known = find(peer);
  if (known != nullptr && known->state == State::called) return accept(now, peer);
  if (known != nullptr && known->state != State::resting) return {};
  if (known == nullptr) {
    if (peers.size() == most_peers) return fail(errc::limit_reached);
    known = &peers[peer];
  }
  known->state = State::wanted;
  begin_wanted(now);
  return {};
}

result<void> TcpAllocation::Impl::accept(TimePoint now, const Endpoint& peer) {
  ClientPeer* const called = find(peer, State::called);
  if (called == nullptr) return fail(errc::invalid_argument);
  open_data(now, *called);
  return {};
}

void TcpAllocation::Impl::disconnect(const Endpoint& peer) {
  if (const auto at = peers.find(peer); at != peers.end()) drop(at);
}

void TcpAllocation::Impl::read(const Endpoint& peer, bool on) {
  if (const ClientPeer* const open = find(peer, State::open)) requests.emplace_back(ReadSocket{*open->socket, on});
}

/// Another user's come with another allocation (RFC 8656 §5), which Allocated tells of.
void TcpAllocation::Impl::replace_credentials(TimePoint now, const stun::Login& next) {
  const bool same_user = login && login->username() == next.username();
  login = next;
  if (same_user || control.state() != AllocationState::allocated) session = session_for(login);
  with_control(now, [&] { control.replace_credentials(now, next); });
}

result<Transmit> TcpAllocation::Impl::wrap(const Endpoint& peer, Bytes payload) noexcept {
  const ClientPeer* const open = find(peer, State::open);
  if (open == nullptr) return fail(errc::closed);
  counters.bytes_out += payload.size();
  return Transmit{.socket = *open->socket, .to = way.remote, .body = payload};
}

ClientPeer* TcpAllocation::Impl::find(const Endpoint& peer) noexcept {
  const auto found = peers.find(peer);
  return found == peers.end() ? nullptr : &found->second;
}

ClientPeer* TcpAllocation::Impl::find(const Endpoint& peer, State state) noexcept {
  ClientPeer* const found = find(peer);
  return found != nullptr && found->state == state ? found : nullptr;
}

TcpAllocation::Impl::Peers::iterator TcpAllocation::Impl::find(SocketId socket) noexcept {
  return std::find_if(peers.begin(), peers.end(), [&](const auto& one) { return one.second.socket == socket; });
}

TcpAllocation::Impl::Peers::iterator TcpAllocation::Impl::find_opening(SocketTicket ticket) noexcept {
  return std::find_if(peers.begin(), peers.end(), [&](const auto& one) {
    return one.second.state == State::opening && one.second.ticket == ticket;
  });
}

// ---- the allocation

void TcpAllocation::Impl::take_control_events(TimePoint now) {
  while (const auto event = control.poll_event()) take(now, *event);
}

void TcpAllocation::Impl::take(TimePoint now, const AllocationEvent& event) {
  std::visit(
      [&]([[maybe_unused]] const auto& one) {
        using E = std::decay_t<decltype(one)>;
        if constexpr (std::is_constructible_v<TcpAllocationEvent, E>) events.emplace_back(one);
      },
      event);
  if (std::holds_alternative<Allocated>(event)) {
    session = session_for(login);
    begin_wanted(now);
  } else if (const auto* const lost = std::get_if<AllocationLost>(&event)) {
    drop_all(now, lost->why, false);
  } else if (const auto* const failed = std::get_if<AllocationFailed>(&event)) {
    drop_all(now, failed->why, !failed->retry_at);
  } else if (std::holds_alternative<Released>(event)) {
    drop_all(now, {make_error_code(errc::closed), {}, now}, true);
  }
}

/// RFC 6062 §4.3: a Connect for each who waits for one.
void TcpAllocation::Impl::begin_wanted(TimePoint now) {
  if (control.state() != AllocationState::allocated) return;
  for (auto& [endpoint, peer] : peers) {
    if (peer.state != State::wanted || (peer.until && now < *peer.until)) continue;
    peer.state = State::connecting;
    peer.until.reset();
    peer.challenges = 0;
    ask(peer);
  }
}

/// The connection stands at the server. One of our own, to the same address from another port (RFC 6062 §4.3), is to be
/// bound to it.
void TcpAllocation::Impl::open_data(TimePoint now, ClientPeer& peer) {
  peer.state = State::opening;
  peer.until = now + accept_time;
  peer.request.reset();
  peer.ticket = SocketTicket{++last_ticket};
  OpenSocket open = way;
  open.ticket = peer.ticket;
  requests.emplace_back(std::move(open));
}

void TcpAllocation::Impl::drop_all(TimePoint now, const Refusal& why, bool for_good) {
  for (auto at = peers.begin(); at != peers.end();) {
    const Endpoint peer = at->first;
    ClientPeer& one = at->second;
    if (one.state == State::wanted && !for_good) {
      ++at;
      continue;
    }
    if (one.state == State::open) {
      events.emplace_back(PeerClosed{peer, why.error});
    } else if (one.state != State::resting) {
      ++counters.refused;
      events.emplace_back(PeerRefused{peer, {why.error, why.code, now}});
    }
    at = drop(at);
  }
}

void TcpAllocation::Impl::refuse(Peers::iterator at, const Refusal& why) {
  ++counters.refused;
  events.emplace_back(PeerRefused{at->first, why});
  if (why.code != stun::ErrorCode::connection_timeout_or_failure) {
    drop(at);
    return;
  }
  at->second = {.state = State::resting, .until = why.at + wait_after_failure};
}

TcpAllocation::Impl::Peers::iterator TcpAllocation::Impl::drop(Peers::iterator at) {
  if (at->second.socket) requests.emplace_back(CloseSocket{*at->second.socket});
  return peers.erase(at);
}

// ---- time

void TcpAllocation::Impl::handle_timeout(TimePoint now) {
  with_control(now, [&] { control.handle_timeout(now); });
  expire_requests(now);
  for (auto at = peers.begin(); at != peers.end();) {
    const auto here = at++;
    const ClientPeer& peer = here->second;
    if (!peer.until || now < *peer.until || peer.state == State::wanted) continue;
    if (peer.state == State::resting) {
      drop(here);
    } else {
      refuse(here, {make_error_code(errc::timed_out), {}, now});
    }
  }
  begin_wanted(now);
}

std::optional<TimePoint> TcpAllocation::Impl::next_timeout() const noexcept {
  std::optional<TimePoint> next = control.next_timeout();
  const bool allocated = control.state() == AllocationState::allocated;
  for (const auto& [endpoint, peer] : peers) {
    if (peer.state != State::wanted || allocated) earliest(next, peer.until);
    if (peer.request) earliest(next, peer.request->next_timeout());
  }
  return next;
}

// ---- sockets

std::optional<SocketRequest> TcpAllocation::Impl::poll_socket() {
  if (auto request = control.poll_socket()) {
    if (const auto* const open = std::get_if<OpenSocket>(&*request)) way = *open;
    return request;
  }
  if (requests.empty()) return std::nullopt;
  SocketRequest request = std::move(requests.front());
  requests.pop_front();
  return request;
}

void TcpAllocation::Impl::handle_socket(TimePoint now, const SocketEvent& event) {
  if (const auto* const opened = std::get_if<SocketOpened>(&event)) {
    if (static_cast<std::uint32_t>(opened->ticket) > 0x8000'0000) {
      const auto at = find_opening(opened->ticket);
      if (at == peers.end()) {
        requests.emplace_back(CloseSocket{opened->socket});
        return;
      }
      ClientPeer& peer = at->second;
      peer.state = State::binding;
      peer.socket = opened->socket;
      peer.session = session;
      peer.challenges = 0;
      return ask(peer);
    }
  } else if (const auto* const failure = std::get_if<SocketFailed>(&event)) {
    if (const auto at = find_opening(failure->ticket); at != peers.end()) return refuse(at, {failure->error, {}, now});
  } else if (const auto* const closed = std::get_if<SocketClosed>(&event)) {
    if (const auto at = find(closed->socket); at != peers.end()) {
      at->second.socket.reset();
      if (at->second.state != State::open)
        return refuse(at, {closed->error ? closed->error : make_error_code(errc::closed), {}, now});
      events.emplace_back(PeerClosed{at->first, closed->error});
      drop(at);
      return;
    }
  } else if (const auto* const flow = std::get_if<SocketFlow>(&event)) {
    if (const auto at = find(flow->socket); at != peers.end() && at->second.state == State::open)
      events.emplace_back(PeerFlow{at->first, flow->full});
    return;
  }
  with_control(now, [&] { control.handle_socket(now, event); });
}

// ---- the public face

TcpAllocation::TcpAllocation(AllocationConfig config, Environment environment)
    : impl_{std::make_unique<Impl>(std::move(config), environment)} {}
TcpAllocation::~TcpAllocation() = default;
TcpAllocation::TcpAllocation(TcpAllocation&&) noexcept = default;
TcpAllocation& TcpAllocation::operator=(TcpAllocation&&) noexcept = default;

result<void> TcpAllocation::allocate(TimePoint now) { return impl_->allocate(now); }
result<void> TcpAllocation::permit(TimePoint now, const Address& peer) { return impl_->control.permit(now, peer); }
void TcpAllocation::forget(const Address& peer) { impl_->control.forget(peer); }
result<void> TcpAllocation::connect(TimePoint now, const Endpoint& peer) { return impl_->connect(now, peer_key(peer)); }
result<void> TcpAllocation::accept(TimePoint now, const Endpoint& peer) { return impl_->accept(now, peer_key(peer)); }
void TcpAllocation::disconnect(const Endpoint& peer) { impl_->disconnect(peer_key(peer)); }
void TcpAllocation::read(const Endpoint& peer, bool on) { impl_->read(peer_key(peer), on); }
void TcpAllocation::release(TimePoint now) {
  impl_->drop_all(now, {make_error_code(errc::closed), {}, now}, true);
  impl_->with_control(now, [&] { impl_->control.release(now); });
}
void TcpAllocation::replace_credentials(TimePoint now, const stun::Login& login) {
  impl_->replace_credentials(now, login);
}
result<Transmit> TcpAllocation::wrap(const Endpoint& peer, Bytes payload) noexcept {
  return impl_->wrap(peer_key(peer), payload);
}

Received TcpAllocation::handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
  return impl_->handle_datagram(now, in, scratch);
}
void TcpAllocation::handle_timeout(TimePoint now) { impl_->handle_timeout(now); }
void TcpAllocation::handle_socket(TimePoint now, const SocketEvent& event) { impl_->handle_socket(now, event); }
std::optional<Transmit> TcpAllocation::poll_transmit(TimePoint now, MutableBytes scratch) {
  return impl_->poll_transmit(now, scratch);
}
std::optional<TcpAllocationEvent> TcpAllocation::poll_event() {
  if (impl_->events.empty()) return std::nullopt;
  TcpAllocationEvent event = std::move(impl_->events.front());
  impl_->events.pop_front();
  return event;
}
std::optional<SocketRequest> TcpAllocation::poll_socket() { return impl_->poll_socket(); }

std::optional<TimePoint> TcpAllocation::next_timeout() const noexcept { return impl_->next_timeout(); }
AllocationReport TcpAllocation::report(TimePoint now) const { return impl_->control.report(now); }
AllocationState TcpAllocation::state() const noexcept { return impl_->control.state(); }
Endpoint TcpAllocation::relayed(Family family) const noexcept { return impl_->control.relayed(family); }
bool TcpAllocation::connected(const Endpoint& peer) const noexcept {
  return impl_->find(peer_key(peer), ClientPeer::State::open) != nullptr;
}
const TcpAllocationCounters& TcpAllocation::counters() const noexcept { return impl_->counters; }

static_assert(SocketMachine<TcpAllocation>);

}  // namespace ice::turn
