// RFC 7635 at the client, against our relay server: it passes on a token that it cannot read, and asks for the next
// one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ice/stun/access_token.hpp"
#include "support/turn_pair.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::ErrorCode;
using stun::Login;
using stun::Method;
using stun::TokenKey;
using test::endpoint;
using test::TurnPair;
using testing::IsEmpty;
using testing::SizeIs;
namespace attr = stun::attr;

constexpr std::chrono::seconds start_of_time{1'800'000'000};

AllocationConfig with(std::optional<Login> login) {
  AllocationConfig config = TurnPair::config();
  config.login = std::move(login);
  config.mobility = true;
  return config;
}

/// An authorization server, its relay server, and a client of both.
struct AClientWithAToken : testing::Test, TurnPair {
  explicit AClientWithAToken(std::optional<Login> login = *Login::make("user", "pass"))
      : TurnPair{with(std::move(login)), {.server_name = "turn.example.org"}} {
    rig.server.set_token_keys({key, next_key});
    rig.server.set_unix_time(rig.now, start_of_time);
    began_ = rig.now;
  }

  Login token(std::chrono::seconds lifetime, const TokenKey& by) {
    const auto unix_time = start_of_time + std::chrono::duration_cast<std::chrono::milliseconds>(rig.now - began_);
    return *stun::make_token_login(by, "turn.example.org", rig.now, unix_time, lifetime, random);
  }
  Login token(std::chrono::seconds lifetime = 1h) { return token(lifetime, key); }
  /// Begins with this token.
  void begin(const Login& login) {
    allocation = Allocation{with(login), {.random = random, .pacer = pacer}};
    allocate();
    bind();
  }
  Refusal failure() const {
    const auto failed = told<AllocationFailed>();
    EXPECT_FALSE(failed.empty());
    return failed.empty() ? Refusal{} : failed.back().why;
  }

  const TokenKey key = *TokenKey::make("kid", std::vector<std::uint8_t>(32, 1));
  const TokenKey next_key = *TokenKey::make("next", std::vector<std::uint8_t>(32, 2));
  SeededRandom random{5};
  Pacer pacer;
  std::array<std::uint8_t, scratch_size> scratch{};

 private:
  TimePoint began_;
};

TEST_F(AClientWithAToken, AsksWithoutItFirstAndShowsItInAllocateAndRefreshAlone) {  // §4, §5, §9 MUST
  begin(token());
  ASSERT_TRUE(allocation.bound(rig.now, peer));
  allocation.check(rig.now);
  settle();
  const auto all = requests(home);
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_FALSE(all[0].message().has<attr::AccessToken>());
  for (std::size_t i = 1; i < all.size(); ++i) {
    const stun::Message message = all[i].message();
    EXPECT_EQ(message.has<attr::AccessToken>(), message.method() != Method::channel_bind);
    EXPECT_EQ(*message.get<attr::Username>(), "kid");
    EXPECT_EQ(message.integrity(), stun::Integrity::sha1);
    EXPECT_FALSE(message.has<attr::PasswordAlgorithm>());
    EXPECT_FALSE(message.has<attr::Userhash>());
  }
  EXPECT_TRUE(send());
}

TEST_F(AClientWithAToken, SignsWithSha256WhereItsKeyIsLongAndTheServerKnowsIt) {
  const auto mac_key = stun::MacKey::make(std::vector<std::uint8_t>(32, 7));
  const auto sealed = seal_access_token({*mac_key, start_of_time, 1h}, key, "turn.example.org", {});
  begin(*Login::with_token("kid", mac_key->bytes(), *sealed));
  EXPECT_EQ(told<Allocated>().size(), 1u);
  EXPECT_EQ(requests(home).back().message().integrity(), stun::Integrity::sha256);
}

TEST_F(AClientWithAToken, LivesForHoursOnTokensThatItAsksFor) {  // §8, §9 MUST
  begin(token(10min));
  for (int replaced = 0; replaced < 20; ++replaced) {
    const std::size_t wanted = told<AccessTokenWanted>().size();
    run_for(9min);
    ASSERT_EQ(told<AccessTokenWanted>().size(), wanted + 1);
    EXPECT_EQ(told<AccessTokenWanted>().back().server_name, "turn.example.org");
    replace(token(10min, replaced % 2 == 0 ? next_key : key));
    ASSERT_TRUE(send());
  }
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
  EXPECT_EQ(told<Allocated>().size(), 1u);
  EXPECT_EQ(rig.server.gauges().users, 1u);
}

TEST_F(AClientWithAToken, AsksForTheNextOneTwoMinutesBeforeOrHalfWay) {
  begin(token(1h));
  run_for(58min - 1s);
  EXPECT_THAT(told<AccessTokenWanted>(), IsEmpty());
  run_for(1s);
  ASSERT_THAT(told<AccessTokenWanted>(), SizeIs(1));
  EXPECT_EQ(told<AccessTokenWanted>()[0].good_until, rig.now + 2min);
  replace(token(60s));
  run_for(30s);
  EXPECT_THAT(told<AccessTokenWanted>(), SizeIs(2));
}

TEST_F(AClientWithAToken, TellsTheServerOfANewTokenBeforeItSignsAnythingElseWithIt) {
  begin(token());
  const Login next = token();
  sent.clear();
  allocation.replace_credentials(rig.now, next);
  ASSERT_TRUE(allocation.permit(rig.now, endpoint("203.0.113.78:1").address));
  settle();
  const auto all = requests(home);
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0].message().method(), Method::refresh) << "for a nonce";
  EXPECT_EQ(all[1].message().method(), Method::refresh);
  EXPECT_EQ(all[2].message().method(), Method::create_permission);
  EXPECT_TRUE(allocation.permitted(rig.now, endpoint("203.0.113.78:1").address));
  EXPECT_EQ(rig.server.counters().authentication_failures, 0u);
}

TEST_F(AClientWithAToken, EndsWithItsTokenWhereNobodyHasAnotherAndComesBackWithOne) {  // §8 MUST
  begin(token(10min));
  run_for(11min);
  ASSERT_THAT(told<AllocationLost>(), SizeIs(1));
  EXPECT_EQ(told<AllocationLost>()[0].why.error, errc::token_expired);
  EXPECT_EQ(failure().error, errc::token_expired);
  EXPECT_EQ(allocation.state(), AllocationState::failed);
  EXPECT_EQ(rig.server.gauges().allocations, 0u);
  EXPECT_EQ(rig.server.counters().authentication_failures, 0u) << "it has not been used once its time was over";
  replace(token());
  EXPECT_EQ(told<Allocated>().size(), 2u);
  EXPECT_TRUE(send());
}

TEST_F(AClientWithAToken, DoesNotAskWithOneWhoseTimeIsOver) {
  const Login old = token(1min);
  rig.sleep(61s);
  allocation = Allocation{with(old), {.random = random, .pacer = pacer}};
  allocate();
  EXPECT_EQ(failure().error, errc::token_expired);
  EXPECT_THAT(sent, IsEmpty());
  replace(old);
  EXPECT_THAT(sent, IsEmpty());
}

TEST_F(AClientWithAToken, SaysThatTheServerDoesNotTakeIt) {
  const Login good = token();
  allocation = Allocation{with(*Login::with_token("kid", std::vector<std::uint8_t>(20, 3), good.token())),
                          {.random = random, .pacer = pacer}};
  allocate();
  EXPECT_EQ(failure().error, errc::unauthorized);
  EXPECT_THAT(sent, SizeIs(2));
  replace(good);
  EXPECT_EQ(told<Allocated>().size(), 1u);
}

TEST_F(AClientWithAToken, SaysThatTheServerTakesNone) {  // §6.1
  rig.server.set_token_keys({});
  allocation = Allocation{with(token()), {.random = random, .pacer = pacer}};
  allocate();
  EXPECT_EQ(failure().error, errc::unsupported);
  EXPECT_THAT(sent, SizeIs(1)) << "who takes passwords alone gets no token to see";
}

TEST_F(AClientWithAToken, UsesNoAnswerThatIsNotSignedWithItsKey) {  // §8 MUST
  begin(token());
  sent.clear();
  dead.insert(home);
  allocation.check(rig.now);
  settle();
  const auto all = requests(home);
  ASSERT_THAT(all, SizeIs(1));
  const stun::Message request = all[0].message();
  for (const bool has_integrity : {false, true}) {
    const test::Packet forged = test::stun_message(
        stun::Class::error_response, request.transaction_id(),
        [&](stun::Builder& b) {
          b.add<attr::ErrorCode>({.code = ErrorCode::allocation_mismatch});
          if (has_integrity) b.integrity(stun::Credential::from_key(std::vector<std::uint8_t>(20, 3)));
        },
        Method::refresh);
    const Received received = allocation.handle_datagram(rig.now, {home, rig.listen, forged.bytes(), {}}, scratch);
    EXPECT_EQ(received.verdict, Verdict::unauthenticated);
  }
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
}

TEST_F(AClientWithAToken, MovesWithTheSessionKeyItHasAndTakesTheNextTokenThere) {  // RFC 8016 §3.2.2
  begin(token());
  dead.insert(away);
  move(away);
  replace(token(1h, next_key));
  dead.erase(away);
  run_for(1s);
  EXPECT_THAT(told<Moved>(), SizeIs(1));
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
  EXPECT_EQ(*requests(away).back().message().get<attr::Username>(), "next");
  EXPECT_TRUE(send());
}

// ---- without one

TEST_F(AClientWithAToken, IsToldTheServersNameWhereItHasNoneAndGoesOnWithItsPassword) {  // §6.1
  allocate();
  ASSERT_THAT(told<AccessTokenWanted>(), SizeIs(1));
  EXPECT_EQ(told<AccessTokenWanted>()[0].server_name, "turn.example.org");
  EXPECT_FALSE(told<AccessTokenWanted>()[0].good_until);
  EXPECT_EQ(told<Allocated>().size(), 1u);
  run_for(2h);
  EXPECT_THAT(told<AccessTokenWanted>(), SizeIs(1)) << "once";
}

struct AClientWithoutALogin : AClientWithAToken {
  AClientWithoutALogin() : AClientWithAToken{std::nullopt} {}
};

TEST_F(AClientWithoutALogin, IsToldTheServersNameAndBeginsAgainWithAToken) {  // §4
  allocate();
  EXPECT_EQ(told<AccessTokenWanted>().at(0).server_name, "turn.example.org");
  EXPECT_EQ(failure().code, ErrorCode::unauthenticated);
  replace(token());
  EXPECT_EQ(told<Allocated>().size(), 1u);
}

}  // namespace
}  // namespace ice::turn
