#include "ice/sim/host.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "support/sim_peer.hpp"

namespace ice::sim {
namespace {

using namespace std::chrono_literals;
using test::ip;
using test::Peer;

struct TwoHosts {
  Network network{1};
  Host& a = network.internet().add_host("a", {ip("192.0.2.1"), ip("2001:db8::1")});
  Host& b = network.internet().add_host("b", {ip("192.0.2.2"), ip("192.0.2.3"), ip("2001:db8::2")});
  Peer alice{a};
  Peer bob{b};
};

TEST(SimHost, ADatagramArrivesWithItsSourceItsMarksAndItsLocalAddress) {
  TwoHosts world;
  const SocketId from = world.alice.udp();
  const SocketId to = world.bob.udp(ip("192.0.2.3"), 5000);
  Transmit transmit;
  transmit.socket = from;
  transmit.to = {ip("192.0.2.3"), 5000};
  transmit.head = bytes_of("head ");
  transmit.body = bytes_of("body");
  transmit.padding = 3;
  transmit.ip.dscp = 46;
  transmit.ip.ecn = 1;
  ASSERT_TRUE(world.a.send(transmit));
  world.network.run_for(1s);
  ASSERT_EQ(world.bob.heard.size(), 1U);
  const auto& heard = world.bob.heard[0];
  EXPECT_EQ(heard.socket, to);
  EXPECT_EQ(heard.from, world.alice.local(from));
  EXPECT_EQ(heard.text, std::string("head body\0\0\0", 12));
  EXPECT_EQ(heard.ip.local, ip("192.0.2.3"));
  EXPECT_EQ(heard.ip.dscp, 46);
  EXPECT_EQ(heard.ip.ecn, 1);
}

TEST(SimHost, NothingArrivesFromWithinTheCallThatSends) {
  TwoHosts world;
  const SocketId from = world.alice.udp();
  const SocketId to = world.alice.udp();
  ASSERT_TRUE(world.alice.send(from, world.alice.local(to), "to myself"));
  EXPECT_TRUE(world.alice.heard.empty());
  world.network.run_for(1s);
  EXPECT_EQ(world.alice.heard.size(), 1U);
}

TEST(SimHost, EphemeralPortsAreInTheirRangeDifferAndFollowFromTheSeed) {
  TwoHosts world;
  TwoHosts again;
  for (int i = 0; i < 3; ++i) {
    const Endpoint local = world.alice.local(world.alice.udp());
    EXPECT_GE(local.port, 49152);
    EXPECT_EQ(local, again.alice.local(again.alice.udp()));
  }
  EXPECT_NE(world.alice.local(world.alice.udp()).port, world.alice.local(world.alice.udp()).port);
}

TEST(SimHost, AddressesAndPortsThatCannotBeBoundAreRefused) {
  TwoHosts world;
  world.alice.udp(ip("192.0.2.1"), 5000);
  const auto code = [&](const Address& address, PortRange ports) {
    return world.a.bind(world.alice, address, ports).error();
  };
  EXPECT_EQ(code(ip("192.0.2.9"), {}), std::errc::address_not_available);
  EXPECT_EQ(code(ip("192.0.2.1"), {5000, 5000}), std::errc::address_in_use);
  EXPECT_EQ(code(ip("0.0.0.0"), {5000, 5000}), std::errc::address_in_use);
  EXPECT_EQ(code({}, {}), std::errc::address_not_available);
  EXPECT_TRUE(world.a.bind(world.alice, ip("2001:db8::1"), {5000, 5000})) << "another family has ports of its own";
}

TEST(SimHost, APortRangeIsSearchedFromItsBeginningToItsEnd) {
  TwoHosts world;
  const auto bind = [&] { return world.a.bind(world.alice, ip("192.0.2.1"), {6000, 6001}); };
  EXPECT_EQ(world.alice.local(*bind()).port, 6000);
  EXPECT_EQ(world.alice.local(*bind()).port, 6001);
  EXPECT_EQ(bind().error(), std::errc::address_in_use);
}

TEST(SimHost, AClosedPortIsFreeAgain) {
  TwoHosts world;
  const SocketId first = world.alice.udp(ip("192.0.2.1"), 5000);
  world.a.close(first);
  EXPECT_NE(world.alice.udp(ip("192.0.2.1"), 5000), first) << "and ids are never given twice";
  EXPECT_FALSE(world.alice.local(first));
}

TEST(SimHost, AnUnspecifiedAddressHearsAllOfItsFamilyAndAnswersFromTheRightOne) {
  TwoHosts world;
  const SocketId any = world.bob.udp(ip("0.0.0.0"), 5000);
  world.bob.on_heard = [&](const Datagram& datagram) {
    Transmit back;
    back.socket = any;
    back.to = datagram.from;
    back.body = datagram.payload;
    back.ip.local = datagram.ip.local;
    ASSERT_TRUE(world.b.send(back));
  };
  const SocketId from = world.alice.udp();
  ASSERT_TRUE(world.alice.send(from, {ip("192.0.2.2"), 5000}, "2"));
  ASSERT_TRUE(world.alice.send(from, {ip("192.0.2.3"), 5000}, "3"));
  world.network.run_for(1s);
  ASSERT_EQ(world.alice.heard.size(), 2U);
  EXPECT_EQ(world.alice.heard[0].from, (Endpoint{ip("192.0.2.2"), 5000}));
  EXPECT_EQ(world.alice.heard[1].from, (Endpoint{ip("192.0.2.3"), 5000}));
}

TEST(SimHost, LoopbackStaysOnTheHost) {
  TwoHosts world;
  const SocketId one = world.alice.udp(ip("127.0.0.1"), 1000);
  const SocketId two = world.alice.udp(ip("127.0.0.1"), 2000);
  ASSERT_TRUE(world.alice.send(one, world.alice.local(two), "in"));
  ASSERT_TRUE(world.alice.send(one, {ip("192.0.2.2"), 5000}, "out"));
  world.network.run_for(1s);
  EXPECT_EQ(world.alice.texts(), std::vector<std::string>{"in"});
  EXPECT_EQ(world.network.counters().of(Drop::no_route), 1U);
  EXPECT_EQ(world.a.counters().sent, 1U);
}

TEST(SimHost, AClosedPortAnswersWithIcmpUnlessToldNotTo) {
  TwoHosts world;
  const SocketId four = world.alice.udp();
  const SocketId six = world.alice.udp(ip("2001:db8::1"));
  ASSERT_TRUE(world.alice.send(four, {ip("192.0.2.2"), 9}, "x"));
  ASSERT_TRUE(world.alice.send(six, {ip("2001:db8::2"), 9}, "x"));
  world.network.run_for(1s);
  const auto told = world.alice.of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].socket, four);
  EXPECT_EQ(told[0].to, (Endpoint{ip("192.0.2.2"), 9}));
  EXPECT_EQ(told[0].icmp_type, 3);
  EXPECT_EQ(told[0].icmp_code, 3);
  EXPECT_EQ(told[1].icmp_type, 1);
  EXPECT_EQ(told[1].icmp_code, 4);
  EXPECT_EQ(world.b.counters().of(Drop::port_closed), 2U);

  world.b.set_icmp_unreachable(false);
  ASSERT_TRUE(world.alice.send(four, {ip("192.0.2.2"), 9}, "x"));
  world.network.run_for(1s);
  EXPECT_EQ(world.alice.events.size(), 2U);
}

TEST(SimHost, AnAddressThatNobodyHasIsSilentUnlessTheRealmSpeaks) {
  TwoHosts world;
  const SocketId from = world.alice.udp();
  ASSERT_TRUE(world.alice.send(from, {ip("198.51.100.1"), 9}, "x"));
  world.network.run_for(1s);
  EXPECT_TRUE(world.alice.events.empty());
  EXPECT_EQ(world.network.counters().of(Drop::no_route), 1U);
  world.network.internet().set_icmp_unreachable(true);
  ASSERT_TRUE(world.alice.send(from, {ip("198.51.100.1"), 9}, "x"));
  world.network.run_for(1s);
  const auto told = world.alice.of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].icmp_code, 1);
}

TEST(SimHost, WhatHasNoWayOutIsUnreachableAsAKernelSaysIt) {
  TwoHosts world;
  Host& old = world.network.internet().add_host("old", {ip("192.0.2.9")});
  Peer peer{old};
  const SocketId from = peer.udp(ip("0.0.0.0"));
  ASSERT_TRUE(peer.send(from, {ip("2001:db8::1"), 9}, "x"));
  EXPECT_TRUE(peer.events.empty()) << "never from within the call";
  world.network.run_for(1s);
  const auto told = peer.of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].icmp_type, 1);
  EXPECT_EQ(told[0].icmp_code, 0);
  EXPECT_EQ(old.counters().of(Drop::no_route), 1U);
}

TEST(SimHost, SendingOnAnIdThatIsNotASocketIsAnError) {
  TwoHosts world;
  const SocketId bobs = world.bob.udp();
  EXPECT_EQ(world.alice.send(SocketId{}, {ip("192.0.2.2"), 9}, "x").error(), errc::no_such_socket);
  EXPECT_EQ(world.alice.send(SocketId{999}, {ip("192.0.2.2"), 9}, "x").error(), errc::no_such_socket);
  EXPECT_EQ(world.alice.send(bobs, {ip("192.0.2.2"), 9}, "x").error(), errc::no_such_socket);
}

TEST(SimHost, ARequestIsServedFromTheRunningNetwork) {
  TwoHosts world;
  OpenSocket open;
  open.ticket = SocketTicket{5};
  open.local = {ip("192.0.2.1"), 0};
  open.ports = {7000, 7000};
  world.a.request(world.alice, open);
  EXPECT_TRUE(world.alice.events.empty());
  open.ticket = SocketTicket{6};
  world.a.request(world.alice, open);
  open.ticket = SocketTicket{7};
  open.transport = Transport::dtls;
  world.a.request(world.alice, open);
  open.ticket = SocketTicket{8};
  open.transport = Transport::tcp;
  world.a.request(world.alice, open);
  world.network.run_for(0s);
  const auto opened = world.alice.of<SocketOpened>();
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_EQ(opened[0].ticket, SocketTicket{5});
  EXPECT_EQ(opened[0].local, (Endpoint{ip("192.0.2.1"), 7000}));
  const auto failed = world.alice.of<SocketFailed>();
  ASSERT_EQ(failed.size(), 3U);
  EXPECT_EQ(failed[0].ticket, SocketTicket{6});
  EXPECT_EQ(failed[0].error, std::errc::address_in_use);
  EXPECT_EQ(failed[1].error, errc::unsupported);
  EXPECT_EQ(failed[2].error, errc::invalid_argument) << "a datagram socket over TCP";

  world.a.request(world.alice, CloseSocket{opened[0].socket});
  EXPECT_FALSE(world.alice.local(opened[0].socket));
}

TEST(SimHost, AnOwnerThatIsReleasedHearsNothingMore) {
  TwoHosts world;
  auto owner = std::make_unique<Peer>(world.a);
  const SocketId socket = owner->udp();
  const Endpoint local = owner->local(socket);
  OpenSocket open;
  open.local = {ip("192.0.2.1"), 0};
  world.a.request(*owner, open);
  const SocketId from = world.bob.udp();
  ASSERT_TRUE(world.bob.send(from, local, "x"));
  owner.reset();
  world.network.run_for(1s);
  EXPECT_EQ(world.bob.of<SocketUnreachable>().size(), 1U);
}

TEST(SimHost, AKilledHostIsSilentInEveryWay) {
  TwoHosts world;
  const SocketId from = world.alice.udp();
  const SocketId to = world.bob.udp();
  world.b.kill();
  EXPECT_FALSE(world.b.alive());
  ASSERT_TRUE(world.alice.send(from, world.bob.local(to), "x"));
  ASSERT_TRUE(world.alice.send(from, {ip("192.0.2.2"), 9}, "x"));
  ASSERT_TRUE(world.bob.send(to, world.alice.local(from), "x"));
  world.network.run_for(1s);
  EXPECT_TRUE(world.alice.heard.empty());
  EXPECT_TRUE(world.bob.heard.empty());
  EXPECT_TRUE(world.alice.events.empty()) << "no ICMP either";
  EXPECT_EQ(world.b.counters().of(Drop::host_dead), 3U);
}

TEST(SimHost, ClosingAllSocketsTellsTheirOwnersAndMakesPortsAnswerWithIcmp) {
  TwoHosts world;
  const SocketId from = world.alice.udp();
  const SocketId to = world.bob.udp();
  const Endpoint remote = world.bob.local(to);
  world.b.close_sockets();
  EXPECT_TRUE(world.bob.events.empty()) << "never from within the call";
  ASSERT_TRUE(world.alice.send(from, remote, "x"));
  world.network.run_for(1s);
  const auto closed = world.bob.of<SocketClosed>();
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].socket, to);
  EXPECT_TRUE(closed[0].error);
  EXPECT_EQ(world.alice.of<SocketUnreachable>().size(), 1U);
}

TEST(SimHost, ARemovedAddressSendsAndHearsNothingUntilItIsBack) {
  TwoHosts world;
  const SocketId from = world.alice.udp(ip("192.0.2.1"));
  const SocketId to = world.bob.udp(ip("192.0.2.2"));
  Interface& interface = *world.a.interfaces()[0];
  interface.remove_address(ip("192.0.2.1"));
  EXPECT_EQ(world.a.addresses(), std::vector{ip("2001:db8::1")});
  ASSERT_TRUE(world.alice.send(from, world.bob.local(to), "x"));
  ASSERT_TRUE(world.bob.send(to, {ip("192.0.2.1"), 9}, "x"));
  world.network.run_for(1s);
  EXPECT_TRUE(world.bob.heard.empty());
  EXPECT_EQ(world.alice.of<SocketUnreachable>().size(), 1U);
  EXPECT_EQ(world.network.counters().of(Drop::no_route), 2U);

  interface.add_address(ip("192.0.2.1"));
  ASSERT_TRUE(world.alice.send(from, world.bob.local(to), "again"));
  world.network.run_for(1s);
  EXPECT_EQ(world.bob.texts(), std::vector<std::string>{"again"});
}

TEST(SimHost, SeveralInterfacesLeadWhereTheirAddressesAre) {
  TwoHosts world;
  Realm& lan = world.network.add_realm("lan");
  world.a.add_interface(lan, {ip("10.0.0.1")});
  Host& c = lan.add_host("c", {ip("10.0.0.3")});
  Peer carol{c};
  const SocketId there = carol.udp();
  const SocketId any = world.alice.udp(ip("0.0.0.0"));
  ASSERT_TRUE(world.alice.send(any, carol.local(there), "x"));
  world.network.run_for(1s);
  ASSERT_EQ(carol.heard.size(), 1U);
  EXPECT_EQ(carol.heard[0].from.address, ip("10.0.0.1"));
  EXPECT_EQ(world.a.addresses().size(), 3U);

  world.a.interfaces()[0]->set_up(false);
  EXPECT_EQ(world.a.addresses(), std::vector{ip("10.0.0.1")});
}

TEST(SimHost, LinkLocalAddressesKeepTheirScopeToThemselves) {
  Network network{1};
  Host& a = network.internet().add_host("a", {ip("fe80::1%2")});
  Host& b = network.internet().add_host("b", {ip("fe80::2%7")});
  Peer alice{a};
  Peer bob{b};
  const SocketId from = alice.udp();
  const SocketId to = bob.udp();
  ASSERT_TRUE(alice.send(from, {ip("fe80::2%2"), bob.local(to).port}, "x"));
  network.run_for(1s);
  ASSERT_EQ(bob.heard.size(), 1U);
  EXPECT_EQ(bob.heard[0].from.address, ip("fe80::1%7")) << "the scope is the receiver's own";
  EXPECT_EQ(bob.heard[0].ip.local, ip("fe80::2%7"));
}

}  // namespace
}  // namespace ice::sim
