#include "mesh_demo/saved_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "common/report_read.hpp"
#include "common/utf8.hpp"

namespace ice::mesh {
namespace {

namespace json = boost::json;
using programs::Language;
using programs::Text;

constexpr std::size_t deepest = 16;

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  const json::string* text = found != nullptr ? found->if_string() : nullptr;
  return text != nullptr ? programs::to_printable(std::string_view{text->data(), text->size()}) : std::string{};
}

const json::array* list_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  return found != nullptr ? found->if_array() : nullptr;
}

result<SavedPeer> read_peer(const json::value& value) {
  const json::object* object = value.if_object();
  const json::array* attempts = object != nullptr ? list_of(*object, "attempts") : nullptr;
  if (attempts == nullptr) return fail(errc::invalid_argument);
  SavedPeer peer{text_of(*object, "peer"), {}};
  for (const json::value& each : *attempts) {
    const json::object* attempt = each.if_object();
    const json::value* found = attempt != nullptr ? attempt->if_contains("report") : nullptr;
    if (found == nullptr || !found->is_object()) return fail(errc::invalid_argument);
    auto report = programs::report_from_json(found->get_object());
    if (!report) return fail(report.error());
    if (peer.attempts.size() < programs::most_entries) peer.attempts.push_back(std::move(*report));
  }
  return peer;
}

/// The two of one attempt: they know each other's ufrag, or at least one has heard of the other.
bool belong_together(const ConnectivityReport& a, const ConnectivityReport& b) {
  const auto knows = [](const ConnectivityReport& one, const ConnectivityReport& other) {
    return !one.remote_ufrag.empty() && one.remote_ufrag == other.local_ufrag;
  };
  return knows(a, b) || knows(b, a);
}

/// The last attempt of both, or null.
const ConnectivityReport* match(const ConnectivityReport& mine, const SavedPeer& theirs) {
  const auto found = std::find_if(theirs.attempts.rbegin(), theirs.attempts.rend(),
                                  [&](const ConnectivityReport& each) { return belong_together(mine, each); });
  return found != theirs.attempts.rend() ? &*found : nullptr;
}

const SavedPeer* peer_of(const SavedMesh& mesh, const std::string& name) {
  const auto found =
      std::find_if(mesh.peers.begin(), mesh.peers.end(), [&](const SavedPeer& each) { return each.peer == name; });
  return found != mesh.peers.end() ? &*found : nullptr;
}

}  // namespace

result<SavedMesh> parse_saved(std::string_view text) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = deepest;
  const json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return fail(errc::invalid_argument);
  SavedMesh mesh{text_of(*object, "self"), {}};
  const json::array* peers = list_of(*object, "peers");
  if (peers == nullptr) {
    if (!object->contains("pairs")) return fail(errc::invalid_argument);
    auto report = programs::report_from_json(*object);
    if (!report) return fail(report.error());
    mesh.peers.push_back({{}, {std::move(*report)}});
    return mesh;
  }
  for (const json::value& each : *peers) {
    auto peer = read_peer(each);
    if (!peer) return fail(peer.error());
    if (mesh.peers.size() < programs::most_entries) mesh.peers.push_back(std::move(*peer));
  }
  return mesh;
}

std::vector<Explained> explain_saved(const SavedMesh& mine, const SavedMesh* theirs) {
  std::vector<Explained> all;
  for (const SavedPeer& peer : mine.peers) {
    if (peer.attempts.empty()) continue;
    if (theirs != nullptr && peer.peer != theirs->self) continue;
    Explained explained{mine.self, peer.peer, false, {}};
    const ConnectivityReport& last = peer.attempts.back();
    const SavedPeer* other = theirs != nullptr ? peer_of(*theirs, mine.self) : nullptr;
    const ConnectivityReport* report = other != nullptr ? match(last, *other) : nullptr;
    explained.both = report != nullptr;
    explained.findings = report != nullptr ? explain(last, *report) : explain(last);
    all.push_back(std::move(explained));
  }
  return all;
}

json::object to_json(const Explained& explained, std::size_t rank, Language language) {
  const Finding& finding = explained.findings[rank];
  json::array evidence;
  for (const Evidence& each : finding.evidence) evidence.emplace_back(ice::describe(each, language));
  json::array alternatives;
  for (const RootCause each : finding.alternatives) alternatives.emplace_back(to_string(each));
  return {{"event", "finding"},
          {"self", explained.self},
          {"peer", explained.peer},
          {"rank", rank + 1},
          {"cause", to_string(finding.cause)},
          {"severity", to_string(finding.severity)},
          {"where", to_string(finding.where)},
          {"confidence", finding.confidence},
          {"text", ice::describe(finding, language)},
          {"rfc", rfc_section(finding.cause)},
          {"remedy", remedy(finding.cause, language)},
          {"evidence", std::move(evidence)},
          {"alternatives", std::move(alternatives)}};
}

std::string render(const Explained& explained, Language language) {
  std::string text = fmt::format("{} ↔ {}", explained.self.empty() ? "?" : explained.self,
                                 explained.peer.empty() ? "?" : explained.peer);
  text += explained.both ? Text{" (both reports)", " (양쪽 보고서)"}.in(language)
                         : Text{" (one report)", " (한쪽 보고서)"}.in(language);
  if (explained.findings.empty())
    return text.append("\n  ").append(
        Text{"nothing is wrong with this call", "이 통화에는 문제가 없습니다"}.in(language));
  for (const Finding& finding : explained.findings) {
    text +=
        fmt::format("\n  {} ({}): {}", to_string(finding.cause), finding.confidence, ice::describe(finding, language));
    for (const Evidence& each : finding.evidence) text.append("\n    - ").append(ice::describe(each, language));
    text.append("\n    ").append(Text{"remedy: ", "해결책: "}.in(language)).append(remedy(finding.cause, language));
  }
  return text;
}

}  // namespace ice::mesh
