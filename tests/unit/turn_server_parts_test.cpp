// The small parts of the relay server, each by itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "ice/base/random.hpp"
#include "support/stun_messages.hpp"
#include "turn/channels.hpp"
#include "turn/connections.hpp"
#include "turn/failure_budget.hpp"
#include "turn/nonces.hpp"
#include "turn/permissions.hpp"
#include "turn/relay_ports.hpp"
#include "turn/server_allocation.hpp"
#include "turn/token_bucket.hpp"
#include "turn/users.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using test::endpoint;

constexpr TimePoint start{1h};
const Endpoint one = endpoint("192.0.2.1:1000");
const Endpoint two = endpoint("192.0.2.1:2000");

// ---- TokenBucket

TEST(ATokenBucket, GivesSoMuchAtOnceAndSoMuchASecond) {
  const auto rate = TokenBucket::rate(3, 2);
  TokenBucket bucket;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.spend(start, rate));
  EXPECT_FALSE(bucket.spend(start, rate));
  EXPECT_TRUE(bucket.empty(start, rate));
  EXPECT_FALSE(bucket.spend(start + 499ms, rate));
  EXPECT_TRUE(bucket.spend(start + 500ms, rate));
  EXPECT_FALSE(bucket.spend(start + 500ms, rate));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.spend(start + 1h, rate)) << "never more than fits in";
  EXPECT_FALSE(bucket.spend(start + 1h, rate));
}

TEST(ATokenBucket, CountsBytesExactly) {
  const auto rate = TokenBucket::rate(300'000'000);
  TokenBucket bucket;
  std::uint64_t passed = 0;
  for (TimePoint now = start; now < start + 2s; now += 1us)
    if (bucket.spend(now, rate, 1200)) passed += 1200;
  EXPECT_NEAR(static_cast<double>(passed), 900e6, 2400) << "a second's worth at once, and two seconds";
}

TEST(ATokenBucket, HasNothingWhereNothingFitsIn) {
  const auto rate = TokenBucket::rate(0, 5);
  TokenBucket bucket;
  EXPECT_TRUE(bucket.empty(start, rate));
  EXPECT_FALSE(bucket.spend(start, rate));
}

// ---- FailureBudget

TEST(AFailureBudget, KeepsAVictimsBucketEmptyHoweverManySourcesAreForged) {
  SeededRandom random{1};
  FailureBudget budget{10, 1, random};
  const Address victim = Address::v4(192, 0, 2, 1);
  std::uint32_t answers = 0;
  for (std::uint32_t i = 0; i < 20000; ++i) {
    if (budget.spend(start, victim)) ++answers;
    budget.spend(start, Address::v4(10, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                                    static_cast<std::uint8_t>(i)));
  }
  EXPECT_LE(answers, 10u) << "a source that is asked once has more left than the victim, and goes first";
}

TEST(AFailureBudget, KnowsItsSourcesByAddressAndSubnet) {
  EXPECT_EQ(source_of(endpoint("[::ffff:192.0.2.1]:1").address), Address::v4(192, 0, 2, 1));
  EXPECT_EQ(source_of(endpoint("[2001:db8:1:2:3:4:5:6]:1").address), endpoint("[2001:db8:1:2::]:1").address);
  SeededRandom random{1};
  FailureBudget none{0, 5, random};
  EXPECT_TRUE(none.empty(start, Address::v4(192, 0, 2, 1)));
  EXPECT_FALSE(none.spend(start, Address::v4(192, 0, 2, 1)));
}

// ---- Nonces

struct SomeNonces : testing::Test {
  SeededRandom random{5};
  Nonces nonces{{stun::SecurityFeatures::password_algorithms}, 3600s, random};
  static std::string_view view(const Nonces::Text& text) { return {text.data(), text.size()}; }
};

TEST_F(SomeNonces, AreGoodForTheirLifetimeAndTheirClient) {
  const Nonces::Text nonce = nonces.make(start, one);
  EXPECT_TRUE(nonces.fresh(start, one, view(nonce)));
  EXPECT_TRUE(nonces.fresh(start + 3600s, one, view(nonce)));
  EXPECT_FALSE(nonces.fresh(start + 3601s, one, view(nonce)));
  EXPECT_FALSE(nonces.fresh(start - 1s, one, view(nonce))) << "of the future";
  EXPECT_FALSE(nonces.fresh(start, two, view(nonce)));
}

TEST_F(SomeNonces, CannotBeForged) {
  const std::string nonce{view(nonces.make(start, one))};
  for (std::size_t i = 0; i + 1 < nonce.size(); ++i) {  // of the last digit two bits do not count
    std::string changed = nonce;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(nonces.fresh(start, one, changed)) << i;
  }
  EXPECT_FALSE(nonces.fresh(start, one, nonce.substr(1)));
  EXPECT_FALSE(nonces.fresh(start, one, nonce + "A"));
  EXPECT_FALSE(nonces.fresh(start, one, ""));
  SeededRandom other_random{6};
  const Nonces others{{stun::SecurityFeatures::password_algorithms}, 3600s, other_random};
  EXPECT_FALSE(others.fresh(start, one, nonce)) << "of another server, or of this one before it was started again";
}

TEST_F(SomeNonces, GoOnWhenTheirSecondsBeginAnew) {
  constexpr TimePoint wrap{std::chrono::seconds{1 << 24}};
  const Nonces::Text nonce = nonces.make(wrap - 10s, one);
  EXPECT_TRUE(nonces.fresh(wrap + 10s, one, view(nonce)));
  EXPECT_FALSE(nonces.fresh(wrap + 3600s, one, view(nonce)));
}

// ---- RelayPorts

TEST(RelayPortsOfAFamily, AreFreeEvenAndPairedAsAsked) {
  SeededRandom random{1};
  RelayPorts ports{{50001, 50010}};
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(*ports.choose(random, true, false) % 2, 0);
    const auto pair = ports.choose(random, true, true);
    ASSERT_TRUE(pair);
    EXPECT_NE(*pair, 50010) << "the next one is not ours";
  }
  for (std::uint16_t port = 50001; port <= 50010; ++port)
    if (port != 50007) ports.take(port);
  EXPECT_EQ(ports.choose(random, false, false), 50007);
  EXPECT_FALSE(ports.choose(random, true, false));
  ports.release(50006);
  EXPECT_EQ(ports.choose(random, true, true), 50006);
  ports.take(50006);
  ports.take(50007);
  EXPECT_FALSE(ports.choose(random, false, false));
}

TEST(RelayPortsOfAFamily, MayReachToTheLastPortThereIs) {
  SeededRandom random{1};
  RelayPorts ports{{65534, 65535}};
  EXPECT_EQ(ports.choose(random, true, true), 65534);
  ports.take(65534);
  EXPECT_EQ(ports.choose(random, false, false), 65535);
  EXPECT_FALSE(ports.choose(random, false, true));
  EXPECT_FALSE((RelayPorts{{5, 4}}.choose(random, false, false)));
}

// ---- Permissions

TEST(SomePermissions, LastFiveMinutesEach) {  // RFC 8656 §9
  Permissions permissions;
  EXPECT_TRUE(permissions.install(start, one.address, Reach::anywhere));
  EXPECT_TRUE(permissions.install(start + 100s, endpoint("[2001:db8::1]:0").address, Reach::anywhere));
  EXPECT_NE(permissions.find(start + 299s, one.address), nullptr);
  EXPECT_EQ(permissions.find(start + 300s, one.address), nullptr);
  EXPECT_FALSE(permissions.install(start + 299s, one.address, Reach::anywhere)) << "refreshed";
  EXPECT_NE(permissions.find(start + 598s, one.address), nullptr);
  permissions.clear_expired(start + 598s);
  EXPECT_EQ(permissions.size(), 1u);
  EXPECT_TRUE(permissions.install(start + 1000s, one.address, Reach::anywhere)) << "made anew";
}

// ---- Channels

TEST(SomeChannels, BindEachNumberToOnePeerAndEachPeerToOneNumber) {  // RFC 8656 §12
  Channels channels;
  EXPECT_TRUE(channels.may_bind(start, 0x4000, one));
  EXPECT_TRUE(channels.bind(start, 0x4000, one));
  EXPECT_TRUE(channels.may_bind(start, 0x4000, one));
  EXPECT_FALSE(channels.may_bind(start, 0x4000, two));
  EXPECT_FALSE(channels.may_bind(start, 0x4001, one));
  EXPECT_TRUE(channels.may_bind(start, 0x4001, two)) << "another port is another peer";
  EXPECT_EQ(*channels.peer(start, 0x4000), one);
  EXPECT_EQ(channels.number(start, one), 0x4000);
  EXPECT_EQ(channels.peer(start, 0x4001), nullptr);
  EXPECT_EQ(channels.number(start, two), std::nullopt);
}

TEST(SomeChannels, LastTenMinutesAndCanThenBeBoundOtherwise) {
  Channels channels;
  channels.bind(start, 0x4000, one);
  EXPECT_FALSE(channels.bind(start + 400s, 0x4000, one)) << "refreshed";
  EXPECT_NE(channels.peer(start + 999s, 0x4000), nullptr);
  EXPECT_EQ(channels.peer(start + 1000s, 0x4000), nullptr);
  EXPECT_EQ(channels.number(start + 1000s, one), std::nullopt);
  EXPECT_TRUE(channels.may_bind(start + 1000s, 0x4000, two));
  EXPECT_TRUE(channels.bind(start + 1000s, 0x4000, two));
  EXPECT_EQ(channels.number(start + 1000s, one), std::nullopt);
  EXPECT_EQ(channels.number(start + 1000s, two), 0x4000);
  EXPECT_EQ(channels.size(), 1u);
}

TEST(SomeChannels, StayInOrderHoweverTheyCome) {
  Channels channels;
  SeededRandom random{3};
  std::set<std::uint16_t> numbers;
  while (numbers.size() < 200) {
    const auto number = static_cast<std::uint16_t>(first_channel + random.below(0x1000));
    if (!numbers.insert(number).second) continue;
    channels.bind(start, number, {Address::v4(192, 0, 2, static_cast<std::uint8_t>(number)), number});
  }
  for (const std::uint16_t number : numbers) {
    const Endpoint peer{Address::v4(192, 0, 2, static_cast<std::uint8_t>(number)), number};
    EXPECT_EQ(*channels.peer(start, number), peer);
    EXPECT_EQ(channels.number(start, peer), number);
  }
}

TEST(SomeChannels, GoWithTheirFamily) {  // RFC 8656 §8.1
  Channels channels;
  channels.bind(start, 0x4000, one);
  channels.bind(start, 0x4001, endpoint("[2001:db8::1]:1"));
  channels.remove(Family::ipv6);
  EXPECT_NE(channels.peer(start, 0x4000), nullptr);
  EXPECT_EQ(channels.peer(start, 0x4001), nullptr);
  EXPECT_EQ(channels.size(), 1u);
}

TEST(AChannelNumber, IsKnownByTheFirstByte) {  // RFC 7983
  EXPECT_FALSE(is_channel_data(0x3F));
  EXPECT_TRUE(is_channel_data(0x40));
  EXPECT_TRUE(is_channel_data(0x4F));
  EXPECT_FALSE(is_channel_data(0x50));
}

// ---- Connections

constexpr SocketId listener{100};

TEST(SomeConnections, AreBoundedAndClosedWhenTheyAreOfNoUse) {
  Connections connections{{.total = 3, .per_source = 2, .idle = 60s}};
  const Endpoint other = endpoint("192.0.2.2:1");
  EXPECT_TRUE(connections.accept(start, SocketId{1}, listener, one, Transport::tcp));
  EXPECT_TRUE(connections.accept(start + 1s, SocketId{2}, listener, two, Transport::tls));
  EXPECT_FALSE(connections.accept(start, SocketId{3}, listener, one, Transport::tcp)) << "two of a source";
  EXPECT_TRUE(connections.accept(start + 2s, SocketId{4}, listener, other, Transport::tcp));
  EXPECT_FALSE(connections.accept(start, SocketId{5}, listener, endpoint("192.0.2.3:1"), Transport::tcp))
      << "three in all";
  EXPECT_EQ(connections.find(SocketId{2})->transport, Transport::tls);

  connections.touch(start + 30s, SocketId{1});
  EXPECT_EQ(connections.take_idle(start + 59s), std::nullopt);
  EXPECT_EQ(connections.next_to_look_at(), start + 60s);
  EXPECT_EQ(connections.take_idle(start + 61s), SocketId{2});
  EXPECT_EQ(connections.take_idle(start + 61s), std::nullopt);
  EXPECT_EQ(connections.take_idle(start + 62s), SocketId{4});
  EXPECT_EQ(connections.take_idle(start + 90s), SocketId{1});
  EXPECT_EQ(connections.size(), 0u);
  EXPECT_EQ(connections.next_to_look_at(), std::nullopt);
  EXPECT_TRUE(connections.accept(start, SocketId{6}, listener, one, Transport::tcp)) << "its source has room again";
}

TEST(SomeConnections, CountAnIdThatComesAgainOnce) {
  Connections connections{{.total = 3, .per_source = 1, .idle = 60s}};
  EXPECT_TRUE(connections.accept(start, SocketId{1}, listener, one, Transport::tcp));
  EXPECT_TRUE(connections.accept(start + 1s, SocketId{1}, listener, one, Transport::tls));
  EXPECT_EQ(connections.find(SocketId{1})->transport, Transport::tls);
  EXPECT_EQ(connections.next_to_look_at(), start + 61s);
  connections.remove(SocketId{1});
  EXPECT_EQ(connections.next_to_look_at(), std::nullopt);
  EXPECT_EQ(connections.take_idle(start + 90s), std::nullopt);
  EXPECT_TRUE(connections.accept(start, SocketId{2}, listener, one, Transport::tcp)) << "its source has room again";
}

TEST(SomeConnections, AreLookedAtOnceASecondWhereTheyMayNotBeIdleAtAll) {
  Connections connections{{.total = 3, .per_source = 3, .idle = 0s}};
  ServerAllocation allocation{
      .tuple = {}, .name = {}, .key = stun::Credential::from_key(one.address.bytes()), .form = {}};
  EXPECT_TRUE(connections.accept(start, SocketId{1}, listener, one, Transport::tcp));
  connections.occupy(SocketId{1}, &allocation);
  EXPECT_EQ(connections.take_idle(start + 1s), std::nullopt) << "and it comes back";
  EXPECT_EQ(connections.next_to_look_at(), start + 2s);
}

TEST(SomeConnections, AreKnownByTheListenerThatAcceptedThem) {
  Connections connections{{.total = 3, .per_source = 3, .idle = 60s}};
  connections.accept(start, SocketId{1}, listener, one, Transport::tcp);
  connections.accept(start, SocketId{2}, SocketId{101}, one, Transport::tls);
  connections.accept(start, SocketId{3}, listener, two, Transport::tcp);
  EXPECT_THAT(connections.of(listener), testing::ElementsAre(SocketId{1}, SocketId{3}));
}

// ---- Users

TEST(SomeUsers, AreNotToldFromOthersByTheTimeThatAnAnswerTakes) {
  SeededRandom random{1};
  Users users{"realm", random};
  users.set_secrets({"secret"});
  ASSERT_TRUE(users.add("user", "pass"));
  const auto wrong = stun::Credential::long_term("user", "realm", "wrong", stun::PasswordAlgorithm::md5);
  const test::Packet packet = test::stun_message(
      stun::Class::request, {}, [&](stun::Builder& b) { b.add<stun::attr::Username>("user").integrity(*wrong); });
  const auto request = stun::Message::parse(packet.bytes());
  const auto told = [&](const std::string& name) {
    return users.authenticate(start, *request, name, stun::PasswordAlgorithm::md5).error();
  };
  ASSERT_EQ(told("user"), errc::wrong_integrity) << "a signature was computed";
  EXPECT_EQ(told("nobody"), errc::wrong_integrity) << "here, too";
  EXPECT_EQ(told("1800000000:nobody"), errc::wrong_integrity) << "the time is not known yet";
  EXPECT_EQ(users.refuse(*request).error(), errc::wrong_integrity);
}

}  // namespace
}  // namespace ice::turn
