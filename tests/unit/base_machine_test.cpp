#include "ice/base/machine.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace ice {
namespace {

/// A machine that gives out what a test puts into it.
struct Scripted {
  using Event = std::string;

  Received handle_datagram(TimePoint, const Datagram&, MutableBytes) { return {}; }
  void handle_timeout(TimePoint) {}
  std::optional<Transmit> poll_transmit(TimePoint, MutableBytes scratch) {
    if (packets.empty()) return std::nullopt;
    scratch[0] = packets.front();
    packets.pop_front();
    Transmit transmit;
    transmit.head = scratch.first(1);
    return transmit;
  }
  std::optional<Event> poll_event() { return take(events); }
  std::optional<TimePoint> next_timeout() const { return timeout; }

  template <class T>
  static std::optional<T> take(std::deque<T>& queue) {
    if (queue.empty()) return std::nullopt;
    std::optional<T> first{std::move(queue.front())};
    queue.pop_front();
    return first;
  }

  std::deque<std::uint8_t> packets;
  std::deque<Event> events;
  std::optional<TimePoint> timeout;
};

struct ScriptedWithSockets : Scripted {
  std::optional<SocketRequest> poll_socket() { return take(requests); }
  void handle_socket(TimePoint, const SocketEvent&) {}

  std::deque<SocketRequest> requests;
};

/// Writes down what it is given, and does what a test wants at each event.
template <class M>
struct Outlet {
  void transmit(const Transmit& packet) { log.push_back("packet " + std::to_string(packet.head[0])); }
  void event(std::string name) {
    log.push_back("event " + name);
    if (on_event) on_event();
  }
  void request(const SocketRequest& request) { log.push_back("request " + std::to_string(request.index())); }

  std::vector<std::string> log;
  std::function<void()> on_event;
};

static_assert(Machine<Scripted> && !SocketMachine<Scripted>);
static_assert(SocketMachine<ScriptedWithSockets>);

using Log = std::vector<std::string>;
std::array<std::uint8_t, scratch_size> scratch;

TEST(Drain, OfASilentMachineDoesNothing) {
  Scripted machine;
  Outlet<Scripted> outlet;
  EXPECT_EQ(drain(machine, TimePoint{}, scratch, outlet), std::nullopt);
  EXPECT_TRUE(outlet.log.empty());
}

TEST(Drain, GivesSocketsThenPacketsThenEventsEachInOrder) {
  ScriptedWithSockets machine;
  machine.requests = {OpenSocket{}, CloseSocket{}};
  machine.packets = {1, 2};
  machine.events = {"a", "b"};
  Outlet<ScriptedWithSockets> outlet;
  drain(machine, TimePoint{}, scratch, outlet);
  EXPECT_EQ(outlet.log, (Log{"request 0", "request 1", "packet 1", "packet 2", "event a", "event b"}));
}

TEST(Drain, GoesOnUntilWhatAnEventCausedIsOutToo) {
  ScriptedWithSockets machine;
  machine.events = {"a"};
  Outlet<ScriptedWithSockets> outlet;
  int times = 0;
  outlet.on_event = [&] {
    if (++times == 3) return;
    machine.packets.push_back(static_cast<std::uint8_t>(times));
    machine.requests.push_back(CloseSocket{});
    machine.events.push_back("again");
  };
  drain(machine, TimePoint{}, scratch, outlet);
  EXPECT_EQ(outlet.log,
            (Log{"event a", "event again", "event again", "request 1", "request 1", "packet 1", "packet 2"}));
}

TEST(Drain, ReturnsTheTimeoutAsItIsAfterEverythingIsOut) {
  Scripted machine;
  machine.events = {"a"};
  machine.timeout = TimePoint{Duration{1}};
  Outlet<Scripted> outlet;
  outlet.on_event = [&] { machine.timeout = TimePoint{Duration{2}}; };
  EXPECT_EQ(drain(machine, TimePoint{}, scratch, outlet), TimePoint{Duration{2}});
}

#ifndef NDEBUG
TEST(DrainDeathTest, EndsOnAMachineThatNeverFallsSilent) {
  Scripted machine;
  machine.events = {"a"};
  struct {
    void transmit(const Transmit&) {}
    void event(const std::string&) { machine.events.push_back("a"); }
    Scripted& machine;
  } outlet{machine};
  EXPECT_DEATH(drain(machine, TimePoint{}, scratch, outlet), "items");
}
#endif

TEST(Transmit, ItsSizeIsThatOfAllItsParts) {
  const std::array<std::uint8_t, 5> bytes{};
  Transmit transmit;
  EXPECT_EQ(transmit.size(), 0u);
  transmit.head = Bytes{bytes}.first(4);
  transmit.body = bytes;
  transmit.padding = 3;
  EXPECT_EQ(transmit.size(), 12u);
}

}  // namespace
}  // namespace ice
