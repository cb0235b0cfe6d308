#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "common/report_json.hpp"
#include "common/report_read.hpp"
#include "mesh_demo/saved_report.hpp"

namespace ice::mesh {
namespace {

using namespace std::chrono_literals;
using programs::Language;

ConnectivityReport failed_report(std::string own_ufrag, std::string remote_ufrag) {
  ConnectivityReport report;
  report.role = Role::controlled;
  report.state = AgentState::failed;
  report.cause = Cause::checks_failed;
  report.local_ufrag = std::move(own_ufrag);
  report.remote_ufrag = std::move(remote_ufrag);
  report.gathering_started = TimePoint{0ms};
  report.description_received = TimePoint{150ms + 5us};
  report.unix_time = 1'700'000'000s;
  report.relay_only = false;
  report.candidates_told = 1;
  report.sockets.push_back({*Endpoint::parse("192.168.1.2:5000"), "eth0", true, TimePoint{1ms}, {}, {}});
  ServerReport server;
  server.uri = "turn:198.51.100.1:3478";
  server.server = *Endpoint::parse("198.51.100.1:3478");
  server.transport = Transport::tcp;
  server.requests = 3;
  server.cause = Cause::wrong_credentials;
  server.error_code = 401;
  server.login_expires = 1'600'000'000s;
  server.longest_silence = 2s;
  report.servers.push_back(server);
  Candidate candidate;
  candidate.foundation = "1";
  candidate.priority = 7;
  candidate.endpoint = *Endpoint::parse("192.168.1.2:5000");
  report.local_candidates.push_back(candidate);
  candidate.type = CandidateType::server_reflexive;
  candidate.endpoint = *Endpoint::parse("[2001:db8::2]:5000");
  report.remote_candidates.push_back({candidate, TimePoint{151ms}, {}});
  PairReport pair;
  pair.base = *Endpoint::parse("192.168.1.2:5000");
  pair.remote = candidate.endpoint;
  pair.remote_type = CandidateType::server_reflexive;
  pair.state = PairState::failed;
  pair.cause = Cause::no_response;
  pair.requests_sent = 7;
  pair.too_big = 1;
  pair.first_sent = TimePoint{200ms};
  pair.round_trip = 250us;
  report.pairs.push_back(pair);
  report.earlier.push_back({"old",
                            "older",
                            GenerationEnd::restarted_by_peer,
                            TimePoint{1s},
                            AgentState::disconnected,
                            Cause::consent_expired,
                            false,
                            {server},
                            {pair}});
  report.history.push_back({TimePoint{3ms}, "ice-pair-selected", pair.base, pair.remote, 4});
  report.ignored.other_ufrag = 2;
  return report;
}

std::string saved(const std::string& self, const std::string& peer, const ConnectivityReport& report) {
  boost::json::object attempt{{"attempt", 1}, {"report", programs::to_json(report, TimePoint{})}};
  boost::json::object entry{{"peer", peer}, {"attempts", boost::json::array{attempt}}};
  return boost::json::serialize(boost::json::object{{"self", self}, {"peers", boost::json::array{entry}}});
}

TEST(SavedReport, ReadsBackWhatWasWritten) {
  const auto written = programs::to_json(failed_report("mine", "yours"), TimePoint{});
  const auto read = programs::report_from_json(written);
  ASSERT_TRUE(read);
  EXPECT_EQ(boost::json::serialize(programs::to_json(*read, TimePoint{})), boost::json::serialize(written));
}

TEST(SavedReport, ExplainsTheSameLaterAndElsewhere) {
  const ConnectivityReport report = failed_report("mine", "yours");
  const auto mesh = parse_saved(saved("alice", "bob", report));
  ASSERT_TRUE(mesh);
  const auto explained = explain_saved(*mesh, nullptr);
  ASSERT_EQ(explained.size(), 1U);
  EXPECT_FALSE(explained[0].both);
  const auto now = explain(report);
  ASSERT_EQ(explained[0].findings.size(), now.size());
  for (std::size_t i = 0; i < now.size(); ++i) {
    EXPECT_EQ(explained[0].findings[i].cause, now[i].cause);
    EXPECT_EQ(explained[0].findings[i].evidence, now[i].evidence);
  }
  const auto object = to_json(explained[0], 0, Language::ko);
  EXPECT_EQ(object.at("event"), "finding");
  EXPECT_EQ(object.at("peer"), "bob");
  EXPECT_EQ(std::string_view{object.at("cause").as_string()}, to_string(now.front().cause));
  EXPECT_THAT(render(explained[0], Language::en), testing::StartsWith("alice ↔ bob (one report)\n  "));
}

TEST(SavedReport, TwoReportsArePutTogetherByTheUfragsThatTheyKnow) {
  const auto mine = parse_saved(saved("alice", "bob", failed_report("mine", "yours")));
  const auto theirs = parse_saved(saved("bob", "alice", failed_report("yours", "mine")));
  const auto of_another = parse_saved(saved("bob", "alice", failed_report("other", "another")));
  ASSERT_TRUE(mine && theirs && of_another);
  EXPECT_TRUE(explain_saved(*mine, &*theirs).at(0).both);
  EXPECT_FALSE(explain_saved(*mine, &*of_another).at(0).both);
  EXPECT_TRUE(explain_saved(*mine, &*mine).empty()) << "a report of somebody else";
}

TEST(SavedReport, OneReportAloneIsOfANamelessPeer) {
  const auto mesh = parse_saved(boost::json::serialize(programs::to_json(failed_report("a", "b"), TimePoint{})));
  ASSERT_TRUE(mesh);
  EXPECT_EQ(explain_saved(*mesh, nullptr).size(), 1U);
}

TEST(SavedReport, WhatIsNoReportIsRefused) {
  for (const char* text : {"", "[]", "{}", "{\"peers\":1}", "{\"peers\":[1]}", "{\"peers\":[{\"attempts\":[{}]}]}",
                           "{\"pairs\":1}", "{\"pairs\":[{\"state\":\"happy\"}]}", "{\"pairs\":[],\"state\":1}",
                           "{\"pairs\":[{\"requests_sent\":-1}]}", "{\"pairs\":[{\"base\":\"nowhere\"}]}",
                           "{\"pairs\":[],\"connected\":1e300}", "{\"pairs\":[{\"error_code\":65536}]}"})
    EXPECT_FALSE(parse_saved(text)) << text;
}

}  // namespace
}  // namespace ice::mesh
