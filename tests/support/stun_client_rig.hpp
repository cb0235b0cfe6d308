#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "ice/base/machine.hpp"
#include "ice/base/random.hpp"
#include "ice/stun/binding_client.hpp"
#include "support/stun_messages.hpp"

namespace ice::test {

/// A binding client in virtual time, with a scripted world around it: what it sends goes to `answer`, and what that
/// returns comes back at once.
class ClientRig {
 public:
  struct Sent {
    Duration at;
    Packet packet;
  };
  struct Reply {
    Packet packet;
    Endpoint from;
    SocketId socket;
  };

  explicit ClientRig(stun::BindingClientConfig config = {}, TraceSink* trace = nullptr)
      : client{std::move(config), {.random = random, .pacer = pacer, .trace = trace}} {}

  /// Begins a request over `socket`, and lets the client do what it wants at this moment.
  stun::BindingRequestId ask(const stun::BindingRequest& request) {
    const auto id = client.ask(now, request);
    assert(id);
    settle();
    return *id;
  }

  /// Everything the client wants now, and the answers to it.
  void settle() {
    for (;;) {
      Outlet outlet{*this, {}};
      drain(client, now, scratch, outlet);
      if (outlet.replies.empty()) return;
      for (const Reply& reply : outlet.replies) last = give(reply);
    }
  }

  Received give(const Reply& reply) {
    const Received received =
        client.handle_datagram(now, {reply.socket, reply.from, reply.packet.bytes(), {}}, scratch);
    return received;
  }
  /// The same, and what follows from it.
  Verdict receive(const Reply& reply) {
    const Verdict verdict = give(reply).verdict;
    settle();
    return verdict;
  }

  void happen(const SocketEvent& event) {
    client.handle_socket(now, event);
    settle();
  }

  /// Runs the clock to the client's next timer, and tells it; false if it has none.
  bool step() {
    const auto next = client.next_timeout();
    if (!next) return false;
    now = std::max(now, *next);
    client.handle_timeout(now);
    settle();
    return true;
  }
  void run() {
    while (step()) {
    }
  }

  std::vector<Duration> times() const {
    std::vector<Duration> result;
    for (const Sent& s : sent) result.push_back(s.at);
    return result;
  }

  TimePoint now{};
  SeededRandom random{1};
  Pacer pacer;
  stun::BindingClient client;
  std::vector<Sent> sent;
  std::vector<stun::BindingResult> results;
  std::vector<SocketRequest> socket_requests;
  Received last;
  std::function<std::optional<Reply>(const Packet& request)> answer;

 private:
  struct Outlet {
    ClientRig& rig;
    std::vector<Reply> replies;

    void transmit(const Transmit& transmit) {
      const Packet packet{transmit};
      rig.sent.push_back({rig.now - TimePoint{}, packet});
      if (!rig.answer) return;
      if (const auto reply = rig.answer(packet)) replies.push_back(*reply);
    }
    void event(const stun::BindingResult& result) { rig.results.push_back(result); }
    void request(const SocketRequest& request) { rig.socket_requests.push_back(request); }
  };

  std::array<std::uint8_t, scratch_size> scratch{};
};

}  // namespace ice::test
