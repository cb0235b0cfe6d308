// What nobody should send: it costs a counter and nothing else, and the others notice nothing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/allocations.hpp"
#include "support/turn_server_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::Builder;
using stun::Method;
using test::endpoint;
using test::error_code_of;
using test::TurnServerRig;
using test::TurnTestClient;
namespace attr = stun::attr;

constexpr auto nothing = [](Builder&) {};
const Endpoint peer = endpoint("203.0.113.77:5000");

ServerConfig with_large_budget() {
  ServerConfig config;
  config.limits.failures_at_once = 1'000'000;
  return config;
}

/// A client whose data must go on.
struct AServerThatIsShotAt : testing::Test {
  AServerThatIsShotAt() {
    relayed = victim.allocated();
    victim.bind(0x4000, peer);
  }

  void expect_service() {
    EXPECT_EQ(victim.send_channel(0x4000, "out")->text(), "out");
    EXPECT_EQ(rig.give(bytes_of("in"), rig.relay_socket(relayed), peer)->text(), std::string("\x40\x00\x00\x02in", 6));
  }

  TurnServerRig rig{with_large_budget()};
  TurnTestClient victim{rig};
  Endpoint relayed;
};

TEST_F(AServerThatIsShotAt, TakesNoRequestWithAChangedBit) {
  // Each bit but those of the transaction id's response path: the MAC covers all.
  const std::vector<std::uint8_t> good =
      victim.request(Method::refresh, [](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); }).bytes();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::vector<std::uint8_t> bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1U << bit % 8);
    const auto answer = rig.give(bad, victim.socket, victim.from);
    if (answer && answer->to == victim.from) {
      EXPECT_NE(answer->message().message_class(), stun::Class::success_response) << bit;
    }
    ASSERT_EQ(rig.server.gauges().allocations, 1u) << bit;
  }
  expect_service();
  EXPECT_EQ(error_code_of(rig.give(good, victim.socket, victim.from)->message()), 0u) << "the good one was good";
}

TEST_F(AServerThatIsShotAt, TakesNoPrefixOfARequestAndNothingBehindIt) {
  std::vector<std::uint8_t> good =
      victim
          .request(Method::create_permission,
                   [](Builder& b) { b.add<attr::XorPeerAddress>(endpoint("203.0.113.78:1")); })
          .bytes();
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::vector<std::uint8_t> cut{good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)};
    EXPECT_FALSE(rig.give(cut, victim.socket, victim.from)) << size;
  }
  good.resize(good.size() + 4);
  EXPECT_FALSE(rig.give(good, victim.socket, victim.from));
  EXPECT_EQ(rig.verdict, Verdict::malformed);
  EXPECT_EQ(rig.server.gauges().permissions, 1u);
  expect_service();
}

TEST_F(AServerThatIsShotAt, TakesNothingThatWasAddedBehindTheSignature) {
  test::Packet request = victim.request(Method::create_permission,
                                        [](Builder& b) { b.add<attr::XorPeerAddress>(endpoint("203.0.113.78:1")); });
  // XOR-PEER-ADDRESS of another peer, as an attacker on the way would add it.
  std::vector<std::uint8_t> bytes = request.bytes();
  const std::vector<std::uint8_t> added{0x00, 0x12, 0, 8, 0, 1, 0x21, 0x13, 0xEA, 0x12, 0xD5, 0x0D};
  bytes.insert(bytes.end(), added.begin(), added.end());
  stun::wire::store_u16(bytes.data() + 2, static_cast<std::uint16_t>(bytes.size() - 20));
  const auto answer = rig.give(bytes, victim.socket, victim.from);
  ASSERT_TRUE(answer);
  EXPECT_EQ(error_code_of(answer->message()), 0u) << "what is signed is good";
  EXPECT_EQ(rig.server.gauges().permissions, 2u) << "and nothing more";
}

TEST_F(AServerThatIsShotAt, KeepsNothingOfRandomBytes) {
  SeededRandom random{11};
  const test::Allocations allocations;
  for (int i = 0; i < 20'000; ++i) {
    std::array<std::uint8_t, 64> bytes;
    random.fill(bytes);
    const auto kind = random.below(4);
    if (kind == 0) bytes[0] = static_cast<std::uint8_t>(0x40 | random.below(16));  // ChannelData
    if (kind == 1) {                                                               // a header that is right
      stun::wire::store_u16(bytes.data(), stun::message_type(static_cast<Method>(random.below(16)),
                                                             static_cast<stun::Class>(random.below(4))));
      stun::wire::store_u16(bytes.data() + 2, static_cast<std::uint16_t>(random.below(2) == 0 ? 44 : random.below(64)));
      stun::wire::store_u32(bytes.data() + 4, stun::magic_cookie);
    }
    const Endpoint from{Address::v4(203, 0, 113, static_cast<std::uint8_t>(random.below(256))),
                        static_cast<std::uint16_t>(random.below(65536))};
    const SocketId socket = random.below(4) == 0 ? SocketId{4000} : victim.socket;
    rig.server.handle_datagram(rig.now, {socket, from, Bytes{bytes}.first(random.below(65)), {}}, rig.scratch);
  }
  EXPECT_EQ(allocations.held(), 0);
  EXPECT_EQ(rig.server.gauges().allocations, 1u);
  expect_service();
}

TEST_F(AServerThatIsShotAt, GoesOnWhileOthersTakeAllTheyCan) {
  // One user with all his quota of allocations, permissions and channels, and more requests than that.
  ASSERT_TRUE(rig.server.add_user("greedy", "word"));
  for (std::uint16_t i = 0; i < 120; ++i) {
    TurnTestClient greedy{
        rig, {Address::v4(203, 0, 113, static_cast<std::uint8_t>(100 + i % 50)), static_cast<std::uint16_t>(2000 + i)}};
    greedy.name = "greedy";
    greedy.password = "word";
    const auto code = greedy.allocate_code(nothing);
    EXPECT_EQ(code, i < 100 ? 0u : 486u);
  }
  TurnTestClient greedy{rig, {Address::v4(203, 0, 113, 100), 2000}};
  greedy.name = "greedy";
  greedy.password = "word";
  std::size_t permitted = 0;
  for (std::uint16_t i = 0; i < 300; ++i) {
    const Address many =
        Address::v4(198, 51, static_cast<std::uint8_t>(101 + i / 200), static_cast<std::uint8_t>(i % 200));
    if (greedy.permit({many, 0}) == 0) ++permitted;
  }
  EXPECT_EQ(permitted, 256u);
  EXPECT_EQ(rig.server.gauges().permissions, 257u);
  expect_service();
}

TEST_F(AServerThatIsShotAt, IsNotSlowedByChannelsAndPeersThatAreUnknown) {
  for (std::uint16_t i = 0; i < 5000; ++i) {
    TurnTestClient one{rig, {Address::v4(203, 0, 112, static_cast<std::uint8_t>(i)), i}};
    EXPECT_FALSE(one.send_channel(static_cast<std::uint16_t>(0x4000 + i % 0x1000), "x"));
    EXPECT_FALSE(one.send(peer, "x"));
    EXPECT_FALSE(rig.give(bytes_of("x"), rig.relay_socket(relayed), one.from));
  }
  const ServerCounters& counters = rig.server.counters();
  EXPECT_EQ(counters.no_allocation, 10'000u);
  EXPECT_EQ(counters.no_permission, 5'000u);
  expect_service();
}

}  // namespace
}  // namespace ice::turn
