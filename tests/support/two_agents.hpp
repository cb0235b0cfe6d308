#pragma once

#include <array>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ice/agent.hpp"
#include "ice/base/pacer.hpp"
#include "ice/base/random.hpp"

namespace ice::test {

using namespace std::chrono_literals;

/// Two agents and a wire between them, in virtual time: what leaves one arrives at the other after `delay`, unless
/// `drop` says otherwise. No NATs, no topology: for what one agent says to another. The simulator has the rest.
class TwoAgents {
 public:
  struct Packet {
    TimePoint arrives;
    int to;  // 0 or 1
    Endpoint from;
    Endpoint destination;
    std::vector<std::uint8_t> bytes;
  };
  struct Side {
    SeededRandom random;
    Pacer pacer;
    std::unique_ptr<Agent> agent;
    Endpoint local;
    std::vector<AgentEvent> events;
    std::vector<std::string> received;
    std::optional<TimePoint> timeout;
    explicit Side(std::uint64_t seed) : random{seed} {}
  };

  static AgentConfig controlled() {
    AgentConfig config;
    config.role = Role::controlled;
    return config;
  }

  explicit TwoAgents(AgentConfig a = {}, AgentConfig b = controlled(), std::uint64_t seed = 1)
      : sides_{Side{seed}, Side{seed + 1}} {
    make(0, std::move(a), Address::v4(192, 0, 2, 1));
    make(1, std::move(b), Address::v4(192, 0, 2, 2));
  }

  Side& operator[](int side) { return sides_[static_cast<std::size_t>(side)]; }
  Agent& agent(int side) { return *(*this)[side].agent; }
  TimePoint now() const { return now_; }

  void gather() {
    for (int side : {0, 1}) {
      agent(side).gather(now_);
      settle(side);
    }
  }
  /// Gives `to` the other's description.
  void describe(int to) {
    static_cast<void>(agent(to).set_remote_description(now_, agent(1 - to).local_description()).has_value());
    settle(to);
  }
  void connect() {
    gather();
    describe(0);
    describe(1);
  }

  /// Empties a machine into the wire, after every input and verb.
  void settle(int side) {
    struct Outlet {
      TwoAgents& two;
      int side;
      void transmit(const Transmit& out) { two.send(side, out); }
      void event(AgentEvent event) { two[side].events.push_back(std::move(event)); }
      void request(const SocketRequest&) {}
    } outlet{*this, side};
    (*this)[side].timeout = drain(agent(side), now_, scratch_, outlet);
  }

  void send(int side, const Transmit& out) {
    Packet packet{now_ + delay, 1 - side, (*this)[side].local, out.to, {out.head.begin(), out.head.end()}};
    packet.bytes.insert(packet.bytes.end(), out.body.begin(), out.body.end());
    ++sent;
    if (drop && drop(packet)) return;
    wire_.push_back(std::move(packet));
  }

  void deliver(const Packet& packet) {
    Side& side = (*this)[packet.to];
    if (packet.destination != side.local) return;
    const Received received = side.agent->handle_datagram(now_, {SocketId{1}, packet.from, packet.bytes, {}}, scratch_);
    if (received.verdict == Verdict::application_data)
      side.received.emplace_back(received.data.begin(), received.data.end());
    if (received.forward) send(packet.to, *received.forward);
    settle(packet.to);
  }

  /// The next packet or timeout; false when there is none until `end`.
  bool step(TimePoint end = TimePoint::max()) {
    std::optional<TimePoint> next;
    if (!wire_.empty()) next = wire_.front().arrives;
    for (const Side& side : sides_)
      if (side.timeout && (!next || *side.timeout < *next)) next = side.timeout;
    if (!next || *next > end) return false;
    now_ = std::max(now_, *next);
    if (!wire_.empty() && wire_.front().arrives <= now_) {
      const Packet packet = std::move(wire_.front());
      wire_.pop_front();
      deliver(packet);
      return true;
    }
    for (int side : {0, 1})
      if ((*this)[side].timeout && *(*this)[side].timeout <= now_) {
        agent(side).handle_timeout(now_);
        settle(side);
      }
    return true;
  }

  void run_for(Duration time) {
    const TimePoint end = now_ + time;
    while (step(end)) {
    }
    now_ = end;
  }

  Duration delay = 10ms;
  std::function<bool(const Packet&)> drop;
  std::size_t sent = 0;

 private:
  void make(int index, AgentConfig config, const Address& address) {
    Side& side = (*this)[index];
    side.local = {address, static_cast<std::uint16_t>(5000 + index)};
    side.agent = std::make_unique<Agent>(std::move(config), Environment{side.random, side.pacer, nullptr});
    if (!side.agent->add_socket(now_, {SocketId{1}, side.local, "wire0", ComponentId{1}})) std::abort();
  }

  TimePoint now_{};
  std::array<Side, 2> sides_;
  std::deque<Packet> wire_;
  std::array<std::uint8_t, scratch_size> scratch_{};
};

}  // namespace ice::test
