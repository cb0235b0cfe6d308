#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "support/sim_nat_world.hpp"

namespace ice::sim {
namespace {

using namespace std::chrono_literals;
using test::ip;
using test::NatWorld;
using test::Peer;

/// A busy network with something of everything, and its packet log.
std::vector<std::uint8_t> log_of(std::uint64_t seed) {
  std::vector<std::uint8_t> log;
  Network network{seed};
  network.capture(&log);
  const LinkProfile bad{.latency = 20ms, .jitter = 10ms, .loss = 0.1, .reordering = 0.1, .duplication = 0.1};
  Host& server = network.internet().add_host("server", {ip("203.0.113.1")}, Link::both(bad));
  Peer outside{server};
  const SocketId echo = outside.udp(1000);
  outside.listen({ip("203.0.113.1"), 443});
  outside.on_heard = [&](const Datagram& datagram) {
    static_cast<void>(outside.send(datagram.socket, datagram.from, "echo").has_value());
  };
  std::vector<std::unique_ptr<Peer>> peers;
  for (std::uint8_t i = 1; i <= 4; ++i) {
    NatConfig config = i % 2 == 0 ? NatConfig::symmetric() : NatConfig::full_cone();
    config.udp_lifetime = 5s;
    Nat& nat =
        network.internet().add_nat("nat" + std::to_string(i), config, {Address::v4(198, 51, 100, i)}, Link::both(bad));
    Host& host = nat.inside().add_host("host" + std::to_string(i), {Address::v4(10, 0, i, 2)});
    peers.push_back(std::make_unique<Peer>(host));
    Peer& peer = *peers.back();
    const SocketId socket = peer.udp();
    SeededRandom random = network.make_random();
    for (int k = 0; k < 20; ++k) {
      const TimePoint at{std::chrono::milliseconds{random.below(30'000)}};
      network.schedule(at, [&peer, socket, &outside, echo] {
        static_cast<void>(peer.send(socket, outside.local(echo), "hello").has_value());
        static_cast<void>(peer.send(socket, {ip("203.0.113.1"), 9}, "closed").has_value());
        static_cast<void>(peer.send(socket, {ip("10.9.9.9"), 9}, "nowhere").has_value());
      });
    }
    peer.connect({ip("203.0.113.1"), 443});
  }
  network.run_for(60s);
  network.capture(nullptr);
  return log;
}

TEST(SimReplay, TwoRunsOfASeedGiveTheSameLogByteForByte) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto log = log_of(seed);
    EXPECT_GT(log.size(), 20'000U);
    EXPECT_EQ(log, log_of(seed));
  }
}

TEST(SimReplay, AnotherSeedGivesAnotherLog) { EXPECT_NE(log_of(1), log_of(2)); }

/// What the log says of one packet.
struct Logged {
  std::uint32_t interface = 0;
  Duration at{};
  std::uint32_t direction = 0;
  std::string comment;
  std::vector<std::uint8_t> bytes;
};
struct Log {
  std::vector<std::string> interfaces;
  std::vector<Logged> packets;
};

Log read(const std::vector<std::uint8_t>& bytes) {
  const auto u32 = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(bytes[at + i]) << (8 * i);
    return value;
  };
  const auto u16 = [&](std::size_t at) { return static_cast<std::size_t>(bytes[at] | bytes[at + 1] << 8); };
  Log log;
  for (std::size_t at = 0; at + 12 <= bytes.size(); at += u32(at + 4)) {
    const std::uint32_t type = u32(at);
    Logged packet;
    std::size_t option = 0;
    if (type == 1) {
      option = at + 16;
    } else if (type == 6) {
      packet.interface = u32(at + 8);
      packet.at = std::chrono::nanoseconds{static_cast<std::int64_t>(u32(at + 12)) << 32 | u32(at + 16)};
      const std::size_t size = u32(at + 20);
      packet.bytes.assign(bytes.begin() + static_cast<std::ptrdiff_t>(at + 28),
                          bytes.begin() + static_cast<std::ptrdiff_t>(at + 28 + size));
      option = at + 28 + (size + 3) / 4 * 4;
    } else {
      continue;
    }
    for (; u16(option) != 0; option += 4 + (u16(option + 2) + 3) / 4 * 4) {
      const std::string value{reinterpret_cast<const char*>(bytes.data()) + option + 4, u16(option + 2)};
      if (type == 1 && u16(option) == 2) log.interfaces.push_back(value);
      if (type == 6 && u16(option) == 1) packet.comment = value;
      if (type == 6 && u16(option) == 2) packet.direction = bytes[option + 4];
    }
    if (type == 6) log.packets.push_back(packet);
  }
  return log;
}

TEST(SimLog, ShowsAPacketAtEveryEndItPassesAsItIsThere) {
  std::vector<std::uint8_t> bytes;
  NatWorld world{{}};
  world.network.capture(&bytes);
  world.seen_by_s1();
  world.network.capture(nullptr);
  const Log log = read(bytes);
  ASSERT_EQ(log.packets.size(), 4U);
  std::vector<std::string> way;
  for (const Logged& packet : log.packets) {
    way.push_back((packet.direction == 2 ? "out of " : "in at ") + log.interfaces[packet.interface]);
    EXPECT_EQ(packet.comment, "");
  }
  EXPECT_EQ(way,
            (std::vector<std::string>{"out of host:eth0", "in at nat:inside", "out of nat:outside", "in at s:eth0"}));
  EXPECT_EQ(log.packets[0].at, 0ms);
  EXPECT_EQ(log.packets[2].at, 5ms);
  EXPECT_EQ(log.packets[3].at, 15ms);
  const auto source = [&](std::size_t i) {
    const auto& p = log.packets[i].bytes;
    return Address::v4(p[12], p[13], p[14], p[15]);
  };
  EXPECT_EQ(source(1), ip("10.0.0.2"));
  EXPECT_EQ(source(2), ip("198.51.100.1"));
}

TEST(SimLog, SaysWhyAPacketWasDropped) {
  std::vector<std::uint8_t> bytes;
  NatWorld world{{}};
  const Endpoint external = world.seen_by_s1();
  world.network.capture(&bytes);
  EXPECT_FALSE(world.gets_in(world.t, world.t1, external));
  world.nat.uplink().egress.loss = 1;
  EXPECT_FALSE(world.seen_by_s1());
  ASSERT_TRUE(world.inside.send(world.socket, {ip("10.0.0.99"), 9}, "x"));
  world.nat.uplink().egress.loss = 0;
  world.run();
  world.network.capture(nullptr);
  const Log log = read(bytes);
  std::vector<std::string> comments;
  for (const Logged& packet : log.packets) {
    if (!packet.comment.empty()) comments.push_back(log.interfaces[packet.interface] + " " + packet.comment);
  }
  EXPECT_EQ(comments, (std::vector<std::string>{"nat:outside filtered", "nat:outside loss", "nat:outside no-route"}));
}

}  // namespace
}  // namespace ice::sim
