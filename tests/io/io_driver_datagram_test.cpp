#include <gtest/gtest.h>
#include <netinet/in.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>

#include "ice/io/driver.hpp"
#include "io/udp.hpp"
#include "support.hpp"
#include "toy_machine.hpp"

namespace ice::io {
namespace {

struct DriverDatagrams : testing::Test {
  boost::asio::io_context loop;
  Driver<ToyMachine> driver{Context{loop.get_executor()}};
  SocketId socket = *driver.bind(loopback());
  Endpoint here = *driver.local_endpoint(socket);
  RawSocket peer = RawSocket::udp();

  std::optional<std::string> wait_for_answer() {
    std::optional<std::string> got;
    run_until(loop, [&] { return (got = peer.receive()).has_value(); });
    return got;
  }
};

TEST_F(DriverDatagrams, WhatTheMachineSaysOfADatagramIsSentAtOnce) {
  peer.send(here, "=hello");
  EXPECT_EQ(wait_for_answer(), "=hello");
  EXPECT_EQ(driver.statistics().received, 1U);
  EXPECT_EQ(driver.statistics().sent_bytes, 6U);
}

TEST_F(DriverDatagrams, AForwardIsSentBeforeTheInputDies) {
  peer.send(here, ">hello");
  EXPECT_EQ(wait_for_answer(), ">hello");
}

TEST_F(DriverDatagrams, WhoeverIsNotAuthenticatedIsToldSo) {
  peer.send(here, "#hello");
  EXPECT_EQ(wait_for_answer(), "#hello");
  EXPECT_EQ(driver.statistics().unauthenticated, 1U);
}

TEST_F(DriverDatagrams, HeadBodyAndPaddingLeaveAsOneDatagram) {
  driver.with([&](ToyMachine& machine, TimePoint) { machine.say({socket, peer.local(), "head", "body", 3}); });
  EXPECT_EQ(wait_for_answer(), std::string("headbody\0\0\0", 11));
}

TEST_F(DriverDatagrams, ApplicationDataComesWithWhereItCameFrom) {
  std::string text;
  Endpoint from;
  driver.on_data([&](const Received& received) { text = text_of(received.data), from = received.from; });
  peer.send(here, "data");
  ASSERT_TRUE(run_until(loop, [&] { return !text.empty(); }));
  EXPECT_EQ(text, "data");
  EXPECT_EQ(from, peer.local());
}

TEST_F(DriverDatagrams, AnEmptyDatagramIsDataToo) {
  bool came = false;
  driver.on_data([&](const Received& received) { came = received.data.empty(); });
  peer.send(here, "");
  EXPECT_TRUE(run_until(loop, [&] { return came; }));
}

TEST_F(DriverDatagrams, ALargeDatagramArrivesWhole) {
  std::size_t size = 0;
  driver.on_data([&](const Received& received) { size = received.data.size(); });
  peer.send(here, std::string(60'000, 'x'));
  ASSERT_TRUE(run_until(loop, [&] { return size != 0; }));
  EXPECT_EQ(size, 60'000U);
}

TEST_F(DriverDatagrams, BadInputCostsACounter) {
  for (const char* text : {"!", "?", "?", "#", "="}) peer.send(here, text);
  ASSERT_TRUE(run_until(loop, [&] { return driver.statistics().sent == 2; }));
  EXPECT_EQ(driver.statistics().malformed, 1U);
  EXPECT_EQ(driver.statistics().not_mine, 2U);
  EXPECT_EQ(driver.statistics().unauthenticated, 1U);
}

TEST_F(DriverDatagrams, OneReadinessReadsManyAndThenLetsOthersHaveTheirTurn) {
  constexpr int sent = 100;
  for (int i = 0; i < sent; ++i) peer.send(here, "?");
  const SocketId second = *driver.bind(loopback());
  peer.send(*driver.local_endpoint(second), "=other");
  std::uint64_t before_other = 0;
  ASSERT_TRUE(run_until(loop, [&] {
    if (driver.statistics().sent == 0) before_other = driver.machine().datagrams;
    return driver.machine().datagrams == sent + 1;
  }));
  EXPECT_GT(before_other, 1U) << "one datagram for each wait is too slow";
  EXPECT_LT(before_other, std::uint64_t{sent}) << "the other socket had to wait for all of them";
}

TEST_F(DriverDatagrams, AVerbIsFollowedByADrainAndReturnsWhatItReturns) {
  std::vector<std::string> events;
  driver.on_event([&](ToyMachine::Event event) { events.push_back(std::move(event.what)); });
  const int answer = driver.with([](ToyMachine& machine, TimePoint) {
    machine.events.push_back({"first"});
    return 7;
  });
  EXPECT_EQ(answer, 7);
  EXPECT_EQ(events, std::vector<std::string>{"first"});
}

TEST_F(DriverDatagrams, AHandlerMayCallVerbsAndWhatTheyWantIsDrainedToo) {
  driver.on_event([&](const ToyMachine::Event&) {
    driver.with([&](ToyMachine& machine, TimePoint) { machine.say({socket, peer.local(), "from the handler"}); });
  });
  driver.with([](ToyMachine& machine, TimePoint) { machine.events.push_back({"go"}); });
  EXPECT_EQ(wait_for_answer(), "from the handler");
}

TEST_F(DriverDatagrams, SendTellsWhyItDidNot) {
  const auto refused =
      driver.send([](ToyMachine&, TimePoint, MutableBytes) -> result<Transmit> { return fail(errc::no_consent); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), errc::no_consent);

  const auto nowhere = driver.send([&](ToyMachine&, TimePoint, MutableBytes) -> result<Transmit> {
    return Transmit{SocketId{12345}, peer.local(), bytes_of("x"), {}, 0, {}};
  });
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error(), errc::no_such_socket);
  EXPECT_EQ(driver.statistics().dropped, 1U);

  const std::string large(70'000, 'x');
  const auto too_large = driver.send([&](ToyMachine&, TimePoint, MutableBytes) -> result<Transmit> {
    return Transmit{socket, peer.local(), {}, bytes_of(large), 0, {}};
  });
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error(), std::errc::message_size);
  EXPECT_EQ(driver.statistics().send_errors, 1U);
}

TEST_F(DriverDatagrams, SendCarriesTheCallersBytes) {
  const auto sent = driver.send([&](ToyMachine&, TimePoint, MutableBytes scratch) -> result<Transmit> {
    scratch[0] = '[';
    return Transmit{socket, peer.local(), scratch.first(1), bytes_of("mine"), 0, {}};
  });
  EXPECT_TRUE(sent);
  EXPECT_EQ(wait_for_answer(), "[mine");
}

TEST_F(DriverDatagrams, APortThatNobodyListensOnIsToldAndTheSocketReadsOn) {
  Endpoint nobody;
  {
    RawSocket gone = RawSocket::udp();
    nobody = gone.local();
  }
  driver.with([&](ToyMachine& machine, TimePoint) { machine.say({socket, nobody, "anybody?"}); });
  ASSERT_TRUE(run_until(loop, [&] { return !driver.machine().socket_events.empty(); }));
  const auto told = driver.machine().socket_events_of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].socket, socket);
  EXPECT_EQ(told[0].to, nobody);
  EXPECT_EQ(told[0].icmp_type, 3);  // destination unreachable
  EXPECT_EQ(told[0].icmp_code, 3);  // port unreachable
  EXPECT_EQ(driver.statistics().unreachable, 1U);

  peer.send(here, "=still there?");
  EXPECT_EQ(wait_for_answer(), "=still there?");
}

TEST_F(DriverDatagrams, APendingIcmpErrorDoesNotEatTheNextPacket) {
  Endpoint nobody;
  {
    RawSocket gone = RawSocket::udp();
    nobody = gone.local();
  }
  // On loopback the error of the first is there before the second is sent.
  driver.with([&](ToyMachine& machine, TimePoint) {
    machine.say({socket, nobody, "anybody?"});
    machine.say({socket, peer.local(), "hello"});
  });
  EXPECT_EQ(peer.receive(), "hello");
  EXPECT_EQ(driver.statistics().sent, 2U);
  EXPECT_EQ(driver.machine().socket_events_of<SocketUnreachable>().size(), 1U);
}

TEST_F(DriverDatagrams, NoRouteIsToldAsARouterWouldTellIt) {
  // The broadcast address needs a permission that this socket does not ask for.
  const Endpoint broadcast{Address::v4(255, 255, 255, 255), 9};
  driver.with([&](ToyMachine& machine, TimePoint) { machine.say({socket, broadcast, "x"}); });
  EXPECT_EQ(driver.statistics().send_errors, 1U);
  const auto told = driver.machine().socket_events_of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].to, broadcast);
  EXPECT_EQ(told[0].icmp_type, 3);
}

TEST_F(DriverDatagrams, WhatMustNotBeCutIsNotSentWhereItIsTooLongAndTheMtuIsTold) {
  // Over IPv6 the longest datagrams do not fit loopback, whose MTU is 65,536.
  const Address here_v6 = Address::loopback(Family::ipv6);
  RawSocket far = RawSocket::udp({here_v6, 0});
  const SocketId v6 = *driver.bind({here_v6, 0});
  const std::string too_long(65'500, 'x');
  const auto say = [&](Fragmentation fragmentation) {
    ToyMachine::Packet packet{v6, far.local(), too_long};
    packet.ip.fragmentation = fragmentation;
    driver.with([&](ToyMachine& machine, TimePoint) { machine.say(packet); });
  };
  say(Fragmentation::forbidden);
  const auto told = driver.machine().socket_events_of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U) << "once";
  EXPECT_EQ(told[0].socket, v6);
  EXPECT_EQ(told[0].to, far.local());
  EXPECT_EQ(told[0].icmp_type, 2);  // packet too big
  EXPECT_EQ(told[0].icmp_code, 0);
  EXPECT_GE(told[0].mtu, 1'280U);
  EXPECT_LT(told[0].mtu, too_long.size() + 48);
  EXPECT_EQ(far.receive(), std::nullopt);
  say(Fragmentation::allowed);
  EXPECT_EQ(far.receive(), too_long);
  say(Fragmentation::unspecified);
  EXPECT_EQ(far.receive(), too_long) << "as before";
  loop.poll();
  EXPECT_EQ(driver.machine().socket_events_of<SocketUnreachable>().size(), 1U);
}

TEST_F(DriverDatagrams, TheDfBitIsWhatTheSocketWasToldLast) {
  const RawSocket socket_v4 = RawSocket::udp();
  const auto discovery = [&] {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(socket_v4.fd(), IPPROTO_IP, IP_MTU_DISCOVER, &value, &size), 0);
    return value;
  };
  set_fragmentation(socket_v4.fd(), Family::ipv4, Fragmentation::forbidden);
  EXPECT_EQ(discovery(), IP_PMTUDISC_DO);
  set_fragmentation(socket_v4.fd(), Family::ipv4, Fragmentation::allowed);
  EXPECT_EQ(discovery(), IP_PMTUDISC_DONT);
}

TEST_F(DriverDatagrams, AWildcardSocketTellsWhereADatagramCameToAndAnswersFromThere) {
  const SocketId any = *driver.bind({Address::any(Family::ipv4), 0});
  const std::uint16_t port = driver.local_endpoint(any)->port;
  const Address second = Address::v4(127, 0, 0, 2);
  peer.send({second, port}, "=who");
  ASSERT_TRUE(run_until(loop, [&] { return driver.statistics().sent == 1; }));
  EXPECT_EQ(driver.machine().last.ip.local, second);
  EXPECT_EQ(peer.receive(), "=who");
}

TEST_F(DriverDatagrams, ABoundSocketKnowsItsAddress) {
  peer.send(here, "=who");
  ASSERT_TRUE(wait_for_answer());
  EXPECT_EQ(driver.machine().last.ip.local, here.address);
}

TEST_F(DriverDatagrams, DscpAndEcnTravelBothWays) {
  const int traffic_class = 46 << 2 | 1;
  ASSERT_EQ(::setsockopt(peer.fd(), IPPROTO_IP, IP_TOS, &traffic_class, sizeof traffic_class), 0);
  peer.send(here, "?");
  ASSERT_TRUE(run_until(loop, [&] { return driver.machine().datagrams == 1; }));
  EXPECT_EQ(driver.machine().last.ip.dscp, 46);
  EXPECT_EQ(driver.machine().last.ip.ecn, 1);

  EXPECT_EQ(peer.receive_traffic_class(), std::nullopt);  // asks for it from now on
  driver.with([&](ToyMachine& machine, TimePoint) { machine.say({socket, peer.local(), "x", {}, 0, {{}, 10, 2}}); });
  EXPECT_EQ(peer.receive_traffic_class(), 10 << 2 | 2);
}

TEST_F(DriverDatagrams, Ipv6Works) {
  const Endpoint local{Address::loopback(Family::ipv6), 0};
  const auto v6 = driver.bind(local);
  if (!v6) GTEST_SKIP() << "no IPv6 here: " << v6.error().message();
  RawSocket peer6 = RawSocket::udp(local);
  peer6.send(*driver.local_endpoint(*v6), "=six");
  std::optional<std::string> got;
  ASSERT_TRUE(run_until(loop, [&] { return (got = peer6.receive()).has_value(); }));
  EXPECT_EQ(got, "=six");
  EXPECT_EQ(driver.machine().last.from, peer6.local());
}

TEST_F(DriverDatagrams, AnIcmpErrorOfIpv6IsTold) {
  const Endpoint local{Address::loopback(Family::ipv6), 0};
  const auto v6 = driver.bind(local);
  if (!v6) GTEST_SKIP() << "no IPv6 here: " << v6.error().message();
  Endpoint nobody;
  {
    RawSocket gone = RawSocket::udp(local);
    nobody = gone.local();
  }
  driver.with([&](ToyMachine& machine, TimePoint) { machine.say({*v6, nobody, "anybody?"}); });
  ASSERT_TRUE(run_until(loop, [&] { return !driver.machine().socket_events.empty(); }));
  const auto told = driver.machine().socket_events_of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].to, nobody);
  EXPECT_EQ(told[0].icmp_type, 1);  // destination unreachable
  EXPECT_EQ(told[0].icmp_code, 4);  // port unreachable
}

TEST_F(DriverDatagrams, APortThatIsTakenIsAnError) {
  const auto again = driver.bind(here);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error(), std::errc::address_in_use);
}

TEST_F(DriverDatagrams, TheMachineIsGivenAPortOfTheRangeItAskedFor) {
  // Three free ports in a row, found by taking the first and hoping for its neighbours.
  const std::uint16_t first = here.port;
  driver.with([&](ToyMachine& machine, TimePoint) {
    machine.want(OpenSocket{
        .ticket = SocketTicket{5}, .local = loopback(), .ports = {first, static_cast<std::uint16_t>(first + 50)}});
  });
  const auto opened = driver.machine().socket_events_of<SocketOpened>();
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_EQ(opened[0].ticket, SocketTicket{5});
  EXPECT_GT(opened[0].local.port, first) << "the first is taken";
  EXPECT_LE(opened[0].local.port, first + 50);
  EXPECT_EQ(driver.local_endpoint(opened[0].socket), opened[0].local);

  driver.with([&](ToyMachine& machine, TimePoint) {
    machine.want(OpenSocket{.ticket = SocketTicket{6}, .local = loopback(), .ports = {first, first}});
  });
  const auto failed = driver.machine().socket_events_of<SocketFailed>();
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].ticket, SocketTicket{6});
  EXPECT_EQ(failed[0].error, std::errc::address_in_use);
}

TEST_F(DriverDatagrams, AClosedSocketIsGone) {
  driver.with([&](ToyMachine& machine, TimePoint) { machine.want(CloseSocket{socket}); });
  EXPECT_EQ(driver.local_endpoint(socket), std::nullopt);
  RawSocket reuse = RawSocket::udp(here);  // the port is free again
  const SocketId next = *driver.bind(loopback());
  EXPECT_NE(next, socket) << "an id is not given again at once";
}

TEST_F(DriverDatagrams, ASocketMayBeClosedByTheDatagramItJustRead) {
  driver.on_data([&](const Received& received) {
    driver.close(socket);
    EXPECT_EQ(text_of(received.data), "close");  // the view is still good
  });
  peer.send(here, "close");
  peer.send(here, "never read");
  ASSERT_TRUE(run_until(loop, [&] { return !driver.local_endpoint(socket); }));
  loop.poll();
  EXPECT_EQ(driver.machine().datagrams, 1U);
}

TEST_F(DriverDatagrams, ADatagramSocketOfTcpIsRefused) {
  const auto fails_with = [&](OpenSocket request, std::error_code expected) {
    driver.with([&](ToyMachine& machine, TimePoint) {
      machine.socket_events.clear();
      machine.want(std::move(request));
    });
    const auto failed = driver.machine().socket_events_of<SocketFailed>();
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_EQ(failed[0].error, expected) << failed[0].error.message();
  };
  fails_with({.transport = Transport::tcp, .local = loopback()}, errc::invalid_argument);
  fails_with({.transport = Transport::dtls, .local = loopback()}, errc::invalid_argument);
  fails_with({.kind = OpenSocket::Kind::connect, .transport = Transport::udp, .remote = loopback(9)},
             errc::invalid_argument);
  fails_with({.local = {}}, errc::bad_address);
  fails_with({.local = loopback(), .ports = {9, 8}}, errc::invalid_argument);
}

}  // namespace
}  // namespace ice::io
