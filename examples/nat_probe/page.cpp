#include "nat_probe/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "common/table.hpp"
#include "nat_probe/advice.hpp"
#include "nat_probe/words.hpp"

namespace ice::nat_probe {
namespace {

using programs::Colour;
using programs::format_in;
using programs::Language;
using programs::Output;
using programs::Table;
using programs::Text;

std::string indented(const std::string& text) {
  std::string lines = "  ";
  for (const char c : text) {
    lines += c;
    if (c == '\n') lines += "  ";
  }
  return lines;
}

/// What came back for one question.
Table::Cell came_back(const nat::Observation& one, Language language) {
  if (!one.error && one.test == nat::Test::tcp) return {std::string{Text{"yes", "응답함"}.in(language)}, Colour::green};
  if (!one.error && one.from != one.server)
    return {format_in(language, "{0}, from {1}", "{0}, {1}에서 옴", one.mapped.to_string(), one.from.to_string())};
  if (!one.error) return {one.mapped.to_string()};
  if (one.error == errc::timed_out) {
    return {format_in(language, "nothing, asked {} times", "응답 없음, {}번 물음", one.transmissions), Colour::yellow};
  }
  return {one.error.message(), Colour::yellow};
}

std::string questions(const Result& result, const Output& output, Language language) {
  Table table{{Table::Align::left, Table::Align::left, Table::Align::left, Table::Align::left}};
  for (const nat::Observation& one : result.observations) {
    std::string from = one.local ? one.local.to_string() : std::string{};
    table.add_row({{std::move(from), Colour::dim},
                   {one.server.to_string(), Colour::dim},
                   {std::string{question(one.test, language)}},
                   came_back(one, language)});
  }
  return indented(table.render(output));
}

/// One finding as a row: its name, what it is called, how sure that is, and what it means or why it is not known.
template <class T>
void add_finding(Table& table, const Text& name, const nat::Judged<T>& judged, Language language) {
  const bool known = judged.confidence != nat::Confidence::none;
  table.add_row({{std::string{name.in(language)}},
                 {std::string{to_string(judged.value)}, known ? Colour::bold : Colour::yellow},
                 {std::string{word(judged.confidence, language)}, Colour::dim},
                 {std::string{known ? meaning(judged.value, language) : reason(judged.doubt, language)}}});
}

void add_lifetime(Table& table, const nat::Behavior& behavior, Language language) {
  const auto seconds = [](Duration duration) { return std::chrono::duration<double>(duration).count(); };
  const bool known = behavior.lifetime.confidence != nat::Confidence::none;
  std::string value = "unknown";
  if (known) value = format_in(language, "{:.0f} s", "{:.0f}초", seconds(behavior.lifetime.value));
  std::string meaning{reason(behavior.lifetime.doubt, language)};
  if (known && behavior.lifetime_below) {
    meaning = format_in(language, "alive after that, and gone after {:.1f} s without a packet from inside",
                        "그때까지 살아 있고, 안에서 나가는 패킷 없이 {:.1f}초가 지나면 사라짐",
                        seconds(*behavior.lifetime_below));
  } else if (known) {
    meaning =
        format_in(language, "still alive then; it was not waited for longer", "그때까지 살아 있음. 더 기다리지는 않음");
  }
  table.add_row({{std::string{Text{"lifetime", "매핑 수명"}.in(language)}},
                 {std::move(value), known ? Colour::bold : Colour::yellow},
                 {std::string{word(behavior.lifetime.confidence, language)}, Colour::dim},
                 {std::move(meaning)}});
}

std::string findings(const Result& result, const Output& output, Language language) {
  const nat::Behavior& behavior = result.behavior;
  Table table{{Table::Align::left, Table::Align::left, Table::Align::left, Table::Align::left}};
  const auto line = [&](const Text& name, std::string text, Colour colour = Colour::none) {
    table.add_row({{std::string{name.in(language)}}, {std::move(text), colour}});
  };
  line({"classic type", "고전 분류"}, std::string{to_string(result.classic)}, Colour::cyan);
  if (behavior.local) line({"local", "로컬"}, behavior.local.to_string());
  if (behavior.mapped) line({"seen as", "외부에서 보이는 주소"}, behavior.mapped.to_string());
  add_finding(table, {"mapping", "매핑"}, behavior.mapping, language);
  add_finding(table, {"filtering", "필터링"}, behavior.filtering, language);
  add_finding(table, {"ports", "포트 할당"}, behavior.port_allocation, language);
  add_finding(table, {"hairpinning", "헤어핀"}, behavior.hairpinning, language);
  add_finding(table, {"fragments", "단편"}, behavior.fragments, language);
  if (behavior.lifetime.doubt != nat::Doubt::not_asked) add_lifetime(table, behavior, language);
  return indented(table.render(output));
}

}  // namespace

std::string render(const Result& result, const Output& output, Language language) {
  const auto heading = [&](const Text& text) { return "\n" + output.paint(Colour::bold, text.in(language)) + "\n"; };
  const auto seconds = std::chrono::duration<double>(result.took).count();
  std::string page =
      output.paint(Colour::bold, format_in(language, "{0}: {1} questions, {2} packets, {3:.1f} s",
                                           "{0}: 질문 {1}개, 패킷 {2}개, {3:.1f}초", to_string(result.behavior.family),
                                           result.observations.size(), result.sent(), seconds));
  page += "\n" + heading({"What was asked, and what came back", "물은 것과 돌아온 것"});
  page += questions(result, output, language) + "\n";
  page += heading({"What it means", "뜻하는 것"});
  page += findings(result, output, language) + "\n";
  page += heading({"Advice", "조언"});
  for (const std::string& sentence : advice_for(result, language)) page += "  " + sentence + "\n";
  page.pop_back();
  return page;
}

}  // namespace ice::nat_probe
