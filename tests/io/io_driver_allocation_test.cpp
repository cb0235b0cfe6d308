#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "ice/io/driver.hpp"
#include "support.hpp"
#include "support/allocations.hpp"
#include "toy_machine.hpp"

namespace ice::io {
namespace {

// Two drivers throw a message to and fro; what the machines themselves do allocates nothing.
struct DriverAllocations : testing::Test {
  static constexpr int warm_up = 100;
  static constexpr int rounds = 1000;

  boost::asio::io_context loop;
  Context context{loop.get_executor()};
  Driver<ToyMachine> player{context};
  Driver<ToyMachine> wall{context};

  // How often operator new was called in `rounds`, each of which is a message out and a message in.
  std::size_t play(SocketId socket, const Endpoint& to, std::string_view text) {
    const auto serve = [&] {
      EXPECT_TRUE(player.send([&](ToyMachine&, TimePoint, MutableBytes) -> result<Transmit> {
        return Transmit{socket, to, {}, bytes_of(text), 0, {}};
      }));
    };
    int played = 0;
    std::optional<test::Allocations> allocations;
    std::size_t count = ~std::size_t{0};
    player.on_data([&](const Received&) {
      if (++played == warm_up) allocations.emplace();
      if (played == warm_up + rounds) {
        count = allocations->count();
        return loop.stop();
      }
      serve();
    });
    serve();
    // Asio keeps the memory of its operations for the next ones while run() runs; run_one() forgets it each time.
    boost::asio::steady_timer deadline{loop, std::chrono::seconds{30}};
    deadline.async_wait([&](const boost::system::error_code& error) {
      if (!error) loop.stop();
    });
    loop.restart();
    loop.run();
    return count;
  }

  std::size_t play_datagrams(std::string_view text) {
    const SocketId socket = *player.bind(loopback());
    return play(socket, *wall.local_endpoint(*wall.bind(loopback())), text);
  }
};

TEST_F(DriverAllocations, ApplicationDataThereAndBackAllocatesNothing) {
  wall.on_data([&](const Received& received) {
    EXPECT_TRUE(wall.send([&](ToyMachine& machine, TimePoint, MutableBytes) -> result<Transmit> {
      return Transmit{machine.last.socket, received.from, {}, received.data, 0, {}};
    }));
  });
  EXPECT_EQ(play_datagrams("data"), 0U);
}

TEST_F(DriverAllocations, WhatAMachineAnswersAllocatesNothing) {
  // The wall answers by poll_transmit, with a text that the player takes for data.
  wall.with([](ToyMachine& machine, TimePoint) { machine.answer_prefix = 'x'; });
  EXPECT_EQ(play_datagrams("=protocol"), 0U);
}

TEST_F(DriverAllocations, AForwardAllocatesNothing) {
  wall.with([](ToyMachine& machine, TimePoint) { machine.answer_prefix = 'x'; });
  EXPECT_EQ(play_datagrams(">forward"), 0U);
}

TEST_F(DriverAllocations, ATimerThatFiresBetweenPacketsAllocatesNothing) {
  // The wall answers when its timer fires; each packet sets the timer.
  wall.on_data([&](const Received& received) {
    wall.with([&](ToyMachine& machine, TimePoint now) {
      machine.answer_at(now + std::chrono::microseconds{20}, received.from);
    });
  });
  EXPECT_EQ(play_datagrams("data"), 0U);
  EXPECT_GE(wall.machine().timeouts, static_cast<std::uint64_t>(rounds));
}

TEST_F(DriverAllocations, AMessageOnAStreamAllocatesNothing) {
  const SocketId listener = *wall.listen(loopback(), Framing::rfc4571);
  const Endpoint to = *wall.local_endpoint(listener);
  wall.with([](ToyMachine& machine, TimePoint) { machine.answer_prefix = 'x'; });
  player.with([&](ToyMachine& machine, TimePoint) {
    machine.want(OpenSocket{
        .kind = OpenSocket::Kind::connect, .transport = Transport::tcp, .remote = to, .framing = Framing::rfc4571});
  });
  ASSERT_TRUE(run_until(loop, [&] { return !player.machine().socket_events.empty(); }));
  const auto opened = player.machine().socket_events_of<SocketOpened>();
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_EQ(play(opened[0].socket, to, ">stream"), 0U);
}

}  // namespace
}  // namespace ice::io
