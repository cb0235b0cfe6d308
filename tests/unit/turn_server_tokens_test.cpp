// RFC 7635 at the relay server: whom an authorization server vouches for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ice/stun/access_token.hpp"
#include "support/turn_server_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::Builder;
using stun::Login;
using stun::Method;
using stun::TokenKey;
using test::endpoint;
using test::error_code_of;
using test::Sent;
using test::TurnServerRig;
using test::TurnTestClient;
namespace attr = stun::attr;

constexpr auto nothing = [](Builder&) {};
constexpr auto plain_allocate = [](Builder& b) { b.add<attr::RequestedTransport>(stun::IpProtocol::udp); };
constexpr std::chrono::seconds today{1800000000};
const Endpoint peer = endpoint("203.0.113.77:5000");

TokenKey key_of(std::string_view kid, std::uint8_t byte = 1) {
  return *TokenKey::make(kid, std::vector<std::uint8_t>(32, byte));
}

ServerConfig named(ServerConfig config = {}) {
  config.server_name = "turn.example.org";
  return config;
}

struct ARelayServerWithTokenKeys : testing::Test {
  explicit ARelayServerWithTokenKeys(ServerConfig config = named()) : rig{std::move(config)} {
    rig.server.set_token_keys({key, key_of("next", 2)});
    rig.server.set_unix_time(rig.now, today);
    client.token = token();
  }

  Login token(std::chrono::seconds lifetime = 1h, std::chrono::seconds issued = today) {
    return *stun::make_token_login(key, "turn.example.org", rig.now, issued, lifetime, rig.random);
  }
  /// 401 to a token, as to a wrong password.
  void expect_refused(const Login& login) {
    client.token = login;
    const auto before = rig.server.counters().authentication_failures;
    const auto answer = client.allocate(nothing);
    ASSERT_TRUE(answer);
    EXPECT_EQ(error_code_of(answer->message()), 401u);
    EXPECT_EQ(rig.server.counters().authentication_failures, before + 1);
    EXPECT_EQ(rig.server.gauges().allocations, 0u);
  }
  static std::uint32_t lifetime_in(const std::optional<Sent>& answer) {
    return answer ? answer->message().get<attr::Lifetime>().value_or(stun::Seconds{}).count() : 0;
  }

  TurnServerRig rig;
  TokenKey key = key_of("kid");
  TurnTestClient client{rig};
};

// ---- §4, §6.1: the offer

TEST_F(ARelayServerWithTokenKeys, TellsItsNameInItsChallenge) {
  const auto answer = client.ask_unsigned(Method::allocate, plain_allocate);
  ASSERT_TRUE(answer);
  EXPECT_EQ(error_code_of(answer->message()), 401u);
  EXPECT_EQ(*answer->message().get<attr::ThirdPartyAuthorization>(), "turn.example.org");
  EXPECT_TRUE(answer->message().has<attr::Nonce>());
  EXPECT_LE(answer->bytes.size() + 28, 2.6 * 56) << "so much does whoever forges a source gain by it";
}

TEST(TurnServer, IsCalledByItsRealmWhereItHasNoOtherName) {
  TurnServerRig rig;
  rig.server.set_token_keys({key_of("kid")});
  const auto answer = TurnTestClient{rig}.ask_unsigned(Method::allocate, plain_allocate);
  EXPECT_EQ(*answer->message().get<attr::ThirdPartyAuthorization>(), "icebreaker");
}

TEST_F(ARelayServerWithTokenKeys, TakesPasswordsAsEver) {
  client.token.reset();
  EXPECT_TRUE(client.allocated());
}

TEST_F(ARelayServerWithTokenKeys, OffersNothingWithoutAKey) {
  rig.server.set_token_keys({});
  const auto answer = client.ask_unsigned(Method::allocate, plain_allocate);
  EXPECT_FALSE(answer->message().has<attr::ThirdPartyAuthorization>());
  EXPECT_EQ(client.allocate_code(nothing), 401u);
  client.token.reset();
  const auto refused = client.allocate([](Builder& b) { b.add<attr::AccessToken>(bytes_of("x")); });
  EXPECT_EQ(error_code_of(refused->message()), 420u) << "§7: it came unexpectedly";
}

// ---- §7: what a token is worth

TEST_F(ARelayServerWithTokenKeys, AllocatesForWhoeverHasAToken) {
  const auto answer = client.allocate(nothing);
  ASSERT_TRUE(answer);
  EXPECT_EQ(error_code_of(answer->message()), 0u);
  EXPECT_EQ(answer->message().integrity(), stun::Integrity::sha1);
  EXPECT_TRUE(answer->message().authenticate(stun::Credential::from_key(client.token->mac_key())));
  EXPECT_EQ(rig.events_of<AllocationOpened>().at(0).user, "kid");
}

TEST_F(ARelayServerWithTokenKeys, SignsAsItsClientDoes) {
  const auto sealed = seal_access_token({*stun::MacKey::make(std::vector<std::uint8_t>(32, 9)), today, 1h}, key,
                                        "turn.example.org", {1, 2, 3});
  client.token = *Login::with_token("kid", std::vector<std::uint8_t>(32, 9), *sealed);
  const auto answer = client.allocate(nothing);
  EXPECT_EQ(error_code_of(answer->message()), 0u);
  EXPECT_EQ(answer->message().integrity(), stun::Integrity::sha256);
  EXPECT_TRUE(answer->message().authenticate(stun::Credential::from_key(client.token->mac_key())));
}

TEST_F(ARelayServerWithTokenKeys, SignsErrorsWithTheSessionKeyToo) {
  const auto answer = client.ask(Method::allocate, nothing);  // no REQUESTED-TRANSPORT
  EXPECT_EQ(error_code_of(answer->message()), 400u);
  EXPECT_TRUE(answer->message().authenticate(stun::Credential::from_key(client.token->mac_key())));
}

TEST_F(ARelayServerWithTokenKeys, RefusesAKidThatItHasNoKeyFor) {
  const Login good = token();
  expect_refused(*Login::with_token("other", good.mac_key(), good.token()));
}

TEST_F(ARelayServerWithTokenKeys, RefusesATokenOfAnotherKey) {
  const Login good = token();
  expect_refused(*Login::with_token("next", good.mac_key(), good.token()));
}

TEST_F(ARelayServerWithTokenKeys, RefusesATokenForAnotherServer) {
  expect_refused(*stun::make_token_login(key, "turn2.example.org", rig.now, today, 1h, rig.random));
}

TEST_F(ARelayServerWithTokenKeys, RefusesATokenThatWasChanged) {
  const Login good = token();
  std::vector<std::uint8_t> bytes{good.token().begin(), good.token().end()};
  bytes.back() ^= 1;
  expect_refused(*Login::with_token("kid", good.mac_key(), bytes));
}

TEST_F(ARelayServerWithTokenKeys, RefusesATokenFromWhoeverHasNotItsSessionKey) {
  const Login good = token();
  expect_refused(*Login::with_token("kid", std::vector<std::uint8_t>(20, 0), good.token()));
}

TEST_F(ARelayServerWithTokenKeys, RefusesATokenWhoseTimeIsOverOrHasNotCome) {
  expect_refused(token(60s, today - 65s));
  expect_refused(token(60s, today + 65s));
  client.token = token(60s, today - 64s);
  EXPECT_EQ(lifetime_in(client.allocate(nothing)), 1u) << "within the delta of 5 s";
}

TEST_F(ARelayServerWithTokenKeys, RefusesATokenOfNoLifetime) { expect_refused(token(0s)); }

TEST_F(ARelayServerWithTokenKeys, WantsTokenAndIntegrityAndTheRestOfTheMechanism) {
  const auto lacking = [&](auto fill) {
    const test::Packet packet =
        test::stun_message(stun::Class::request, stun::TransactionId::random(rig.random), fill, Method::allocate);
    return error_code_of(rig.give(packet.bytes(), client.socket, client.from)->message());
  };
  client.learn_nonce();
  const Login& login = *client.token;
  const stun::Credential session = stun::Credential::from_key(login.mac_key());
  EXPECT_EQ(lacking([&](Builder& b) { b.add<attr::Username>("kid").add<attr::AccessToken>(login.token()); }), 401u);
  EXPECT_EQ(lacking([&](Builder& b) { b.add<attr::AccessToken>(login.token()).integrity(session); }), 400u);
  EXPECT_EQ(lacking([&](Builder& b) {
              b.add<attr::Username>("kid").add<attr::Realm>(client.realm).add<attr::Nonce>(client.nonce);
              b.integrity(session);
            }),
            401u)
      << "without the token nobody knows the session key";
}

TEST_F(ARelayServerWithTokenKeys, AsksForAFreshNonceAsEver) {  // §11: that is what stops replays
  client.learn_nonce();
  rig.sleep(61min);
  client.token = token(2h);
  EXPECT_EQ(client.allocate_code(nothing), 438u);
}

TEST(TurnServer, RefusesTokensBeforeItKnowsTheTime) {
  TurnServerRig rig;
  rig.server.set_token_keys({key_of("kid")});
  TurnTestClient client{rig};
  client.token = *stun::make_token_login(key_of("kid"), "icebreaker", rig.now, today, 1h, rig.random);
  EXPECT_EQ(client.allocate_code(nothing), 401u);
}

TEST_F(ARelayServerWithTokenKeys, TakesTokensOfSeveralKeysSoThatOneCanFollowAnother) {
  client.token = *stun::make_token_login(key_of("next", 2), "turn.example.org", rig.now, today, 1h, rig.random);
  EXPECT_TRUE(client.allocated());
  const TokenKey short_key = *TokenKey::make("short", std::vector<std::uint8_t>(16), stun::TokenAlgorithm::a128gcm);
  rig.server.set_token_keys({short_key});
  TurnTestClient other{rig, endpoint("203.0.113.10:1")};
  other.token = *stun::make_token_login(short_key, "turn.example.org", rig.now, today, 1h, rig.random);
  EXPECT_TRUE(other.allocated());
  EXPECT_EQ(client.permit(peer), 0u) << "the key of before is gone, its sessions are not";
}

TEST_F(ARelayServerWithTokenKeys, LooksAtNoTokenOfWhoeverHasSpentHisBudget) {
  client.learn_nonce();
  TurnTestClient guesser{rig, endpoint("203.0.113.9:50000")};
  guesser.token = *Login::with_token("kid", std::vector<std::uint8_t>(20, 0), token().token());
  int answered = 0;
  for (int i = 0; i < 300; ++i)
    if (guesser.allocate(nothing)) ++answered;
  EXPECT_LE(answered, 110);
  EXPECT_GT(rig.server.counters().silenced, 100u);
}

// ---- §9: TURN

TEST_F(ARelayServerWithTokenKeys, NeedsTheTokenInAllocateAndRefreshAlone) {
  ASSERT_TRUE(client.allocated());
  EXPECT_EQ(client.permit(peer), 0u);
  EXPECT_EQ(client.bind(0x4000, peer), 0u);
  EXPECT_EQ(client.refresh(), 0u);
  client.shows_token = false;
  EXPECT_EQ(client.refresh(), 0u) << "the session is known";
}

TEST_F(ARelayServerWithTokenKeys, GrantsNothingThatOutlivesTheToken) {
  client.token = token(900s);
  EXPECT_EQ(lifetime_in(client.allocate([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{3600}); })), 900u);
  rig.sleep(400s);
  const auto refreshed = client.ask(Method::refresh, [](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{3600}); });
  EXPECT_EQ(lifetime_in(refreshed), 505u) << "§9: lifetime + Delta - abs(RDnew - TS)";
  client.shows_token = false;
  EXPECT_EQ(lifetime_in(client.ask(Method::refresh, nothing)), 505u) << "the default of 600 s is no right to more";
  rig.sleep(505s);
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  client.shows_token = true;
  EXPECT_EQ(client.refresh(), 401u);
}

TEST_F(ARelayServerWithTokenKeys, RefusesToRefreshWithATokenWhoseTimeIsOver) {
  ASSERT_TRUE(client.allocated());
  const Login good = *client.token;
  client.token = token(60s, today - 100s);
  EXPECT_EQ(client.refresh(), 401u);
  client.token = good;
  EXPECT_EQ(client.permit(peer), 0u) << "and the session of before goes on";
}

TEST_F(ARelayServerWithTokenKeys, GoesOnWithANewTokenThatARefreshBrings) {
  client.token = token(700s);
  ASSERT_TRUE(client.allocated());
  rig.sleep(600s - 1s);
  const Login old = *client.token;
  client.token =
      *stun::make_token_login(key_of("next", 2), "turn.example.org", rig.now, today + 599s, 700s, rig.random);
  EXPECT_EQ(client.permit(peer), 401u) << "it is not known yet";
  EXPECT_EQ(lifetime_in(client.ask(Method::refresh, nothing)), 600u);
  EXPECT_EQ(client.permit(peer), 0u);
  client.token = old;
  EXPECT_EQ(client.permit(peer), 401u);
  EXPECT_EQ(rig.server.gauges().users, 1u);
}

TEST_F(ARelayServerWithTokenKeys, LetsATokenServeSeveralAllocationsWithinTheQuotaOfItsSession) {
  TurnServerRig small{named({.limits = {.allocations_per_user = 2}})};
  small.server.set_token_keys({key});
  small.server.set_unix_time(small.now, today);
  const auto code = [&](std::uint16_t port, const Login& login) {
    TurnTestClient one{small, {client.from.address, port}};
    one.token = login;
    return one.allocate_code(nothing);
  };
  const auto made = [&] {
    return *stun::make_token_login(key, "turn.example.org", small.now, today, 1h, small.random);
  };
  const Login first = made();
  EXPECT_EQ(code(1, first), 0u);
  EXPECT_EQ(code(2, first), 0u);
  EXPECT_EQ(code(3, first), 486u);
  EXPECT_EQ(code(4, made()), 0u) << "somebody else, of the same authorization server";
  EXPECT_EQ(small.server.gauges().users, 2u);
}

TEST_F(ARelayServerWithTokenKeys, CountsAnAllocationForTheSessionThatHasTakenIt) {
  TurnServerRig small{named({.limits = {.allocations_per_user = 1}})};
  small.server.set_token_keys({key});
  small.server.set_unix_time(small.now, today);
  const auto made = [&] {
    return *stun::make_token_login(key, "turn.example.org", small.now, today, 1h, small.random);
  };
  TurnTestClient one{small};
  const Login first = made();
  one.token = first;
  ASSERT_TRUE(one.allocated());
  one.token = made();
  EXPECT_EQ(one.refresh(), 0u);
  TurnTestClient two{small, endpoint("203.0.113.10:1")};
  two.token = first;
  EXPECT_EQ(two.allocate_code(nothing), 0u) << "it has none any more";
  one.refresh([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); });
  two.refresh([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{0}); });
  EXPECT_EQ(small.server.gauges().users, 0u);
}

TEST_F(ARelayServerWithTokenKeys, TakesNobodyWithATokenForAUserWithAPasswordNorTheOtherWayRound) {
  TurnTestClient user{rig, endpoint("203.0.113.10:1")};
  ASSERT_TRUE(user.allocated());
  user.token = token();
  EXPECT_EQ(user.refresh(), 441u);
  ASSERT_TRUE(client.allocated());
  client.token.reset();
  EXPECT_EQ(client.refresh(), 441u);
}

TEST_F(ARelayServerWithTokenKeys, MovesAnAllocationForTheSessionThatHasItAlone) {  // RFC 8016 §3.2.2
  const auto answer = client.allocate([](Builder& b) { b.add<attr::MobilityTicket>({}); });
  const auto ticket = answer->message().get<attr::MobilityTicket>();
  ASSERT_TRUE(ticket);
  const std::vector<std::uint8_t> bytes{ticket->begin(), ticket->end()};
  const auto moves = [&](const char* to, const Login& login) {
    TurnTestClient away{rig, endpoint(to)};
    away.token = login;
    return away.refresh([&](Builder& b) { b.add<attr::MobilityTicket>(bytes); });
  };
  EXPECT_EQ(moves("203.0.113.200:7", token()), 441u) << "who has listened to the ticket, and has a token of his own";
  EXPECT_EQ(moves("203.0.113.201:7", *client.token), 0u);
}

TEST_F(ARelayServerWithTokenKeys, KnowsWhoRepeatsAnAllocate) {
  const test::Packet packet = client.request(Method::allocate, plain_allocate);
  const auto first = rig.give(packet.bytes(), client.socket, client.from);
  const auto again = rig.give(packet.bytes(), client.socket, client.from);
  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->bytes, again->bytes);
}

}  // namespace
}  // namespace ice::turn
