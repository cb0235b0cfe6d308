#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "ice/io/driver.hpp"
#include "io/stream.hpp"
#include "support.hpp"
#include "toy_machine.hpp"

namespace ice::io {
namespace {

std::string framed(std::string_view text) {
  return std::string{static_cast<char>(text.size() >> 8), static_cast<char>(text.size() & 0xff)} + std::string{text};
}

struct DriverStreams : testing::Test {
  boost::asio::io_context loop;
  Context context{loop.get_executor()};
  Driver<ToyMachine> server{context};
  Endpoint here;
  std::vector<std::string> received;

  SocketId listen(Framing framing = Framing::rfc4571) {
    const SocketId listener = *server.listen(loopback(), framing);
    here = *server.local_endpoint(listener);
    server.on_data([this](const Received& message) { received.emplace_back(text_of(message.data)); });
    return listener;
  }

  template <class E>
  bool wait_for(Driver<ToyMachine>& driver, std::size_t count = 1) {
    return run_until(loop, [&] { return driver.machine().socket_events_of<E>().size() >= count; });
  }

  SocketId accepted() {
    EXPECT_TRUE(wait_for<SocketAccepted>(server));
    return server.machine().socket_events_of<SocketAccepted>().back().socket;
  }

  static OpenSocket connect_to(const Endpoint& remote, Framing framing = Framing::rfc4571) {
    return {.ticket = SocketTicket{1},
            .kind = OpenSocket::Kind::connect,
            .transport = Transport::tcp,
            .remote = remote,
            .framing = framing};
  }
};

TEST_F(DriverStreams, TwoDriversExchangeWholeMessages) {
  listen();
  Driver<ToyMachine> client{context};
  std::string answer;
  client.on_data([&](const Received& message) { answer = text_of(message.data); });
  client.with([&](ToyMachine& machine, TimePoint) { machine.want(connect_to(here)); });
  ASSERT_TRUE(wait_for<SocketOpened>(client));
  const auto opened = client.machine().socket_events_of<SocketOpened>()[0];
  EXPECT_EQ(opened.ticket, SocketTicket{1});

  client.with([&](ToyMachine& machine, TimePoint) { machine.say({opened.socket, here, "he", "llo"}); });
  ASSERT_TRUE(run_until(loop, [&] { return !received.empty(); }));
  EXPECT_EQ(received[0], "hello");
  const auto told = server.machine().socket_events_of<SocketAccepted>().at(0);
  EXPECT_EQ(told.remote, opened.local);
  EXPECT_EQ(told.local, here);

  server.with([&](ToyMachine& machine, TimePoint) { machine.say({told.socket, told.remote, "back"}); });
  ASSERT_TRUE(run_until(loop, [&] { return !answer.empty(); }));
  EXPECT_EQ(answer, "back");
}

TEST_F(DriverStreams, AMessageMayArriveByteByByteAndTwoMayArriveAtOnce) {
  listen();
  RawSocket client = RawSocket::tcp();
  ASSERT_TRUE(client.connect(here));
  accepted();
  const std::string slow = framed("slow");
  for (const char& byte : slow) {
    EXPECT_TRUE(received.empty());
    client.send({&byte, 1});
    loop.poll();
  }
  client.send(framed("one") + framed("two"));
  ASSERT_TRUE(run_until(loop, [&] { return received.size() == 3; }));
  EXPECT_EQ(received, (std::vector<std::string>{"slow", "one", "two"}));
}

TEST_F(DriverStreams, WhatAHandlerThrowsCutsTheStreamNowhereElse) {
  listen();
  server.on_data([&](const Received& message) {
    received.emplace_back(text_of(message.data));
    if (received.size() == 1) throw std::runtime_error{"no"};
  });
  RawSocket client = RawSocket::tcp();
  ASSERT_TRUE(client.connect(here));
  accepted();
  const std::string last = framed("three");
  client.send(framed("one") + framed("two") + last.substr(0, 4));
  EXPECT_THROW(run_until(loop, [&] { return received.size() == 2; }), std::runtime_error);
  loop.restart();
  client.send(last.substr(4));
  ASSERT_TRUE(run_until(loop, [&] { return received.size() == 3; }));
  EXPECT_EQ(received, (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(DriverStreams, WhatCannotBeCutEndsTheConnectionAndNoOther) {
  listen(Framing::stun);
  RawSocket liar = RawSocket::tcp();
  RawSocket honest = RawSocket::tcp();
  ASSERT_TRUE(liar.connect(here));
  ASSERT_TRUE(honest.connect(here));
  liar.send("\xff is neither STUN nor ChannelData");
  ASSERT_TRUE(wait_for<SocketClosed>(server));
  EXPECT_EQ(server.machine().socket_events_of<SocketClosed>()[0].error, errc::not_stun);
  EXPECT_EQ(server.statistics().malformed, 1U);
  EXPECT_EQ(liar.receive(), "") << "the other side sees the end";

  honest.send(
      {"\x40\x00\x00\x04"
       "data",
       8});
  ASSERT_TRUE(run_until(loop, [&] { return received.size() == 1; }));
}

TEST_F(DriverStreams, APeerThatClosesIsTold) {
  listen();
  {
    RawSocket client = RawSocket::tcp();
    ASSERT_TRUE(client.connect(here));
    accepted();
    client.send(framed("last"));
  }
  ASSERT_TRUE(wait_for<SocketClosed>(server));
  EXPECT_EQ(received, std::vector<std::string>{"last"});
  const auto closed = server.machine().socket_events_of<SocketClosed>()[0];
  EXPECT_FALSE(closed.error);
  EXPECT_EQ(closed.socket, server.machine().socket_events_of<SocketAccepted>()[0].socket);
  EXPECT_EQ(server.local_endpoint(closed.socket), std::nullopt);
}

TEST_F(DriverStreams, AConnectionThatIsRefusedFails) {
  Endpoint nobody;
  {
    Driver<ToyMachine> gone{context};
    nobody = *gone.local_endpoint(*gone.listen(loopback(), Framing::none));
  }
  server.with([&](ToyMachine& machine, TimePoint) { machine.want(connect_to(nobody)); });
  ASSERT_TRUE(wait_for<SocketFailed>(server));
  EXPECT_EQ(server.machine().socket_events_of<SocketFailed>()[0].error, std::errc::connection_refused);
}

TEST_F(DriverStreams, AFullStreamRefusesDataKeepsRoomForTheProtocolAndDropsWholeMessages) {
  listen();
  RawSocket client = RawSocket::tcp();
  ASSERT_TRUE(client.connect(here));
  const SocketId stream = accepted();
  const Endpoint to = client.local();
  const std::string kilobyte(1000, 'd');

  result<void> sent;
  std::size_t data_sent = 0;
  while ((sent = server.send([&](ToyMachine&, TimePoint, MutableBytes) -> result<Transmit> {
    return Transmit{stream, to, {}, bytes_of(kilobyte), 0, {}};
  }))) {
    ++data_sent;
  }
  EXPECT_EQ(sent.error(), errc::would_block);
  EXPECT_EQ(server.statistics().dropped, 1U);

  const auto before = server.statistics().sent;
  server.with([&](ToyMachine& machine, TimePoint) { machine.say({stream, to, "control"}); });
  EXPECT_EQ(server.statistics().sent, before + 1) << "the protocol's own has a reserve";

  // The kernel may find more room meanwhile, for as long as its own bound lets it.
  const std::size_t most = 100'000;
  for (std::size_t i = 0; i < most && server.statistics().dropped == 1; ++i) {
    server.with([&](ToyMachine& machine, TimePoint) { machine.say({stream, to, kilobyte}); });
  }
  EXPECT_GT(server.statistics().dropped, 1U) << "which is bounded, too";
  const std::size_t controls = server.statistics().sent - before - 1;

  std::string all;
  const std::size_t expected = (data_sent + controls) * framed(kilobyte).size() + framed("control").size();
  ASSERT_TRUE(run_until(loop, [&] {
    while (const auto more = client.receive()) all += *more;
    return all.size() >= expected;
  }));
  EXPECT_EQ(all.size(), expected);
  EXPECT_EQ(all.substr(data_sent * framed(kilobyte).size(), 9), framed("control"));

  EXPECT_TRUE(server.send([&](ToyMachine&, TimePoint, MutableBytes) -> result<Transmit> {
    return Transmit{stream, to, {}, bytes_of(kilobyte), 0, {}};
  })) << "there is room again";
}

TEST_F(DriverStreams, AStreamWithoutFramingEndsRatherThanGetAGap) {
  const auto listener = server.listen(loopback(), Framing::none);
  ASSERT_TRUE(listener);
  RawSocket client = RawSocket::tcp();
  ASSERT_TRUE(client.connect(*server.local_endpoint(*listener)));
  const SocketId stream = accepted();
  const std::string kilobyte(1000, 'd');
  const std::size_t most = 100'000;
  const auto ends = [&] { return server.machine().socket_events_of<SocketClosed>(); };
  for (std::size_t i = 0; i < most && ends().empty(); ++i) {
    server.with([&](ToyMachine& machine, TimePoint) { machine.say({stream, {}, kilobyte}); });
  }
  ASSERT_EQ(ends().size(), 1U) << "a reader that does not read";
  EXPECT_EQ(ends()[0].socket, stream);
  EXPECT_EQ(ends()[0].error, errc::would_block);
  EXPECT_EQ(server.local_endpoint(stream), std::nullopt);
}

TEST_F(DriverStreams, BytesGivenOutBeforeACloseStillArrive) {
  listen();
  RawSocket client = RawSocket::tcp();
  ASSERT_TRUE(client.connect(here));
  const SocketId stream = accepted();
  const std::string large(60'000, 'x');
  std::size_t expected = 0;
  while (server.send([&](ToyMachine&, TimePoint, MutableBytes) -> result<Transmit> {
    return Transmit{stream, {}, {}, bytes_of(large), 0, {}};
  })) {
    expected += large.size() + 2;
  }
  server.with([&](ToyMachine& machine, TimePoint) { machine.want(CloseSocket{stream}); });
  std::size_t got = 0;
  bool ended = false;
  ASSERT_TRUE(run_until(loop, [&] {
    while (const auto more = client.receive()) {
      got += more->size();
      if (more->empty()) return ended = true;
    }
    return false;
  }));
  EXPECT_EQ(got, expected);
  EXPECT_TRUE(server.machine().socket_events_of<SocketClosed>().empty());
}

TEST_F(DriverStreams, AMessageThatTheFramingCannotExpressIsRefusedAndTheStreamLives) {
  listen();
  RawSocket client = RawSocket::tcp();
  ASSERT_TRUE(client.connect(here));
  const SocketId stream = accepted();
  const std::string too_long(65'536, 'x');
  const auto sent = server.send([&](ToyMachine&, TimePoint, MutableBytes) -> result<Transmit> {
    return Transmit{stream, {}, {}, bytes_of(too_long), 0, {}};
  });
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error(), errc::limit_reached);
  EXPECT_NE(server.local_endpoint(stream), std::nullopt);
}

TEST_F(DriverStreams, AStreamMayBeClosedByTheMessageItJustRead) {
  const SocketId listener = listen();
  RawSocket client = RawSocket::tcp();
  ASSERT_TRUE(client.connect(here));
  const SocketId stream = accepted();
  server.on_data([&](const Received& message) {
    received.emplace_back(text_of(message.data));
    server.close(stream);
    EXPECT_EQ(text_of(message.data), "one");  // a view into the stream's own buffer
  });
  const std::string one = framed("one");
  client.send(one.substr(0, 3));
  loop.poll();
  client.send(one.substr(3) + framed("two"));
  ASSERT_TRUE(run_until(loop, [&] { return !received.empty(); }));
  loop.poll();
  EXPECT_EQ(received, std::vector<std::string>{"one"});
  EXPECT_NE(server.local_endpoint(listener), std::nullopt);
}

TEST_F(DriverStreams, AListenerWithoutAFreeDescriptorAcceptsWhenThereIsOne) {
  listen();
  RawSocket client = RawSocket::tcp();
  ASSERT_TRUE(client.connect(here));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int free_one = ::dup(0);
  ::close(free_one);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(free_one);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  loop.poll();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(server.machine().socket_events.empty());
  accepted();
}

TEST_F(DriverStreams, ClosingAListenerStopsAccepting) {
  const SocketId listener = listen();
  server.close(listener);
  RawSocket client = RawSocket::tcp();
  EXPECT_FALSE(client.connect(here));
}

}  // namespace
}  // namespace ice::io
