// NAT against NAT: what the matrix shows is what RFC 4787 and RFC 8445 say must come out.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "common/utf8.hpp"
#include "nat_matrix/cell.hpp"
#include "nat_matrix/view.hpp"
#include "scenario/support/oracle.hpp"

namespace ice::matrix {
namespace {

using namespace std::chrono_literals;

constexpr auto host = CandidateType::host;
constexpr auto srflx = CandidateType::server_reflexive;
constexpr auto prflx = CandidateType::peer_reflexive;

/// The types on both sides, by row and column of the classic kinds; none where there is no path.
struct Types {
  CandidateType a, b;
};
constexpr std::optional<Types> no_path{};
constexpr std::array<std::array<std::optional<Types>, 5>, 5> expected{{
    {{{{host, host}}, {{host, srflx}}, {{host, srflx}}, {{host, srflx}}, {{host, prflx}}}},
    {{{{srflx, host}}, {{srflx, srflx}}, {{srflx, srflx}}, {{srflx, srflx}}, {{srflx, prflx}}}},
    {{{{srflx, host}}, {{srflx, srflx}}, {{srflx, srflx}}, {{srflx, srflx}}, {{srflx, prflx}}}},
    {{{{srflx, host}}, {{srflx, srflx}}, {{srflx, srflx}}, {{srflx, srflx}}, no_path}},
    {{{{prflx, host}}, {{prflx, srflx}}, {{prflx, srflx}}, no_path, no_path}},
}};

/// A failed cell comes with its report: what either side tried, why it failed, and what would help.
void expect_findings_of_both_sides(const Cell& cell) {
  const auto json = to_json(cell, programs::Language::en);
  const auto& findings = json.at("findings").as_array();
  ASSERT_EQ(findings.size(), 2U);
  for (std::size_t side = 0; side < findings.size(); ++side) {
    const auto& finding = findings[side].as_object();
    EXPECT_EQ(finding.at("side"), side == 0 ? "a" : "b");
    EXPECT_EQ(finding.at("cause"), "checks-failed");
    EXPECT_FALSE(finding.at("text").as_string().empty());
    EXPECT_FALSE(finding.at("remedy").as_string().empty());
    EXPECT_FALSE(cell.sides[side].report.pairs.empty());
  }
}

TEST(NatMatrix, TheClassicKindsConnectAsTheyMust) {
  const auto kinds = classic_kinds();
  ASSERT_EQ(kinds.size(), 5U);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (std::size_t row = 0; row < 5; ++row) {
      for (std::size_t column = 0; column < 5; ++column) {
        const Cell cell = run_cell(kinds[row], kinds[column], seed);
        SCOPED_TRACE(cell.a + " calls " + cell.b + ", seed " + std::to_string(seed));
        const auto& types = expected[row][column];
        EXPECT_TRUE(cell.ended);
        ASSERT_EQ(cell.connected, types.has_value());
        if (!types) {
          expect_findings_of_both_sides(cell);
          continue;
        }
        EXPECT_EQ(cell.sides[0].type, types->a);
        EXPECT_EQ(cell.sides[1].type, types->b);
        EXPECT_LT(cell.took, 2s);
      }
    }
  }
}

TEST(NatMatrix, WhereThereIsNoPathBothEndInTimeAndSayWhatTheyTried) {
  const auto kinds = classic_kinds();
  const Cell cell = run_cell(kinds[4], kinds[3], 1);
  ASSERT_FALSE(cell.connected);
  // RFC 8863 §4: 39.5 s of patience, from the first check on, that gathering and signalling come before
  EXPECT_GE(cell.took, 39500ms);
  EXPECT_LT(cell.took, 42s);
  for (const Cell::Side& side : cell.sides) {
    EXPECT_FALSE(side.type);
    EXPECT_EQ(side.report.state, AgentState::failed);
    EXPECT_EQ(side.report.cause, Cause::checks_failed);
    EXPECT_FALSE(side.report.pairs.empty());
    EXPECT_GT(side.turned_away, 0U);
    for (const PairReport& pair : side.report.pairs) {
      EXPECT_EQ(pair.cause, Cause::no_response);
      EXPECT_GT(pair.requests_sent, 1U);
    }
  }
}

TEST(NatMatrix, FollowsFromItsSeed) {
  const auto kinds = classic_kinds();
  const auto once = [&](std::uint64_t seed) { return run_cell(kinds[4], kinds[1], seed).sides[0].report; };
  EXPECT_EQ(once(3).local_ufrag, once(3).local_ufrag);
  EXPECT_EQ(once(3).pairs.at(0).base, once(3).pairs.at(0).base);
  EXPECT_NE(once(3).local_ufrag, once(4).local_ufrag);
}

/// Whether two NATs of the grid can be traversed between without guessing ports, by reasoning alone. A NAT whose
/// mapping is endpoint-independent has one external port, which the other side knows. Any other takes a new port for
/// the peer, and its first packet from there has to be let in by the other side's filter before anybody can know that
/// port.
bool path_by_reasoning(const sim::NatConfig& a, const sim::NatConfig& b) {
  using sim::Behavior;
  const auto independent = [](const sim::NatConfig& nat) { return nat.mapping == Behavior::endpoint_independent; };
  const auto by_port = [](Behavior behavior) { return behavior == Behavior::address_and_port_dependent; };
  if (independent(a) && independent(b)) return true;  // both ports are known, and both filters are opened from inside
  // the new port comes from an address that was sent to, and from a port that was not
  if (independent(a)) return !by_port(a.filtering);
  if (independent(b)) return !by_port(b.filtering);
  // Two new ports. One side has to let in a stranger at the port that the STUN server saw; the other has to let in
  // the answer, which comes from a known address and an unknown port.
  const bool first_contact = (a.filtering == Behavior::endpoint_independent && !by_port(b.filtering)) ||
                             (b.filtering == Behavior::endpoint_independent && !by_port(a.filtering));
  // And if both take a new port for each port of the other, every answer comes from yet another one.
  return first_contact && !(by_port(a.mapping) && by_port(b.mapping));
}

TEST(NatMatrix, TheWholeGridConnectsExactlyWhereReasoningAndTheOracleSayThatItCan) {
  const auto kinds = grid_kinds();
  ASSERT_EQ(kinds.size(), 9U);
  std::size_t connected = 0;
  for (const NatKind& a : kinds) {
    for (const NatKind& b : kinds) {
      SCOPED_TRACE(a.name + " calls " + b.name);
      const Cell cell = run_cell(a, b, 1);
      EXPECT_TRUE(cell.ended);
      EXPECT_EQ(cell.connected, path_by_reasoning(*a.nat, *b.nat));
      test::Topology topology;
      topology.caller.nat = a.nat;
      topology.callee.nat = b.nat;
      EXPECT_EQ(cell.connected, test::Oracle::has_path(topology, 1));
      connected += cell.connected ? 1 : 0;
    }
  }
  EXPECT_EQ(connected, 42U);
}

std::vector<Cell> all_cells(const std::vector<NatKind>& kinds, Relay relay = Relay::none) {
  std::vector<Cell> cells;
  for (const NatKind& a : kinds) {
    for (const NatKind& b : kinds) cells.push_back(run_cell(a, b, 1, relay));
  }
  return cells;
}

bool is_relayed(const Cell& cell) {
  return cell.sides[0].type == CandidateType::relayed || cell.sides[1].type == CandidateType::relayed;
}

TEST(NatMatrix, WithARelayEveryCellConnectsAndOnlyThoseWithoutAPathUseIt) {
  const auto kinds = classic_kinds(Relay::udp);
  ASSERT_EQ(kinds.size(), 5U);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (std::size_t row = 0; row < 5; ++row) {
      for (std::size_t column = 0; column < 5; ++column) {
        const Cell cell = run_cell(kinds[row], kinds[column], seed, Relay::udp);
        SCOPED_TRACE(cell.a + " calls " + cell.b + ", seed " + std::to_string(seed));
        ASSERT_TRUE(cell.connected);
        EXPECT_EQ(is_relayed(cell), !expected[row][column].has_value());
        EXPECT_LT(cell.took, 3s);
      }
    }
  }
}

TEST(NatMatrix, WithARelayOverTcpWhoHasNoUdpConnectsToo) {
  const auto kinds = classic_kinds(Relay::tcp);
  ASSERT_EQ(kinds.size(), 6U);
  ASSERT_EQ(kinds[5].name, "udp blocked");
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (std::size_t row = 0; row < 6; ++row) {
      for (std::size_t column = 0; column < 6; ++column) {
        const Cell cell = run_cell(kinds[row], kinds[column], seed, Relay::tcp);
        SCOPED_TRACE(cell.a + " calls " + cell.b + ", seed " + std::to_string(seed));
        ASSERT_TRUE(cell.connected);
        const bool blocked = row == 5 || column == 5;
        EXPECT_EQ(is_relayed(cell), blocked || !expected[row][column].has_value());
        EXPECT_LT(cell.took, 3s);
      }
    }
  }
}

TEST(NatMatrix, WithARelayTheWholeGridConnects) {
  for (const Cell& cell : all_cells(grid_kinds(), Relay::udp)) {
    SCOPED_TRACE(cell.a + " calls " + cell.b);
    EXPECT_TRUE(cell.connected);
  }
}

TEST(NatMatrix, CellsInJsonHaveTheirKeys) {
  const auto kinds = classic_kinds();
  const auto good = to_json(run_cell(kinds[0], kinds[4], 1), programs::Language::en);
  EXPECT_EQ(good.at("event"), "cell");
  EXPECT_EQ(good.at("a"), "open");
  EXPECT_EQ(good.at("b"), "symmetric");
  EXPECT_EQ(good.at("connected"), true);
  EXPECT_EQ(good.at("a_type"), "host");
  EXPECT_EQ(good.at("b_type"), "prflx");
  EXPECT_GT(good.at("ms").as_int64(), 0);
  EXPECT_TRUE(good.at("findings").as_array().empty());

  const Cell failed = run_cell(kinds[4], kinds[4], 1);
  const auto bad = to_json(failed, programs::Language::en);
  EXPECT_EQ(bad.at("connected"), false);
  EXPECT_FALSE(bad.contains("a_type"));
  expect_findings_of_both_sides(failed);
}

TEST(NatMatrix, TheSummaryCountsWhatConnected) {
  const auto classic = summary_json(all_cells(classic_kinds()), 1);
  EXPECT_EQ(classic.at("cells").to_number<int>(), 25);
  EXPECT_EQ(classic.at("connected").to_number<int>(), 22);
  EXPECT_EQ(classic.at("relayed").to_number<int>(), 0);
  EXPECT_EQ(classic.at("failed").to_number<int>(), 3);
}

TEST(NatMatrix, TheTablesFitEightyColumnsInBothLanguages) {
  const programs::Output plain{-1};
  struct Table {
    Relay relay;
    bool full;
  };
  for (const auto [relay, full] :
       {Table{Relay::none, false}, {Relay::none, true}, {Relay::udp, false}, {Relay::tcp, false}, {Relay::udp, true}}) {
    const auto kinds = full ? grid_kinds() : classic_kinds(relay);
    const std::vector<Cell> cells = all_cells(kinds, relay);
    for (const programs::Language language : {programs::Language::en, programs::Language::ko}) {
      std::istringstream text{render(kinds, cells, relay, full, plain, language)};
      std::size_t rows = 0;
      for (std::string line; std::getline(text, line) && !line.empty(); ++rows) {
        EXPECT_LE(programs::display_width(line), 80U) << line;
      }
      EXPECT_EQ(rows, kinds.size() + 1);
    }
  }
}

}  // namespace
}  // namespace ice::matrix
