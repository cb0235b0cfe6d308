#include "mesh_demo/scoreboard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "common/table.hpp"
#include "mesh_demo/cause_text.hpp"

namespace ice::mesh {
namespace {

using programs::Colour;
using programs::format_in;
using programs::Language;
using programs::Output;
using programs::Table;
using programs::Text;

}  // namespace

void Scoreboard::note(std::string_view self, const MeshEvent& event) {
  const auto* of_peer = std::get_if<PeerEvent>(&event);
  if (of_peer == nullptr) return;
  End& end = ends_[{std::string{self}, of_peer->peer}];
  if (const auto* connected = std::get_if<CallConnected>(&of_peer->event)) {
    end.connected = *connected;
    end.failed.reset();
  } else if (const auto* failed = std::get_if<CallFailed>(&of_peer->event)) {
    end.connected.reset();
    end.failed = *failed;
  } else if (std::holds_alternative<CallText>(of_peer->event)) {
    ++end.heard;
  }
}

void Scoreboard::note_sent(std::string_view self, std::string_view peer) {
  ++ends_[{std::string{self}, std::string{peer}}].sent;
}

const Scoreboard::End& Scoreboard::end(const std::string& self, const std::string& peer) const {
  static const End nothing{};
  const auto found = ends_.find({self, peer});
  return found == ends_.end() ? nothing : found->second;
}

template <class F>
void Scoreboard::for_each_pair(F visit) const {
  for (auto a = names_.begin(); a != names_.end(); ++a)
    for (auto b = a + 1; b != names_.end(); ++b) visit(*a, *b, end(*a, *b), end(*b, *a));
}

std::size_t Scoreboard::connected() const {
  std::size_t count = 0;
  for_each_pair([&](const auto&, const auto&, const End& a, const End& b) { count += a.connected && b.connected; });
  return count;
}

std::size_t Scoreboard::relayed() const {
  std::size_t count = 0;
  for_each_pair([&](const auto&, const auto&, const End& a, const End& b) {
    count += a.connected && b.connected &&
             (a.connected->local.type == CandidateType::relayed || b.connected->local.type == CandidateType::relayed);
  });
  return count;
}

std::size_t Scoreboard::messages_sent() const {
  std::size_t sum = 0;
  for (const auto& [key, end] : ends_) sum += end.sent;
  return sum;
}

std::size_t Scoreboard::messages_delivered() const {
  std::size_t sum = 0;
  for (const auto& [key, end] : ends_) sum += end.heard;
  return sum;
}

bool Scoreboard::complete(const End& a, const End& b) {
  const bool sent = a.sent > 0 && b.sent > 0;
  return a.connected && b.connected && sent && a.heard == b.sent && b.heard == a.sent;
}

bool Scoreboard::complete() const {
  bool all = true;
  for_each_pair([&](const auto&, const auto&, const End& a, const End& b) { all = all && complete(a, b); });
  return all;
}

bool Scoreboard::settled() const {
  bool all = true;
  for_each_pair([&](const auto&, const auto&, const End& a, const End& b) {
    const bool failed = (a.failed && a.failed->final) || (b.failed && b.failed->final);
    all = all && (failed || complete(a, b));
  });
  return all;
}

boost::json::object Scoreboard::summary() const {
  return {{"event", "summary"},
          {"peers", names_.size()},
          {"pairs", pairs()},
          {"connected", connected()},
          {"relayed", relayed()},
          {"messages_sent", messages_sent()},
          {"messages_delivered", messages_delivered()}};
}

std::string Scoreboard::progress(Language language) const {
  return format_in(language, "{0} of {1} pairs connected, {2} messages delivered",
                   "{1}쌍 중 {0}쌍 연결됨, 메시지 {2}개 전달됨", connected(), pairs(), messages_delivered());
}

std::string Scoreboard::render(const Output& output, Language language) const {
  using Align = Table::Align;
  Table table{{Align::left, Align::left, Align::left, Align::left, Align::left, Align::right, Align::right}};
  const auto heading = [&](Text text) { return Table::Cell{std::string{text.in(language)}, Colour::bold}; };
  table.add_row({heading({"peer", "피어"}), heading({"peer", "피어"}), heading({"types", "종류"}),
                 heading({"address", "주소"}), heading({"address", "주소"}), heading({"ms", "ms"}),
                 heading({"attempt", "시도"})});
  std::string failures;
  for_each_pair([&](const std::string& one, const std::string& other, const End& a, const End& b) {
    if (a.connected && b.connected) {
      const CallConnected& pair = *a.connected;
      const auto took = std::max(pair.took, b.connected->took);
      table.add_row({{one},
                     {other},
                     {fmt::format("{} – {}", to_string(pair.local.type), to_string(pair.remote.type)), Colour::green},
                     {pair.local.endpoint.to_string()},
                     {pair.remote.endpoint.to_string()},
                     {fmt::format("{}", std::chrono::round<std::chrono::milliseconds>(took).count())},
                     {fmt::format("{}", pair.attempt)}});
      return;
    }
    table.add_row({{one}, {other}, {std::string{Text{"not connected", "연결 안 됨"}.in(language)}, Colour::red}});
    const auto& failed = a.failed ? a.failed : b.failed;
    if (!failed) return;
    failures +=
        fmt::format("\n{} – {}: {}\n  {}", one, other, describe(*failed, language), remedy_for(*failed, language));
  });
  const std::string summary =
      format_in(language, "{0} peers, {1} of {2} pairs connected, {3} relayed, {4} of {5} messages delivered",
                "피어 {0}명, {2}쌍 중 {1}쌍 연결됨, 중계 {3}쌍, 메시지 {5}개 중 {4}개 전달됨", names_.size(),
                connected(), pairs(), relayed(), messages_delivered(), messages_sent());
  return table.render(output) + "\n" + failures + "\n" +
         output.paint(complete() ? Colour::green : Colour::red, summary);
}

}  // namespace ice::mesh
