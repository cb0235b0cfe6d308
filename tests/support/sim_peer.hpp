#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ice/sim/network.hpp"

namespace ice::test {

/// An address from its text.
inline Address ip(std::string_view text) {
  const auto address = Address::parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(Address{});
}

/// Sockets on a simulated host without any protocol: what came is kept.
class Peer final : public sim::SocketOwner {
 public:
  struct Heard {
    SocketId socket{};
    Endpoint from{};
    std::string text;
    TimePoint at{};
    IpMetadata ip{};
  };

  explicit Peer(sim::Host& host) : host_{host} {}
  ~Peer() override { host_.release(*this); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  std::vector<Heard> heard;
  std::vector<SocketEvent> events;
  std::function<void(const Datagram&)> on_heard;

  sim::Host& host() noexcept { return host_; }
  sim::Network& network() noexcept { return host_.network(); }

  SocketId udp(const Address& local, std::uint16_t port = 0) {
    const auto socket = host_.bind(*this, local, {port, port});
    EXPECT_TRUE(socket) << local.to_string() << " " << port;
    return socket.value_or(SocketId{});
  }
  /// On the first address of the host.
  SocketId udp(std::uint16_t port = 0) { return udp(host_.addresses().front(), port); }

  /// Asks for a TCP listener; `of<SocketOpened>()` tells when it is there.
  void listen(const Endpoint& local, Framing framing = Framing::none) {
    OpenSocket open;
    open.kind = OpenSocket::Kind::listen;
    open.transport = Transport::tcp;
    open.local = {local.address, 0};
    open.ports = {local.port, local.port};
    open.framing = framing;
    host_.request(*this, open);
  }

  /// Asks for a TCP connection, from a port or from an ephemeral one.
  void connect(const Endpoint& remote, Framing framing = Framing::none, std::uint16_t port = 0) {
    OpenSocket open;
    open.kind = OpenSocket::Kind::connect;
    open.transport = Transport::tcp;
    open.remote = remote;
    open.ports = {port, port};
    open.framing = framing;
    host_.request(*this, open);
  }

  result<void> send(SocketId from, const Endpoint& to, std::string_view text) {
    Transmit transmit;
    transmit.socket = from;
    transmit.to = to;
    transmit.body = bytes_of(text);
    return host_.send(transmit);
  }

  Endpoint local(SocketId socket) const { return host_.local_endpoint(socket); }

  /// The texts in the order they came.
  std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const Heard& one : heard) all.push_back(one.text);
    return all;
  }

  /// The events of one kind.
  template <class E>
  std::vector<E> of() const {
    std::vector<E> all;
    for (const SocketEvent& event : events) {
      if (const auto* one = std::get_if<E>(&event)) all.push_back(*one);
    }
    return all;
  }

 private:
  void on_datagram(const Datagram& datagram) override {
    heard.push_back(
        {datagram.socket, datagram.from, std::string{text_of(datagram.payload)}, network().now(), datagram.ip});
    if (on_heard) on_heard(datagram);
  }
  void on_socket(const SocketEvent& event) override { events.push_back(event); }

  sim::Host& host_;
};

}  // namespace ice::test
