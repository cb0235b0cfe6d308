// RFC 8489 §9.2.4 at a relay server, the credentials of draft-uberti-behave-turn-rest-00, and what strangers get.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/allocations.hpp"
#include "support/turn_server_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::Builder;
using stun::Method;
using stun::PasswordAlgorithm;
using stun::PasswordAlgorithms;
using test::endpoint;
using test::error_code_of;
using test::Sent;
using test::TurnServerRig;
using test::TurnTestClient;
namespace attr = stun::attr;

constexpr auto nothing = [](Builder&) {};
constexpr auto plain_allocate = [](Builder& b) { b.add<attr::RequestedTransport>(stun::IpProtocol::udp); };
const Endpoint peer = endpoint("203.0.113.77:5000");
constexpr std::size_t ip_and_udp = 28;

struct ARelayServer : testing::Test {
  explicit ARelayServer(ServerConfig config = {}) : rig{std::move(config)} {}
  TurnServerRig rig;
  TurnTestClient client{rig};
};

// ---- strangers

TEST_F(ARelayServer, ChallengesWhoProvesNothing) {
  const auto answer = client.ask_unsigned(Method::allocate, plain_allocate);
  ASSERT_TRUE(answer);
  const stun::Message message = answer->message();
  EXPECT_EQ(error_code_of(message), 401u);
  EXPECT_EQ(*message.get<attr::Realm>(), "icebreaker");
  EXPECT_EQ(*message.get<attr::PasswordAlgorithms>(), PasswordAlgorithms::sha256_and_md5());
  const auto features = stun::read_nonce_cookie(*message.get<attr::Nonce>());
  ASSERT_TRUE(features);
  EXPECT_TRUE(features->has(stun::SecurityFeatures::password_algorithms));
  EXPECT_FALSE(features->has(stun::SecurityFeatures::username_anonymity));
  EXPECT_EQ(message.integrity(), stun::Integrity::none);
  EXPECT_FALSE(message.has<attr::Software>());
  EXPECT_EQ(rig.server.counters().challenges, 1u);
  for (const Method method : {Method::refresh, Method::create_permission, Method::channel_bind})
    EXPECT_EQ(error_code_of(client.ask_unsigned(method, nothing)->message()), 401u);
}

TEST(TurnServer, AmplifiesNothingForWhoForgesSources) {
  for (const std::string realm : {"icebreaker", "turn.example.org"}) {
    TurnServerRig rig{{.realm = realm}};
    TurnTestClient client{rig};
    const double asked = 28 + ip_and_udp;  // an Allocate with REQUESTED-TRANSPORT
    const auto answer = client.ask_unsigned(Method::allocate, plain_allocate);
    EXPECT_LE(static_cast<double>(answer->bytes.size() + ip_and_udp), 2.2 * asked) << realm;
  }
}

TEST(TurnServer, AmplifiesBindingRequestsLittleWithOneAddress) {
  TurnServerRig rig;
  TurnTestClient client{rig};
  const auto answer = client.ask_unsigned(Method::binding, nothing);
  EXPECT_LE(static_cast<double>(answer->bytes.size() + ip_and_udp), 1.3 * (20 + ip_and_udp));
}

TEST(TurnServer, DiscoversNatBehaviourAndAmplifiesTwofoldAtMost) {
  TurnServerRig rig;
  std::uint32_t id = 50;
  for (const char* local : {"198.51.100.1:3479", "198.51.100.9:3478", "198.51.100.9:3479"})
    ASSERT_TRUE(rig.server.add_socket({.socket = SocketId{++id}, .local = endpoint(local)}));
  EXPECT_TRUE(rig.server.discovers_nat_behavior(Family::ipv4));
  TurnTestClient client{rig};
  const auto answer = client.ask_unsigned(Method::binding, nothing);
  EXPECT_TRUE(answer->message().has<attr::OtherAddress>());
  EXPECT_LE(static_cast<double>(answer->bytes.size() + ip_and_udp), 2.0 * (20 + ip_and_udp));
}

TEST_F(ARelayServer, KeepsNothingForStrangers) {
  const test::Packet request = test::stun_message(stun::Class::request, {{1, 2, 3}}, plain_allocate, Method::allocate);
  rig.give(request.bytes(), client.socket, client.from);
  const test::Allocations allocations;
  for (std::uint16_t port = 1; port < 2000; ++port) {
    const Endpoint from{Address::v4(203, 0, static_cast<std::uint8_t>(port >> 8), static_cast<std::uint8_t>(port)),
                        port};
    rig.server.handle_datagram(rig.now, {client.socket, from, request.bytes(), {}}, rig.scratch);
  }
  EXPECT_EQ(allocations.count(), 0u);
  EXPECT_FALSE(rig.server.next_timeout());
}

TEST_F(ARelayServer, EndsItsAnswerWithFingerprintWhereTheRequestHasOne) {
  const test::Packet request = test::stun_message(
      stun::Class::request, {}, [](Builder& b) { plain_allocate(b), b.fingerprint(); }, Method::allocate);
  EXPECT_TRUE(rig.give(request.bytes(), client.socket, client.from)->message().check_fingerprint());
}

TEST_F(ARelayServer, DropsAWrongFingerprint) {  // RFC 8489 §6.3
  test::Packet request = test::stun_message(
      stun::Class::request, {}, [](Builder& b) { plain_allocate(b), b.fingerprint(); }, Method::allocate);
  request.bytes().back() ^= 1;
  EXPECT_FALSE(rig.give(request.bytes(), client.socket, client.from));
  EXPECT_EQ(rig.verdict, Verdict::malformed);
}

TEST_F(ARelayServer, SaysNothingToPortZeroToResponsesAndToUnknownMethods) {
  client.from.port = 0;
  EXPECT_FALSE(client.ask_unsigned(Method::allocate, plain_allocate));
  client.from.port = 1;
  EXPECT_FALSE(client.ask_unsigned(static_cast<Method>(0x123), nothing));
  EXPECT_FALSE(client.ask_unsigned(static_cast<Method>(0x123), nothing));
  const test::Packet response = test::stun_message(stun::Class::success_response, {}, nothing, Method::allocate);
  EXPECT_FALSE(rig.give(response.bytes(), client.socket, client.from));
  EXPECT_EQ(rig.verdict, Verdict::not_mine);
  EXPECT_FALSE(rig.give(bytes_of("\xff is no STUN and no ChannelData"), client.socket, client.from));
}

// ---- the mechanism

TEST_F(ARelayServer, TakesEachAlgorithmAndSignsAlike) {
  struct Case {
    bool modern;
    PasswordAlgorithm algorithm;
    stun::Integrity answered;
  };
  for (std::uint16_t port = 1; const Case& c : {Case{true, PasswordAlgorithm::sha256, stun::Integrity::sha256},
                                                Case{true, PasswordAlgorithm::md5, stun::Integrity::sha256},
                                                Case{false, PasswordAlgorithm::md5, stun::Integrity::sha1}}) {
    TurnTestClient one{rig, {client.from.address, port++}};
    one.modern = c.modern;
    one.algorithm = c.algorithm;
    const auto answer = one.allocate(nothing);
    ASSERT_TRUE(answer);
    EXPECT_EQ(error_code_of(answer->message()), 0u);
    EXPECT_EQ(answer->message().integrity(), c.answered);
    EXPECT_TRUE(answer->message().authenticate(one.key()));
  }
}

TEST_F(ARelayServer, RefusesWrongPasswordsAndUnknownNames) {
  client.password = "wrong";
  EXPECT_EQ(client.allocate_code(nothing), 401u);
  client.name = "nobody";
  EXPECT_EQ(client.allocate_code(nothing), 401u);
  client.name = "\x01";
  const auto bad_name = client.ask_unsigned(Method::allocate, [&](Builder& b) {
    b.add_raw(attr::Username::type, bytes_of("\xff\xfe")).add<attr::Realm>(client.realm).add<attr::Nonce>(client.nonce);
    b.integrity_sha256(stun::Credential::from_key({}));
  });
  EXPECT_EQ(error_code_of(bad_name->message()), 401u);
  EXPECT_EQ(rig.server.counters().authentication_failures, 3u);
}

TEST_F(ARelayServer, Answers400WhereSomethingIsMissing) {
  client.learn_nonce();
  const auto ask_without = [&](bool name, bool realm, bool nonce) {
    const auto answer = client.ask_unsigned(Method::allocate, [&](Builder& b) {
      plain_allocate(b);
      if (name) b.add<attr::Username>(client.name);
      if (realm) b.add<attr::Realm>(client.realm);
      if (nonce) b.add<attr::Nonce>(client.nonce);
      b.integrity(client.key());
    });
    EXPECT_FALSE(answer->message().has<attr::Realm>());
    EXPECT_FALSE(answer->message().has<attr::Nonce>());
    EXPECT_EQ(answer->message().integrity(), stun::Integrity::none);
    return error_code_of(answer->message());
  };
  EXPECT_EQ(ask_without(false, true, true), 400u);
  EXPECT_EQ(ask_without(true, false, true), 400u);
  EXPECT_EQ(ask_without(true, true, false), 400u);
}

TEST_F(ARelayServer, NoticesAlgorithmsThatWereTakenAwayOnTheWay) {  // RFC 8489 §9.2.4
  client.learn_nonce();
  const auto ask_with = [&](auto algorithms) {
    const auto answer = client.ask_unsigned(Method::allocate, [&](Builder& b) {
      plain_allocate(b);
      b.add<attr::Username>(client.name).add<attr::Realm>(client.realm).add<attr::Nonce>(client.nonce);
      algorithms(b);
      b.integrity_sha256(client.key());
    });
    return error_code_of(answer->message());
  };
  const std::array<std::uint8_t, 4> md5_alone{0, 1, 0, 0};
  EXPECT_EQ(
      ask_with([&](Builder& b) {
        b.add_raw(attr::PasswordAlgorithms::type, md5_alone).add<attr::PasswordAlgorithm>({PasswordAlgorithm::md5});
      }),
      400u);
  EXPECT_EQ(ask_with([](Builder& b) { b.add<attr::PasswordAlgorithm>({PasswordAlgorithm::sha256}); }), 400u);
  EXPECT_EQ(ask_with([](Builder& b) { b.add<attr::PasswordAlgorithms>(PasswordAlgorithms::sha256_and_md5()); }), 400u);
}

TEST_F(ARelayServer, TakesAUserhashForAName) {  // RFC 8489 §14.4
  client.learn_nonce();
  const auto ask_as = [&](std::string_view name) {
    const auto answer = client.ask_unsigned(Method::allocate, [&](Builder& b) {
      plain_allocate(b);
      b.add<attr::Userhash>(*stun::userhash(name, client.realm)).add<attr::Realm>(client.realm);
      b.add<attr::Nonce>(client.nonce).add<attr::PasswordAlgorithms>(PasswordAlgorithms::sha256_and_md5());
      b.add<attr::PasswordAlgorithm>({PasswordAlgorithm::sha256}).integrity_sha256(client.key());
    });
    return error_code_of(answer->message());
  };
  EXPECT_EQ(ask_as("nobody"), 401u);
  EXPECT_EQ(ask_as("user"), 0u);
  EXPECT_EQ(client.refresh(), 0u) << "the same user by the name";
}

TEST(TurnServer, WantsUserhashesWhereItIsConfiguredSo) {
  TurnServerRig rig{{.username_anonymity = true}};
  TurnTestClient client{rig};
  client.learn_nonce();
  EXPECT_TRUE(stun::read_nonce_cookie(client.nonce)->has(stun::SecurityFeatures::username_anonymity));
}

TEST_F(ARelayServer, TakesNamesInAnySpelling) {  // OpaqueString, RFC 8265 §4.2
  ASSERT_TRUE(rig.server.add_user("\xc3\xa9milie", "pass"));
  client.name = "e\xcc\x81milie";
  EXPECT_EQ(client.allocate_code(nothing), 0u);
}

TEST_F(ARelayServer, TakesNoBadNames) {
  EXPECT_EQ(rig.server.add_user("", "x").error(), errc::bad_text);
  EXPECT_EQ(rig.server.add_user("a\x01", "x").error(), errc::bad_text);
  EXPECT_EQ(rig.server.add_user("a", "").error(), errc::bad_text);
  EXPECT_EQ(rig.server.add_user(std::string(509, 'a'), "x").error(), errc::text_too_long);
}

TEST_F(ARelayServer, GivesAUserAnotherPasswordWithoutEndingHisAllocation) {
  client.allocated();
  ASSERT_TRUE(rig.server.add_user("user", "new"));
  EXPECT_EQ(client.refresh(), 0u) << "it knows its key";
  TurnTestClient other{rig, endpoint("203.0.113.9:2")};
  EXPECT_EQ(other.allocate_code(nothing), 401u);
  other.password = client.password = "new";
  EXPECT_EQ(other.allocate_code(nothing), 0u);
  EXPECT_EQ(client.refresh(), 0u);
}

// ---- nonces

TEST_F(ARelayServer, TakesANonceForAnHourAndThenGivesAnother) {
  client.allocated([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{3600}); });
  rig.sleep(3590s);
  EXPECT_EQ(client.refresh([](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{3600}); }), 0u);
  rig.sleep(11s);
  const auto answer = client.ask(Method::refresh, nothing);
  EXPECT_EQ(error_code_of(answer->message()), 438u);
  EXPECT_TRUE(answer->message().has<attr::PasswordAlgorithms>());
  EXPECT_EQ(*answer->message().get<attr::Realm>(), client.realm);
  client.nonce = *answer->message().get<attr::Nonce>();
  EXPECT_EQ(client.refresh(), 0u);
  EXPECT_EQ(rig.server.counters().stale_nonces, 1u);
}

TEST_F(ARelayServer, TakesNoNonceOfAnotherClient) {
  client.learn_nonce();
  for (const char* from : {"203.0.113.9:40001", "203.0.113.10:40000", "[2001:db8::9]:40000"}) {
    TurnTestClient other{rig, endpoint(from)};
    other.realm = client.realm;
    other.nonce = client.nonce;
    EXPECT_EQ(other.allocate_code(nothing), 438u) << from;
  }
}

TEST_F(ARelayServer, AsksForThePasswordBeforeItSpeaksOfNonces) {
  client.realm = "icebreaker";
  client.nonce = "made up";
  client.modern = false;
  client.algorithm = PasswordAlgorithm::md5;
  EXPECT_EQ(client.allocate_code(nothing), 438u);
  client.password = "wrong";
  EXPECT_EQ(client.allocate_code(nothing), 401u);
}

// ---- the budget of a source

struct ARelayServerWithASmallBudget : ARelayServer {
  ARelayServerWithASmallBudget() : ARelayServer{{.limits = {.failures_at_once = 5, .failures_per_second = 1}}} {}
};

TEST_F(ARelayServerWithASmallBudget, SaysNothingAtAllWhenItIsSpent) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(client.ask_unsigned(Method::allocate, plain_allocate));
  EXPECT_FALSE(client.ask_unsigned(Method::allocate, plain_allocate));
  EXPECT_EQ(rig.verdict, Verdict::unauthenticated);
  EXPECT_EQ(rig.server.counters().silenced, 1u);
  client.from.port = 9;
  EXPECT_FALSE(client.ask_unsigned(Method::allocate, plain_allocate)) << "another port is the same source";
  TurnTestClient other{rig, endpoint("203.0.113.10:1")};
  EXPECT_TRUE(other.ask_unsigned(Method::allocate, plain_allocate));
}

TEST_F(ARelayServerWithASmallBudget, SaysNothingToTheRightPasswordEither) {
  client.learn_nonce();
  client.password = "wrong";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.allocate_code(nothing), 401u);
  EXPECT_FALSE(client.allocate(nothing));
  client.password = "pass";
  EXPECT_FALSE(client.allocate(nothing)) << "or guessing would go on";
  rig.sleep(1s);
  EXPECT_TRUE(client.allocate(nothing)) << "a second brings one";
}

TEST_F(ARelayServerWithASmallBudget, GoesOnForTheAllocationsBehindTheSameNat) {
  client.allocated();
  TurnTestClient guesser{rig, {client.from.address, 7}};
  guesser.learn_nonce();
  guesser.password = "wrong";
  while (guesser.allocate(nothing)) {
  }
  EXPECT_EQ(client.refresh(), 0u);
  client.password = "wrong";
  EXPECT_FALSE(client.ask(Method::refresh, nothing));
}

TEST_F(ARelayServerWithASmallBudget, GivesANonceToAnOwnerWhoseNeighborsHaveSpentIt) {
  const auto for_an_hour = [](Builder& b) { b.add<attr::Lifetime>(stun::Seconds{3600}); };
  client.allocated(for_an_hour);
  rig.sleep(3590s);
  EXPECT_EQ(client.refresh(for_an_hour), 0u);
  rig.sleep(11s);
  TurnTestClient stranger{rig, {client.from.address, 7}};
  for (int i = 0; i < 50; ++i) stranger.ask_unsigned(Method::allocate, plain_allocate);
  EXPECT_FALSE(stranger.ask_unsigned(Method::allocate, plain_allocate));
  const auto answer = client.ask(Method::refresh, nothing);
  ASSERT_TRUE(answer);
  EXPECT_EQ(error_code_of(answer->message()), 438u);
  client.nonce = *answer->message().get<attr::Nonce>();
  EXPECT_EQ(client.refresh(), 0u);
}

TEST_F(ARelayServerWithASmallBudget, TalksToAConnectionWhoseAddressIsForgedElsewhere) {
  for (int i = 0; i < 50; ++i) client.ask_unsigned(Method::allocate, plain_allocate);
  EXPECT_FALSE(client.ask_unsigned(Method::allocate, plain_allocate)) << "what comes by UDP may be anybody's";
  constexpr SocketId connection{500};
  rig.tell(SocketAccepted{TurnServerRig::listener, connection, rig.listen, client.from});
  TurnTestClient victim{rig, client.from, connection};
  EXPECT_EQ(victim.allocate_code(nothing), 0u);
  TurnTestClient guesser{rig, client.from, connection};
  guesser.learn_nonce();
  guesser.password = "wrong";
  int guesses = 0;
  while (guesser.allocate(nothing)) ASSERT_LT(++guesses, 50) << "a connection has a budget, too";
}

TEST_F(ARelayServerWithASmallBudget, TakesTheRightPasswordWithANonceWhoeverForgesItsAddress) {
  client.learn_nonce();
  TurnTestClient forger{rig, client.from};
  forger.realm = client.realm;
  forger.nonce = "no nonce of ours";
  forger.password = "wrong";
  forger.modern = false;
  for (int i = 0; i < 50; ++i) forger.allocate(nothing);
  EXPECT_FALSE(forger.allocate(nothing));
  EXPECT_EQ(client.allocate_code(nothing), 0u) << "only who is there has the nonce";
}

TEST_F(ARelayServerWithASmallBudget, ReadsNoNamesOfThoseItSaysNothingTo) {
  client.name = std::string(500, 'a');
  client.realm = "icebreaker";
  client.nonce = "no nonce of ours";
  const test::Packet request = client.request(Method::allocate, plain_allocate);
  while (rig.give(request.bytes(), client.socket, client.from)) {
  }
  const test::Allocations allocations;
  rig.server.handle_datagram(rig.now, {client.socket, client.from, request.bytes(), {}}, rig.scratch);
  EXPECT_EQ(allocations.count(), 0u) << "PRECIS allocates";
}

TEST_F(ARelayServerWithASmallBudget, CountsTheIpv6SubnetOfASubscriberAsOneSource) {
  for (int i = 0; i < 5; ++i) {
    TurnTestClient one{rig, {Address::v6({0x20, 0x01, 0xd, 0xb8, 0, 0, 0, 1, static_cast<std::uint8_t>(i)}), 5}};
    EXPECT_TRUE(one.ask_unsigned(Method::allocate, plain_allocate));
  }
  TurnTestClient same{rig, endpoint("[2001:db8:0:1::99]:5")};
  EXPECT_FALSE(same.ask_unsigned(Method::allocate, plain_allocate));
  TurnTestClient next{rig, endpoint("[2001:db8:0:2::99]:5")};
  EXPECT_TRUE(next.ask_unsigned(Method::allocate, plain_allocate));
}

// ---- shared secrets

struct ARelayServerWithSecrets : ARelayServer {
  ARelayServerWithSecrets() {
    rig.server.set_secrets({"old secret", "", "secret"});
    rig.server.set_unix_time(rig.now, unix_now);
    log_in(client, "secret", "alice", unix_now + 100s);
  }
  static void log_in(TurnTestClient& client, std::string_view secret, std::string_view id, std::chrono::seconds until) {
    const auto login = make_shared_secret_login(secret, id, until);
    client.name = login->username();
    client.password = login->password();
  }

  const std::chrono::seconds unix_now{1'700'000'000};
};

TEST(SharedSecretLogin, IsWhatOtherServersTake) {  // as `openssl dgst -sha1 -hmac north -binary | base64` has it
  const auto login = make_shared_secret_login("north", "alice", 1700000000s);
  ASSERT_TRUE(login);
  EXPECT_EQ(login->username(), "1700000000:alice");
  EXPECT_EQ(login->password(), "Cd/49soE35ICqcJF/bCTn8Z4OyE=");
  EXPECT_EQ(make_shared_secret_login("north", "", 17s)->username(), "17");
  EXPECT_FALSE(make_shared_secret_login("north", "a\x01", 17s));
}

TEST_F(ARelayServerWithSecrets, TakesNamesMadeWithAnyOfThem) {
  EXPECT_EQ(client.allocate_code(nothing), 0u);
  EXPECT_EQ(rig.events_of<AllocationOpened>()[0].user, "alice");
  TurnTestClient older{rig, endpoint("203.0.113.10:1")};
  log_in(older, "old secret", "bob", unix_now + 1s);
  EXPECT_EQ(older.allocate_code(nothing), 0u);
  TurnTestClient nameless{rig, endpoint("203.0.113.11:1")};
  log_in(nameless, "secret", "", unix_now + 1s);
  EXPECT_EQ(nameless.allocate_code(nothing), 0u);
  TurnTestClient wrong{rig, endpoint("203.0.113.12:1")};
  log_in(wrong, "another secret", "bob", unix_now + 1s);
  EXPECT_EQ(wrong.allocate_code(nothing), 401u);
  log_in(wrong, "", "bob", unix_now + 1s);
  EXPECT_EQ(wrong.allocate_code(nothing), 401u) << "an empty secret is none";
}

TEST_F(ARelayServerWithSecrets, TakesNamesUntilTheirTimeIsOver) {
  rig.sleep(100s);
  client.learn_nonce();
  EXPECT_EQ(client.allocate_code(nothing), 0u);
  TurnTestClient late{rig, endpoint("203.0.113.10:1")};
  late.name = client.name;
  late.password = client.password;
  rig.sleep(1s);
  EXPECT_EQ(late.allocate_code(nothing), 401u);
  EXPECT_EQ(client.refresh(), 0u) << "the allocation knows its key";
}

TEST_F(ARelayServerWithSecrets, TakesNoTimeThatIsNone) {
  for (const char* name : {"alice", "-1:alice", "99999999999999999999:alice", "1800000000x:alice", ":alice"}) {
    client.name = name;
    EXPECT_EQ(client.allocate_code(nothing), 401u) << name;
  }
  log_in(client, "secret", "far", std::chrono::seconds::max());
  EXPECT_EQ(client.allocate_code(nothing), 0u) << "more nanoseconds than can be counted";
}

TEST_F(ARelayServerWithSecrets, LetsCredentialsBeReplacedOnALiveAllocation) {
  client.allocated();
  rig.sleep(90s);
  log_in(client, "secret", "alice", unix_now + 1000s);
  EXPECT_EQ(client.refresh(), 0u);
  rig.sleep(500s);
  EXPECT_EQ(client.permit(peer), 0u);
  log_in(client, "secret", "bob", unix_now + 1000s);
  EXPECT_EQ(client.refresh(), 441u) << "that is somebody else";
}

TEST_F(ARelayServerWithSecrets, TakesNobodyForTheUserOfTheSameName) {
  ASSERT_TRUE(rig.server.add_user("alice", "pass"));
  client.allocated();
  client.name = "alice";
  client.password = "pass";
  EXPECT_EQ(client.refresh(), 441u);
}

TEST_F(ARelayServerWithSecrets, TakesNoneAfterTheyAreTurnedOff) {
  rig.server.set_secrets({});
  EXPECT_EQ(client.allocate_code(nothing), 401u);
}

TEST_F(ARelayServer, TakesNoSharedSecretBeforeItKnowsTheTime) {
  rig.server.set_secrets({"secret"});
  ARelayServerWithSecrets::log_in(client, "secret", "alice", 1'900'000'000s);
  EXPECT_EQ(client.allocate_code(nothing), 401u);
}

}  // namespace
}  // namespace ice::turn
