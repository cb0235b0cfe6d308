#include "ice/turn/allocation.hpp"

#include <algorithm>
#include <utility>

#include "ice/base/machine.hpp"
#include "stun/trace.hpp"
#include "turn/allocation_impl.hpp"

namespace ice::turn {

std::string_view to_string(AllocationState state) noexcept {
  switch (state) {
    case AllocationState::idle:
      return "idle";
    case AllocationState::connecting:
      return "connecting";
    case AllocationState::allocating:
      return "allocating";
    case AllocationState::allocated:
      return "allocated";
    case AllocationState::waiting:
      return "waiting";
    case AllocationState::releasing:
      return "releasing";
    case AllocationState::released:
      return "released";
    case AllocationState::failed:
      return "failed";
  }
  return "";
}

namespace {

/// One host has one spelling, and what a peer is called by goes over the wire without a scope.
Address peer_key(const Address& address) noexcept { return address.canonical().without_scope(); }
Endpoint peer_key(const Endpoint& peer) noexcept { return {peer_key(peer.address), peer.port}; }

bool can_be_permitted(const Address& peer) noexcept { return peer && !peer.is_unspecified() && !peer.is_multicast(); }

}  // namespace

Allocation::Impl::Impl(AllocationConfig c, Environment e)
    : config{std::move(c)},
      environment{e},
      session{config.login ? stun::AuthSession::long_term(*config.login) : stun::AuthSession{}},
      login{std::exchange(config.login, std::nullopt)},
      server{config.server},
      tls_name{config.tls_name},
      requests{environment.random, config.rto, is_stream(config.transport)} {
  if (config.transport != Transport::udp) config.socket.reset();
  if (config.socket) socket = config.socket;
}

void Allocation::Impl::trace(TimePoint now, std::string_view what, const Refusal& why) const {
  stun::trace(environment.trace, now, what,
              {{"server", server}, {"error", why.error}, {"code", std::uint64_t{stun::to_number(why.code)}}});
}

// --- verbs

bool Allocation::Impl::valid() const noexcept {
  if (!config.server || config.server.port == 0) return false;
  const bool wants_family = config.family != RequestedFamily::unspecified;
  // RFC 6062 §4.1
  const bool for_udp = config.even_port || config.reservation_token || config.dont_fragment;
  if (config.tcp_to_peers && (for_udp || !is_stream(config.transport))) return false;
  // RFC 8656 §7.1
  if (config.reservation_token && (wants_family || config.even_port)) return false;
  return !(config.family == RequestedFamily::both && config.even_port && config.even_port->reserve_next);
}

result<void> Allocation::Impl::allocate(TimePoint now) {
  if (!valid()) return fail(errc::invalid_argument);
  if (state != AllocationState::idle && state != AllocationState::waiting && state != AllocationState::released &&
      state != AllocationState::failed)
    return {};
  if (not_before && now < *not_before) {
    state = AllocationState::waiting;
    retry_at = not_before;
    return {};
  }
  begin(now);
  return {};
}

bool Allocation::Impl::lacks(Family wanted) const noexcept {
  return is_allocated() && relayed.address.family() != wanted && relayed_other.address.family() != wanted;
}

result<void> Allocation::Impl::permit(const Address& address) {
  const Address peer = peer_key(address);
  if (!can_be_permitted(peer)) return fail(errc::invalid_argument);
  if (lacks(peer.family())) return fail(errc::unsupported);
  if (!permissions.add(peer, true)) return fail(errc::limit_reached);
  return {};
}

result<void> Allocation::Impl::bind_channel(TimePoint now, const Endpoint& endpoint) {
  const Endpoint peer = peer_key(endpoint);
  if (!can_be_permitted(peer.address) || peer.port == 0) return fail(errc::invalid_argument);
  if (config.tcp_to_peers || lacks(peer.address.family())) return fail(errc::unsupported);
  // Unless the permission is there or on its way, it comes with the channel (RFC 8656 §12.2).
  if (!permissions.add(peer.address, false)) return fail(errc::limit_reached);
  if (channels.add(now, peer) != nullptr) return {};
  permissions.make_due_unless_active(now, peer.address);
  return fail(errc::limit_reached);
}

void Allocation::Impl::forget(const Address& address) {
  const Address peer = peer_key(address);
  permissions.forget(peer);
  channels.forget(peer);
}

void Allocation::Impl::release(TimePoint now) {
  recovering = false;
  permissions.clear();
  channels.clear();
  switch (state) {
    case AllocationState::idle:
    case AllocationState::released:
    case AllocationState::failed:
    case AllocationState::releasing:
      return;
    case AllocationState::connecting:
    case AllocationState::waiting:
      return released();
    case AllocationState::allocating: {
      // An Allocate that has left may have made one: its answer is waited for, so that it can be given back.
      const bool may_exist =
          std::any_of(requests.begin(), requests.end(), [](const ClientRequest& r) { return r.answerable(); });
      if (!may_exist) return released();
      state = AllocationState::releasing;
      return;
    }
    case AllocationState::allocated:
      requests.clear();
      if (moving) socket ? stay() : settle_there();
      if (!socket) return released();
      requests.begin(now, Purpose::release);
      state = AllocationState::releasing;
      return;
  }
}

void Allocation::Impl::check(TimePoint now) {
  if (!is_allocated() || requests.has(Purpose::refresh)) return;
  unanswered_since.reset();
  // The move asks, too. RFC 7635 §8: a token that has expired is not used again.
  if (moving || token_is_over(now)) return;
  requests.begin(now, Purpose::refresh);
}

AllocationReport Allocation::Impl::report(TimePoint now) const {
  return {.state = state,
          .transport = config.transport,
          .server = server,
          .first_server = config.server,
          .redirects = redirects,
          .relayed = relayed,
          .relayed_other = relayed_other,
          .mapped = mapped,
          .began = began,
          .allocated_at = allocated_at,
          .expires_at = expires_at,
          .retry_at = retry_at,
          .round_trip = requests.rto().smoothed_round_trip(),
          .last_heard = last_heard,
          .last_refusal = last_refusal,
          .losses = losses,
          .permissions = permissions.count(now),
          .channels = channels.count(now),
          .counters = counters};
}

// --- the public face

Allocation::Allocation(AllocationConfig config, Environment environment)
    : impl_{std::make_unique<Impl>(std::move(config), environment)} {}
Allocation::~Allocation() = default;
Allocation::Allocation(Allocation&&) noexcept = default;
Allocation& Allocation::operator=(Allocation&&) noexcept = default;

result<void> Allocation::allocate(TimePoint now) { return impl_->allocate(now); }
result<void> Allocation::permit(TimePoint, const Address& peer) { return impl_->permit(peer); }
result<void> Allocation::bind_channel(TimePoint now, const Endpoint& peer) { return impl_->bind_channel(now, peer); }
void Allocation::forget(const Address& peer) { impl_->forget(peer); }
void Allocation::release(TimePoint now) { impl_->release(now); }
void Allocation::replace_credentials(TimePoint now, const stun::Login& login) {
  impl_->replace_credentials(now, login);
}
result<void> Allocation::move(TimePoint now, SocketId socket) { return impl_->move(now, socket); }
result<void> Allocation::move(TimePoint now, const Address& local) { return impl_->move(now, local); }
void Allocation::check(TimePoint now) { impl_->check(now); }
result<Transmit> Allocation::wrap(TimePoint now, const Endpoint& peer, Bytes payload, MutableBytes scratch) noexcept {
  return impl_->wrap(now, peer_key(peer), payload, scratch);
}

bool Allocation::owns(const Datagram& in) const noexcept { return impl_->owns(in); }
Received Allocation::handle_datagram(TimePoint now, const Datagram& in, MutableBytes) {
  return impl_->handle_datagram(now, in);
}
void Allocation::handle_timeout(TimePoint now) { impl_->handle_timeout(now); }
void Allocation::handle_socket(TimePoint now, const SocketEvent& event) { impl_->handle_socket(now, event); }
std::optional<Transmit> Allocation::poll_transmit(TimePoint now, MutableBytes scratch) {
  return impl_->poll_transmit(now, scratch);
}
std::optional<SocketRequest> Allocation::poll_socket() { return impl_->poll_socket(); }

std::optional<AllocationEvent> Allocation::poll_event() {
  if (impl_->next_event == impl_->events.size()) return std::nullopt;
  AllocationEvent event = std::move(impl_->events[impl_->next_event++]);
  if (impl_->next_event == impl_->events.size()) {
    impl_->events.clear();
    impl_->next_event = 0;
  }
  return event;
}

std::optional<TimePoint> Allocation::next_timeout() const noexcept { return impl_->next_timeout(); }
AllocationState Allocation::state() const noexcept { return impl_->state; }
const Endpoint& Allocation::server() const noexcept { return impl_->server; }
std::optional<SocketId> Allocation::socket() const noexcept { return impl_->socket; }
Endpoint Allocation::relayed(Family family) const noexcept {
  if (!impl_->is_allocated()) return {};
  if (impl_->relayed.address.family() == family) return impl_->relayed;
  return impl_->relayed_other.address.family() == family ? impl_->relayed_other : Endpoint{};
}
Endpoint Allocation::mapped() const noexcept { return impl_->is_allocated() ? impl_->mapped : Endpoint{}; }
bool Allocation::permitted(TimePoint now, const Address& peer) const noexcept {
  return impl_->can_send() && impl_->permissions.active(now, peer_key(peer));
}
bool Allocation::bound(TimePoint now, const Endpoint& peer) const noexcept {
  if (!permitted(now, peer.address)) return false;
  const ClientChannel* const channel = impl_->channels.find(peer_key(peer));
  return channel != nullptr && channel->bound(now);
}
const AllocationCounters& Allocation::counters() const noexcept { return impl_->counters; }
AllocationReport Allocation::report(TimePoint now) const { return impl_->report(now); }

static_assert(SocketMachine<Allocation>);

}  // namespace ice::turn
