#include "turn/peer_connections.hpp"

#include <cassert>

namespace ice::turn {
namespace {

template <class Map, class Key>
PeerConnection* find_in(Map& map, const Key& key) noexcept {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : found->second;
}

}  // namespace

PeerConnection& PeerConnections::add(RandomSource& random, std::uint64_t allocation, const Endpoint& peer) {
  ConnectionId id = 0;
  do {
    id = static_cast<ConnectionId>(random.next());
  } while (all_.contains(id));
  PeerConnection& added = all_[id];
  added.id = id;
  added.allocation = allocation;
  added.peer = peer;
  assert(find(allocation, peer) == nullptr);
  by_peer_.emplace(std::pair{allocation, peer}, &added);
  return added;
}

void PeerConnections::remove(const PeerConnection& connection) noexcept {
  PeerConnection& removed = *find(connection.id);
  static_cast<void>(take_connect(removed));
  set_due(removed, std::nullopt);
  if (removed.state != PeerConnection::State::connecting) by_socket_.erase(removed.to_peer.socket);
  if (removed.state == PeerConnection::State::bound) by_socket_.erase(removed.to_client.socket);
  by_peer_.erase({removed.allocation, removed.peer});
  all_.erase(removed.id);
}

PeerConnection* PeerConnections::find(ConnectionId id) noexcept {
  const auto found = all_.find(id);
  return found == all_.end() ? nullptr : &found->second;
}

PeerConnection* PeerConnections::find(SocketId socket) noexcept { return find_in(by_socket_, socket); }

PeerConnection* PeerConnections::find(SocketTicket ticket) noexcept { return find_in(by_ticket_, ticket); }

PeerConnection* PeerConnections::find(std::uint64_t allocation, const Endpoint& peer) noexcept {
  return find_in(by_peer_, std::pair{allocation, peer});
}

PeerConnection* PeerConnections::any(std::uint64_t allocation, Family family) noexcept {
  for (auto at = by_peer_.lower_bound({allocation, {}}); at != by_peer_.end() && at->first.first == allocation; ++at)
    if (at->first.second.address.family() == family) return at->second;
  return nullptr;
}

std::size_t PeerConnections::count(std::uint64_t allocation) const noexcept {
  std::size_t count = 0;
  for (auto at = by_peer_.lower_bound({allocation, {}}); at != by_peer_.end() && at->first.first == allocation; ++at)
    ++count;
  return count;
}

void PeerConnections::add_connect(PeerConnection& connection, PeerConnection::Connect connect) {
  by_ticket_[connect.ticket] = &connection;
  connection.connect = std::make_unique<PeerConnection::Connect>(std::move(connect));
}

std::unique_ptr<PeerConnection::Connect> PeerConnections::take_connect(PeerConnection& connection) noexcept {
  if (connection.connect != nullptr) by_ticket_.erase(connection.connect->ticket);
  return std::move(connection.connect);
}

void PeerConnections::set_due(PeerConnection& connection, std::optional<TimePoint> due) {
  if (connection.due) dues_.erase({*connection.due, connection.id});
  connection.due = due;
  if (due) dues_.emplace(*due, connection.id);
}

std::optional<TimePoint> PeerConnections::next_due() const noexcept {
  if (dues_.empty()) return std::nullopt;
  return dues_.begin()->first;
}

PeerConnection* PeerConnections::find_due(TimePoint now) noexcept {
  if (dues_.empty() || dues_.begin()->first > now) return nullptr;
  return find(dues_.begin()->second);
}

}  // namespace ice::turn
