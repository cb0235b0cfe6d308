#pragma once

#include <optional>
#include <string_view>

#include "support/turn_server_rig.hpp"

namespace ice::test {

/// A server, a client on a control connection of its own with a TCP allocation, and peers as the driver sees them (RFC
/// 6062).
class TurnTcpRig {
 public:
  static constexpr SocketId control{500};
  const Endpoint client_address = endpoint("203.0.113.9:40000");
  const Endpoint peer = endpoint("203.0.113.77:5000");

  explicit TurnTcpRig(turn::ServerConfig config = {}) : rig{std::move(config)} {
    rig.tell(SocketAccepted{TurnServerRig::listener, control, rig.listen, client_address});
  }

  /// REQUESTED-TRANSPORT with TCP; 0 or the error code, 1 for no answer.
  unsigned allocate_code(TurnTestClient& who, auto fill) {
    return who.code(stun::Method::allocate, [&](stun::Builder& b) {
      b.add<stun::attr::RequestedTransport>(stun::IpProtocol::tcp);
      fill(b);
    });
  }
  Endpoint allocated(TurnTestClient& who, auto fill) {
    const std::optional<Sent> answer = who.ask(stun::Method::allocate, [&](stun::Builder& b) {
      b.add<stun::attr::RequestedTransport>(stun::IpProtocol::tcp);
      fill(b);
    });
    return answer ? answer->message().get<stun::attr::XorRelayedAddress>().value_or(Endpoint{}) : Endpoint{};
  }
  Endpoint allocated(TurnTestClient& who) {
    return allocated(who, [](stun::Builder&) {});
  }
  Endpoint allocated() { return allocated(client); }

  /// A Connect; the error code of what comes back at once, 1 for nothing.
  unsigned connect_code(const Endpoint& to) { return connect_code(client, to); }
  unsigned connect_code(TurnTestClient& who, const Endpoint& to) {
    return who.code(stun::Method::connect, [&](stun::Builder& b) { b.add<stun::attr::XorPeerAddress>(to); });
  }
  /// The last connection that the server has asked for, which stands now. Its CONNECTION-ID as the client learns it.
  std::uint32_t connected(SocketId socket) {
    const OpenSocket asked = rig.asked.back();
    rig.tell(SocketOpened{asked.ticket, socket, {asked.local.address, asked.ports.first}});
    return id_in_last();
  }
  /// A peer that calls. The CONNECTION-ID of the indication; 0 where there was none.
  std::uint32_t called(const Endpoint& relayed, const Endpoint& from, SocketId socket) {
    rig.tell(SocketAccepted{rig.relay_socket(relayed), socket, relayed, from});
    return rig.sent.empty() ? 0 : id_in_last();
  }
  std::uint32_t id_in_last() const {
    return rig.sent.empty() ? 0 : rig.sent.back().message().get<stun::attr::ConnectionId>().value_or(0);
  }

  /// Another connection of a client.
  TurnTestClient comes_by(SocketId socket, const Endpoint& from) {
    rig.tell(SocketAccepted{TurnServerRig::listener, socket, rig.listen, from});
    return TurnTestClient{rig, from, socket};
  }
  unsigned bind_code(TurnTestClient& who, std::uint32_t id) {
    return who.code(stun::Method::connection_bind, [&](stun::Builder& b) { b.add<stun::attr::ConnectionId>(id); });
  }

  bool is_closed(SocketId socket) const {
    return std::find(rig.closed.begin(), rig.closed.end(), socket) != rig.closed.end();
  }

  TurnServerRig rig;
  TurnTestClient client{rig, client_address, control};
};

}  // namespace ice::test
