#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/socket.hpp"
#include "ice/base/time.hpp"

namespace ice::turn {

struct ServerAllocation;

/// The connections of clients: bounded, all together and by source, and closed when they are of no use.
class Connections {
 public:
  struct Limits {
    std::size_t total;
    std::size_t per_source;
    std::chrono::seconds idle;
  };
  /// An idle time of less than a second is one: or the same moment would be looked at again and again.
  explicit Connections(const Limits& limits) noexcept
      : limits_{limits.total, limits.per_source, std::max(limits.idle, std::chrono::seconds{1})} {}

  struct Connection {
    SocketId listener{};  ///< that accepted it
    Address source;
    Transport transport = Transport::tcp;
    TimePoint idle_at;    ///< if nothing more is heard
    TimePoint looked_at;  ///< the next time; not before idle_at unless something was heard since
    ServerAllocation* allocation = nullptr;
    bool kept = false;  ///< of use, however long it is silent
  };

  /// False where there are too many. An id that is known means another connection from now on.
  bool accept(TimePoint now, SocketId socket, SocketId listener, const Endpoint& remote, Transport transport);
  /// The connection; null where it was never announced.
  Connection* find(SocketId socket) noexcept;
  const Connection* find(SocketId socket) const noexcept { return const_cast<Connections*>(this)->find(socket); }
  /// What the connection is of use for, or null; nothing where there is no such connection.
  void occupy(SocketId socket, ServerAllocation* allocation) noexcept;
  /// It is of use from now on: a data connection (RFC 6062).
  void keep(SocketId socket) noexcept;
  /// The client has said something.
  void touch(TimePoint now, SocketId socket) noexcept;
  void remove(SocketId socket) noexcept;

  /// One that has been of no use for so long. It is removed.
  std::optional<SocketId> take_idle(TimePoint now) noexcept;
  std::optional<TimePoint> next_to_look_at() const noexcept;

  /// Those that this listener has accepted.
  std::vector<SocketId> of(SocketId listener) const;

  std::size_t size() const noexcept { return all_.size(); }
  /// Any of them, the lowest id first.
  std::optional<SocketId> any() const noexcept;

 private:
  Limits limits_;
  std::map<SocketId, Connection> all_;
  std::map<Address, std::size_t> sources_;
  // When to look at each again. What has been heard of since then is moved only when its turn comes.
  std::set<std::pair<TimePoint, SocketId>> deadlines_;
};

}  // namespace ice::turn
