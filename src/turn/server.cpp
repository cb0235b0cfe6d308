#include "ice/turn/server.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/earliest.hpp"
#include "stun/trace.hpp"
#include "turn/server_impl.hpp"

namespace ice::turn {
namespace {

stun::SecurityFeatures features_of(const ServerConfig& config) noexcept {
  stun::SecurityFeatures features{stun::SecurityFeatures::password_algorithms};
  if (config.username_anonymity) features.bits |= stun::SecurityFeatures::username_anonymity;
  return features;
}

}  // namespace

std::string_view to_string(AllocationClosed::Why why) noexcept {
  switch (why) {
    case AllocationClosed::Why::released:
      return "released";
    case AllocationClosed::Why::expired:
      return "expired";
    case AllocationClosed::Why::connection_closed:
      return "connection closed";
    case AllocationClosed::Why::relay_lost:
      return "relay lost";
    case AllocationClosed::Why::user_removed:
      return "user removed";
    case AllocationClosed::Why::server_closed:
      return "server closed";
  }
  return "";
}

Server::Impl::Impl(ServerConfig given, Environment env)
    : config{std::move(given)},
      environment{env},
      binding{config.binding, env.trace},
      policy{config.allow_peers, config.deny_peers},
      users{config.realm, env.random},
      third_party{config.server_name.empty() ? config.realm : config.server_name},
      nonces{features_of(config), config.nonce_lifetime, env.random},
      forgeable{config.limits.failures_at_once, config.limits.failures_per_second, env.random},
      reachable{config.limits.failures_at_once, config.limits.failures_per_second, env.random},
      bandwidth{TokenBucket::rate(config.limits.bytes_per_second)},
      ports{RelayPorts{config.relay_ports}, RelayPorts{config.relay_ports}},
      table{env.random.next()},
      connections{{config.limits.connections, config.limits.connections_per_source, config.limits.connection_idle}} {
  assert(config.software.size() <= stun::BindingServerConfig::most_software);
  assert(config.server_name.size() <= 255);
}

const ServerSocket* Server::Impl::find_socket(SocketId socket) const noexcept {
  const auto found = std::find_if(sockets.begin(), sockets.end(), [&](const auto& s) { return s.socket == socket; });
  return found == sockets.end() ? nullptr : &*found;
}

bool Server::Impl::is_own_socket(const Endpoint& peer) const noexcept {
  return std::any_of(sockets.begin(), sockets.end(), [&](const ServerSocket& socket) {
    // The address is one of this host's, which is all that a wildcard socket asks of it.
    return socket.local.port == peer.port &&
           (socket.local.address.is_unspecified() || socket.local == peer || socket.external == peer.address);
  });
}

result<void> Server::Impl::add_socket(const ServerSocket& socket) {
  if (find_socket(socket.socket) != nullptr) return fail(errc::invalid_argument);
  if (!is_stream(socket.transport)) {
    const auto added = binding.add_socket(
        {.socket = socket.socket, .local = socket.local, .transport = socket.transport, .external = socket.external});
    if (!added) return added;
  } else if (sockets.size() == stun::BindingServer::most_sockets) {
    return fail(errc::limit_reached);
  }
  sockets.push_back(socket);
  policy.add_own(socket.local.address);
  policy.add_own(socket.external);
  return {};
}

result<void> Server::Impl::remove_socket(TimePoint now, SocketId socket) {
  const ServerSocket* const found = find_socket(socket);
  if (found == nullptr) return fail(errc::no_such_socket);
  if (!is_stream(found->transport)) static_cast<void>(binding.remove_socket(socket));
  sockets.erase(sockets.begin() + (found - sockets.data()));
  for (auto at = table.begin(); at != table.end();) lose_path(now, *(at++)->second, socket);
  for (const SocketId connection : connections.of(socket)) {
    lose_connection(now, connection);
    requests.emplace_back(CloseSocket{connection});
  }
  return {};
}

result<void> Server::Impl::add_relay_address(const Address& local, const Address& external) {
  auto& place = relay_addresses[index_of(local.family())];
  if (!local || local.is_unspecified() || place || (external && external.family() != local.family()))
    return fail(errc::invalid_argument);
  place = RelayAddress{local, (external ? external : local).without_scope()};
  policy.add_own(local);
  policy.add_relay(place->shown);
  return {};
}

void Server::Impl::remove_user(TimePoint now, std::string_view name) {
  const std::optional<UserId> user = users.remove(name);
  if (!user) return;
  end_allocations(
      now, [&](const ServerAllocation& a) { return a.account->user == *user; }, AllocationClosed::Why::user_removed);
  while (const auto reservation = reservations.take_of(*user)) end_reservation(*reservation);
}

void Server::Impl::close(TimePoint now) {
  end_allocations(
      now, [](const ServerAllocation&) { return true; }, AllocationClosed::Why::server_closed);
  while (const auto reservation = reservations.take_any()) end_reservation(*reservation);
  while (const auto connection = connections.any()) {
    connections.remove(*connection);
    requests.emplace_back(CloseSocket{*connection});
  }
  closed = true;
}

ServerGauges Server::Impl::gauges() const noexcept {
  ServerGauges gauges{.allocations = table.size(),
                      .reservations = reservations.size(),
                      .connections = connections.size(),
                      .peer_connections = peer_connections.size(),
                      .users = accounts.size()};
  for (const auto& [number, allocation] : table) {
    for (const Relay& relay : allocation->relays) gauges.permissions += relay.permissions.size();
    gauges.channels += allocation->channels.size();
  }
  return gauges;
}

// ---- the end of things

void Server::Impl::handle_timeout(TimePoint now) {
  while (const auto expired = table.find_expired(now)) {
    end_relay(*expired->allocation, expired->family);
    if (!expired->allocation->has_relay()) {
      ++counters.allocations_expired;
      end_allocation(now, *expired->allocation, AllocationClosed::Why::expired);
    }
  }
  while (const auto reservation = reservations.take_expired(now)) end_reservation(*reservation);
  fail_overdue_tickets(now);
  while (PeerConnection* const due = peer_connections.find_due(now)) handle_peer_due(*due);
  while (const auto idle = connections.take_idle(now)) {
    ++counters.connections_idle;
    requests.emplace_back(CloseSocket{*idle});
  }
}

std::optional<TimePoint> Server::Impl::next_timeout() const noexcept {
  std::optional<TimePoint> next;
  for (const auto& at :
       {table.next_expiry(), reservations.next_to_expire(), connections.next_to_look_at(), peer_connections.next_due()})
    earliest(next, at);
  if (!tickets.empty()) earliest(next, tickets.begin()->second.deadline);
  return next;
}

void Server::Impl::close_relay_socket(SocketId socket, const Endpoint& local) {
  ports[index_of(local.address.family())].release(local.port);
  table.remove_relay_socket(socket);
  requests.emplace_back(CloseSocket{socket});
}

void Server::Impl::end_reservation(const Reservation& reservation) {
  release(*reservation.account);
  close_relay_socket(reservation.socket, reservation.local);
}

void Server::Impl::lose_path(TimePoint now, ServerAllocation& allocation, SocketId socket) {
  const bool moving = allocation.mobility != nullptr && allocation.mobility->to;
  if (moving && allocation.mobility->to->tuple.socket == socket) forget_destination(allocation);
  if (allocation.tuple.socket != socket) return;
  if (allocation.mobility != nullptr && allocation.mobility->to) return finish_move(now, allocation);
  if (allocation.live()) ++counters.allocations_cut;
  end_allocation(now, allocation, AllocationClosed::Why::connection_closed);
}

void Server::Impl::lose_relay(TimePoint now, SocketId socket, const AllocationTable::Owner& owner) {
  if (owner.allocation == nullptr) {
    if (const auto reservation = reservations.take(socket)) end_reservation(*reservation);
    return;
  }
  ServerAllocation& allocation = *owner.allocation;
  end_relay(allocation, owner.family);
  if (!allocation.live() || allocation.has_relay()) return;
  ++counters.allocations_cut;
  end_allocation(now, allocation, AllocationClosed::Why::relay_lost);
}

void Server::Impl::end_relay(ServerAllocation& allocation, Family family) {
  Relay& relay = allocation.relay(family);
  if (!relay.socket) return;
  end_peer_connections(allocation, family);
  table.unset_relay(allocation, family);
  close_relay_socket(*relay.socket, relay.local);
  allocation.channels.remove(family);  // RFC 8656 §8.1: those of the other family stay
  relay = {};
}

void Server::Impl::end_allocation(TimePoint now, ServerAllocation& allocation, AllocationClosed::Why why) {
  for (const Family family : both_families) end_relay(allocation, family);
  if (!allocation.live()) stop_reserving(allocation);
  if (allocation.mobility != nullptr) {
    forget_destination(allocation);
    tickets_to_move.erase(allocation.mobility->ticket);
  }
  connections.occupy(allocation.tuple.socket, nullptr);
  if (allocation.live()) {
    stun::trace(environment.trace, now, "turn-allocation-closed",
                {{"client", allocation.tuple.client}, {"why", to_string(why)}});
    events.emplace_back(AllocationClosed{why, allocation.account->user.name, allocation.tuple.client,
                                         allocation.to_peers_bytes, allocation.to_client_bytes});
  }
  release(*allocation.account);
  release_source(allocation.tuple.client.address);
  table.remove(allocation);
}

template <class Which>
void Server::Impl::end_allocations(TimePoint now, Which which, AllocationClosed::Why why) {
  for (auto at = table.begin(); at != table.end();) {
    ServerAllocation& allocation = *(at++)->second;
    if (!which(allocation)) continue;
    if (allocation.live()) ++counters.allocations_cut;
    end_allocation(now, allocation, why);
  }
}

Account& Server::Impl::account_of(const UserId& user) {
  return accounts.try_emplace(user, Account{user}).first->second;
}

void Server::Impl::release(Account& account) noexcept {
  if (--account.held == 0) accounts.erase(accounts.find(account.user));
}

void Server::Impl::release_source(const Address& client) noexcept {
  const auto source = sources.find(source_of(client));
  if (--source->second == 0) sources.erase(source);
}

// ---- the public face

Server::Server(ServerConfig config, Environment environment)
    : impl_{std::make_unique<Impl>(std::move(config), environment)} {}
Server::~Server() = default;

result<void> Server::add_socket(const ServerSocket& socket) { return impl_->add_socket(socket); }
result<void> Server::remove_socket(TimePoint now, SocketId socket) { return impl_->remove_socket(now, socket); }
result<void> Server::add_relay_address(const Address& local, const Address& external) {
  return impl_->add_relay_address(local, external);
}
void Server::add_own_address(const Address& address) { impl_->policy.add_own(address); }
result<void> Server::add_user(std::string_view name, std::string_view password) {
  return impl_->users.add(name, password);
}
void Server::remove_user(TimePoint now, std::string_view name) { impl_->remove_user(now, name); }
void Server::set_secrets(const std::vector<std::string>& secrets) { impl_->users.set_secrets(secrets); }
void Server::set_token_keys(const std::vector<stun::TokenKey>& keys) { impl_->third_party.set_keys(keys); }
void Server::set_unix_time(TimePoint now, std::chrono::seconds since_1970) noexcept {
  impl_->users.set_unix_time(now, since_1970);
  impl_->third_party.set_unix_time(now, since_1970);
}
void Server::stop_accepting(std::optional<Endpoint> alternate) noexcept {
  impl_->accepting = false;
  impl_->alternate = alternate;
}
void Server::close(TimePoint now) { impl_->close(now); }

const ServerCounters& Server::counters() const noexcept { return impl_->counters; }
const stun::BindingServerCounters& Server::binding_counters() const noexcept { return impl_->binding.counters(); }
ServerGauges Server::gauges() const noexcept { return impl_->gauges(); }
std::string Server::metrics() const {
  return to_prometheus(impl_->counters, impl_->gauges(), impl_->binding.counters());
}
bool Server::discovers_nat_behavior(Family family) const noexcept {
  return impl_->binding.discovers_nat_behavior(family);
}

Received Server::handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
  return impl_->handle_datagram(now, in, scratch);
}
void Server::handle_timeout(TimePoint now) { impl_->handle_timeout(now); }
std::optional<Transmit> Server::poll_transmit(TimePoint now, MutableBytes scratch) {
  return impl_->poll_transmit(now, scratch);
}
std::optional<Server::Event> Server::poll_event() {
  if (impl_->events.empty()) return std::nullopt;
  Event event = std::move(impl_->events.front());
  impl_->events.pop_front();
  return event;
}
std::optional<SocketRequest> Server::poll_socket() {
  if (impl_->requests.empty()) return std::nullopt;
  SocketRequest request = std::move(impl_->requests.front());
  impl_->requests.pop_front();
  return request;
}
void Server::handle_socket(TimePoint now, const SocketEvent& event) { impl_->handle_socket(now, event); }
std::optional<TimePoint> Server::next_timeout() const noexcept { return impl_->next_timeout(); }

static_assert(SocketMachine<Server>);

}  // namespace ice::turn
