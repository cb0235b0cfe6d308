#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <system_error>
#include <variant>

#include "ice/base/datagram.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/environment.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/base/socket.hpp"
#include "ice/base/time.hpp"
#include "ice/turn/allocation.hpp"

namespace ice::turn {

/// A peer that is permitted has connected to the relayed address (RFC 6062 §4.4). accept() takes it within 30 s.
struct PeerCalled {
  Endpoint peer{};
};
/// Bytes go both ways from now on.
struct PeerConnected {
  Endpoint peer{};
};
/// There is no connection: connect() or accept() has come to nothing, or nobody has accepted. Code 447: the server
/// could not reach the peer; 403: it may not; 446: there is one that we do not know of.
struct PeerRefused {
  Endpoint peer{};
  Refusal why{};
};
/// There was one, and the peer, the server or the network has ended it; no error where that happened in order.
struct PeerClosed {
  Endpoint peer{};
  std::error_code error{};
};
/// What was sent to the peer waits here (`full`), or has all left. Who goes on while it is full is refused more by the
/// driver.
struct PeerFlow {
  Endpoint peer{};
  bool full = false;
};

/// Those of Allocation mean what they mean there. With AllocationLost all connections are gone, which is told of each.
using TcpAllocationEvent =
    std::variant<Allocated, AllocationFailed, AllocationLost, PermissionGranted, PermissionRefused, Released,
                 PeerCalled, PeerConnected, PeerRefused, PeerClosed, PeerFlow>;

/// What arrived and was worth nothing, and what became of connections.
struct TcpAllocationCounters {
  std::uint64_t connected = 0;        ///< to peers and from them
  std::uint64_t refused = 0;          ///< PeerRefused
  std::uint64_t unsolicited = 0;      ///< responses that match no transaction, and callers beyond most_peers
  std::uint64_t malformed = 0;        ///< broken STUN, or indications without what they must have
  std::uint64_t unauthenticated = 0;  ///< responses rejected or ignored as RFC 8489 §9.2.5 says
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

/// A client's TCP allocation (RFC 6062 §4): an Allocation on a control connection, and a data connection of its own to
/// the server for each peer. A SocketMachine.
///
/// Peers are told apart by their endpoints: there is at most one connection to each. It does by itself what is asked of
/// a client: it connects to the server for each connection that stands, binds it, and waits 10 s after a 447 before it
/// asks for the same peer again.
///
/// Data: handle_datagram() answers with `application_data`, `from` being the peer, in pieces of any size; wrap() makes
/// what the driver sends. Nothing is queued or copied here. Who cannot keep up with a peer calls read(); PeerFlow tells
/// when the peer, or the way to it, cannot keep up.
///
/// The environment must outlive it. Not thread-safe; distinct objects are independent. Movable.
class ICE_API TcpAllocation {
 public:
  using Event = TcpAllocationEvent;

  static constexpr std::size_t most_peers = 64;                      ///< ours, those that were refused lately included
  static constexpr Duration accept_time = std::chrono::seconds{30};  ///< RFC 6062 §5.2, §5.3: until the ConnectionBind
  static constexpr Duration wait_after_failure = std::chrono::seconds{10};  ///< after 447, RFC 6062 §4.3

  /// The config is checked by allocate().
  TcpAllocation(AllocationConfig config, Environment environment);
  ~TcpAllocation();
  TcpAllocation(TcpAllocation&&) noexcept;
  TcpAllocation& operator=(TcpAllocation&&) noexcept;

  // ---- verbs

  /// Allocation::allocate(). errc::invalid_argument also where the transport is neither tcp nor tls, or `even_port`,
  /// `reservation_token` or `dont_fragment` is set (RFC 6062 §4.1).
  result<void> allocate(TimePoint now);

  /// Lets the peer's address connect to us, for as long as it is not forgotten: Allocation::permit().
  result<void> permit(TimePoint now, const Address& peer);
  /// It may not connect any more; connections that there are stay.
  void forget(const Address& peer);

  /// Connects to the peer as soon as there is an allocation; no permission is needed. PeerConnected or PeerRefused will
  /// tell. Where there is a connection, or it is being made, it does nothing; where the peer has called, accept().
  /// errc::invalid_argument for no address, an unspecified or a multicast one, or port 0; errc::limit_reached.
  result<void> connect(TimePoint now, const Endpoint& peer);

  /// Takes the connection of a peer that has called. PeerConnected or PeerRefused will tell. errc::invalid_argument
  /// where it has not, or is not there any more.
  result<void> accept(TimePoint now, const Endpoint& peer);

  /// Ends the connection to the peer in whatever state it is; what was sent still goes. No event tells of it.
  void disconnect(const Endpoint& peer);

  /// Stops what comes from the peer, or lets it go on; a call of the driver that has begun is still told in full.
  void read(const Endpoint& peer, bool on);

  /// Gives the allocation back, and ends all connections. Released will tell.
  void release(TimePoint now);

  /// Allocation::replace_credentials().
  void replace_credentials(TimePoint now, const stun::Login& login);

  /// What carries `payload` to the peer, for the driver to send at once. The payload is not copied. errc::closed where
  /// there is no connection.
  result<Transmit> wrap(const Endpoint& peer, Bytes payload) noexcept;

  // ---- what arrives, what leaves

  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  void handle_timeout(TimePoint now);
  void handle_socket(TimePoint now, const SocketEvent& event);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<Event> poll_event();
  std::optional<SocketRequest> poll_socket();

  // ---- getters

  std::optional<TimePoint> next_timeout() const noexcept;
  /// Of the control connection: state, server, addresses, counters.
  AllocationReport report(TimePoint now) const;
  AllocationState state() const noexcept;
  /// The relayed address of this family; none where there is no allocation, or none of the family.
  Endpoint relayed(Family family) const noexcept;
  /// True where wrap() would work.
  bool connected(const Endpoint& peer) const noexcept;
  const TcpAllocationCounters& counters() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ice::turn
