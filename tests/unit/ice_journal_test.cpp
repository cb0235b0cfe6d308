// What an agent remembers, and what words a report uses.

#include "ice/journal.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "support/lone_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using test::LoneAgent;

class Sink final : public TraceSink {
 public:
  void event(const TraceEvent& event) noexcept override {
    names.emplace_back(event.name);
    for (const TraceField& field : event.fields)
      if (const auto* number = std::get_if<std::uint64_t>(&field.value)) last_number = *number;
    source = event.source;
  }
  std::vector<std::string> names;
  std::uint64_t last_number = 0;
  std::uint64_t source = 0;
};

TEST(Journal, KeepsTheLastEntriesOldestFirst) {
  Journal journal{3, nullptr, 0};
  EXPECT_TRUE(journal.entries().empty());
  for (std::uint32_t i = 0; i < 5; ++i) journal.note(TimePoint{1s * i}, "word", endpoint("192.0.2.1:1"), {}, i);
  const auto entries = journal.entries();
  ASSERT_EQ(entries.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(entries[i].number, i + 2);
    EXPECT_EQ(entries[i].at, TimePoint{1s * (i + 2)});
    EXPECT_EQ(entries[i].local, endpoint("192.0.2.1:1"));
  }
}

TEST(Journal, TellsTheTraceWhatItRemembersAndMore) {
  Sink sink;
  Journal journal{0, &sink, 42};
  journal.note({}, "noted", {}, {}, 7);
  EXPECT_EQ(sink.last_number, 7U);
  journal.trace({}, "traced", {}, {});
  EXPECT_EQ(sink.names, (std::vector<std::string>{"noted", "traced"}));
  EXPECT_EQ(sink.source, 42U);
  EXPECT_TRUE(journal.entries().empty());
}

// Each is one of a closed list, and part of the JSON of every program.
TEST(Report, HasAWordOfItsOwnForEachValue) {
  std::set<std::string_view> words;
  std::size_t values = 0;
  const auto add = [&](std::string_view word) {
    ++values;
    EXPECT_FALSE(word.empty());
    EXPECT_EQ(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos) << word;
    words.insert(word);
  };
  for (int i = 0; i <= static_cast<int>(Cause::consent_revoked); ++i) add(to_string(static_cast<Cause>(i)));
  EXPECT_EQ(words.size(), values);
  words.clear();
  values = 0;
  for (int i = 0; i <= static_cast<int>(AgentState::closed); ++i) add(to_string(static_cast<AgentState>(i)));
  EXPECT_EQ(words.size(), values);
  words.clear();
  values = 0;
  for (int i = 0; i <= static_cast<int>(PairState::failed); ++i) add(to_string(static_cast<PairState>(i)));
  for (const CandidateType type :
       {CandidateType::host, CandidateType::server_reflexive, CandidateType::peer_reflexive, CandidateType::relayed})
    add(to_string(type));
  for (const Role role : {Role::controlling, Role::controlled}) add(to_string(role));
  EXPECT_EQ(words.size(), values);
  EXPECT_EQ(to_string(PairState::in_progress), "in-progress");
  EXPECT_EQ(to_string(CandidateType::server_reflexive), "srflx");
}

TEST(Report, TellsTheStoryOfAConnection) {
  LoneAgent lone;
  lone.connect("198.51.100.1:6000");
  lone.check("198.51.100.1:6000");
  const ConnectivityReport report = lone.report();
  EXPECT_TRUE(report.gathering_started && report.gathering_done && report.description_received);
  EXPECT_TRUE(report.first_check_sent && report.first_check_heard && report.first_valid && report.connected);
  EXPECT_EQ(report.ended, std::nullopt);
  EXPECT_EQ(report.pacing, 5ms);
  EXPECT_EQ(report.remote_ufrag, LoneAgent::peer_ufrag);
  const PairReport pair = lone.pair("198.51.100.1:6000");
  EXPECT_TRUE(pair.triggered && pair.valid && pair.nominated && pair.selected);
  EXPECT_EQ(pair.requests_sent, 2U);
  EXPECT_EQ(pair.responses_heard, 2U);
  EXPECT_EQ(pair.requests_heard, 1U);
  EXPECT_TRUE(pair.round_trip);
  std::vector<std::string_view> story;
  for (const HistoryEntry& entry : report.history) story.push_back(entry.what);
  for (const std::string_view word : {"ice-host-candidate", "ice-description-received", "ice-remote-candidate",
                                      "ice-pair-valid", "ice-nominating", "ice-pair-selected"})
    EXPECT_NE(std::find(story.begin(), story.end(), word), story.end()) << word;
}

}  // namespace
}  // namespace ice
