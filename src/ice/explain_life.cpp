// What ended a connection that was there, and why one that is there goes through a relay.

#include <algorithm>
#include <chrono>

#include "ice/explain_view.hpp"

namespace ice {
namespace {

using namespace confidence;

/// Checks on pairs that lost may still come for so long after the selection (RFC 8445 §8.3.1: 3 s).
constexpr Duration stragglers = std::chrono::seconds{3};

/// A connection that broke: the present one, or the one before a restart.
struct Broken {
  Cause cause = Cause::none;
  std::optional<TimePoint> at{};
  const GenerationReport* before = nullptr;  // none: it is the present one
};

std::optional<Broken> broken(const ReportView& side) {
  const ConnectivityReport& report = side.report();
  if (report.connected && report.cause != Cause::none && report.cause != Cause::closed)
    return Broken{report.cause, report.ended};
  if (const GenerationReport* before = side.interrupted(); before != nullptr)
    return Broken{before->cause, before->at, before};
  // The peer began anew, and the connection of before does not carry anything either.
  if (const GenerationReport* before = side.established(); before != nullptr && side.in_trouble())
    return Broken{Cause::consent_expired, before->at, before};
  return std::nullopt;
}

bool ended_by_application(const ReportView* other) {
  return other != nullptr && other->report().state == AgentState::closed && other->report().cause == Cause::closed;
}

Evidence last_heard(const ReportView& side, const Broken& end) {
  Evidence told = side.evidence(Fact::consent_last);
  std::optional<TimePoint> last = end.before == nullptr ? side.report().consent_refreshed : std::nullopt;
  for (const PairReport& pair : end.before != nullptr ? end.before->pairs : side.report().pairs)
    if (pair.selected && pair.last_heard && (!last || *pair.last_heard > *last)) last = pair.last_heard;
  told.from = side.since_start(last);
  told.until = side.since_start(end.at);
  return told;
}

std::vector<Evidence> removed_sockets(const ReportView& side) {
  std::vector<Evidence> evidence;
  for (const SocketReport& socket : side.report().sockets) {
    if (!socket.removed) continue;
    Evidence gone = side.evidence(Fact::socket_removed, socket.local);
    gone.until = side.since_start(socket.removed);
    gone.detail = socket.why_removed ? socket.why_removed.message() : socket.interface;
    evidence.push_back(std::move(gone));
  }
  return evidence;
}

/// The same server sees the same socket at another address than before the restart, and the NAT is not one that takes a
/// new one for each remote anyway.
std::vector<Evidence> moved_mappings(const ReportView& side, const GenerationReport& before) {
  std::vector<Evidence> evidence;
  for (const SeenMapping& now : side.mappings()) {
    for (const ServerReport& then : before.servers) {
      if (then.server != now.server->server || then.local != now.server->local || !then.mapped) continue;
      const bool other_host = then.mapped.address != now.server->mapped.address;
      const bool other_port = then.mapped.port != now.server->mapped.port && side.endpoint_independent();
      if (!other_host && !other_port) continue;
      Evidence told = side.evidence(Fact::mapped, then.local, then.server);
      told.detail = then.mapped.to_string();
      evidence.push_back(std::move(told));
      evidence.push_back(side.evidence(now));
      evidence.back().fact = Fact::mapped_differently;
    }
  }
  return evidence;
}

/// Checks of the peer from an address that nobody knew, after the pair was selected and before it broke.
std::vector<Evidence> newcomers(const ReportView& side, const std::optional<TimePoint>& end) {
  std::vector<Evidence> evidence;
  std::optional<TimePoint> selected;
  for (const HistoryEntry& entry : side.report().history) {
    if (end && entry.at > *end) break;
    if (entry.what == "ice-pair-selected") {
      selected = entry.at;
    } else if (entry.what == "ice-description-received") {  // a restart: all is new
      selected.reset();
    } else if (entry.what == "ice-peer-reflexive-candidate" && selected && entry.at - *selected > stragglers) {
      Evidence told = side.evidence(Fact::moved, entry.local, entry.remote);
      told.until = side.since_start(entry.at);
      evidence.push_back(std::move(told));
    }
  }
  return evidence;
}

/// Whose NAT moved: `view` has seen it of itself, or of its peer.
bool explain_rebinding(const ReportView& view, Party peer, const std::optional<TimePoint>& end, Findings& findings) {
  bool found = false;
  if (const GenerationReport* before = view.established(); before != nullptr) {
    if (auto moved = moved_mappings(view, *before); !moved.empty()) {
      findings.add(RootCause::rebinding, view.party(), strong + 4, std::move(moved));
      found = true;
    }
  }
  if (auto moved = newcomers(view, end); !moved.empty()) {
    findings.add(RootCause::rebinding, peer, strong + 3, std::move(moved));
    found = true;
  }
  return found;
}

bool explain_rebinding(const ReportView& side, const ReportView* other, const Broken& end, Findings& findings) {
  bool found = explain_rebinding(side, other != nullptr ? other->party() : Party::theirs, end.at, findings);
  if (other != nullptr) found |= explain_rebinding(*other, side.party(), std::nullopt, findings);
  return found;
}

bool went_through(const PairReport& pair, CandidateType type) noexcept {
  return pair.selected && (pair.local_type == type || pair.remote_type == type);
}

/// The pair that broke went through a relay, and the TURN server does not answer any more.
bool explain_dead_relay(const ReportView& side, const ReportView* other, const Broken& end, Findings& findings) {
  const auto& pairs = end.before != nullptr ? end.before->pairs : side.report().pairs;
  if (std::none_of(pairs.begin(), pairs.end(),
                   [](const PairReport& pair) { return went_through(pair, CandidateType::relayed); }))
    return false;
  bool found = false;
  for (const ReportView* view : {&side, other}) {
    if (view == nullptr) continue;
    for (const ServerReport& server : view->report().servers) {
      if (!ReportView::is_turn(server)) continue;
      const bool dead = server.losses > 0 || server.cause == Cause::no_response || server.cause == Cause::unreachable;
      if (!dead) continue;
      findings.add(RootCause::relay_lost, view->party(), strong + 3,
                   {view->evidence(Fact::relay_lost, server, server.losses), last_heard(side, end)});
      found = true;
    }
  }
  return found;
}

void explain_consent(const ReportView& side, const ReportView* other, const Broken& end, Findings& findings) {
  if (ended_by_application(other)) {
    Evidence closed = other->evidence(Fact::closed);
    closed.until = other->since_start(other->report().ended);
    findings.add(RootCause::peer_ended, other->party(), proven + 1, {std::move(closed), last_heard(side, end)});
    return;
  }
  const bool moved = explain_rebinding(side, other, end, findings);
  const bool dead = explain_dead_relay(side, other, end, findings);
  const bool explained = moved || dead || findings.has(RootCause::interface_gone) || findings.has(RootCause::rebinding);
  Finding& found =
      findings.add(RootCause::consent_lost, Party::both, explained ? possible : strong - 1, {last_heard(side, end)});
  found.wants_other_report = other == nullptr;
  if (other == nullptr)
    found.alternatives = {RootCause::peer_ended, RootCause::interface_gone, RootCause::rebinding,
                          RootCause::relay_lost};
}

// A peer that was closed says so, and so does one whose own connection had broken.
void explain_revoked(const ReportView& side, const ReportView* other, const Broken& end, Findings& findings) {
  if (ended_by_application(other)) return explain_consent(side, other, end, findings);
  explain_rebinding(side, other, end, findings);
  if (other != nullptr) return;
  Finding& found = findings.add(RootCause::peer_ended, Party::theirs, likely, {last_heard(side, end)});
  found.alternatives = {RootCause::consent_lost, RootCause::rebinding, RootCause::answers_lost};
  found.wants_other_report = true;
}

bool expired_credentials(const std::vector<ServerReport>& servers) {
  return std::any_of(servers.begin(), servers.end(), [](const ServerReport& server) {
    return server.losses > 0 && server.cause == Cause::wrong_credentials;
  });
}

void explain_lost_relay(const ReportView& side, const Broken& end, Findings& findings) {
  std::vector<Evidence> evidence{last_heard(side, end)};
  for (const ServerReport& server : side.report().servers)
    if (server.losses > 0) evidence.push_back(side.evidence(Fact::relay_lost, server, server.losses));
  const bool expired = expired_credentials(side.report().servers);
  if (expired) findings.add(RootCause::turn_credentials_expired, side.party(), proven, evidence);
  findings.add(RootCause::relay_lost, side.party(), expired ? fair : proven, std::move(evidence));
}

}  // namespace

void explain_interruption(const ReportView& side, const ReportView* other, Findings& findings) {
  if (side.report().cause == Cause::no_local_candidates && !removed_sockets(side).empty())
    findings.add(RootCause::interface_gone, side.party(), proven, removed_sockets(side));
  const auto end = broken(side);
  if (!end) return;
  switch (end->cause) {
    case Cause::socket_gone:
      findings.add(RootCause::interface_gone, side.party(), proven + 1, removed_sockets(side));
      break;
    case Cause::relay_lost:
      explain_lost_relay(side, *end, findings);
      break;
    case Cause::permission_refused:
      findings.add(RootCause::turn_refused, side.party(), proven - 1, {last_heard(side, *end)});
      break;
    case Cause::consent_revoked:
      explain_revoked(side, other, *end, findings);
      break;
    case Cause::consent_expired:
      explain_consent(side, other, *end, findings);
      break;
    default:
      break;
  }
}

void explain_packets(const ReportView& side, Findings& findings) {
  const auto look_at = [&](const std::vector<PairReport>& pairs) {
    for (const PairReport& pair : pairs) {
      if (pair.too_big == 0) continue;
      Evidence evidence = side.evidence(Fact::packet_too_big, pair.base, pair.remote, pair.too_big);
      findings.add(RootCause::path_mtu, side.party(), pair.selected ? strong + 3 : possible, {std::move(evidence)});
    }
  };
  look_at(side.report().pairs);
  for (const GenerationReport& each : side.report().earlier) look_at(each.pairs);
}

void explain_relay_choice(const ReportView& side, Findings& findings) {
  if (side.report().relay_only)
    findings.add(RootCause::relay_by_policy, side.party(), proven, {side.evidence(Fact::relay_only)});
  for (const PairReport& pair : side.report().pairs) {
    if (pair.selected || pair.responses_heard == 0 || pair.local_type == CandidateType::relayed ||
        pair.remote_type == CandidateType::relayed)
      continue;
    Evidence evidence = side.evidence(Fact::answered_too_late, pair.base, pair.remote, pair.responses_heard);
    evidence.until = side.since_start(pair.last_heard);
    findings.add(RootCause::relay_chosen_earlier, side.party(), likely, {std::move(evidence)});
  }
}

}  // namespace ice
