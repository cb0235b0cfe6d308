#include "turn/connections.hpp"

#include "turn/failure_budget.hpp"

namespace ice::turn {

bool Connections::accept(TimePoint now, SocketId socket, SocketId listener, const Endpoint& remote,
                         Transport transport) {
  remove(socket);
  const Address source = source_of(remote.address);
  const auto known = sources_.find(source);
  if (all_.size() >= limits_.total || (known != sources_.end() && known->second >= limits_.per_source)) return false;
  const TimePoint idle_at = now + limits_.idle;
  all_.emplace(socket, Connection{listener, source, transport, idle_at, idle_at});
  ++sources_[source];
  deadlines_.emplace(idle_at, socket);
  return true;
}

Connections::Connection* Connections::find(SocketId socket) noexcept {
  const auto found = all_.find(socket);
  return found == all_.end() ? nullptr : &found->second;
}

void Connections::occupy(SocketId socket, ServerAllocation* allocation) noexcept {
  if (Connection* const connection = find(socket)) connection->allocation = allocation;
}

void Connections::keep(SocketId socket) noexcept {
  if (Connection* const connection = find(socket)) connection->kept = true;
}

void Connections::touch(TimePoint now, SocketId socket) noexcept {
  if (Connection* const connection = find(socket)) connection->idle_at = now + limits_.idle;
}

void Connections::remove(SocketId socket) noexcept {
  const auto found = all_.find(socket);
  if (found == all_.end()) return;
  const auto source = sources_.find(found->second.source);
  if (--source->second == 0) sources_.erase(source);
  deadlines_.erase({found->second.looked_at, socket});
  all_.erase(found);
}

std::optional<SocketId> Connections::take_idle(TimePoint now) noexcept {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const SocketId socket = deadlines_.begin()->second;
    Connection& connection = *find(socket);
    if (connection.allocation == nullptr && !connection.kept && connection.idle_at <= now) {
      remove(socket);
      return socket;
    }
    deadlines_.erase(deadlines_.begin());
    if (connection.idle_at <= now) connection.idle_at = now + limits_.idle;
    connection.looked_at = connection.idle_at;
    deadlines_.emplace(connection.looked_at, socket);
  }
  return std::nullopt;
}

std::optional<TimePoint> Connections::next_to_look_at() const noexcept {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

std::vector<SocketId> Connections::of(SocketId listener) const {
  std::vector<SocketId> found;
  for (const auto& [socket, connection] : all_)
    if (connection.listener == listener) found.push_back(socket);
  return found;
}

std::optional<SocketId> Connections::any() const noexcept {
  if (all_.empty()) return std::nullopt;
  return all_.begin()->first;
}

}  // namespace ice::turn
