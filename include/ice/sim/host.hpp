#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/datagram.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/base/socket.hpp"
#include "ice/sim/counters.hpp"
#include "ice/sim/link.hpp"

namespace ice::sim {

class Network;
class Realm;

/// Who has sockets on a host: `Node` for a machine, or a test of its own. Nothing is called from within a call of Host;
/// everything comes from the running network.
class ICE_API SocketOwner {
 public:
  virtual ~SocketOwner() = default;

  /// A datagram, or one whole message of a stream. Views are valid for the call.
  virtual void on_datagram(const Datagram& datagram) = 0;
  virtual void on_socket(const SocketEvent& event) = 0;

 protected:
  SocketOwner() = default;
  SocketOwner(const SocketOwner&) = default;
  SocketOwner& operator=(const SocketOwner&) = default;
};

/// A host's connection to a realm, with its addresses there. Lives as long as the network.
class ICE_API Interface {
 public:
  struct State;
  explicit Interface(std::unique_ptr<State> state) noexcept;  ///< for Host::add_interface()
  ~Interface();
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;

  Realm& realm() noexcept;
  Link& link() noexcept;
  std::span<const Address> addresses() const noexcept;

  /// `address` must be free in the realm.
  void add_address(const Address& address);

  /// Sockets bound to it stay open, as they do in a kernel: what they send is unreachable, and nothing arrives.
  void remove_address(const Address& address);

  /// Takes the cable out of both directions, or puts it back. The addresses stay.
  void set_up(bool up) noexcept;

  State& state() noexcept { return *state_; }  ///< internal

 private:
  std::unique_ptr<State> state_;
};

/// A host: interfaces, and sockets with their queues. It also has the loopback addresses. Made by Realm::add_host(),
/// lives as long as the network.
///
/// Streams are a small honest TCP: handshake, cumulative acknowledgements, go-back-N retransmission with exponential
/// backoff, FIN, RST, simultaneous open; no congestion control, no window but the send buffer's. So a lost segment
/// costs time, never order, and throughput means nothing.
class ICE_API Host {
 public:
  struct State;
  explicit Host(std::unique_ptr<State> state) noexcept;  ///< for Realm::add_host()
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// How much a stream keeps that the other side has not acknowledged: application data up to the first bound,
  /// control messages up to the second.
  static constexpr std::size_t stream_send_buffer = 256 * 1024;
  static constexpr std::size_t stream_control_reserve = 16 * 1024;
  /// How much a stream keeps that its owner does not want to read yet. More is not acknowledged.
  static constexpr std::size_t stream_receive_buffer = 64 * 1024;

  std::string_view name() const noexcept;
  Network& network() noexcept;

  Interface& add_interface(Realm& realm, std::vector<Address> addresses, const Link& link = {});
  std::span<const std::unique_ptr<Interface>> interfaces() const noexcept;

  /// All addresses of all interfaces whose link is up, in the order they were added; no loopback.
  std::vector<Address> addresses() const;

  /// A UDP socket at once. The port comes from `ports`, or is the next ephemeral one, whose beginning depends on the
  /// seed. An unspecified address binds all. std::errc::address_not_available, address_in_use. `owner` must outlive
  /// the socket, or close it.
  result<SocketId> bind(SocketOwner& owner, const Address& local, PortRange ports = {});

  /// Serves a request: OpenSocket is answered by SocketOpened or SocketFailed to `owner` from the running network, at
  /// this moment of virtual time at the earliest. tls and dtls fail with errc::unsupported.
  void request(SocketOwner& owner, const SocketRequest& request);

  /// Sends head, body and padding; nothing of it is needed afterwards. A stream frames it and sends whole messages.
  /// errc::would_block: the send buffer is full, nothing was taken; a stream without framing whose forwarded or
  /// control bytes find no room ends with it, and SocketClosed tells its owner. errc::no_such_socket. A datagram that
  /// cannot go is counted, never an error: a socket that has no route gets SocketUnreachable instead. `forward` is data
  /// of which nobody is told what became.
  enum class Priority : std::uint8_t { data, forward, control };
  result<void> send(const Transmit& transmit, Priority priority = Priority::data);

  /// Closes without a word to the owner. A stream still delivers what it was given, then FIN. Unknown ids are ignored.
  void close(SocketId socket);

  /// Closes every socket of an owner, and answers none of its requests any more.
  void release(SocketOwner& owner);

  /// Where a socket is bound; no endpoint for an unknown one.
  Endpoint local_endpoint(SocketId socket) const noexcept;

  /// Kills the host without a sound: it sends nothing, hears nothing, its timers stand still.
  void kill() noexcept;
  bool alive() const noexcept;

  /// What a kernel does for a process that dies: every socket is closed, streams are reset, and datagrams to the
  /// closed ports are answered with ICMP port unreachable (3/3, ICMPv6 1/4). Owners get SocketClosed.
  void close_sockets();

  /// Whether datagrams to closed ports are answered with ICMP; on unless set otherwise.
  void set_icmp_unreachable(bool on) noexcept;

  const Counters& counters() const noexcept;

  State& state() noexcept { return *state_; }  ///< internal

 private:
  std::unique_ptr<State> state_;
};

}  // namespace ice::sim
