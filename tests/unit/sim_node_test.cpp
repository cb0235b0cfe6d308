#include "ice/sim/node.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/sim_peer.hpp"

namespace ice::sim {
namespace {

using namespace std::chrono_literals;
using test::ip;
using test::Peer;

/// A machine that shows what its owner does with it: it sends what it is told to, repeats it every second `repeat`
/// times, tells what it hears, and forwards what begins with "f".
class Toy {
 public:
  struct Event {
    std::string text;
    TimePoint at;
  };

  void say(TimePoint now, SocketId socket, const Endpoint& to, std::string text, int repeat = 0) {
    socket_ = socket;
    to_ = to;
    text_ = std::move(text);
    pending_ = true;
    left_ = repeat;
    if (repeat > 0) next_ = now + 1s;
  }
  void want(const SocketRequest& request) { requests_.push_back(request); }
  void forward_to(SocketId socket, const Endpoint& to) {
    socket_ = socket;
    to_ = to;
  }

  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
    const std::string text{text_of(in.payload)};
    if (text.starts_with("d")) return {.verdict = Verdict::application_data, .data = in.payload, .from = in.from};
    if (text.starts_with("f")) {
      Transmit onward;
      onward.socket = socket_;
      onward.to = to_;
      scratch[0] = '>';
      onward.head = scratch.first(1);
      onward.body = in.payload;
      return {.verdict = Verdict::forward, .forward = onward};
    }
    events_.push_back({text, now});
    return {};
  }
  void handle_timeout(TimePoint now) {
    ++timeouts;
    if (!next_ || *next_ > now) return;
    pending_ = true;
    next_ = --left_ > 0 ? std::optional{now + 1s} : std::nullopt;
  }
  std::optional<Transmit> poll_transmit(TimePoint, MutableBytes scratch) {
    if (!std::exchange(pending_, false)) return {};
    std::copy(text_.begin(), text_.end(), scratch.begin());
    Transmit transmit;
    transmit.socket = socket_;
    transmit.to = to_;
    transmit.head = scratch.first(text_.size());
    return transmit;
  }
  std::optional<Event> poll_event() {
    if (events_.empty()) return {};
    Event event = events_.front();
    events_.pop_front();
    return event;
  }
  std::optional<TimePoint> next_timeout() const { return next_; }
  std::optional<SocketRequest> poll_socket() {
    if (requests_.empty()) return {};
    SocketRequest request = requests_.front();
    requests_.pop_front();
    return request;
  }
  void handle_socket(TimePoint now, const SocketEvent& event) {
    if (const auto* opened = std::get_if<SocketOpened>(&event)) {
      events_.push_back({"opened " + opened->local.to_string(), now});
    } else if (const auto* unreachable = std::get_if<SocketUnreachable>(&event)) {
      events_.push_back({"unreachable " + unreachable->to.to_string(), now});
    } else if (std::holds_alternative<SocketFailed>(event)) {
      events_.push_back({"failed", now});
    }
  }

  int timeouts = 0;

 private:
  SocketId socket_{};
  Endpoint to_;
  std::string text_;
  bool pending_ = false;
  int left_ = 0;
  std::optional<TimePoint> next_;
  std::deque<Event> events_;
  std::deque<SocketRequest> requests_;
};

struct TwoNodes {
  Network network{1};
  Host& a = network.internet().add_host("a", {ip("192.0.2.1")});
  Host& b = network.internet().add_host("b", {ip("192.0.2.2")});
  Toy toy_a;
  Toy toy_b;
  std::vector<Toy::Event> at_a;
  std::vector<Toy::Event> at_b;
  Node<Toy> alice{a, toy_a, [this](Toy::Event event) { at_a.push_back(std::move(event)); }};
  Node<Toy> bob{b, toy_b, [this](Toy::Event event) { at_b.push_back(std::move(event)); }};
  SocketId from = *alice.bind(ip("192.0.2.1"));
  SocketId to = *bob.bind(ip("192.0.2.2"));
};

TEST(SimNode, SendsWhatTheMachineSaysOnceItIsWoken) {
  TwoNodes world;
  world.toy_a.say(world.alice.now(), world.from, world.bob.local_endpoint(world.to), "hello");
  world.network.run_for(1s);
  EXPECT_TRUE(world.at_b.empty());
  world.alice.wake();
  world.network.run_for(1s);
  ASSERT_EQ(world.at_b.size(), 1U);
  EXPECT_EQ(world.at_b[0].text, "hello");
}

TEST(SimNode, KeepsTheMachinesTimer) {
  TwoNodes world;
  world.toy_a.say(world.alice.now(), world.from, world.bob.local_endpoint(world.to), "tick", 3);
  world.alice.wake();
  world.network.run_for(60s);
  ASSERT_EQ(world.at_b.size(), 4U);
  EXPECT_EQ(world.at_b[3].at - world.at_b[0].at, 3s);
  EXPECT_EQ(world.toy_a.timeouts, 3) << "never called for nothing";
}

TEST(SimNode, ListensForItsMachineWhichHearsOfConnectionsAlone) {
  TwoNodes world;
  const Endpoint port{ip("192.0.2.2"), 3478};
  world.bob.listen(port, Framing::stun);
  world.network.run_for(1s);
  world.toy_a.want(OpenSocket{.kind = OpenSocket::Kind::connect,
                              .transport = Transport::tcp,
                              .local = {ip("192.0.2.1"), 0},
                              .remote = port,
                              .framing = Framing::stun});
  world.alice.wake();
  world.network.run_for(1s);
  ASSERT_EQ(world.at_a.size(), 1U);
  EXPECT_EQ(world.at_a[0].text.substr(0, 17), "opened 192.0.2.1:");
  EXPECT_TRUE(world.at_b.empty());
}

TEST(SimNode, AVerbWithinTheEventHandlerNeedsNoWaking) {
  TwoNodes world;
  world.bob.on_event([&](const Toy::Event& event) {
    world.toy_b.say(event.at, world.to, world.alice.local_endpoint(world.from), "echo");
    world.bob.wake();  // does no harm
  });
  world.toy_a.say(world.alice.now(), world.from, world.bob.local_endpoint(world.to), "hello");
  world.alice.wake();
  world.network.run_for(1s);
  ASSERT_EQ(world.at_a.size(), 1U);
  EXPECT_EQ(world.at_a[0].text, "echo");
}

TEST(SimNode, GivesApplicationDataToItsHandlerAndForwardsAtOnce) {
  TwoNodes world;
  std::vector<std::string> data;
  world.bob.on_data([&](const Received& received) { data.emplace_back(text_of(received.data)); });
  Peer carol{world.network.internet().add_host("c", {ip("192.0.2.3")})};
  const SocketId at_carol = carol.udp();
  world.toy_b.forward_to(world.to, carol.local(at_carol));
  for (const char* text : {"data", "forward"}) {
    world.toy_a.say(world.alice.now(), world.from, world.bob.local_endpoint(world.to), text);
    world.alice.wake();
    world.network.run_for(1s);
  }
  EXPECT_EQ(data, std::vector<std::string>{"data"});
  EXPECT_EQ(carol.texts(), std::vector<std::string>{">forward"});
  EXPECT_TRUE(world.at_b.empty());
}

TEST(SimNode, ServesTheSocketsThatTheMachineAsksFor) {
  TwoNodes world;
  OpenSocket open;
  open.local = {ip("192.0.2.1"), 0};
  open.ports = {7000, 7000};
  world.toy_a.want(open);
  world.toy_a.want(open);
  world.alice.wake();
  world.network.run_for(1s);
  ASSERT_EQ(world.at_a.size(), 2U);
  EXPECT_EQ(world.at_a[0].text, "opened 192.0.2.1:7000");
  EXPECT_EQ(world.at_a[1].text, "failed");
}

TEST(SimNode, TellsTheMachineWhatIcmpSays) {
  TwoNodes world;
  world.toy_a.say(world.alice.now(), world.from, {ip("192.0.2.2"), 9}, "x");
  world.alice.wake();
  world.network.run_for(1s);
  ASSERT_EQ(world.at_a.size(), 1U);
  EXPECT_EQ(world.at_a[0].text, "unreachable 192.0.2.2:9");
}

TEST(SimNode, OnADeadHostDoesNothing) {
  TwoNodes world;
  world.toy_a.say(world.alice.now(), world.from, world.bob.local_endpoint(world.to), "tick", 3);
  world.alice.wake();
  world.network.run_for(1500ms);
  world.a.kill();
  world.alice.wake();
  world.network.run_for(60s);
  EXPECT_EQ(world.at_b.size(), 2U);
  EXPECT_EQ(world.toy_a.timeouts, 1);
}

TEST(SimNode, ClosesItsSocketsWhenItEnds) {
  TwoNodes world;
  Endpoint gone;
  {
    Toy toy;
    Node<Toy> node{world.b, toy};
    gone = node.local_endpoint(*node.bind(ip("192.0.2.2")));
  }
  world.toy_a.say(world.alice.now(), world.from, gone, "x");
  world.alice.wake();
  world.network.run_for(1s);
  ASSERT_EQ(world.at_a.size(), 1U);
  EXPECT_EQ(world.at_a[0].text, "unreachable " + gone.to_string());
}

TEST(SimNode, SendsApplicationDataForTheMachine) {
  TwoNodes world;
  Transmit transmit;
  transmit.socket = world.from;
  transmit.to = world.bob.local_endpoint(world.to);
  transmit.body = bytes_of("wrapped");
  ASSERT_TRUE(world.alice.send(transmit));
  world.network.run_for(1s);
  ASSERT_EQ(world.at_b.size(), 1U);
  EXPECT_EQ(world.at_b[0].text, "wrapped");
}

}  // namespace
}  // namespace ice::sim
