#include "ice/stun/auth_session.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/allocations.hpp"
#include "support/stun_auth_server.hpp"
#include "support/stun_messages.hpp"

namespace ice::stun {
namespace {

using Step = AuthSession::Judgement::Step;
using test::AuthServer;
using test::error_response;
using test::Packet;
using test::stun_message;
using test::success_response;

constexpr TransactionId id{{7, 7, 7}};

Login login(std::string_view username = "user", std::string_view password = "pass") {
  return *Login::make(username, password);
}
Packet signed_request(const AuthSession& session) {
  return test::binding_request([&](Builder& b) { session.sign(b); }, id);
}
AuthSession::Judgement judge(AuthSession& session, const Packet& response) {
  return session.judge(response.message(), session.generation());
}
/// Asks once and says what became of the answer.
AuthSession::Judgement ask(AuthSession& session, const AuthServer& server) {
  static Packet answer;
  answer = server.answer(signed_request(session).message());
  return judge(session, answer);
}

// --- no authentication

TEST(AuthSessionOfNobody, AddsNothingAndAcceptsAll) {
  AuthSession session;
  EXPECT_EQ(signed_request(session).bytes().size(), header_size);
  const auto judged = judge(session, error_response(id, ErrorCode::unauthenticated));
  EXPECT_EQ(judged.step, Step::accept);
  EXPECT_FALSE(judged.authenticated);
}

// --- long-term credentials, RFC 8489 §9.2

struct ALongTermSession : testing::Test {
  AuthSession session = AuthSession::long_term(login());
  AuthServer server;

  void meet_challenge() { ASSERT_EQ(ask(session, server).step, Step::retry); }
};

TEST_F(ALongTermSession, SendsItsFirstRequestWithoutCredentials) {  // §9.2.3.1
  EXPECT_EQ(signed_request(session).bytes().size(), header_size);
}

TEST_F(ALongTermSession, MeetsAChallengeOfRfc8489) {
  meet_challenge();
  const Packet request = signed_request(session);
  const Message message = request.message();
  EXPECT_EQ(*message.get<attr::Username>(), "user");
  EXPECT_EQ(*message.get<attr::Realm>(), server.realm);
  EXPECT_EQ(*message.get<attr::Nonce>(), server.full_nonce());
  EXPECT_EQ(*message.get<attr::PasswordAlgorithms>(), server.offered);
  EXPECT_EQ(message.get<attr::PasswordAlgorithm>()->algorithm, PasswordAlgorithm::sha256);
  EXPECT_FALSE(message.has<attr::MessageIntegrity>()) << "§9.2.5: MESSAGE-INTEGRITY-SHA256 only";
  EXPECT_TRUE(message.has<attr::MessageIntegritySha256>());
  EXPECT_FALSE(message.has<attr::Userhash>());
  const auto judged = ask(session, server);
  EXPECT_EQ(judged.step, Step::accept);
  EXPECT_TRUE(judged.authenticated);
  EXPECT_TRUE(judged.message.is_authenticated());
}

TEST_F(ALongTermSession, MeetsAChallengeOfRfc5389) {
  server.modern = false;
  meet_challenge();
  const Packet request = signed_request(session);
  EXPECT_TRUE(request.message().has<attr::MessageIntegrity>());
  EXPECT_FALSE(request.message().has<attr::MessageIntegritySha256>());
  EXPECT_FALSE(request.message().has<attr::PasswordAlgorithms>());
  EXPECT_FALSE(request.message().has<attr::PasswordAlgorithm>());
  EXPECT_EQ(ask(session, server).step, Step::accept);
}

TEST_F(ALongTermSession, SignsTheNextRequestsWithoutBeingAsked) {  // §9.2.3.2
  meet_challenge();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ask(session, server).step, Step::accept);
}

TEST_F(ALongTermSession, SendsUserhashWhereTheNonceAsksForIt) {  // §9.2.5
  server.anonymous = true;
  meet_challenge();
  const Packet request = signed_request(session);
  EXPECT_FALSE(request.message().has<attr::Username>());
  EXPECT_EQ(*request.message().get<attr::Userhash>(), *userhash("user", server.realm));
  EXPECT_EQ(ask(session, server).step, Step::accept);
}

TEST_F(ALongTermSession, TakesTheFirstAlgorithmItKnows) {
  const std::vector<std::uint8_t> wire = {0x00, 0x77, 0x00, 0x01, 0xAA, 0,    0,    0,
                                          0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00};
  server.offered = *PasswordAlgorithms::parse(wire);
  meet_challenge();
  const Packet request = signed_request(session);
  EXPECT_EQ(request.message().get<attr::PasswordAlgorithm>()->algorithm, PasswordAlgorithm::md5);
  EXPECT_TRUE(request.message().has<attr::MessageIntegritySha256>()) << "whatever the key is made with";
  EXPECT_EQ(*request.message().get<attr::PasswordAlgorithms>(), server.offered) << "the list goes back unchanged";
  EXPECT_EQ(ask(session, server).step, Step::accept);
}

TEST_F(ALongTermSession, GivesUpWhereItKnowsNoneOfTheAlgorithms) {  // §9.2.5: MUST NOT retry
  const std::vector<std::uint8_t> wire = {0x00, 0x77, 0x00, 0x00};
  server.offered = *PasswordAlgorithms::parse(wire);
  const auto judged = ask(session, server);
  EXPECT_EQ(judged.step, Step::fail);
  EXPECT_EQ(judged.error, errc::unsupported);
}

TEST_F(ALongTermSession, GivesUpWhereAlgorithmsAreMissingThatTheNonceAnnounces) {  // §9.2.1, §9.2.5
  for (const ErrorCode code : {ErrorCode::unauthenticated, ErrorCode::stale_nonce}) {
    const auto judged = judge(session, error_response(id, code, [&](Builder& b) {
                                b.add<attr::Realm>(server.realm).add<attr::Nonce>(server.full_nonce());
                              }));
    EXPECT_EQ(judged.step, Step::fail);
    EXPECT_EQ(judged.error, errc::bid_down);
  }
}

TEST_F(ALongTermSession, GivesUpWhereAlgorithmsVanishWithTheCookieThatAnnouncedThem) {
  meet_challenge();
  server.modern = false;
  server.nonce = "another";
  const auto judged = judge(session, server.challenge(signed_request(session).message(), ErrorCode::stale_nonce));
  EXPECT_EQ(judged.step, Step::fail);
  EXPECT_EQ(judged.error, errc::bid_down);
}

TEST_F(ALongTermSession, IgnoresOtherResponsesThatWereBidDown) {  // §9.2.5: MUST be ignored
  meet_challenge();
  const auto judged =
      judge(session, success_response(id, [&](Builder& b) { b.add<attr::Nonce>(server.full_nonce()); }));
  EXPECT_EQ(judged.step, Step::ignore);
}

TEST_F(ALongTermSession, TakesANewNonceWhenItsOwnIsStale) {
  meet_challenge();
  ASSERT_EQ(ask(session, server).step, Step::accept);
  server.nonce = "second-nonce";
  EXPECT_EQ(ask(session, server).step, Step::retry);
  EXPECT_EQ(*signed_request(session).message().get<attr::Nonce>(), server.full_nonce());
  EXPECT_EQ(ask(session, server).step, Step::accept);
}

// A server that was updated meanwhile: same user, realm and password, another key.
TEST_F(ALongTermSession, MakesItsKeyAnewWhenAStaleNonceBringsAnotherAlgorithm) {
  server.modern = false;
  meet_challenge();
  ASSERT_EQ(ask(session, server).step, Step::accept);
  server.modern = true;
  EXPECT_EQ(ask(session, server).step, Step::retry);
  EXPECT_EQ(signed_request(session).message().get<attr::PasswordAlgorithm>()->algorithm, PasswordAlgorithm::sha256);
  EXPECT_EQ(ask(session, server).step, Step::accept);
}

TEST_F(ALongTermSession, NeedsNoRealmInAStaleNonce) {
  meet_challenge();
  const std::string fresh = "fresh";
  server.modern = true;
  EXPECT_EQ(judge(session,
                  error_response(
                      id, ErrorCode::stale_nonce,
                      [&](Builder& b) {
                        b.add<attr::Nonce>(server.full_nonce() + fresh).add<attr::PasswordAlgorithms>(server.offered);
                      }))
                .step,
            Step::retry);
  EXPECT_EQ(session.realm(), server.realm);
}

TEST_F(ALongTermSession, GivesUpWhenItsPasswordIsRefused) {  // §9.2.5: MUST NOT retry the same
  server.password = "another";
  meet_challenge();
  const auto judged = ask(session, server);
  EXPECT_EQ(judged.step, Step::fail);
  EXPECT_EQ(judged.error, errc::unauthorized);
}

TEST_F(ALongTermSession, TriesAgainInAnotherRealm) {
  server.password = "another";
  meet_challenge();
  server.realm = "example.net";
  server.password = "pass";
  EXPECT_EQ(ask(session, server).step, Step::retry);
  EXPECT_EQ(session.realm(), "example.net");
  EXPECT_EQ(ask(session, server).step, Step::accept);
}

TEST_F(ALongTermSession, GivesUpOnAServerThatChallengesForever) {
  int retries = 0;
  AuthSession::Judgement judged = ask(session, server);
  for (; judged.step == Step::retry && retries < 100; ++retries) {
    server.nonce += "x";
    judged = ask(session, server);
  }
  EXPECT_EQ(retries, AuthSession::most_challenges);
  EXPECT_EQ(judged.error, errc::unauthorized);
}

TEST_F(ALongTermSession, CountsChallengesAnewAfterSuccess) {
  meet_challenge();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(ask(session, server).step, Step::accept);
    server.nonce = std::to_string(i);
    ASSERT_EQ(ask(session, server).step, Step::retry);
  }
}

TEST_F(ALongTermSession, GivesUpOnChallengesThatSayTooLittleOrTooMuch) {
  const auto expect_bad = [&](const Packet& response) {
    AuthSession fresh = session;
    const auto judged = judge(fresh, response);
    EXPECT_EQ(judged.step, Step::fail);
    EXPECT_EQ(judged.error, errc::bad_response);
  };
  const auto challenge = [&](auto fill) { return error_response(id, ErrorCode::unauthenticated, fill); };
  expect_bad(challenge([](Builder&) {}));
  expect_bad(challenge([](Builder& b) { b.add<attr::Realm>("r"); }));
  expect_bad(challenge([](Builder& b) { b.add<attr::Nonce>("n"); }));
  expect_bad(challenge([](Builder& b) {
    b.add<attr::Realm>("r").add<attr::Nonce>("n").add_raw(attr::PasswordAlgorithms::type, std::vector<std::uint8_t>(3));
  }));
  const std::vector<std::uint8_t> many(AuthSession::most_algorithm_bytes + 4);
  expect_bad(challenge([&](Builder& b) {
    b.add<attr::Realm>("r").add<attr::Nonce>("n").add_raw(attr::PasswordAlgorithms::type, many);
  }));
  expect_bad(error_response(id, ErrorCode::stale_nonce, [](Builder& b) { b.add<attr::Nonce>("n"); }));
  // A 401 has to name its realm (§9.2.4), also to those who have been told another time.
  meet_challenge();
  expect_bad(challenge([](Builder& b) { b.add<attr::Nonce>("n"); }));
}

TEST_F(ALongTermSession, GivesUpOnARealmThatIsNoText) {
  const auto judged = judge(session, error_response(id, ErrorCode::unauthenticated, [](Builder& b) {
                              b.add<attr::Realm>("a\tb").add<attr::Nonce>("n");
                            }));
  EXPECT_EQ(judged.step, Step::fail);
  EXPECT_EQ(judged.error, errc::bad_text);
}

TEST_F(ALongTermSession, EchoesALongNonceOfRfc5389) {  // up to 763 bytes, more than may be made today
  const std::string nonce(700, 'n');
  const auto judged = judge(session, error_response(id, ErrorCode::unauthenticated, [&](Builder& b) {
                              b.add<attr::Realm>("r").add_raw(attr::Nonce::type, bytes_of(nonce));
                            }));
  ASSERT_EQ(judged.step, Step::retry);
  EXPECT_EQ(*signed_request(session).message().get<attr::Nonce>(), nonce);
}

TEST_F(ALongTermSession, AcceptsTheAnswerOfAServerThatAsksForNoCredentials) {
  const auto judged = judge(session, success_response(id));
  EXPECT_EQ(judged.step, Step::accept);
  EXPECT_FALSE(judged.authenticated);
}

TEST_F(ALongTermSession, RejectsResponsesThatAreNotProven) {  // §9.2.5
  meet_challenge();
  EXPECT_EQ(judge(session, success_response(id)).step, Step::reject);
  EXPECT_EQ(judge(session, error_response(id, ErrorCode::server_error)).step, Step::reject);
  const auto other = Credential::long_term("user", server.realm, "wrong", PasswordAlgorithm::sha256);
  EXPECT_EQ(judge(session, success_response(id, [&](Builder& b) { b.integrity_sha256(*other); })).step, Step::reject);
}

TEST_F(ALongTermSession, RejectsTheWeakerAlgorithm) {
  meet_challenge();
  const auto key = Credential::long_term("user", server.realm, "pass", PasswordAlgorithm::sha256);
  EXPECT_EQ(judge(session, success_response(id, [&](Builder& b) { b.integrity(*key); })).step, Step::reject);
}

TEST_F(ALongTermSession, IgnoresAnUnsigned400) {  // §9.2.5: as if it were never received
  meet_challenge();
  EXPECT_EQ(judge(session, error_response(id, ErrorCode::bad_request)).step, Step::ignore);
  server.refuse_with = 400;
  EXPECT_EQ(ask(session, server).step, Step::accept) << "a signed one counts";
}

TEST_F(ALongTermSession, SeesOnlyWhatTheSignatureCovers) {
  meet_challenge();
  server.add_to_success = [](Builder& b) { b.add<attr::XorMappedAddress>(test::endpoint("192.0.2.7:7")); };
  Packet answer = server.answer(signed_request(session).message());
  // Somebody appends an attribute.
  const std::array<std::uint8_t, 8> appended = {0x00, 0x24, 0x00, 0x04, 1, 2, 3, 4};
  answer.bytes().insert(answer.bytes().end(), appended.begin(), appended.end());
  answer.bytes()[3] = static_cast<std::uint8_t>(answer.bytes().size() - header_size);
  const auto judged = judge(session, answer);
  ASSERT_EQ(judged.step, Step::accept);
  EXPECT_TRUE(judged.message.get<attr::XorMappedAddress>());
  EXPECT_FALSE(judged.message.has<attr::Priority>());
}

TEST_F(ALongTermSession, ServesSeveralTransactionsWithOneChallenge) {
  const auto first_signed_at = session.generation();
  const Packet request = signed_request(session);
  const Packet challenge = server.answer(request.message());
  ASSERT_EQ(session.judge(challenge.message(), first_signed_at).step, Step::retry);
  const auto met = session.generation();
  EXPECT_NE(met, first_signed_at);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(session.judge(challenge.message(), first_signed_at).step, Step::retry);
  EXPECT_EQ(session.generation(), met) << "the answers of the others were no news";
}

TEST_F(ALongTermSession, StartsAgainTowardAnotherServer) {  // §10: the same credentials
  meet_challenge();
  AuthSession other = session.restarted();
  EXPECT_EQ(signed_request(other).bytes().size(), header_size);
  AuthServer other_server;
  other_server.realm = "example.net";
  ASSERT_EQ(ask(other, other_server).step, Step::retry);
  EXPECT_EQ(ask(other, other_server).step, Step::accept);
}

TEST_F(ALongTermSession, AllocatesNothingOnceItIsIn) {
  meet_challenge();
  const Packet answer = server.answer(signed_request(session).message());
  std::array<std::uint8_t, scratch_size> out;
  const test::Allocations allocations;
  Builder builder{out, Method::binding, Class::request, id};
  session.sign(builder);
  EXPECT_TRUE(builder.finish());
  EXPECT_EQ(session.judge(answer.message(), session.generation()).step, Step::accept);
  EXPECT_EQ(allocations.count(), 0u);
}

// --- short-term credentials, RFC 8489 §9.1

struct AShortTermSession : testing::Test {
  AuthSession session = *AuthSession::short_term(login());
  Credential key = *Credential::short_term("pass");
};

TEST_F(AShortTermSession, SendsBothSignaturesAtFirst) {  // §9.1.2
  const Packet request = signed_request(session);
  EXPECT_EQ(*request.message().get<attr::Username>(), "user");
  EXPECT_TRUE(request.message().has<attr::MessageIntegrity>());
  EXPECT_TRUE(request.message().has<attr::MessageIntegritySha256>());
  EXPECT_TRUE(request.message().authenticate(key));
}

TEST_F(AShortTermSession, SendsAfterwardsWhatTheServerHasAnsweredWith) {  // §9.1.5
  AuthSession modern = session;
  EXPECT_EQ(judge(session, success_response(id, [&](Builder& b) { b.integrity(key); })).step, Step::accept);
  EXPECT_TRUE(signed_request(session).message().has<attr::MessageIntegrity>());
  EXPECT_FALSE(signed_request(session).message().has<attr::MessageIntegritySha256>());

  const auto before = modern.generation();
  EXPECT_EQ(judge(modern, success_response(id, [&](Builder& b) { b.integrity_sha256(key); })).step, Step::accept);
  EXPECT_FALSE(signed_request(modern).message().has<attr::MessageIntegrity>());
  EXPECT_TRUE(signed_request(modern).message().has<attr::MessageIntegritySha256>());
  EXPECT_NE(modern.generation(), before) << "requests look different now";
}

TEST_F(AShortTermSession, SendsOneSignatureWhereItKnowsWhich) {
  for (const Integrity known : {Integrity::sha1, Integrity::sha256}) {
    AuthSession sure = *AuthSession::short_term(login(), known);
    EXPECT_EQ(signed_request(sure).message().has<attr::MessageIntegrity>(), known == Integrity::sha1);
    EXPECT_EQ(signed_request(sure).message().has<attr::MessageIntegritySha256>(), known == Integrity::sha256);
    // §9.1.4: the algorithm in the response has to match.
    EXPECT_EQ(judge(sure, success_response(id, [&](Builder& b) { b.integrity(key); })).step,
              known == Integrity::sha1 ? Step::accept : Step::reject);
    EXPECT_EQ(judge(sure, success_response(id, [&](Builder& b) { b.integrity_sha256(key); })).step,
              known == Integrity::sha256 ? Step::accept : Step::reject);
  }
}

TEST_F(AShortTermSession, RejectsResponsesThatAreNotProven) {  // §9.1.4
  EXPECT_EQ(judge(session, success_response(id)).step, Step::reject);
  EXPECT_EQ(judge(session, error_response(id, ErrorCode::unauthenticated)).step, Step::reject);
  const Credential other = *Credential::short_term("wrong");
  EXPECT_EQ(judge(session, success_response(id, [&](Builder& b) { b.integrity(other); })).step, Step::reject);
}

TEST_F(AShortTermSession, StartsAgainWithBothSignatures) {
  ASSERT_EQ(judge(session, success_response(id, [&](Builder& b) { b.integrity(key); })).step, Step::accept);
  const AuthSession again = session.restarted();
  EXPECT_TRUE(signed_request(again).message().has<attr::MessageIntegritySha256>());
}

// --- logins

TEST(Login, IsPreparedAsAnOpaqueString) {  // RFC 8265 §4.2
  EXPECT_EQ(Login::make("caf\u0065\u0301", "p\u00a0w")->username(), "caf\u00e9");
  EXPECT_EQ(Login::make("u", "p\u00a0w")->password(), "p w");
}

TEST(Login, RefusesWhatTheProfileForbids) {
  EXPECT_EQ(Login::make("", "p").error(), errc::bad_text);
  EXPECT_EQ(Login::make("u", "a\tb").error(), errc::bad_text);
}

TEST(Login, CanBeCopiedMovedAndAssigned) {
  Login a = login("a", "1");
  Login b = a;
  a = login("c", "2");
  EXPECT_EQ(a.username(), "c");
  EXPECT_EQ(b.password(), "1");
  const Login c = std::move(a);
  EXPECT_EQ(c.password(), "2");
  b = c;
  EXPECT_EQ(b.username(), "c");
}

}  // namespace
}  // namespace ice::stun
