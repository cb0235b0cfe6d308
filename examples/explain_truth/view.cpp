#include "explain_truth/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <utility>
#include <vector>

#include "common/table.hpp"

namespace ice::truth {
namespace {

using programs::Colour;
using programs::Table;

constexpr double least_first_real = 0.99;
constexpr double most_unknown = 0.01;
constexpr double least_found = 0.90;
constexpr double least_alone = 0.90;

double ratio(unsigned part, unsigned whole) noexcept { return whole == 0 ? 1 : static_cast<double>(part) / whole; }

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::vector<std::pair<RootCause, unsigned>> by_count(const std::map<RootCause, unsigned>& counts) {
  std::vector<std::pair<RootCause, unsigned>> sorted{counts.begin(), counts.end()};
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

std::string names(const std::vector<RootCause>& causes) {
  std::string text;
  for (const RootCause cause : causes) text.append(text.empty() ? "" : " + ").append(to_string(cause));
  return text.empty() ? "healthy" : text;
}

std::string names(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", to_string(finding.cause), finding.confidence);
  return text.empty() ? "nothing" : text;
}

std::string staged(const Judgement& judgement) {
  std::string text;
  for (const Fault& fault : judgement.plan.faults)
    text += fmt::format("{}{} at side {}", text.empty() ? "" : " + ", to_string(fault.cause), fault.side);
  return text.empty() ? "nothing" : text;
}

}  // namespace

bool meets_the_bar(const Tally& tally) noexcept {
  return tally.false_alarms == 0 && tally.first_impossible == 0 && tally.share(tally.first_real) >= least_first_real &&
         tally.share(tally.first_unknown) <= most_unknown && ratio(tally.alone_right, tally.alone) >= least_alone &&
         std::all_of(tally.causes.begin(), tally.causes.end(),
                     [](const auto& row) { return ratio(row.second.found, row.second.scenarios) >= least_found; });
}

std::string render(const Tally& tally, const programs::Output& output) {
  Table table{{Table::Align::left, Table::Align::right, Table::Align::right, Table::Align::left}};
  table.add_row(
      {{"real cause", Colour::bold}, {"calls", Colour::bold}, {"found", Colour::bold}, {"first", Colour::bold}});
  for (const auto& [cause, row] : tally.causes) {
    std::string first;
    for (const auto& [finding, count] : by_count(row.first))
      first += fmt::format("{}{} {}", first.empty() ? "" : ", ", to_string(finding), count);
    table.add_row({{std::string{to_string(cause)}, Colour::none},
                   {std::to_string(row.scenarios), Colour::none},
                   {percent(ratio(row.found, row.scenarios)), Colour::none},
                   {first, Colour::none}});
  }
  return table.render(output) +
         fmt::format(
             "\n\n{} calls: {} failed or were relayed for a known cause, {} healthy.\n"
             "The first finding is a real cause in {} (at least 99 %), impossible in {} calls (never), "
             "unknown in {} (at most 1 %).\n"
             "Healthy calls with a failure found: {} (none).\n"
             "From one report alone, by what one side can know: {} (at least 90 %).",
             tally.scenarios, tally.failures(), tally.healthy, percent(tally.share(tally.first_real)),
             tally.first_impossible, percent(tally.share(tally.first_unknown)), tally.false_alarms,
             percent(ratio(tally.alone_right, tally.alone)));
}

boost::json::object to_json(const Tally& tally, const std::string& seed) {
  boost::json::array causes;
  for (const auto& [cause, row] : tally.causes) {
    boost::json::object first;
    for (const auto& [finding, count] : row.first) first[to_string(finding)] = count;
    causes.push_back(boost::json::object{
        {"cause", to_string(cause)}, {"scenarios", row.scenarios}, {"found", row.found}, {"first", std::move(first)}});
  }
  return {{"event", "summary"},
          {"seed", seed},
          {"scenarios", tally.scenarios},
          {"healthy", tally.healthy},
          {"false_alarms", tally.false_alarms},
          {"first_real", tally.first_real},
          {"first_impossible", tally.first_impossible},
          {"first_unknown", tally.first_unknown},
          {"alone", tally.alone},
          {"alone_right", tally.alone_right},
          {"causes", std::move(causes)},
          {"met", meets_the_bar(tally)}};
}

std::string render(const Judgement& judgement) {
  std::string text = fmt::format("seed {}: staged {}, real {}\n  both reports: {}", judgement.plan.seed,
                                 staged(judgement), names(judgement.real), names(judgement.findings));
  for (std::size_t side = 0; side < judgement.alone.size(); ++side)
    text += fmt::format("\n  report {} alone, {}: {}", side, judgement.alone_is_right[side] ? "right" : "wrong",
                        names(judgement.alone[side]));
  return text;
}

boost::json::object to_json(const Judgement& judgement) {
  boost::json::array findings;
  for (const Finding& finding : judgement.findings)
    findings.push_back(boost::json::object{{"cause", to_string(finding.cause)}, {"confidence", finding.confidence}});
  return {{"event", "wrong"},
          {"seed", judgement.plan.seed},
          {"staged", staged(judgement)},
          {"real", names(judgement.real)},
          {"findings", std::move(findings)}};
}

}  // namespace ice::truth
