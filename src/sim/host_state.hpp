#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hidden.hpp"
#include "ice/sim/host.hpp"
#include "sim/attachment.hpp"
#include "sim/nat_table.hpp"
#include "sim/stream.hpp"
#include "sim/world.hpp"

namespace ice::sim {

struct Socket {
  enum class Kind : std::uint8_t {
    datagram,
    listener,
    stream,
    gone,  ///< has a last word for its owner, and nothing else
  };
  SocketId id{};
  Kind kind = Kind::datagram;
  Protocol protocol = Protocol::udp;
  SocketOwner* owner = nullptr;  ///< null once it has closed a stream that is not done yet
  Endpoint local{};
  Framing framing = Framing::none;
  SocketTicket ticket{};
  bool announced = true;  ///< false until its owner has been told of it
  std::unique_ptr<Stream> stream{};
};

struct ICE_HIDDEN Interface::State {
  State(Host::State& host, Realm& realm, std::string name, const Link& link);

  Realm& realm;
  Attachment attachment;
  std::vector<Address> addresses;

  /// The address as this host spells it, with its scope; none if it is not here.
  Address spelled(const Address& address) const noexcept;
};

/// A host's sockets and what it does with packets.
struct ICE_HIDDEN Host::State final : Device {
  State(Network::State& network, std::string name);

  Network::State& network;
  std::string name;
  Host* self = nullptr;
  bool alive = true;
  bool icmp_unreachable = true;
  Counters counters;
  SeededRandom random;
  std::vector<std::unique_ptr<Interface>> interfaces;

  result<SocketId> bind(SocketOwner& owner, Protocol protocol, const Address& local, PortRange ports);
  void request(SocketOwner& owner, const OpenSocket& open);
  void set_framing(const FrameSocket& request);
  void set_reading(const ReadSocket& request);
  result<void> send(const Transmit& transmit, Priority priority);
  void close(SocketId socket);
  void release(SocketOwner& owner);
  void close_sockets();
  Socket* find(SocketId socket) const noexcept;

  void receive(Attachment& at, PacketPtr packet) override;

  /// For streams. False: there is no way to go.
  bool send_packet(PacketPtr packet);
  Socket& add_stream(SocketOwner* owner, const Endpoint& local, const Endpoint& remote, Framing framing);
  void remove(Socket& socket);
  void tell_later(Socket& socket, const SocketEvent& event);
  void tell_last(Socket& socket, const SocketEvent& event);  ///< later, and then the socket is gone

 private:
  static constexpr std::uint16_t first_ephemeral = 49152;  // RFC 6335 §6, to 65535
  static constexpr std::uint32_t ephemeral_count = 65536 - first_ephemeral;

  bool own(const Address& address) const noexcept;
  Interface::State* interface_of(const Address& address) const noexcept;
  Address source_for(const Address& bound, const Address& wanted, const Address& to) const;
  bool port_used(Protocol protocol, const Endpoint& local) const;
  std::optional<std::uint16_t> choose_port(Protocol protocol, const Address& local, PortRange ports);
  Socket& add(SocketOwner* owner, Socket::Kind kind, Protocol protocol, const Endpoint& local);
  void connect(SocketOwner& owner, const OpenSocket& open);
  void fail_request(SocketOwner& owner, SocketTicket ticket, std::error_code why);
  void unlist(Socket& socket);

  void respell(const Attachment& at, Packet& packet) const;
  void receive_udp(const Attachment& at, PacketPtr packet);
  void receive_tcp(const Attachment& at, PacketPtr packet);
  void receive_icmp(const Attachment& at, PacketPtr packet);
  void refuse(const Packet& segment);
  Socket* bound_at(Protocol protocol, const Endpoint& local) const;
  void drop(PacketPtr packet, Drop why, const Attachment& at);

  Realm::State loopback_realm_;
  Attachment loopback_;
  std::vector<SocketId> sockets_;                           ///< in the order they were opened
  std::unordered_map<FlowKey, Socket*, FlowHash> bound_;    // datagrams and listeners; for finding alone, never walked
  std::unordered_map<FlowKey, Socket*, FlowHash> streams_;  // the same
  std::uint32_t next_ephemeral_;
};

}  // namespace ice::sim
