#include "io/socket_table.hpp"

#include <cassert>
#include <unordered_map>

#include "base/source.hpp"

namespace ice::io::detail {

Socket& SocketTable::add(std::unique_ptr<Socket> socket) {
  assert(!full());
  std::uint32_t place;
  if (free_.empty()) {
    place = static_cast<std::uint32_t>(places_.size());
    places_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  socket->id = SocketId{places_[place].generation << place_bits | place};
  places_[place].socket = std::move(socket);
  return *places_[place].socket;
}

Socket* SocketTable::find(SocketId id) noexcept {
  const auto place = static_cast<std::uint32_t>(id) & place_mask;
  if (place >= places_.size()) return nullptr;
  Socket* socket = places_[place].socket.get();
  return socket != nullptr && socket->id == id ? socket : nullptr;
}

Socket* SocketTable::most_silent(SocketId listener) noexcept {
  Socket* found = nullptr;
  for (const Place& place : places_) {
    Socket* socket = place.socket.get();
    if (socket == nullptr || socket->listener != listener) continue;
    if (socket->kind != Socket::Kind::stream && socket->kind != Socket::Kind::dtls) continue;
    if (found == nullptr || socket->heard < found->heard) found = socket;
  }
  return found;
}

Socket* SocketTable::most_dispensable_handshake(SocketId listener) noexcept {
  struct Source {
    std::size_t handshakes = 0;
    Socket* oldest = nullptr;
  };
  std::unordered_map<Address, Source> sources;
  Source* found = nullptr;
  for (const Place& place : places_) {
    Socket* socket = place.socket.get();
    if (socket == nullptr || socket->listener != listener || socket->kind != Socket::Kind::handshaking) continue;
    Source& source = sources[source_of(socket->remote.address)];
    ++source.handshakes;
    if (source.oldest == nullptr || socket->heard < source.oldest->heard) source.oldest = socket;
  }
  for (auto& [address, source] : sources) {
    const bool more = found == nullptr || source.handshakes > found->handshakes;
    if (more || (source.handshakes == found->handshakes && source.oldest->heard < found->oldest->heard))
      found = &source;
  }
  return found != nullptr ? found->oldest : nullptr;
}

std::unique_ptr<Socket> SocketTable::remove(SocketId id) noexcept {
  if (find(id) == nullptr) return nullptr;
  const auto place = static_cast<std::uint32_t>(id) & place_mask;
  auto removed = std::move(places_[place].socket);
  constexpr std::uint32_t generations = 1U << (32 - place_bits);
  places_[place].generation = places_[place].generation % (generations - 1) + 1;
  free_.push_back(place);
  return removed;
}

}  // namespace ice::io::detail
