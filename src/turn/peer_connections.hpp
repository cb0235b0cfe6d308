#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "ice/base/random.hpp"
#include "ice/base/socket.hpp"
#include "turn/server_allocation.hpp"

namespace ice::turn {

/// RFC 6062 §5.2: "at least 30 seconds" for the connection to a peer.
inline constexpr std::chrono::seconds peer_connect_timeout{30};
/// RFC 6062 §5.2, §5.3: for the ConnectionBind.
inline constexpr std::chrono::seconds connection_bind_timeout{30};

/// CONNECTION-ID (RFC 6062 §6.2.1). Random, so that nobody can tell how many there are.
using ConnectionId = std::uint32_t;

/// A peer data connection, and the client data connection once that is bound to it (RFC 6062 §5).
struct PeerConnection {
  enum class State : std::uint8_t {
    connecting,  ///< a Connect waits for it
    unbound,     ///< it stands, and waits for its ConnectionBind; it is not read
    bound,
  };
  /// The Connect that waits.
  struct Connect {
    SocketTicket ticket{};
    ResponseForm form;
    stun::Credential key;
  };
  struct Side {
    SocketId socket{};
    Endpoint remote;
    bool full = false;   ///< what it was given last has not all gone yet
    bool reads = false;  ///< what the driver was asked for
  };

  ConnectionId id = 0;
  std::uint64_t allocation = 0;  ///< its number
  Endpoint peer;                 ///< as the client knows it
  State state = State::connecting;
  std::unique_ptr<Connect> connect{};  ///< while it is connecting
  Side to_peer;
  Side to_client;  ///< when it is bound
  /// The end of its state, or, when it is bound, of a rest that the bandwidth of the allocation demands.
  std::optional<TimePoint> due{};
};

/// All of them, found by what bears their name.
class PeerConnections {
 public:
  PeerConnection& add(RandomSource& random, std::uint64_t allocation, const Endpoint& peer);
  void remove(const PeerConnection& connection) noexcept;

  PeerConnection* find(ConnectionId id) noexcept;
  PeerConnection* find(SocketId socket) noexcept;
  PeerConnection* find(SocketTicket ticket) noexcept;
  /// RFC 6062 §3: at most one to each peer of an allocation.
  PeerConnection* find(std::uint64_t allocation, const Endpoint& peer) noexcept;
  /// Any of the allocation's to a peer of this family.
  PeerConnection* any(std::uint64_t allocation, Family family) noexcept;
  std::size_t count(std::uint64_t allocation) const noexcept;

  void add_connect(PeerConnection& connection, PeerConnection::Connect connect);
  /// The Connect that waits for it, which has come to its end.
  std::unique_ptr<PeerConnection::Connect> take_connect(PeerConnection& connection) noexcept;
  void add_socket(PeerConnection& connection, SocketId socket) { by_socket_[socket] = &connection; }
  void set_due(PeerConnection& connection, std::optional<TimePoint> due);

  std::optional<TimePoint> next_due() const noexcept;
  /// One whose time has come by now, the earliest first.
  PeerConnection* find_due(TimePoint now) noexcept;

  std::size_t size() const noexcept { return all_.size(); }

 private:
  std::map<ConnectionId, PeerConnection> all_;
  std::unordered_map<SocketId, PeerConnection*> by_socket_;
  std::unordered_map<SocketTicket, PeerConnection*> by_ticket_;
  std::map<std::pair<std::uint64_t, Endpoint>, PeerConnection*> by_peer_;
  std::set<std::pair<TimePoint, ConnectionId>> dues_;
};

}  // namespace ice::turn
