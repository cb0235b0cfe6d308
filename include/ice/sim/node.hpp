#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include "ice/base/machine.hpp"
#include "ice/sim/host.hpp"
#include "ice/sim/network.hpp"

namespace ice::sim {

/// A machine on a host: its sockets, its one timer, and drain() after every input. Several nodes may share a host.
///
/// Verbs called from outside are followed by wake(), which is what tells the network that the machine has something to
/// say. Verbs called from within the callbacks need none. The machine and the host's network must outlive the node,
/// which closes its sockets when it ends.
template <Machine M>
class Node final : private SocketOwner {
 public:
  using EventHandler = std::function<void(typename M::Event)>;
  using DataHandler = std::function<void(const Received&)>;

  /// `on_event` gets the machine's events.
  Node(Host& host, M& machine, EventHandler on_event = {})
      : host_{host}, machine_{machine}, on_event_{std::move(on_event)}, timer_{host, [this] { expired(); }} {}

  ~Node() override { host_.release(*this); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  Host& host() noexcept { return host_; }
  M& machine() noexcept { return machine_; }
  TimePoint now() const noexcept { return host_.network().now(); }

  void on_event(EventHandler handler) { on_event_ = std::move(handler); }

  /// `handler` gets what the machine calls application data; the view is valid for the call.
  void on_data(DataHandler handler) { on_data_ = std::move(handler); }

  /// A UDP socket for the machine, which has to be told of it. See Host::bind().
  result<SocketId> bind(const Address& local, PortRange ports = {}) { return host_.bind(*this, local, ports); }
  void close(SocketId socket) { host_.close(socket); }

  /// A TCP socket that listens, once the network runs, as io::Driver has it: the machine is told of its connections and
  /// not of the socket itself. The endpoint must be free.
  void listen(const Endpoint& local, Framing framing) {
    host_.request(*this, OpenSocket{.ticket = listener,
                                    .kind = OpenSocket::Kind::listen,
                                    .transport = Transport::tcp,
                                    .local = {local.address, 0},
                                    .ports = {local.port, local.port},
                                    .framing = framing});
  }
  Endpoint local_endpoint(SocketId socket) const noexcept { return host_.local_endpoint(socket); }

  /// Empties the machine and sets the timer. Within a callback of this node it does nothing, since that happens anyway.
  void wake() {
    if (!busy_ && host_.alive()) settle();
  }

  /// Sends application data that the machine has wrapped. See Host::send().
  result<void> send(const Transmit& transmit) { return host_.send(transmit, Host::Priority::data); }

 private:
  static constexpr SocketTicket listener{0xFFFFFFFF};  // no machine counts so far

  struct Outlet {
    Node& node;

    // What a machine polls out is control: it may use the reserve of a stream, and what finds no room is as good as
    // lost.
    void transmit(const Transmit& transmit) {
      static_cast<void>(node.host_.send(transmit, Host::Priority::control).has_value());
    }
    void event(typename M::Event event) {
      if (node.on_event_) node.on_event_(std::move(event));
    }
    void request(const SocketRequest& request) { node.host_.request(node, request); }
  };

  void on_datagram(const Datagram& datagram) override {
    busy_ = true;
    const Received received = machine_.handle_datagram(now(), datagram, scratch_);
    if (received.forward) static_cast<void>(host_.send(*received.forward, Host::Priority::forward).has_value());
    if (received.verdict == Verdict::application_data && on_data_) on_data_(received);
    settle();
  }

  void on_socket([[maybe_unused]] const SocketEvent& event) override {
    const auto* opened = std::get_if<SocketOpened>(&event);
    if (opened != nullptr && opened->ticket == listener) return;
    assert(!std::holds_alternative<SocketFailed>(event) || std::get<SocketFailed>(event).ticket != listener);
    if constexpr (SocketMachine<M>) {
      busy_ = true;
      machine_.handle_socket(now(), event);
      settle();
    }
  }

  void expired() {
    busy_ = true;
    machine_.handle_timeout(now());
    settle();
  }

  void settle() {
    busy_ = true;
    Outlet outlet{*this};
    timer_.set(drain(machine_, now(), scratch_, outlet));
    busy_ = false;
  }

  Host& host_;
  M& machine_;
  EventHandler on_event_;
  DataHandler on_data_;
  Timer timer_;
  std::array<std::uint8_t, scratch_size> scratch_{};
  bool busy_ = false;
};

}  // namespace ice::sim
