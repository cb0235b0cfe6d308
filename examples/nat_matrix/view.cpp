#include "nat_matrix/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <chrono>
#include <string_view>
#include <utility>

#include "common/table.hpp"

namespace ice::matrix {
namespace {

using programs::Colour;
using programs::format_in;
using programs::Language;
using programs::Table;
using programs::Text;

/// Why one side of a cell did not connect.
struct Finding {
  char side;
  Cause cause;
  std::string text;
};

constexpr Text remedy{"a relay: give both agents a TURN server (RFC 8656)",
                      "중계 서버 사용: 두 에이전트 모두에 TURN 서버를 지정하십시오 (RFC 8656)"};

std::vector<Finding> findings_of(const Cell& cell, Language language) {
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < cell.sides.size(); ++i) {
    const ConnectivityReport& report = cell.sides[i].report;
    if (report.state == AgentState::connected) continue;
    std::uint32_t sent = 0;
    std::uint32_t heard = 0;
    for (const PairReport& pair : report.pairs) {
      sent += pair.requests_sent;
      heard += pair.responses_heard;
    }
    const char side = i == 0 ? 'a' : 'b';
    findings.push_back(
        {side, report.cause,
         format_in(language, "{0} sent {1} checks on {2} pairs and heard {3} answers; its NAT turned away {4} packets",
                   "{0}: 후보 쌍 {2}개에 연결 확인을 {1}번 보내고 응답 {3}개를 받음, NAT이 들어오는 패킷 {4}개를 막음",
                   side, sent, report.pairs.size(), heard, cell.sides[i].turned_away)});
  }
  return findings;
}

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

/// E, A or P for what a mapping or a filter depends on.
char letter(sim::Behavior behavior) {
  switch (behavior) {
    case sim::Behavior::endpoint_independent:
      return 'E';
    case sim::Behavior::address_dependent:
      return 'A';
    case sim::Behavior::address_and_port_dependent:
      return 'P';
  }
  return '?';
}

/// What heads a row: nine of them, or five beside their cells, have room on 80 columns.
std::string row_name(const NatKind& kind, bool full) {
  if (full) return {letter(kind.nat->mapping), '/', letter(kind.nat->filtering)};
  constexpr std::string_view cone = " cone";
  return kind.name.substr(0, kind.name.size() - (kind.name.ends_with(cone) ? cone.size() : 0));
}

/// What a table has room to say of each cell on 80 columns.
enum class Detail : std::uint8_t {
  types,  ///< the candidates that either side came to use: five columns
  path,   ///< direct or relayed: six
  time,   ///< how long it took: nine
};

Detail detail_of(const std::vector<NatKind>& kinds, bool full) {
  constexpr std::size_t columns_of_types = 5;
  if (full) return Detail::time;
  return kinds.size() > columns_of_types ? Detail::path : Detail::types;
}

/// The same, no wider than a cell.
std::string column_name(const NatKind& kind, Detail detail) {
  std::string name = row_name(kind, detail == Detail::time);
  if (name == "port restricted") return detail == Detail::path ? "port r." : "port restr.";
  if (detail != Detail::path) return name;
  if (name == "restricted") return "restr.";
  if (name == "symmetric") return "symm.";
  if (name == "udp blocked") return "no UDP";
  return name;
}

bool is_relayed(const Cell& cell) {
  return std::any_of(cell.sides.begin(), cell.sides.end(),
                     [](const Cell::Side& side) { return side.type == CandidateType::relayed; });
}

Table::Cell table_cell(const Cell& cell, Detail detail, Language language) {
  if (!cell.connected) return {std::string{Text{"none", "불가"}.in(language)}, Colour::red};
  const bool relayed = is_relayed(cell);
  const Colour colour = relayed ? Colour::yellow : Colour::green;
  switch (detail) {
    case Detail::types:
      return {fmt::format("{}/{}", to_string(*cell.sides[0].type), to_string(*cell.sides[1].type)), colour};
    case Detail::path:
      return {std::string{(relayed ? Text{"relay", "중계"} : Text{"direct", "직접"}).in(language)}, colour};
    case Detail::time:
      return {fmt::format("{} ms", milliseconds(cell.took)), colour};
  }
  return {};
}

std::string legend(Detail detail, Language language) {
  if (detail == Detail::time) {
    return std::string{
        Text{"Rows call columns. Mapping/filtering: E endpoint-independent, A address-dependent,\n"
             "P address-and-port-dependent (RFC 4787 §4.1, §5).",
             "행이 열에 전화를 겁니다. 매핑/필터링: E 엔드포인트 독립, A 주소 의존,\n"
             "P 주소와 포트 의존 (RFC 4787 §4.1, §5)."}
            .in(language)};
  }
  if (detail == Detail::path) {
    return std::string{Text{"Rows call columns. Each cell is the path that data came to take, or none.",
                            "행이 열에 전화를 겁니다. 칸은 데이터가 지나게 된 경로입니다."}
                           .in(language)};
  }
  return std::string{
      Text{"Rows call columns. Each cell is the type of candidate that either side came to use, or none.",
           "행이 열에 전화를 겁니다. 칸은 양쪽이 쓰게 된 후보의 종류입니다."}
          .in(language)};
}

}  // namespace

boost::json::object to_json(const Cell& cell, Language language) {
  boost::json::object object{{"event", "cell"}, {"a", cell.a}, {"b", cell.b}, {"connected", cell.connected}};
  if (cell.connected) {
    object["a_type"] = to_string(*cell.sides[0].type);
    object["b_type"] = to_string(*cell.sides[1].type);
  }
  object["ms"] = milliseconds(cell.took);
  boost::json::array findings;
  for (const Finding& finding : findings_of(cell, language)) {
    findings.push_back(boost::json::object{{"side", std::string{finding.side}},
                                           {"cause", to_string(finding.cause)},
                                           {"text", finding.text},
                                           {"remedy", remedy.in(language)}});
  }
  object["findings"] = std::move(findings);
  return object;
}

boost::json::object summary_json(const std::vector<Cell>& cells, std::uint64_t seed) {
  const auto connected = std::count_if(cells.begin(), cells.end(), [](const Cell& cell) { return cell.connected; });
  return {{"event", "summary"},
          {"seed", seed},
          {"cells", cells.size()},
          {"connected", connected},
          {"relayed", std::count_if(cells.begin(), cells.end(), is_relayed)},
          {"failed", static_cast<std::int64_t>(cells.size()) - connected}};
}

std::string render(const std::vector<NatKind>& kinds, const std::vector<Cell>& cells, Relay relay, bool full,
                   const programs::Output& output, Language language) {
  const Detail detail = detail_of(kinds, full);
  Table table{std::vector<Table::Align>(kinds.size() + 1, Table::Align::left)};
  std::vector<Table::Cell> heading{{"", Colour::none}};
  for (const NatKind& kind : kinds) heading.push_back({column_name(kind, detail), Colour::bold});
  table.add_row(std::move(heading));
  auto cell = cells.begin();
  for (const NatKind& kind : kinds) {
    std::vector<Table::Cell> row{{row_name(kind, full), Colour::bold}};
    for (std::size_t i = 0; i < kinds.size(); ++i) row.push_back(table_cell(*cell++, detail, language));
    table.add_row(std::move(row));
  }
  std::string text = table.render(output) + "\n\n" + legend(detail, language) + "\n";

  std::size_t connected = 0;
  std::size_t relayed = 0;
  std::string failures;
  for (const Cell& one : cells) {
    if (one.connected) {
      ++connected;
      if (is_relayed(one)) ++relayed;
      continue;
    }
    if (full) continue;  // half of the grid, and all for the same reason
    failures += "\n" + output.paint(Colour::red, fmt::format("{} → {}", one.a, one.b));
    for (const Finding& finding : findings_of(one, language)) {
      failures += fmt::format("\n  {}: {}", to_string(finding.cause), finding.text);
    }
  }
  if (relay != Relay::none) {
    text +=
        format_in(language, "{0} of {1} connect, {2} of them through the relay.",
                  "{1}칸 중 {0}칸이 연결되고, 그중 {2}칸은 중계 서버를 거칩니다.", connected, cells.size(), relayed);
  } else {
    text += format_in(language, "{} of {} have a direct path. Where there is none, the remedy is {}.",
                      "{1}칸 중 {0}칸이 직접 연결됩니다. 연결되지 않는 칸의 해결책: {2}.", connected, cells.size(),
                      remedy.in(language));
  }
  return text + failures;
}

}  // namespace ice::matrix
