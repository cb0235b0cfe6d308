// What happened to the checks between the two, and which NAT explains it.

#include <algorithm>
#include <chrono>
#include <string>

#include "ice/explain_view.hpp"

namespace ice {
namespace {

using namespace confidence;

/// RFC 4787 REQ-5 wants mappings to live two minutes at least; 30 s is what the less patient NATs do.
constexpr Duration shortest_lifetime = std::chrono::seconds{30};
constexpr Duration required_lifetime = std::chrono::minutes{2};

/// How sure it is that the mapping the peer was told of was gone when the checks came: 0 for not at all.
unsigned expired(const ReportView& side) {
  if (!side.behind_nat() || side.differing() || side.hears_peer()) return 0;
  unsigned sure = 0;
  for (const SeenMapping& each : side.mappings()) {
    if (each.server->mapping_changes > 0)
      sure = std::max(sure, strong + 3);
    else if (each.silence >= required_lifetime)
      sure = std::max(sure, strong);
    else if (each.silence >= shortest_lifetime)
      sure = std::max(sure, strong - 2);
  }
  return sure;
}

std::vector<Evidence> expiry_evidence(const ReportView& side) {
  std::vector<Evidence> evidence;
  for (const SeenMapping& each : side.mappings()) {
    evidence.push_back(side.evidence(each));
    if (each.server->mapping_changes > 0) {
      evidence.push_back(side.evidence(Fact::mapping_changed, *each.server, each.server->mapping_changes));
    } else if (each.silence >= shortest_lifetime) {
      Evidence silent = side.evidence(Fact::mapping_silent, each.server->local, each.server->server);
      silent.detail = std::to_string(std::chrono::round<std::chrono::seconds>(each.silence).count()) + " s";
      evidence.push_back(std::move(silent));
    }
  }
  return evidence;
}

std::vector<Evidence> differing_evidence(const ReportView& side) {
  if (!side.differing()) return {};
  const auto& [first, second] = *side.differing();
  Evidence other = side.evidence(second);
  other.fact = Fact::mapped_differently;
  return {side.evidence(first), std::move(other)};
}

std::vector<Evidence> counts(const ReportView& a, const ReportView& b) {
  return {a.checks_sent(), b.checks_heard(), b.answers_heard(), b.checks_sent(), a.checks_heard(), a.answers_heard()};
}

void append(std::vector<Evidence>& all, std::vector<Evidence> more) {
  for (Evidence& each : more) all.push_back(std::move(each));
}

bool exchanged(const ReportView& side) { return side.report().description_received && side.signalled() > 0; }

/// Something came, and was refused: the path is open.
bool refused_something(const ReportView& side) {
  return side.unverified() > 0 || side.report().ignored.unauthenticated > 0;
}

bool hears_anything(const ReportView& side) { return side.hears_peer() || refused_something(side); }

/// The public address that both are behind.
std::optional<Address> shared_address(const ReportView& a, const ReportView& b) {
  const std::set<Address> theirs = b.public_addresses();
  for (const Address& each : a.public_addresses())
    if (theirs.contains(each)) return each;
  return std::nullopt;
}

void explain_hairpin(const ReportView& a, const ReportView& b, Findings& findings) {
  const auto shared = shared_address(a, b);
  if (!shared) return;
  Evidence same = a.evidence(Fact::same_address);
  same.whose = Party::both;
  same.detail = shared->to_string();
  std::vector<Evidence> evidence{std::move(same)};
  append(evidence, counts(a, b));
  findings.add(RootCause::hairpin_missing, Party::both, strong + 4, std::move(evidence));
}

/// Both know how they are seen, so their NATs are what is between them.
bool seen(const ReportView& side) { return !side.mappings().empty(); }

/// In front of it nothing takes a new port for each peer, as far as its servers could tell.
bool predictable(const ReportView& side) { return side.endpoint_independent() || side.not_translated(); }

void explain_expiry(const ReportView& side, Findings& findings) {
  if (const unsigned sure = expired(side); sure > 0)
    findings.add(RootCause::mapping_expired, side.party(), sure, expiry_evidence(side));
}

void explain_symmetric(const ReportView& a, const ReportView& b, Findings& findings) {
  if (predictable(a) && predictable(b)) return;
  unsigned sure = strong + 4;
  if (!a.differing() && !b.differing()) sure = seen(a) && seen(b) ? possible + 4 : possible - 3;  // nobody could tell
  if (findings.has(RootCause::mapping_expired)) sure = std::min(sure, fair);
  if (findings.has(RootCause::hairpin_missing)) sure = std::min(sure, possible);
  if (a.connected_before() || b.connected_before()) sure = std::min(sure, possible);
  if (a.relay_wanted() || b.relay_wanted()) sure = std::min(sure, likely);
  std::vector<Evidence> evidence = differing_evidence(a);
  append(evidence, differing_evidence(b));
  append(evidence, counts(a, b));
  findings.add(RootCause::symmetric_nats, Party::both, sure, std::move(evidence));
}

void explain_blocked(const ReportView& a, const ReportView& b, Findings& findings) {
  unsigned sure = likely + 3;
  if (!predictable(a) || !predictable(b)) sure = possible - 3;
  if (!seen(a) || !seen(b)) sure = weak;
  if (findings.has(RootCause::mapping_expired) || findings.has(RootCause::hairpin_missing)) sure = weak;
  if (a.connected_before() || b.connected_before()) sure = std::min(sure, possible);
  findings.add(RootCause::checks_blocked, Party::both, sure, counts(a, b));
  // A filter at one side alone, which the other side's NAT hides: it waits to be let out to before it lets anything in.
  findings.add(RootCause::one_direction, Party::both, std::min(sure, weak) - 1, counts(a, b));
}

void explain_one_way(const ReportView& from, const ReportView& to, Findings& findings) {
  if (!hears_anything(to) || hears_anything(from)) return;
  findings.add(RootCause::one_direction, from.party(), strong + 2,
               {from.checks_sent(), to.checks_heard(), to.checks_sent(), from.checks_heard(), from.answers_heard()});
}

// The other side is heard, hears us, and refuses or answers; and of its answers none arrives.
void explain_answers(const ReportView& from, const ReportView& to, Findings& findings) {
  if (!hears_anything(from) || !hears_anything(to)) return;
  const bool asked = to.heard() > 0 || to.report().ignored.unauthenticated > 0;
  const bool asks = from.heard() > 0 || from.report().ignored.unauthenticated > 0;
  if (asked && asks && from.answered() + from.unverified() == 0)
    findings.add(RootCause::answers_lost, from.party(), strong + 2, counts(from, to));
}

}  // namespace

void explain_paths(const ReportView& a, const ReportView& b, Findings& findings) {
  if (!exchanged(a) || !exchanged(b)) return;
  if (a.report().pairs.empty() && b.report().pairs.empty()) return;
  explain_one_way(a, b, findings);
  explain_one_way(b, a, findings);
  explain_answers(a, b, findings);
  explain_answers(b, a, findings);
  if (hears_anything(a) || hears_anything(b)) return;
  explain_hairpin(a, b, findings);
  explain_expiry(a, findings);
  explain_expiry(b, findings);
  explain_symmetric(a, b, findings);
  explain_blocked(a, b, findings);
}

// One side alone: silence is silence.
void explain_silence(const ReportView& side, Findings& findings) {
  if (!exchanged(side) || refused_something(side) || side.report().pairs.empty()) return;
  if (side.heard() > 0 && side.answered() == 0) {
    Finding& found = findings.add(RootCause::one_direction, Party::both, likely,
                                  {side.checks_heard(), side.checks_sent(), side.answers_heard()});
    found.alternatives = {RootCause::answers_lost};
    found.wants_other_report = true;
    return;
  }
  if (side.answered() > 0 && side.heard() == 0) {
    // It answers whoever knows its password (RFC 8445 §7.3), and has nothing to check.
    Finding& found = findings.add(RootCause::description_missing, Party::theirs, fair,
                                  {side.checks_sent(), side.answers_heard(), side.checks_heard()});
    found.alternatives = {RootCause::candidates_missing, RootCause::wrong_generation, RootCause::one_direction};
    found.wants_other_report = true;
  }
  if (side.heard() > 0 && side.answered() > 0 && side.report().role == Role::controlled) {
    // What it would have nominated did not work at its end.
    Finding& found = findings.add(RootCause::answers_lost, Party::theirs, fair,
                                  {side.checks_heard(), side.checks_sent(), side.answers_heard()});
    found.alternatives = {RootCause::one_direction, RootCause::wrong_credentials};
    found.wants_other_report = true;
  }
  if (side.hears_peer()) return;
  explain_expiry(side, findings);
  std::vector<Evidence> evidence{side.checks_sent(), side.checks_heard(), side.answers_heard()};
  append(evidence, differing_evidence(side));
  Finding& found = findings.add(RootCause::peer_silent, Party::theirs, side.connected_before() ? possible : likely + 3,
                                std::move(evidence));
  found.wants_other_report = true;
  found.alternatives = {RootCause::symmetric_nats, RootCause::checks_blocked, RootCause::candidates_missing,
                        RootCause::udp_blocked,    RootCause::one_direction,  RootCause::mapping_expired,
                        RootCause::peer_ended};
  // This side's mapping is predictable, so it takes a filter at the peer, or a mapping of the peer's that is not.
  if (predictable(side)) std::swap(found.alternatives[0], found.alternatives[1]);
}

}  // namespace ice
