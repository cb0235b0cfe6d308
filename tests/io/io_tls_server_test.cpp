#include <gtest/gtest.h>
#include <malloc.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "certificates.hpp"
#include "hand_made_tls.hpp"
#include "ice/io/driver.hpp"
#include "support.hpp"
#include "toy_machine.hpp"

namespace ice::io {
namespace {

constexpr std::uint64_t most_handshakes = 256;

/// A server, and clients that do what no good client does.
struct SecuredServer : testing::Test {
  boost::asio::io_context loop;
  Context context{loop.get_executor()};
  Driver<ToyMachine> server{context};
  CertificateAuthority authority;
  TlsConfig trust = authority.client();
  Endpoint here;
  SocketId listener{};
  std::vector<std::string> received;

  void serve(Transport transport) {
    ASSERT_TRUE(context.configure_tls(authority.issue()));
    listener = *server.listen(loopback(), is_stream(transport) ? Framing::rfc4571 : Framing::none, transport);
    here = *server.local_endpoint(listener);
    server.on_data([this](const Received& message) { received.emplace_back(text_of(message.data)); });
  }

  std::size_t accepted() const { return server.machine().socket_events_of<SocketAccepted>().size(); }

  std::string wait_for_answer(RawSocket& socket) {
    std::optional<std::string> got;
    EXPECT_TRUE(run_until(loop, [&] { return (got = socket.receive()).has_value(); }));
    return got.value_or("");
  }

  /// A DTLS handshake up to the server's flight, which proves that the server keeps it.
  void half_open(HandMadeTls& client, RawSocket& socket) {
    client.feed("");
    client.send_all(socket, here);
    client.feed(wait_for_answer(socket));  // HelloVerifyRequest
    client.send_all(socket, here);
    wait_for_answer(socket);
  }

  void finish(HandMadeTls& client, RawSocket& socket) {
    client.feed("");
    client.send_all(socket, here);
    for (bool done = false; !done;) {
      done = client.feed(wait_for_answer(socket));
      client.send_all(socket, here);
    }
  }

  /// Data of the client arrives, so its session is there.
  void expect_alive(HandMadeTls& client, RawSocket& socket) {
    const std::size_t before = received.size();
    ASSERT_TRUE(client.session->write(bytes_of("alive")));
    client.send_all(socket, here);
    ASSERT_TRUE(run_until(loop, [&] { return received.size() > before; }));
    EXPECT_EQ(received.back(), "alive");
  }
};

TEST_F(SecuredServer, NothingIsKeptOfWhoDoesNotReturnTheCookie) {
  serve(Transport::dtls);
  HandMadeTls stranger{trust, Transport::dtls};
  stranger.feed("");
  const std::string hello = stranger.take();
  for (int i = 0; i < 1'000; ++i) {
    RawSocket socket = RawSocket::udp();
    socket.send(here, hello);
    const std::string answer = wait_for_answer(socket);
    ASSERT_LT(answer.size(), hello.size()) << "an answer must not be worth asking for in another's name";
  }
  EXPECT_EQ(server.statistics().handshakes_failed, 0U) << "nothing was begun that could have failed";
  HandMadeTls honest{trust, Transport::dtls};
  RawSocket socket = RawSocket::udp();
  finish(honest, socket);
  expect_alive(honest, socket);
}

TEST_F(SecuredServer, ACookieIsWorthNothingFromAnotherAddress) {
  serve(Transport::dtls);
  HandMadeTls client{trust, Transport::dtls};
  RawSocket socket = RawSocket::udp();
  client.feed("");
  client.send_all(socket, here);
  client.feed(wait_for_answer(socket));
  RawSocket thief = RawSocket::udp();
  client.send_all(thief, here);
  const std::string answer = wait_for_answer(thief);
  ASSERT_GT(answer.size(), 13U);
  EXPECT_EQ(answer[13], 3) << "HelloVerifyRequest again (RFC 6347 §4.3.2)";
}

TEST_F(SecuredServer, TenThousandHalfOpenDtlsHandshakesAreBoundedAndOthersGoOn) {
  serve(Transport::dtls);
  HandMadeTls friendly{trust, Transport::dtls};
  RawSocket friendly_socket = RawSocket::udp();
  finish(friendly, friendly_socket);
  // Each of them has returned its cookie, and says nothing more.
  constexpr std::uint64_t attempts = 10'000;
  std::size_t held = 0;
  for (std::uint64_t i = 1; i <= attempts; ++i) {
    HandMadeTls client{friendly.context, Transport::dtls};
    RawSocket socket = RawSocket::udp();
    half_open(client, socket);
    if (i % 1'000 == 0) expect_alive(friendly, friendly_socket);
    if (i == 1'000) held = ::mallinfo2().uordblks;
  }
  constexpr std::size_t a_hundred_sessions = 100 * 32'768;
  EXPECT_LT(::mallinfo2().uordblks, held + a_hundred_sessions) << "after 9,000 more";
  EXPECT_GE(server.statistics().handshakes_failed, attempts - most_handshakes);
  EXPECT_EQ(server.statistics().refused, 0U);
  HandMadeTls late{trust, Transport::dtls};
  RawSocket late_socket = RawSocket::udp();
  finish(late, late_socket);
  expect_alive(late, late_socket);
  expect_alive(friendly, friendly_socket);
  EXPECT_EQ(accepted(), 2U);
}

TEST_F(SecuredServer, TenThousandHalfOpenTlsHandshakesAreBoundedAndOthersGoOn) {
  serve(Transport::tls);
  Driver<ToyMachine> client{context};
  TlsConfig both = authority.issue();
  both.ca_file = authority.file();
  ASSERT_TRUE(context.configure_tls(both));
  client.with([&](ToyMachine& machine, TimePoint) {
    machine.want(OpenSocket{
        .kind = OpenSocket::Kind::connect, .transport = Transport::tls, .remote = here, .framing = Framing::rfc4571});
  });
  ASSERT_TRUE(run_until(loop, [&] { return accepted() == 1; }));
  ASSERT_TRUE(run_until(loop, [&] { return !client.machine().socket_events_of<SocketOpened>().empty(); }));
  const SocketId socket = client.machine().socket_events_of<SocketOpened>()[0].socket;

  // Each says nothing, and is kept until the server has ended it.
  constexpr std::size_t attempts = 10'000;
  std::deque<RawSocket> silent;
  for (std::size_t i = 0; i < attempts; ++i) {
    silent.push_back(RawSocket::tcp());
    ASSERT_TRUE(silent.back().connect(here));
    if (silent.size() > most_handshakes + 64) silent.pop_front();
    if (i % 32 == 0) loop.poll();
    if (i % 1'000 == 0) {
      const std::size_t before = received.size();
      client.with([&](ToyMachine& machine, TimePoint) { machine.say({socket, here, "alive"}); });
      ASSERT_TRUE(run_until(loop, [&] { return received.size() > before; }));
    }
  }
  ASSERT_TRUE(run_until(loop, [&] { return server.statistics().handshakes_failed == attempts - most_handshakes; }));
  EXPECT_EQ(server.statistics().refused, 0U);
  EXPECT_EQ(accepted(), 1U);
}

TEST_F(SecuredServer, OneSourceThatOnlyBeginsHandshakesPushesOutItsOwn) {
  serve(Transport::tls);
  HandMadeTls friendly{trust, Transport::tls};
  RawSocket friendly_socket = RawSocket::tcp({Address::v4(127, 0, 0, 2), 0});
  ASSERT_TRUE(friendly_socket.connect(here));
  friendly.feed("");
  loop.poll();
  std::deque<RawSocket> silent;
  for (std::size_t i = 0; i < 2 * most_handshakes; ++i) {
    silent.push_back(RawSocket::tcp());
    ASSERT_TRUE(silent.back().connect(here));
    if (i % 32 == 0) loop.poll();
  }
  ASSERT_TRUE(run_until(loop, [&] { return server.statistics().handshakes_failed > most_handshakes; }));
  friendly.send_all(friendly_socket, here);
  for (bool done = false; !done;) {
    done = friendly.feed(wait_for_answer(friendly_socket));
    friendly.send_all(friendly_socket, here);
  }
  ASSERT_TRUE(run_until(loop, [&] { return accepted() == 1; })) << "it was the oldest of all";
}

TEST_F(SecuredServer, AHandshakeThatSendsMoreThanOneTakesIsEnded) {
  serve(Transport::dtls);
  HandMadeTls client{trust, Transport::dtls};
  RawSocket socket = RawSocket::udp();
  half_open(client, socket);
  const std::string of_the_next_epoch = std::string{"\x17\xfe\xfd\0\1\0\0\0\0\0\1\0\x20", 13} + std::string(32, 'x');
  for (int i = 0; i < 40; ++i) socket.send(here, of_the_next_epoch);
  ASSERT_TRUE(run_until(loop, [&] { return server.statistics().handshakes_failed == 1; }));
  EXPECT_EQ(accepted(), 0U);
}

TEST_F(SecuredServer, APeerThatHasForgottenItsSessionBeginsANewOne) {
  serve(Transport::dtls);
  RawSocket socket = RawSocket::udp();
  HandMadeTls first{trust, Transport::dtls};
  finish(first, socket);
  HandMadeTls second{trust, Transport::dtls};
  finish(second, socket);
  expect_alive(second, socket);
  const auto closed = server.machine().socket_events_of<SocketClosed>();
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].socket, server.machine().socket_events_of<SocketAccepted>().at(0).socket);
}

TEST_F(SecuredServer, AClientHelloThatComesTwiceEndsNothing) {
  serve(Transport::dtls);
  RawSocket socket = RawSocket::udp();
  HandMadeTls client{trust, Transport::dtls};
  client.feed("");
  client.send_all(socket, here);
  client.feed(wait_for_answer(socket));
  const std::string hello = client.out.at(0);
  client.send_all(socket, here);
  for (bool done = false; !done;) {
    done = client.feed(wait_for_answer(socket));
    client.send_all(socket, here);
  }
  expect_alive(client, socket);
  socket.send(here, hello);
  expect_alive(client, socket);
  EXPECT_EQ(server.machine().socket_events_of<SocketClosed>().size(), 0U);
}

TEST_F(SecuredServer, AHelloInAnothersNameEndsNoSession) {
  serve(Transport::dtls);
  RawSocket socket = RawSocket::udp();
  HandMadeTls client{trust, Transport::dtls};
  finish(client, socket);
  // As if somebody had put the client's address on it: he never sees the cookie.
  HandMadeTls spoofer{trust, Transport::dtls};
  spoofer.feed("");
  spoofer.send_all(socket, here);
  EXPECT_EQ(wait_for_answer(socket).at(13), 3);
  expect_alive(client, socket);
}

TEST_F(SecuredServer, SessionsEndWithTheirListener) {
  serve(Transport::dtls);
  RawSocket socket = RawSocket::udp();
  HandMadeTls client{trust, Transport::dtls};
  finish(client, socket);
  expect_alive(client, socket);
  server.close(listener);
  const auto closed = server.machine().socket_events_of<SocketClosed>();
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].error, errc::closed);
}

TEST_F(SecuredServer, NoiseOnADtlsPortCostsACounter) {
  serve(Transport::dtls);
  RawSocket socket = RawSocket::udp();
  socket.send(here, "noise");
  socket.send(here, "");
  socket.send(here, std::string(2'000, '\x16'));
  HandMadeTls torn{trust, Transport::dtls};
  torn.feed("");
  const std::string hello = torn.take();
  for (std::size_t size = 0; size < hello.size(); ++size) {
    socket.send(here, std::string_view{hello}.substr(0, size));
    loop.poll();
  }
  HandMadeTls client{trust, Transport::dtls};
  RawSocket honest = RawSocket::udp();
  finish(client, honest);
  expect_alive(client, honest);
  EXPECT_GE(server.statistics().not_mine, 3U);
  EXPECT_EQ(server.statistics().handshakes_failed, 0U);
}

TEST_F(SecuredServer, ATlsStreamMayArriveByteByByte) {
  serve(Transport::tls);
  RawSocket socket = RawSocket::tcp();
  ASSERT_TRUE(socket.connect(here));
  HandMadeTls client{trust, Transport::tls};
  const auto send_slowly = [&] {
    while (!client.out.empty()) {
      const std::string piece = client.take();
      for (const char& byte : piece) {
        socket.send({&byte, 1});
        loop.poll();
      }
    }
  };
  client.feed("");
  send_slowly();
  for (bool done = false; !done;) {
    done = client.feed(wait_for_answer(socket));
    send_slowly();
  }
  ASSERT_TRUE(run_until(loop, [&] { return accepted() == 1; }));
  const std::string_view message{"\0\x05slow!", 7};
  ASSERT_TRUE(client.session->write(bytes_of(message)));
  send_slowly();
  ASSERT_TRUE(run_until(loop, [&] { return !received.empty(); }));
  EXPECT_EQ(received[0], "slow!");
}

TEST_F(SecuredServer, WhatIsNotTlsEndsItsConnectionAndNoOther) {
  serve(Transport::tls);
  RawSocket liar = RawSocket::tcp();
  ASSERT_TRUE(liar.connect(here));
  liar.send("GET / HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(run_until(loop, [&] { return server.statistics().handshakes_failed == 1; }));
  {
    RawSocket quitter = RawSocket::tcp();
    ASSERT_TRUE(quitter.connect(here));
  }
  ASSERT_TRUE(run_until(loop, [&] { return server.statistics().handshakes_failed == 2; }));
  EXPECT_EQ(accepted(), 0U);
}

TEST_F(SecuredServer, AClientOfWhatIsNotTlsSaysSo) {
  serve(Transport::tls);
  const SocketId plain = *server.listen(loopback(), Framing::none);
  const Endpoint there = *server.local_endpoint(plain);
  server.with([&](ToyMachine& machine, TimePoint) {
    machine.answer_prefix = 'x';
    machine.want(OpenSocket{.kind = OpenSocket::Kind::connect, .transport = Transport::tls, .remote = there});
  });
  // What answers greets first, as mail servers do.
  ASSERT_TRUE(run_until(loop, [&] { return accepted() == 1; }));
  const auto greeted = server.machine().socket_events_of<SocketAccepted>()[0];
  server.with([&](ToyMachine& machine, TimePoint) {
    machine.say({greeted.socket, greeted.remote, "220 mail.example"});
  });
  ASSERT_TRUE(run_until(loop, [&] { return !server.machine().socket_events_of<SocketFailed>().empty(); }));
  EXPECT_EQ(server.machine().socket_events_of<SocketFailed>()[0].error, make_error_code(TlsError::not_tls));
}

TEST_F(SecuredServer, ADtlsClientIsToldAtOnceThatNobodyIsThere) {
  Endpoint nobody;
  {
    RawSocket gone = RawSocket::udp();
    nobody = gone.local();
  }
  server.with([&](ToyMachine& machine, TimePoint) {
    machine.want(OpenSocket{.kind = OpenSocket::Kind::connect, .transport = Transport::dtls, .remote = nobody});
  });
  ASSERT_TRUE(run_until(loop, [&] { return !server.machine().socket_events_of<SocketFailed>().empty(); }));
  EXPECT_EQ(server.machine().socket_events_of<SocketFailed>()[0].error, errc::unreachable);
}

}  // namespace
}  // namespace ice::io
