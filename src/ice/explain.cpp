#include "ice/explain.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "ice/explain_view.hpp"

namespace ice {
namespace {

constexpr std::array<std::string_view, root_causes> words{"no-local-address",
                                                          "server-name-unresolved",
                                                          "stun-unreachable",
                                                          "turn-unreachable",
                                                          "turn-credentials-refused",
                                                          "turn-credentials-expired",
                                                          "turn-refused",
                                                          "udp-blocked",
                                                          "description-missing",
                                                          "candidates-missing",
                                                          "wrong-credentials",
                                                          "wrong-generation",
                                                          "no-common-family",
                                                          "peer-silent",
                                                          "one-direction",
                                                          "answers-lost",
                                                          "checks-blocked",
                                                          "symmetric-nats",
                                                          "mapping-expired",
                                                          "hairpin-missing",
                                                          "consent-lost",
                                                          "peer-ended",
                                                          "rebinding",
                                                          "interface-gone",
                                                          "relay-lost",
                                                          "path-mtu",
                                                          "relay-by-policy",
                                                          "relay-chosen-earlier",
                                                          "unknown"};

void explain_failure(const ReportView& a, const ReportView* b, Findings& findings) {
  // A connection that was there at both ends has shown that addresses, servers and signalling were in order.
  if (a.report().connected && (b == nullptr || b->report().connected)) return;
  explain_gathering(a, b, findings);
  explain_signalling(a, b, findings);
  if (b == nullptr) {
    explain_silence(a, findings);
    return;
  }
  explain_gathering(*b, &a, findings);
  explain_signalling(*b, &a, findings);
  explain_paths(a, *b, findings);
}

/// Why nothing direct was used. A policy is reason enough.
std::vector<Finding> explain_relay(const ConnectivityReport& mine, const ConnectivityReport* theirs) {
  Findings notes{Severity::note};
  const ReportView a{mine, Party::ours, PairScope::direct};
  std::optional<ReportView> b;
  if (theirs != nullptr) b.emplace(*theirs, Party::theirs, PairScope::direct);
  explain_relay_choice(a, notes);
  if (b) explain_relay_choice(*b, notes);
  if (!notes.has(RootCause::relay_by_policy)) {
    explain_gathering(a, b ? &*b : nullptr, notes);
    if (b) {
      explain_gathering(*b, &a, notes);
      explain_paths(a, *b, notes);
    }
  }
  std::vector<Finding> found = notes.take();
  std::erase_if(found, [](const Finding& each) { return each.confidence < confidence::weak; });
  return found;
}

std::vector<Finding> explain(const ConnectivityReport& mine, const ConnectivityReport* theirs) {
  const ReportView a{mine, Party::ours, PairScope::all};
  std::optional<ReportView> b;
  if (theirs != nullptr) b.emplace(*theirs, Party::theirs, PairScope::all);
  const ReportView* other = b ? &*b : nullptr;

  Findings findings{Severity::failure};
  explain_interruption(a, other, findings);
  explain_packets(a, findings);
  if (b) {
    explain_interruption(*b, &a, findings);
    explain_packets(*b, findings);
  }
  if (a.in_trouble() || (b && b->in_trouble())) {
    explain_failure(a, other, findings);
    std::vector<Finding> found = findings.take();
    if (found.empty() || found.front().confidence <= confidence::faint)
      found.insert(found.begin(),
                   {RootCause::unknown, Severity::failure, Party::both, confidence::faint, {}, {}, other == nullptr});
    return found;
  }
  std::vector<Finding> found = findings.take();
  if (a.uses_relay()) {
    for (Finding& note : explain_relay(mine, theirs)) found.push_back(std::move(note));
  }
  return found;
}

}  // namespace

std::string_view to_string(RootCause cause) noexcept { return words[static_cast<std::size_t>(cause)]; }

std::optional<RootCause> parse_root_cause(std::string_view word) noexcept {
  const auto* const found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<RootCause>(found - words.begin());
}

std::string_view to_string(Severity severity) noexcept { return severity == Severity::failure ? "failure" : "note"; }

std::string_view to_string(Party party) noexcept {
  switch (party) {
    case Party::ours:
      return "ours";
    case Party::theirs:
      return "theirs";
    case Party::both:
      return "both";
  }
  return "";
}

std::vector<Finding> explain(const ConnectivityReport& mine) { return explain(mine, nullptr); }

std::vector<Finding> explain(const ConnectivityReport& mine, const ConnectivityReport& theirs) {
  return explain(mine, &theirs);
}

}  // namespace ice
