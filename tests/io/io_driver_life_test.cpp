#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "ice/io/driver.hpp"
#include "support.hpp"
#include "toy_machine.hpp"

namespace ice::io {
namespace {

using namespace std::chrono_literals;

struct DriverLife : testing::Test {
  boost::asio::io_context loop;
  std::unique_ptr<Driver<ToyMachine>> driver = make();
  SocketId socket = *driver->bind(loopback());
  Endpoint here = *driver->local_endpoint(socket);
  RawSocket peer = RawSocket::udp();

  std::unique_ptr<Driver<ToyMachine>> make() {
    return std::make_unique<Driver<ToyMachine>>(Context{loop.get_executor()});
  }
};

TEST_F(DriverLife, TheTimerComesWhenTheMachineWantsItAndNotBefore) {
  TimePoint fired{};
  driver->on_event([&](const ToyMachine::Event&) { fired = now(); });
  const TimePoint wanted = now() + 20ms;
  driver->with([&](ToyMachine& machine, TimePoint) { machine.set_timeout(wanted); });
  ASSERT_TRUE(run_until(loop, [&] { return fired != TimePoint{}; }));
  EXPECT_GE(fired, wanted);
  EXPECT_EQ(driver->machine().timeouts, 1U);
}

TEST_F(DriverLife, AnEarlierTimeoutReplacesALaterOne) {
  bool fired = false;
  driver->on_event([&](const ToyMachine::Event&) { fired = true; });
  driver->with([&](ToyMachine& machine, TimePoint at) { machine.set_timeout(at + 1h); });
  driver->with([&](ToyMachine& machine, TimePoint at) { machine.set_timeout(at + 1ms); });
  EXPECT_TRUE(run_until(loop, [&] { return fired; }));
}

TEST_F(DriverLife, ALaterTimeoutReplacesAnEarlierOne) {
  TimePoint fired{};
  driver->on_event([&](const ToyMachine::Event&) { fired = now(); });
  const TimePoint later = now() + 30ms;
  driver->with([&](ToyMachine& machine, TimePoint at) { machine.set_timeout(at + 1ms); });
  driver->with([&](ToyMachine& machine, TimePoint) { machine.set_timeout(later); });
  ASSERT_TRUE(run_until(loop, [&] { return fired != TimePoint{}; }));
  EXPECT_GE(fired, later);
  EXPECT_EQ(driver->machine().timeouts, 1U) << "nobody asked for the first any more";
}

TEST_F(DriverLife, ATimeoutThatWasTakenBackIsNotTold) {
  bool marked = false;
  const TimePoint first = now() + 1ms;
  driver->with([&](ToyMachine& machine, TimePoint) { machine.set_timeout(first); });
  driver->with([&](ToyMachine& machine, TimePoint) { machine.set_timeout(std::nullopt); });
  boost::asio::steady_timer mark{loop, to_steady(first + 5ms)};
  mark.async_wait([&](const boost::system::error_code&) { marked = true; });
  ASSERT_TRUE(run_until(loop, [&] { return marked; }));
  EXPECT_EQ(driver->machine().timeouts, 0U);
}

TEST_F(DriverLife, ATimerWhoseHandlerIsQueuedWhenItIsSetAnewFiresOnce) {
  // The handler of a timer that has expired waits behind this one, which sets the timer to another moment.
  driver->with([&](ToyMachine& machine, TimePoint at) { machine.set_timeout(at + 1ms); });
  int events = 0;
  driver->on_event([&](const ToyMachine::Event&) { ++events; });
  boost::asio::post(driver->get_executor(), [&] {
    const TimePoint expired = now() + 2ms;
    while (now() < expired) {
    }
    driver->with([&](ToyMachine& machine, TimePoint at) { machine.set_timeout(at - 1ms); });
  });
  ASSERT_TRUE(run_until(loop, [&] { return events > 0; }));
  loop.poll();
  EXPECT_EQ(events, 1);
  EXPECT_EQ(driver->machine().timeouts, 1U);
}

TEST_F(DriverLife, ADriverThatIsGoneIsNotCalledBack) {
  int called = 0;
  driver->on_event([&](const ToyMachine::Event&) { ++called; });
  driver->on_data([&](const Received&) { ++called; });
  driver->with([&](ToyMachine& machine, TimePoint at) { machine.set_timeout(at); });
  peer.send(here, "data");
  driver.reset();  // a timer has expired and a socket is readable
  loop.run();      // returns: nothing of the driver is left in the loop
  EXPECT_EQ(called, 0);
  RawSocket reuse = RawSocket::udp(here);  // the port is free
}

TEST_F(DriverLife, TheLoopMayDieFirst) {
  auto other = std::make_unique<boost::asio::io_context>();
  std::weak_ptr<detail::ContextState> left;
  {
    Context context{other->get_executor()};
    left = context.state();
    Driver<ToyMachine> short_lived{context};
    ASSERT_TRUE(short_lived.bind(loopback()));
    other->poll();
  }
  other.reset();
  EXPECT_TRUE(left.expired()) << "something kept the driver alive";
}

TEST_F(DriverLife, AnEventHandlerMayDestroyTheDriver) {
  int events = 0;
  driver->on_event([&](const ToyMachine::Event&) {
    ++events;
    driver.reset();
    EXPECT_EQ(events, 1);  // what the handler captured is still there
  });
  driver->with([](ToyMachine& machine, TimePoint) { machine.events = {{"one"}, {"two"}}; });
  EXPECT_EQ(events, 1);
  EXPECT_EQ(driver, nullptr);
  loop.run();
}

TEST_F(DriverLife, ADataHandlerMayDestroyTheDriver) {
  std::string text;
  driver->on_data([&](const Received& received) {
    driver.reset();
    text = text_of(received.data);
  });
  peer.send(here, "last words");
  peer.send(here, "too late");
  loop.run();
  EXPECT_EQ(text, "last words");
}

TEST_F(DriverLife, WhatAHandlerThrowsComesOutOfTheLoopAndTheDriverGoesOn) {
  driver->on_data([&](const Received&) { throw std::runtime_error{"no"}; });
  peer.send(here, "data");
  EXPECT_THROW(loop.run(), std::runtime_error);
  loop.restart();
  peer.send(here, "=still there?");
  std::optional<std::string> got;
  ASSERT_TRUE(run_until(loop, [&] { return (got = peer.receive()).has_value(); }));
  EXPECT_EQ(got, "=still there?");
}

TEST_F(DriverLife, WhatAHandlerThrowsCostsNoOtherMessageOfTheBatch) {
  std::vector<std::string> heard;
  driver->on_data([&](const Received& in) {
    heard.emplace_back(text_of(in.data));
    if (heard.size() == 1) throw std::runtime_error{"no"};
  });
  for (const char* text : {"one", "two", "three"}) peer.send(here, text);
  EXPECT_THROW(loop.run(), std::runtime_error);
  loop.restart();
  ASSERT_TRUE(run_until(loop, [&] { return heard.size() == 3; }));
  EXPECT_EQ(heard, (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(DriverLife, WhatAThrowingHandlerLeftInTheMachineComesOutWithoutAnotherInput) {
  std::vector<std::string> told;
  driver->on_event([&](ToyMachine::Event event) {
    told.push_back(event.what);
    if (event.what == "one") throw std::runtime_error{"no"};
  });
  EXPECT_THROW(driver->with([](ToyMachine& machine, TimePoint) {
    machine.events = {{"one"}, {"two"}};
  }),
               std::runtime_error);
  ASSERT_TRUE(run_until(loop, [&] { return told.size() == 2; }));
  EXPECT_EQ(told.back(), "two");
}

TEST_F(DriverLife, AMovedDriverGoesOn) {
  Driver<ToyMachine> moved{std::move(*driver)};
  peer.send(here, "=hello");
  std::optional<std::string> got;
  ASSERT_TRUE(run_until(loop, [&] { return (got = peer.receive()).has_value(); }));

  RawSocket other = RawSocket::udp();
  moved = std::move(*make());
  EXPECT_EQ(moved.local_endpoint(socket), std::nullopt) << "the first one's sockets are closed";
}

TEST_F(DriverLife, NobodyStartsAThread) {
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator{"/proc/self/task"}, std::filesystem::directory_iterator{});
  };
  const auto before = threads();
  const auto other = make();
  ASSERT_TRUE(other->bind(loopback()));
  other->with([&](ToyMachine& machine, TimePoint at) {
    machine.set_timeout(at + 1ms);
    machine.want(OpenSocket{.kind = OpenSocket::Kind::listen, .transport = Transport::tcp, .local = loopback()});
  });
  peer.send(here, "=hello");
  ASSERT_TRUE(run_until(loop, [&] { return driver->statistics().sent == 1 && other->machine().timeouts == 1; }));
  EXPECT_EQ(threads(), before);
}

TEST_F(DriverLife, ALoopOfManyThreadsRunsEachDriverOnItsStrand) {
  // Two drivers of one context bounce a datagram; the counters have no lock, so ThreadSanitizer sees any race.
  Context context{loop.get_executor()};
  Driver<ToyMachine> one{context};
  Driver<ToyMachine> two{context};
  const SocketId at_one = *one.bind(loopback());
  const SocketId at_two = *two.bind(loopback());
  constexpr int rounds = 500;
  int seen = 0;
  const auto bounce = [&](Driver<ToyMachine>& from, SocketId at, const Received& received) {
    if (++seen >= rounds) return loop.stop();
    EXPECT_TRUE(from.send([&](ToyMachine&, TimePoint, MutableBytes) -> result<Transmit> {
      return Transmit{at, received.from, {}, received.data, 0, {}};
    }));
  };
  one.on_data([&](const Received& received) { bounce(one, at_one, received); });
  two.on_data([&](const Received& received) { bounce(two, at_two, received); });
  const Endpoint to_two = *two.local_endpoint(at_two);
  one.with([&](ToyMachine& machine, TimePoint) { machine.say({at_one, to_two, "ball"}); });
  boost::asio::steady_timer deadline{loop, 30s};
  deadline.async_wait([&](const boost::system::error_code& error) {
    if (!error) loop.stop();
  });
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { loop.run(); });
  threads.clear();
  EXPECT_EQ(seen, rounds);
}

}  // namespace
}  // namespace ice::io
