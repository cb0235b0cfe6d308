#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ice/sim/network.hpp"
#include "ice/sim/node.hpp"
#include "ice/turn/server.hpp"
#include "mesh_demo/mesh.hpp"
#include "mesh_demo/server_addresses.hpp"
#include "mesh_demo/signalling_server.hpp"

namespace ice::test {

using namespace std::chrono_literals;

/// A mesh in a simulated internet: signalling and a STUN and TURN server on two hosts, and peers, each behind a NAT of
/// its own or on the internet itself.
class MeshWorld {
 public:
  struct Peer {
    std::string name;
    sim::Nat* nat = nullptr;
    sim::Host* host = nullptr;
    SeededRandom random;
    Pacer pacer{};
    std::unique_ptr<mesh::Mesh> machine{};
    std::unique_ptr<sim::Node<mesh::Mesh>> node{};
    std::vector<mesh::MeshEvent> events{};

    /// The call events of this type that the peer told of another one.
    template <class T>
    std::vector<T> told(std::string_view of) const {
      std::vector<T> all;
      for (const mesh::MeshEvent& event : events) {
        const auto* about = std::get_if<mesh::PeerEvent>(&event);
        if (about == nullptr || about->peer != of) continue;
        if (const auto* one = std::get_if<T>(&about->event)) all.push_back(*one);
      }
      return all;
    }
    template <class T>
    const T* find() const {
      for (const mesh::MeshEvent& event : events)
        if (const auto* one = std::get_if<T>(&event)) return one;
      return nullptr;
    }
    std::vector<std::string> texts(std::string_view from) const {
      std::vector<std::string> all;
      for (const mesh::CallText& one : told<mesh::CallText>(from)) all.push_back(one.text);
      return all;
    }
  };

  static constexpr std::string_view secret = "of the mesh";

  static Endpoint signalling() { return {Address::v4(198, 51, 100, 9), 9000}; }
  static Endpoint stun() { return {Address::v4(198, 51, 100, 1), 3478}; }

  enum class Relay : bool { no, yes };

  /// `relay`: whether peers may use the TURN server, or are told of the STUN server in it alone.
  explicit MeshWorld(std::uint64_t seed = 1, mesh::SignallingLimits limits = {}, Relay relay = Relay::no)
      : network{seed},
        stun_host{network.internet().add_host("stun", {stun().address})},
        signalling_host{network.internet().add_host("signalling", {signalling().address})},
        signalling_server{{[this, relay](const Address& arrived_at, std::string_view user) {
                             const std::array listening{stun()};
                             if (relay == Relay::no) return mesh::ice_servers_for(arrived_at, listening, {});
                             return mesh::ice_servers_for(arrived_at, listening, {},
                                                          mesh::grant_relay(secret, user, unix_time()));
                           },
                           limits}},
        turn_random_{network.make_random()},
        signalling_node_{signalling_host, signalling_server} {
    start_turn_server();
    signalling_server.listen(signalling());
    signalling_node_.wake();
  }

  /// The STUN and TURN server, anew: it knows nothing of the one before.
  void start_turn_server() {
    turn_ = std::make_unique<TurnServer>(stun_host, Environment{turn_random_, turn_pacer_});
    turn::Server& server = turn_->machine;
    const auto socket = turn_->node.bind(stun().address, {stun().port, stun().port});
    EXPECT_TRUE(socket && server.add_socket({.socket = *socket, .local = stun()}));
    EXPECT_TRUE(server.add_relay_address(stun().address));
    turn_->node.listen(stun(), Framing::stun);
    server.set_secrets({std::string{secret}});
    server.set_unix_time(network.now(), unix_time());
    turn_->node.wake();
  }
  /// What kill -9 of it does.
  void kill_turn_server() {
    stun_host.close_sockets();
    network.run_for(0ms);
    turn_.reset();
  }
  const turn::Server& turn_server() const { return turn_->machine; }

  /// A peer behind a NAT, or without one; it does nothing yet.
  Peer& add(std::optional<sim::NatConfig> nat = {}, std::string name = {}, const mesh::CallConfig& call = {},
            std::vector<IceServer> servers = {}) {
    const auto id = static_cast<std::uint8_t>(peers.size() + 1);
    auto peer = std::make_unique<Peer>(
        Peer{.name = name.empty() ? "p" + std::to_string(id) : std::move(name), .random = network.make_random()});
    if (nat) peer->nat = &network.internet().add_nat("nat" + std::to_string(id), *nat, {Address::v4(203, 0, 113, id)});
    sim::Realm& realm = peer->nat != nullptr ? peer->nat->inside() : network.internet();
    const Address address = peer->nat != nullptr ? Address::v4(192, 168, 1, id) : Address::v4(192, 0, 2, id);
    peer->host = &realm.add_host(peer->name, {address});
    mesh::MeshConfig config{
        .server = signalling(), .room = "room", .name = peer->name, .servers = std::move(servers), .call = call};
    config.call.addresses = {{address, "eth0"}};
    peer->machine = std::make_unique<mesh::Mesh>(config, Environment{peer->random, peer->pacer});
    Peer& added = *peer;
    peer->node = std::make_unique<sim::Node<mesh::Mesh>>(
        *peer->host, *peer->machine, [&added](mesh::MeshEvent event) { added.events.push_back(std::move(event)); });
    peers.push_back(std::move(peer));
    return added;
  }
  Peer& join(std::optional<sim::NatConfig> nat = {}, std::string name = {}, const mesh::CallConfig& call = {},
             std::vector<IceServer> servers = {}) {
    Peer& peer = add(std::move(nat), std::move(name), call, std::move(servers));
    peer.machine->join(network.now());
    peer.node->wake();
    return peer;
  }
  void say(Peer& peer, std::string_view text) {
    EXPECT_TRUE(peer.machine->say(network.now(), text));
    peer.node->wake();
  }
  /// DNS answers a ServerNeeded: with these addresses, or with none.
  void resolve(Peer& peer, const stun::Uri& uri, std::vector<Endpoint> addresses) {
    peer.machine->resolve(network.now(), uri, std::move(addresses));
    peer.node->wake();
  }
  void leave(Peer& peer) {
    peer.machine->leave(network.now());
    peer.node->wake();
  }
  /// What kill -9 does: the kernel closes the sockets, and nothing is said any more.
  void kill(Peer& peer) {
    peer.host->close_sockets();
    network.run_for(0ms);
    peer.host->kill();
  }

  bool run_until(const std::function<bool()>& done, Duration limit) {
    return network.run_until(done, network.now() + limit);
  }
  bool all_connected() const {
    return std::all_of(peers.begin(), peers.end(),
                       [this](const auto& peer) { return peer->machine->connected() == peers.size() - 1; });
  }

  std::chrono::seconds unix_time() const {
    return 1'700'000'000s + std::chrono::floor<std::chrono::seconds>(network.now().time_since_epoch());
  }

  sim::Network network;
  sim::Host& stun_host;
  sim::Host& signalling_host;
  mesh::SignallingServer signalling_server;
  std::vector<std::unique_ptr<Peer>> peers;
  int raw_clients = 0;

 private:
  struct TurnServer {
    TurnServer(sim::Host& host, Environment environment) : machine{turn_config(), environment}, node{host, machine} {}
    turn::Server machine;
    sim::Node<turn::Server> node;
  };

  /// The addresses of this internet are those that documentation may use, which no real peer has (RFC 5737).
  static turn::ServerConfig turn_config() {
    turn::ServerConfig config;
    for (const auto* range : {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"})
      config.allow_peers.push_back(*turn::AddressRange::parse(range));
    return config;
  }

  SeededRandom turn_random_;
  Pacer turn_pacer_{};
  std::unique_ptr<TurnServer> turn_{};
  sim::Node<mesh::SignallingServer> signalling_node_;
};

/// A connection to a world's signalling server without any of the demo's own code behind it.
class RawClient final : public sim::SocketOwner {
 public:
  RawClient(MeshWorld& world, std::string client)
      : name{std::move(client)},
        host_{world.network.internet().add_host(name, {Address::v4(192, 0, 2, next_address(world))})} {
    host_.request(*this, OpenSocket{.kind = OpenSocket::Kind::connect,
                                    .transport = Transport::tcp,
                                    .remote = MeshWorld::signalling(),
                                    .framing = Framing::none});
    EXPECT_TRUE(world.run_until([this] { return socket_.has_value(); }, 5s));
  }
  ~RawClient() override { host_.release(*this); }

  sim::Host& host() noexcept { return host_; }
  void send(const mesh::Message& message) { send_raw(mesh::format(message)); }
  void send_raw(std::string_view text) {
    Transmit out;
    out.socket = *socket_;
    out.body = bytes_of(text);
    static_cast<void>(host_.send(out).has_value());
  }

  std::string name;
  std::string heard;
  bool closed = false;

 private:
  static std::uint8_t next_address(MeshWorld& world) { return static_cast<std::uint8_t>(200 + world.raw_clients++); }

  void on_datagram(const Datagram& datagram) override { heard += text_of(datagram.payload); }
  void on_socket(const SocketEvent& event) override {
    if (const auto* opened = std::get_if<SocketOpened>(&event)) socket_ = opened->socket;
    if (std::holds_alternative<SocketClosed>(event)) closed = true;
  }

  sim::Host& host_;
  std::optional<SocketId> socket_;
};

}  // namespace ice::test
