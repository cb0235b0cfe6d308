#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "ice/agent.hpp"
#include "ice/stun/message.hpp"

namespace ice::truth {

/// A packet filter on an agent's own host, as a machine around the agent. What it does to packets the agent cannot see.
class HostFirewall {
 public:
  using Event = AgentEvent;

  struct Rules {
    bool nothing_from_peers = false;
    bool nothing_to_peers = false;
    bool no_answers_from_peers = false;
    std::set<Address> servers{};  ///< who is no peer
  };

  HostFirewall(Agent& agent, Rules rules) : agent_{agent}, rules_{std::move(rules)} {}

  Received handle_datagram(TimePoint now, const Datagram& datagram, MutableBytes scratch) {
    if (drops_incoming(datagram)) return {Verdict::not_mine};
    Received received = agent_.handle_datagram(now, datagram, scratch);
    if (received.forward && drops_outgoing(received.forward->to)) received = {Verdict::handled};
    return received;
  }
  void handle_timeout(TimePoint now) { agent_.handle_timeout(now); }
  void handle_socket(TimePoint now, const SocketEvent& event) { agent_.handle_socket(now, event); }
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch) {
    while (auto packet = agent_.poll_transmit(now, scratch))
      if (!drops_outgoing(packet->to)) return packet;
    return std::nullopt;
  }
  std::optional<Event> poll_event() { return agent_.poll_event(); }
  std::optional<SocketRequest> poll_socket() { return agent_.poll_socket(); }
  std::optional<TimePoint> next_timeout() const { return agent_.next_timeout(); }

  /// Packets that the rules took away.
  std::uint32_t dropped() const noexcept { return dropped_; }

 private:
  bool is_server(const Endpoint& at) const { return rules_.servers.contains(at.address.canonical()); }
  bool drops_outgoing(const Endpoint& to) {
    if (!rules_.nothing_to_peers || is_server(to)) return false;
    ++dropped_;
    return true;
  }
  bool drops_incoming(const Datagram& datagram) {
    if (is_server(datagram.from)) return false;
    if (!rules_.nothing_from_peers && !(rules_.no_answers_from_peers && is_answer(datagram))) return false;
    ++dropped_;
    return true;
  }
  static bool is_answer(const Datagram& datagram) {
    const auto message = stun::Message::parse(datagram.payload);
    return message && message->message_class() != stun::Class::request;
  }

  Agent& agent_;
  Rules rules_;
  std::uint32_t dropped_ = 0;
};

}  // namespace ice::truth
