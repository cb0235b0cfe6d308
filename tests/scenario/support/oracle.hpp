#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ice/sim/host.hpp"
#include "ice/sim/network.hpp"
#include "scenario/support/topology.hpp"

namespace ice::test {

/// Says whether two hosts can talk directly at all, and knows no ICE: both learn their addresses from a mirror on the
/// internet, then each sends to every address of the other and to every address it has heard from, again and again, on
/// the same NATs but over links that lose nothing. There is a path where a probe is answered from where it was sent.
class Oracle {
 public:
  static bool has_path(Topology topology, std::uint64_t seed) {
    for (SideConfig* side : {&topology.caller, &topology.callee}) {
      side->link = sim::Link{};
    }
    sim::Network network{seed};
    Mirror mirror{Topology::add_server(network)};
    const auto places = topology.build(network);
    Puncher a{*places[0].host, topology.caller.use_stun};
    Puncher b{*places[1].host, topology.callee.use_stun};
    network.run_for(learning);
    for (auto [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}})
      for (const Endpoint& known : from->addresses()) to->add_target(known);
    for (int round = 0; round < rounds; ++round) {
      a.punch();
      b.punch();
      network.run_for(interval);
      if (a.answered() || b.answered()) return true;
    }
    return false;
  }

 private:
  static constexpr Duration learning = 2s;
  static constexpr Duration interval = 200ms;
  static constexpr int rounds = 20;
  static constexpr std::string_view question = "?";
  // Both say which address the probe was sent to: the answer has to come from there. Between two NATs that take a new
  // port for each new remote, every answer comes from yet another one, and no two ports ever meet.
  static constexpr std::string_view probe = "probe ";
  static constexpr std::string_view answer = "answer ";

  /// Tells everybody what their packet's source looks like.
  class Mirror final : public sim::SocketOwner {
   public:
    explicit Mirror(sim::Host& host) : host_{host} {
      for (const Endpoint& at : {Topology::server_v4(), Topology::server_v6()})
        static_cast<void>(host_.bind(*this, at.address, {at.port, at.port}).has_value());
    }
    ~Mirror() override { host_.release(*this); }
    void on_datagram(const Datagram& datagram) override {
      const std::string seen = datagram.from.to_string();
      static_cast<void>(host_.send({datagram.socket, datagram.from, bytes_of(seen), {}, 0, {}}).has_value());
    }
    void on_socket(const SocketEvent&) override {}

   private:
    sim::Host& host_;
  };

  class Puncher final : public sim::SocketOwner {
   public:
    Puncher(sim::Host& host, bool asks_mirror) : host_{host} {
      for (const Address& address : host_.addresses()) {
        const SocketId socket = *host_.bind(*this, address);
        sockets_.push_back(socket);
        addresses_.push_back(host_.local_endpoint(socket));
        const Endpoint mirror = address.is_v6() ? Topology::server_v6() : Topology::server_v4();
        if (asks_mirror) send(socket, mirror, question);
      }
    }
    ~Puncher() override { host_.release(*this); }

    const std::vector<Endpoint>& addresses() const { return addresses_; }
    bool answered() const { return answered_; }
    void add_target(const Endpoint& target) {
      if (std::find(targets_.begin(), targets_.end(), target) == targets_.end()) targets_.push_back(target);
    }
    void punch() {
      for (const SocketId socket : sockets_)
        for (const Endpoint& target : targets_)
          if (host_.local_endpoint(socket).address.family() == target.address.family())
            send(socket, target, std::string{probe} + target.to_string());
    }

    void on_datagram(const Datagram& datagram) override {
      const std::string_view text = text_of(datagram.payload);
      if (text.substr(0, probe.size()) == probe) {
        add_target(datagram.from);
        send(datagram.socket, datagram.from, std::string{answer} + std::string{text.substr(probe.size())});
      } else if (text.substr(0, answer.size()) == answer) {
        answered_ = answered_ || text.substr(answer.size()) == datagram.from.to_string();
      } else if (const auto seen = Endpoint::parse(text)) {
        addresses_.push_back(*seen);
      }
    }
    void on_socket(const SocketEvent&) override {}

   private:
    void send(SocketId socket, const Endpoint& to, std::string_view text) {
      static_cast<void>(host_.send({socket, to, bytes_of(text), {}, 0, {}}).has_value());
    }

    sim::Host& host_;
    std::vector<SocketId> sockets_;
    std::vector<Endpoint> addresses_;
    std::vector<Endpoint> targets_;
    bool answered_ = false;
  };
};

}  // namespace ice::test
