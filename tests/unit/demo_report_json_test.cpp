#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "common/report_json.hpp"

namespace ice::programs {
namespace {

using namespace std::chrono_literals;

ConnectivityReport small_report() {
  ConnectivityReport report;
  report.role = Role::controlled;
  report.state = AgentState::failed;
  report.cause = Cause::checks_failed;
  report.gathering_started = TimePoint{10ms};
  report.first_check_sent = TimePoint{10ms + 1500us};
  PairReport pair;
  pair.base = *Endpoint::parse("192.0.2.1:1000");
  pair.remote = *Endpoint::parse("[2001:db8::1]:2000");
  pair.remote_type = CandidateType::server_reflexive;
  pair.state = PairState::failed;
  pair.cause = Cause::no_response;
  pair.round_trip = 250us;
  report.pairs.push_back(pair);
  return report;
}

TEST(ReportJson, TellsMomentsInMillisecondsSinceTheOrigin) {
  const auto object = to_json(small_report(), TimePoint{10ms});
  EXPECT_EQ(object.at("gathering_started").to_number<double>(), 0.0);
  EXPECT_EQ(object.at("first_check_sent").to_number<double>(), 1.5);
  EXPECT_EQ(object.at("pairs").at(0).at("round_trip").to_number<double>(), 0.25);
}

TEST(ReportJson, LeavesOutWhatNeverHappened) {
  const auto object = to_json(small_report(), TimePoint{});
  EXPECT_FALSE(object.contains("connected"));
  EXPECT_FALSE(object.contains("remote_ufrag"));
  EXPECT_FALSE(object.at("pairs").at(0).as_object().contains("mapped"));
}

TEST(ReportJson, UsesTheWordsOfTheClosedLists) {
  const auto object = to_json(small_report(), TimePoint{});
  EXPECT_EQ(object.at("cause"), "checks-failed");
  EXPECT_EQ(object.at("state"), "failed");
  EXPECT_EQ(object.at("role"), "controlled");
  const auto& pair = object.at("pairs").at(0);
  EXPECT_EQ(pair.at("cause"), "no-response");
  EXPECT_EQ(pair.at("base"), "192.0.2.1:1000");
  EXPECT_EQ(pair.at("remote"), "[2001:db8::1]:2000");
  EXPECT_EQ(pair.at("remote_type"), "srflx");
}

}  // namespace
}  // namespace ice::programs
