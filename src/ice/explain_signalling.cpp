// What signalling should have brought, and whether it is what the peer has sent.

#include <algorithm>

#include "ice/explain_view.hpp"

namespace ice {
namespace {

using namespace confidence;

/// What the peer was told of. Peer-reflexive candidates are not, and what is found after the end comes last.
std::vector<Candidate> told_by(const ReportView& side) {
  std::vector<Candidate> told;
  for (const Candidate& each : side.report().local_candidates)
    if (each.type != CandidateType::peer_reflexive && told.size() < side.report().candidates_told) told.push_back(each);
  return told;
}

bool arrived(const ReportView& side, const Candidate& candidate) {
  const auto& known = side.report().remote_candidates;
  return std::any_of(known.begin(), known.end(), [&](const RemoteCandidateReport& each) {
    return each.signalled && each.candidate.endpoint == candidate.endpoint;
  });
}

Evidence ufrag(const ReportView& side, Fact fact, const std::string& text) {
  Evidence evidence = side.evidence(fact);
  evidence.detail = text;
  return evidence;
}

void explain_description(const ReportView& side, Findings& findings) {
  if (side.report().description_received) return;
  Evidence none = side.evidence(Fact::no_description);
  none.until = side.since_start(side.report().ended);
  findings.add(RootCause::description_missing, side.party(), side.connected_before() ? fair : proven, {none});
}

void explain_candidates(const ReportView& side, const ReportView* other, Findings& findings) {
  if (!side.report().description_received) return;
  const std::size_t received = side.signalled();
  std::vector<Evidence> evidence{side.evidence(Fact::candidates_received, {}, {}, received)};
  if (other == nullptr) {
    if (received == 0) findings.add(RootCause::candidates_missing, side.party(), strong + 2, std::move(evidence));
    return;
  }
  const std::vector<Candidate> told = told_by(*other);
  bool reachable_missing = false;
  std::size_t missing = 0;
  for (const Candidate& each : told) {
    if (arrived(side, each)) continue;
    ++missing;
    reachable_missing |= each.type != CandidateType::host;
    evidence.push_back(side.evidence(Fact::candidate_missing, {}, each.endpoint));
  }
  if (missing == 0) return;
  evidence.push_back(other->evidence(Fact::candidates_told, {}, {}, told.size()));
  const unsigned sure = received == 0 ? proven - 1 : reachable_missing ? strong + 3 : weak;
  findings.add(RootCause::candidates_missing, side.party(), sure, std::move(evidence));
}

std::uint64_t refused_checks(const ReportView& side) {
  const IgnoredInput& ignored = side.report().ignored;
  const std::uint64_t answers = side.unverified() + ignored.other_ufrag;
  return ignored.unauthenticated > answers ? ignored.unauthenticated - answers : 0;
}

/// The peer has begun anew, and what it said of that is still on its way.
bool on_its_way(const ReportView& side, const ReportView& other) {
  const auto& earlier = other.report().earlier;
  return other.report().remote_ufrag.empty() &&
         std::any_of(earlier.begin(), earlier.end(),
                     [&](const GenerationReport& each) { return each.local_ufrag == side.report().remote_ufrag; });
}

void explain_credentials(const ReportView& side, const ReportView& other, Findings& findings) {
  const std::string& used = side.report().remote_ufrag;
  const std::string& expected = other.report().local_ufrag;
  if (used.empty() || expected.empty()) return;
  std::vector<Evidence> evidence{ufrag(side, Fact::ufrag_expected, used), ufrag(other, Fact::ufrag_used, expected)};
  if (used != expected) {
    if (on_its_way(side, other)) return;
    if (other.report().ignored.other_ufrag > 0)
      evidence.push_back(other.evidence(Fact::checks_other_ufrag, {}, {}, other.report().ignored.other_ufrag));
    findings.add(RootCause::wrong_generation, side.party(), proven + 1, std::move(evidence));
    return;
  }
  const std::uint64_t refused = refused_checks(other);
  if (side.unverified() == 0 && (refused == 0 || other.heard() > 0)) return;
  evidence.push_back(side.evidence(Fact::answers_unverified, {}, {}, side.unverified()));
  evidence.push_back(other.evidence(Fact::checks_refused, {}, {}, refused));
  findings.add(RootCause::wrong_credentials, side.party(), side.unverified() > 0 && refused > 0 ? proven : strong,
               std::move(evidence));
}

// A peer that refuses our checks does not say whether it knows another password or another ufrag.
void explain_credentials_alone(const ReportView& side, Findings& findings) {
  const IgnoredInput& ignored = side.report().ignored;
  if (side.unverified() > 0 && side.answered() == 0) {
    const Evidence evidence = side.evidence(Fact::answers_unverified, {}, {}, side.unverified());
    findings.add(RootCause::wrong_credentials, side.party(), strong - 2, {evidence}).wants_other_report = true;
    findings.add(RootCause::wrong_generation, side.party(), likely, {evidence}).wants_other_report = true;
  }
  if (side.heard() > 0) return;
  if (ignored.other_ufrag > 0)
    findings.add(RootCause::wrong_generation, Party::theirs, strong,
                 {side.evidence(Fact::checks_other_ufrag, {}, {}, ignored.other_ufrag)});
  if (const std::uint64_t refused = refused_checks(side); refused > 0)
    findings.add(RootCause::wrong_credentials, Party::theirs, strong,
                 {side.evidence(Fact::checks_refused, {}, {}, refused)});
}

Evidence family(const ReportView& side, Fact fact, const std::set<Family>& families) {
  Evidence evidence = side.evidence(fact);
  for (const Family each : families) {
    if (!evidence.detail.empty()) evidence.detail += ", ";
    evidence.detail += each == Family::ipv6 ? "IPv6" : "IPv4";
  }
  return evidence;
}

void explain_families(const ReportView& side, const ReportView* other, Findings& findings) {
  const std::set<Family> here = side.local_families();
  const std::set<Family> there = other != nullptr ? other->local_families() : side.remote_families();
  if (here.empty() || there.empty()) return;
  if (std::any_of(here.begin(), here.end(), [&](Family each) { return there.contains(each); })) return;
  Evidence theirs = family(other != nullptr ? *other : side, Fact::addresses, there);
  theirs.whose = side.party() == Party::ours ? Party::theirs : Party::ours;
  findings.add(RootCause::no_common_family, Party::both, proven - 1,
               {family(side, Fact::addresses, here), std::move(theirs)});
}

}  // namespace

void explain_signalling(const ReportView& side, const ReportView* other, Findings& findings) {
  explain_description(side, findings);
  explain_candidates(side, other, findings);
  explain_families(side, other, findings);
  if (other != nullptr)
    explain_credentials(side, *other, findings);
  else
    explain_credentials_alone(side, findings);
}

}  // namespace ice
