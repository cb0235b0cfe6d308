#include "ice/sim/link.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "support/sim_peer.hpp"

namespace ice::sim {
namespace {

using namespace std::chrono_literals;
using test::ip;
using test::Peer;

/// Two hosts on the internet; packets go from a to b. The link of b is perfect and takes no time.
struct Pair {
  static constexpr LinkProfile perfect{.latency = 0ms};

  explicit Pair(const LinkProfile& profile, std::uint64_t seed = 1) : network{seed} {
    a.interfaces()[0]->link() = {profile, perfect};
  }
  Network network;
  Host& a = network.internet().add_host("a", {ip("192.0.2.1"), ip("2001:db8::1")});
  Host& b = network.internet().add_host("b", {ip("192.0.2.2"), ip("2001:db8::2")}, Link::both(perfect));
  Peer alice{a};
  Peer bob{b};
  SocketId from = alice.udp();
  SocketId to = bob.udp();

  void send(std::string_view text) { ASSERT_TRUE(alice.send(from, bob.local(to), text)); }

  /// `count` numbered packets, one each `interval`.
  void send_many(int count, Duration interval) {
    for (int i = 0; i < count; ++i) {
      network.schedule(network.now() + i * interval, [this, i] { send(std::to_string(i)); });
    }
    network.run_for(count * interval + 10s);
  }
  std::vector<int> numbers() const {
    std::vector<int> all;
    for (const auto& text : bob.texts()) all.push_back(std::stoi(text));
    return all;
  }
};

TEST(SimLink, TakesItsLatency) {
  Pair pair{{.latency = 30ms}};
  pair.send("x");
  pair.network.run_for(30ms - 1ns);
  EXPECT_TRUE(pair.bob.heard.empty());
  pair.network.run_for(1ns);
  EXPECT_EQ(pair.bob.heard.size(), 1U);
}

TEST(SimLink, HasTwoDirectionsWithPropertiesOfTheirOwn) {
  Pair pair{{.latency = 30ms}};
  pair.a.interfaces()[0]->link().ingress = {.latency = 7ms};
  pair.bob.on_heard = [&](const Datagram& datagram) {
    ASSERT_TRUE(pair.bob.send(datagram.socket, datagram.from, "back"));
  };
  pair.send("there");
  pair.network.run_for(1s);
  ASSERT_EQ(pair.alice.heard.size(), 1U);
  EXPECT_EQ(pair.alice.heard[0].at, TimePoint{37ms});
}

TEST(SimLink, JitterSpreadsTheDelayAndKeepsTheOrder) {
  Pair pair{{.latency = 10ms, .jitter = 50ms}};
  pair.send_many(500, 25ms);
  ASSERT_EQ(pair.bob.heard.size(), 500U);
  const auto numbers = pair.numbers();
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  Duration least = 1h;
  Duration most{};
  for (int i = 0; i < 500; ++i) {
    const Duration took = pair.bob.heard[static_cast<std::size_t>(i)].at - TimePoint{i * 25ms};
    least = std::min(least, took);
    most = std::max(most, took);
  }
  EXPECT_GE(least, 10ms);
  EXPECT_LT(least, 15ms);
  EXPECT_LE(most, 60ms);
  EXPECT_GT(most, 55ms);
}

TEST(SimLink, LosesItsShare) {
  Pair pair{{.loss = 0.2}};
  pair.send_many(10'000, 1ms);
  EXPECT_NEAR(static_cast<double>(pair.bob.heard.size()), 8000, 200);
  EXPECT_EQ(pair.network.counters().of(Drop::loss), 10'000 - pair.bob.heard.size());
}

TEST(SimLink, ReorderingLetsLaterPacketsOvertake) {
  Pair pair{{.reordering = 0.1, .reorder_delay = 3ms}};
  pair.send_many(1000, 2ms);
  ASSERT_EQ(pair.bob.heard.size(), 1000U);
  const auto numbers = pair.numbers();
  int overtaken = 0;
  for (std::size_t i = 1; i < numbers.size(); ++i) overtaken += numbers[i] < numbers[i - 1] ? 1 : 0;
  EXPECT_NEAR(overtaken, 90, 40);
}

TEST(SimLink, WithoutReorderingNothingOvertakes) {
  Pair pair{{.jitter = 20ms, .duplication = 0.1}};
  pair.send_many(1000, 2ms);
  const auto numbers = pair.numbers();
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST(SimLink, DuplicatesItsShare) {
  Pair pair{{.duplication = 0.1}};
  pair.send_many(5000, 1ms);
  auto numbers = pair.numbers();
  EXPECT_NEAR(static_cast<double>(numbers.size()), 5500, 120);
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  EXPECT_EQ(numbers.size(), 5000U);
}

TEST(SimLink, DropsWhatIsLongerThanItsMtuAndSaysSo) {
  Pair pair{{.mtu = 1280}};
  const std::string fits(1280 - 28, 'x');  // IPv4 and UDP headers
  pair.send(fits);
  pair.send(fits + "x");
  pair.network.run_for(1s);
  EXPECT_EQ(pair.bob.texts(), std::vector{fits});
  EXPECT_EQ(pair.network.counters().of(Drop::too_big), 1U);
  const auto told = pair.alice.of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].socket, pair.from);
  EXPECT_EQ(told[0].to, pair.bob.local(pair.to));
  EXPECT_EQ(told[0].icmp_type, 3);
  EXPECT_EQ(told[0].icmp_code, 4);
  EXPECT_EQ(told[0].mtu, 1280U);
}

TEST(SimLink, LetsThroughWhatIsLongerThanItsMtuWhereRoutersMayCutIt) {
  Pair pair{{.mtu = 1280}};
  const std::string too_long(1400, 'x');
  const auto send = [&](SocketId from, const Endpoint& to, Fragmentation fragmentation) {
    Transmit packet{.socket = from, .to = to, .body = bytes_of(too_long)};
    packet.ip.fragmentation = fragmentation;
    EXPECT_TRUE(pair.a.send(packet));
    pair.network.run_for(1s);
  };
  send(pair.from, pair.bob.local(pair.to), Fragmentation::forbidden);
  EXPECT_TRUE(pair.bob.heard.empty());
  send(pair.from, pair.bob.local(pair.to), Fragmentation::allowed);
  ASSERT_EQ(pair.bob.texts(), std::vector{too_long});
  EXPECT_EQ(pair.bob.heard[0].ip.fragmentation, Fragmentation::allowed);
  const SocketId from = pair.alice.udp(ip("2001:db8::1"));
  send(from, pair.bob.local(pair.bob.udp(ip("2001:db8::2"))), Fragmentation::allowed);
  EXPECT_EQ(pair.bob.heard.size(), 1U) << "no router cuts IPv6";
}

TEST(SimLink, CountsTheLongerHeaderOfIpv6AndSpeaksItsIcmp) {
  Pair pair{{.mtu = 1280}};
  const SocketId from = pair.alice.udp(ip("2001:db8::1"));
  const SocketId to = pair.bob.udp(ip("2001:db8::2"));
  ASSERT_TRUE(pair.alice.send(from, pair.bob.local(to), std::string(1280 - 48, 'x')));
  ASSERT_TRUE(pair.alice.send(from, pair.bob.local(to), std::string(1280 - 47, 'x')));
  pair.network.run_for(1s);
  EXPECT_EQ(pair.bob.heard.size(), 1U);
  const auto told = pair.alice.of<SocketUnreachable>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].icmp_type, 2);
  EXPECT_EQ(told[0].icmp_code, 0);
}

TEST(SimLink, TheMtuOfTheFarLinkComesBackAsIcmp) {
  Pair pair{{}};
  pair.b.interfaces()[0]->link().ingress.mtu = 576;
  pair.send(std::string(600, 'x'));
  pair.network.run_for(1s);
  EXPECT_TRUE(pair.bob.heard.empty());
  EXPECT_EQ(pair.alice.of<SocketUnreachable>().size(), 1U);
}

TEST(SimLink, ABlackHoleDropsLongPacketsInSilence) {
  Pair pair{{.mtu = 1280, .icmp_too_big = false}};
  pair.send(std::string(1400, 'x'));
  pair.network.run_for(1s);
  EXPECT_TRUE(pair.bob.heard.empty());
  EXPECT_TRUE(pair.alice.events.empty());
}

TEST(SimLink, DownSwallowsEverythingAndUpBringsItBack) {
  Pair pair{{}};
  pair.a.interfaces()[0]->link().egress.up = false;
  pair.send("lost");
  pair.network.run_for(1s);
  pair.a.interfaces()[0]->link().egress.up = true;
  pair.send("found");
  pair.network.run_for(1s);
  EXPECT_EQ(pair.bob.texts(), std::vector<std::string>{"found"});
  EXPECT_EQ(pair.network.counters().of(Drop::link_down), 1U);
}

TEST(SimLink, WhatIsOnTheWayWhenTheFarEndGoesDownIsLost) {
  Pair pair{{.latency = 10ms}};
  pair.b.interfaces()[0]->link().ingress.latency = 10ms;
  pair.send("x");
  pair.network.run_for(15ms);
  pair.b.interfaces()[0]->set_up(false);
  pair.network.run_for(1s);
  EXPECT_TRUE(pair.bob.heard.empty());
  EXPECT_EQ(pair.network.counters().of(Drop::link_down), 1U);
}

TEST(SimLink, APropertyMayChangeWhileTheNetworkRuns) {
  Pair pair{{.latency = 10ms}};
  pair.send("slow");
  pair.network.run_for(1s);
  pair.a.interfaces()[0]->link().egress.latency = 2ms;
  pair.send("fast");
  pair.network.run_for(1s);
  ASSERT_EQ(pair.bob.heard.size(), 2U);
  EXPECT_EQ(pair.bob.heard[1].at, TimePoint{1s + 2ms});
}

TEST(SimLink, OneLinksLuckDoesNotDependOnAnothersTraffic) {
  const auto arrivals = [](bool more) {
    Network network{3};
    Host& a = network.internet().add_host("a", {ip("192.0.2.1")}, Link::both({.loss = 0.5}));
    Host& b = network.internet().add_host("b", {ip("192.0.2.2")}, Link::both({.latency = 0ms}));
    Host& c = network.internet().add_host("c", {ip("192.0.2.3")}, Link::both({.loss = 0.5}));
    Peer alice{a};
    Peer bob{b};
    Peer carol{c};
    const SocketId from = alice.udp();
    const SocketId to = bob.udp();
    const SocketId other = carol.udp();
    for (int i = 0; i < 50; ++i) {
      EXPECT_TRUE(alice.send(from, bob.local(to), std::to_string(i)));
      if (!more) continue;
      EXPECT_TRUE(carol.send(other, {ip("192.0.2.2"), 1}, "noise"));
    }
    network.run_for(1s);
    return bob.texts();
  };
  EXPECT_EQ(arrivals(false), arrivals(true));
}

}  // namespace
}  // namespace ice::sim
