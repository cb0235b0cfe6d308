// What the programs say of a mesh: addresses of servers, causes and remedies, scores.

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <set>
#include <string>
#include <vector>

#include "mesh_demo/cause_text.hpp"
#include "mesh_demo/event_view.hpp"
#include "mesh_demo/scoreboard.hpp"
#include "mesh_demo/server_addresses.hpp"

namespace ice::mesh {
namespace {

using namespace std::chrono_literals;
using programs::Language;

Endpoint endpoint(std::string_view text) { return *Endpoint::parse(text); }
Address address(std::string_view text) { return *Address::parse(text); }

std::vector<std::string> urls(std::string_view arrived_at, std::vector<std::string_view> listening,
                              std::vector<std::string_view> externals = {}) {
  std::vector<Endpoint> endpoints;
  for (const auto one : listening) endpoints.push_back(endpoint(one));
  std::vector<programs::ExternalAddress> external;
  for (const auto one : externals) external.push_back(*programs::ExternalAddress::parse(one));
  const auto servers = ice_servers_for(address(arrived_at), endpoints, external);
  return servers.empty() ? std::vector<std::string>{} : servers.at(0).urls;
}
using Urls = std::vector<std::string>;

TEST(MeshServerAddresses, AClientIsToldTheAddressWhereItArrived) {
  EXPECT_EQ(urls("192.0.2.1", {"0.0.0.0:3478"}), Urls{"stun:192.0.2.1:3478"});
  EXPECT_EQ(urls("::ffff:192.0.2.1", {"0.0.0.0:3478"}), Urls{"stun:192.0.2.1:3478"});
  EXPECT_EQ(urls("2001:db8::1", {"0.0.0.0:3478", "[::]:3479"}), Urls{"stun:[2001:db8::1]:3479"});
  EXPECT_EQ(urls("fe80::1%2", {"[::]:3478"}), Urls{"stun:[fe80::1]:3478"});
  EXPECT_EQ(urls("192.0.2.2", {"192.0.2.1:3478", "192.0.2.2:3478"}), Urls{"stun:192.0.2.2:3478"});
  EXPECT_EQ(urls("192.0.2.3", {"192.0.2.1:3478", "192.0.2.2:3478"}),
            (Urls{"stun:192.0.2.1:3478", "stun:192.0.2.2:3478"}))
      << "where it does not listen there, all that it has";
  EXPECT_EQ(urls("2001:db8::1", {"0.0.0.0:3478"}), Urls{});
}

TEST(MeshServerAddresses, BehindANatAClientIsToldTheOutside) {
  EXPECT_EQ(urls("10.0.0.1", {"0.0.0.0:3478"}, {"203.0.113.1"}), Urls{"stun:203.0.113.1:3478"});
  EXPECT_EQ(urls("10.0.0.2", {"10.0.0.1:3478", "10.0.0.2:3478"}, {"203.0.113.1/10.0.0.1", "203.0.113.2/10.0.0.2"}),
            Urls{"stun:203.0.113.2:3478"});
  EXPECT_EQ(urls("127.0.0.1", {"0.0.0.0:3478"}, {"203.0.113.1"}), Urls{"stun:127.0.0.1:3478"});
  for (const auto* wrong : {"", "x", "203.0.113.1/", "203.0.113.1/x", "203.0.113.1/::1", "0.0.0.0", "/10.0.0.1"})
    EXPECT_FALSE(programs::ExternalAddress::parse(wrong)) << wrong;
}

TEST(MeshServerAddresses, WhoIsGrantedARelayIsToldItOverUdpAndTcp) {
  const std::vector<Endpoint> listening{endpoint("0.0.0.0:3478")};
  const auto grant = grant_relay("secret", "ann@room", 1'700'000'000s);
  ASSERT_TRUE(grant);
  const auto servers = ice_servers_for(address("192.0.2.1"), listening, {}, grant);
  ASSERT_EQ(servers.size(), 2U);
  EXPECT_EQ(servers[0], (IceServer{{"stun:192.0.2.1:3478"}, {}, {}, 0}));
  EXPECT_EQ(servers[1].urls, (Urls{"turn:192.0.2.1:3478", "turn:192.0.2.1:3478?transport=tcp"}));
  EXPECT_EQ(servers[1].username, "1700086400:ann@room");
  EXPECT_EQ(servers[1].ttl, 86'400U);
  // printf 1700086400:ann@room | openssl dgst -sha1 -hmac secret -binary | base64
  EXPECT_EQ(servers[1].credential, "6+l0GPntbNQzrhdtNcEdBk/Ddog=");
  EXPECT_EQ(ice_servers_for(address("2001:db8::1"), listening, {}, grant), std::vector<IceServer>{})
      << "what cannot be reached is not told";
}

TEST(MeshServerAddresses, ASecretThatWasMadeIsNewEachTime) {
  CryptoRandom random;
  const std::string one = make_secret(random);
  EXPECT_EQ(one.size(), 40U);
  EXPECT_NE(one, make_secret(random));
}

TEST(MeshCauseText, EveryCauseHasAWordATextAndARemedyInBothLanguages) {
  std::vector<EndCause> all;
  for (int i = 0; i <= static_cast<int>(Cause::consent_revoked); ++i) all.emplace_back(static_cast<Cause>(i));
  for (int i = 0; i <= static_cast<int>(DemoCause::peer_restarts); ++i) all.emplace_back(static_cast<DemoCause>(i));
  std::set<std::string_view> words;
  std::set<std::string_view> texts;
  for (const EndCause& cause : all) {
    EXPECT_TRUE(words.insert(to_string(cause)).second) << to_string(cause);
    for (const Language language : {Language::en, Language::ko}) {
      EXPECT_TRUE(texts.insert(text_of(cause).text.in(language)).second) << to_string(cause);
      EXPECT_FALSE(text_of(cause).remedy.in(language).empty()) << to_string(cause);
    }
  }
}

TEST(MeshCauseText, AnAttemptThatWasGivenUpSaysWhatWasKnownSoFar) {
  CallFailed failed{1, true, DemoCause::attempt_timeout, 10s, {}};
  EXPECT_NE(describe(failed, Language::en).find("description never came"), std::string::npos);
  failed.report.description_received = TimePoint{1s};
  EXPECT_EQ(cause_so_far(failed.report), Cause::no_local_candidates);
  failed.report.local_candidates.resize(1);
  EXPECT_EQ(cause_so_far(failed.report), Cause::no_remote_candidates);
  failed.report.remote_candidates.resize(1);
  EXPECT_EQ(cause_so_far(failed.report), Cause::no_common_family);
  PairReport& pair = failed.report.pairs.emplace_back();
  pair.requests_sent = 7;
  pair.requests_heard = 3;
  EXPECT_EQ(cause_so_far(failed.report), Cause::checks_failed);
  const std::string text = describe(failed, Language::en);
  EXPECT_NE(text.find("stopped after 10 s"), std::string::npos) << text;
  EXPECT_NE(text.find("7 checks sent on 1 pairs, 0 answered, 3 heard"), std::string::npos) << text;
  EXPECT_NE(remedy_for(failed, Language::en).find("TURN"), std::string::npos);

  pair.valid = true;
  EXPECT_EQ(cause_so_far(failed.report), Cause::nomination_failed) << "a pair worked";

  const auto object = to_json("a", MeshEvent{PeerEvent{"b", failed}}, Language::en);
  ASSERT_TRUE(object);
  EXPECT_EQ(object->at("cause"), "attempt-timeout");
  EXPECT_EQ(object->at("final"), true);
  EXPECT_EQ(object->at("attempt"), 1);
}

TEST(MeshCauseText, APeerThatGaveUpIsQuotedAndNothingIsSaidOfOurOwnTimeout) {
  CallFailed failed{1, false, DemoCause::peer_gave_up, 3s, {}};
  EXPECT_EQ(describe(failed, Language::en).find("the demo stopped"), std::string::npos);
  failed.peer_cause = "checks-failed\x1b";
  const std::string text = describe(failed, Language::en);
  EXPECT_EQ(text.find("the peer gave up: checks-failed\xef\xbf\xbd. So far: "), 0U) << text;
  EXPECT_EQ(text.find("the demo stopped"), std::string::npos) << text;
}

TEST(MeshCauseText, WhereNoPairWorksTheRemedyIsARelay) {
  for (const Cause cause : {Cause::checks_failed, Cause::no_common_family, Cause::asymmetric_response}) {
    EXPECT_NE(text_of(cause).remedy.in(Language::en).find("TURN server"), std::string::npos) << to_string(cause);
    EXPECT_NE(text_of(cause).remedy.in(Language::ko).find("TURN 서버"), std::string::npos) << to_string(cause);
  }
}

CallConnected a_connection(CandidateType type = CandidateType::host) {
  CallConnected connected;
  connected.local.type = type;
  connected.local.endpoint = endpoint("192.0.2.1:1");
  connected.remote.endpoint = endpoint("192.0.2.2:2");
  connected.took = 12ms;
  return connected;
}

TEST(MeshEventView, ASignallingServerThatIsGoneIsSaidInWordsOfThatAndNotOfAnObject) {
  const MeshEvent lost = SignallingLost{make_error_code(errc::closed)};
  EXPECT_EQ(boost::json::serialize(*to_json("ann", lost, Language::en)),
            R"({"event":"signalling-lost","self":"ann","text":"the server closed the connection"})");
  const MeshEvent reset = SignallingLost{std::make_error_code(std::errc::connection_reset)};
  const programs::Output output{STDOUT_FILENO};
  EXPECT_NE(to_text(reset, output, Language::ko)->find("Connection reset"), std::string::npos);
}

TEST(MeshScoreboard, APairCountsWhenBothEndsAreConnected) {
  Scoreboard scores{{"a", "b", "c"}};
  EXPECT_EQ(scores.pairs(), 3U);
  scores.note("a", PeerEvent{"b", a_connection(CandidateType::relayed)});
  EXPECT_EQ(scores.connected(), 0U);
  scores.note("b", PeerEvent{"a", a_connection()});
  EXPECT_EQ(scores.connected(), 1U);
  EXPECT_EQ(scores.relayed(), 1U);
  for (const auto& [from, to] : {std::pair{"a", "b"}, std::pair{"b", "a"}}) {
    scores.note_sent(from, to);
    scores.note(to, PeerEvent{from, CallText{"hello"}});
  }
  EXPECT_FALSE(scores.settled());
  scores.note("c", PeerEvent{"a", CallFailed{1, false, DemoCause::attempt_timeout, 1s, {}}});
  EXPECT_FALSE(scores.settled());
  scores.note("c", PeerEvent{"a", CallFailed{2, true, DemoCause::attempt_timeout, 1s, {}}});
  scores.note("b", PeerEvent{"c", CallFailed{2, true, DemoCause::attempt_timeout, 1s, {}}});
  EXPECT_TRUE(scores.settled());
  EXPECT_FALSE(scores.complete());
  EXPECT_EQ(boost::json::serialize(scores.summary()),
            R"({"event":"summary","peers":3,"pairs":3,"connected":1,"relayed":1,"messages_sent":2,)"
            R"("messages_delivered":2})");
  const programs::Output output{STDOUT_FILENO};
  const std::string table = scores.render(output, Language::en);
  EXPECT_NE(table.find("192.0.2.1:1"), std::string::npos) << table;
  EXPECT_NE(table.find("not connected"), std::string::npos) << table;
  EXPECT_NE(table.find("1 of 3 pairs connected"), std::string::npos) << table;
}

TEST(MeshScoreboard, APairThatSaidMoreThanOnceIsCompleteWhenAllOfItIsHeard) {
  Scoreboard scores{{"a", "b"}};
  scores.note("a", PeerEvent{"b", a_connection()});
  scores.note("b", PeerEvent{"a", a_connection()});
  EXPECT_FALSE(scores.complete()) << "nothing was said";
  EXPECT_FALSE(scores.has_sent("a", "b"));
  for (const auto& [from, to] : {std::pair{"a", "b"}, std::pair{"b", "a"}, std::pair{"b", "a"}}) {
    scores.note_sent(from, to);
    EXPECT_FALSE(scores.complete());
    scores.note(to, PeerEvent{from, CallText{"hello"}});
  }
  EXPECT_TRUE(scores.has_sent("a", "b"));
  EXPECT_TRUE(scores.complete());
}

}  // namespace
}  // namespace ice::mesh
