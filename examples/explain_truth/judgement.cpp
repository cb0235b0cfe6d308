#include "explain_truth/judgement.hpp"

#include <algorithm>
#include <cstddef>
#include <set>

namespace ice::truth {
namespace {

bool contains(const std::vector<RootCause>& all, RootCause cause) {
  return std::find(all.begin(), all.end(), cause) != all.end();
}

std::vector<Fault> without(const std::vector<Fault>& faults, std::size_t index) {
  std::vector<Fault> rest = faults;
  rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(index));
  return rest;
}

bool asked_anybody(const ConnectivityReport& report) {
  return std::any_of(report.servers.begin(), report.servers.end(),
                     [](const ServerReport& server) { return server.requests > 0; });
}

bool turn_answered(const ConnectivityReport& report) {
  return std::any_of(report.servers.begin(), report.servers.end(),
                     [](const ServerReport& server) { return server.uri.starts_with("turn") && server.responses > 0; });
}

bool turn_asked(const ConnectivityReport& report) {
  return std::any_of(report.servers.begin(), report.servers.end(),
                     [](const ServerReport& server) { return server.uri.starts_with("turn") && server.server; });
}

bool has_mapping(const ConnectivityReport& report) {
  return std::any_of(report.servers.begin(), report.servers.end(),
                     [](const ServerReport& server) { return server.mapped && server.mapped != server.local; });
}

/// Another fault may have kept it from happening at all: then nothing tells of it, and nobody misses it.
bool took_effect(const Fault& fault, const Result& full) {
  const ConnectivityReport& own = full.reports[static_cast<std::size_t>(fault.side)];
  const ConnectivityReport& other = full.reports[static_cast<std::size_t>(1 - fault.side)];
  switch (fault.cause) {
    case RootCause::no_local_address:
    case RootCause::server_name_unresolved:
      return own.gathering_started.has_value();
    case RootCause::stun_unreachable:
    case RootCause::udp_blocked:
      return asked_anybody(own);
    case RootCause::turn_credentials_refused:
    case RootCause::turn_credentials_expired:
    case RootCause::turn_refused:
      return turn_answered(own) || turn_answered(other);
    case RootCause::turn_unreachable:
      return turn_asked(own) || turn_asked(other);
    case RootCause::candidates_missing:
      return own.description_received && full.candidates_lost > 0;
    case RootCause::wrong_generation:
      return own.description_received.has_value() && !other.local_candidates.empty();
    case RootCause::wrong_credentials:
      return other.ignored.unauthenticated > 0;
    case RootCause::no_common_family:
      return !own.local_candidates.empty() && !other.local_candidates.empty();
    case RootCause::one_direction:
    case RootCause::answers_lost:
    case RootCause::checks_blocked:
      return full.filtered[static_cast<std::size_t>(fault.side)] > 0 && other.first_check_sent;
    case RootCause::mapping_expired:
      return has_mapping(full.reports[0]) && own.first_check_sent && other.first_check_sent;
    case RootCause::symmetric_nats:
    case RootCause::hairpin_missing:
      return own.first_check_sent.has_value() && other.first_check_sent.has_value();
    default:
      return !strikes_late(fault.cause) || full.connected_once;
  }
}

std::vector<RootCause> real_causes(const Plan& plan, const Result& full) {
  std::vector<RootCause> real;
  if (plan.faults.empty()) return real;
  const Result best = run(plan, {});
  if (full.outcome >= best.outcome) return real;
  std::vector<Outcome> removed;
  for (std::size_t i = 0; i < plan.faults.size(); ++i) {
    const std::vector<Fault> rest = without(plan.faults, i);
    removed.push_back(rest.empty() ? best.outcome : run(plan, rest).outcome);
    if (removed.back() > full.outcome) real.push_back(plan.faults[i].cause);
  }
  if (!real.empty()) return real;
  // Either is enough: what is left without the other is as bad.
  for (const Fault& fault : plan.faults)
    if (took_effect(fault, full)) real.push_back(fault.cause);
  return real;
}

bool has_symmetric_nat(const Plan& plan) {
  return std::any_of(plan.nats.begin(), plan.nats.end(),
                     [](const sim::NatConfig& nat) { return nat.mapping != sim::Behavior::endpoint_independent; });
}

/// What was not staged, and is not part of the shape either.
bool impossible(const Judgement& judgement, RootCause cause) {
  if (cause == RootCause::unknown || cause == RootCause::peer_silent || contains(judgement.real, cause)) return false;
  if (cause == RootCause::symmetric_nats && has_symmetric_nat(judgement.plan)) return false;
  const auto& faults = judgement.plan.faults;
  if (std::any_of(faults.begin(), faults.end(), [&](const Fault& each) { return each.cause == cause; })) return false;
  // Whatever strikes a connection takes consent with it.
  return cause != RootCause::consent_lost ||
         std::none_of(faults.begin(), faults.end(), [](const Fault& each) { return strikes_late(each.cause); });
}

/// What a side that has only its own report may say of a cause, beside its name.
std::set<RootCause> knowable(const Fault& fault, int side) {
  const bool both = fault.cause == RootCause::stun_unreachable && fault.variant;  // the server is dead for everybody
  const bool own = both || fault.side == side;
  switch (fault.cause) {
    case RootCause::udp_blocked:  // silent servers and a silent network look the same from inside
    case RootCause::stun_unreachable:
      return own ? std::set{RootCause::udp_blocked, RootCause::stun_unreachable} : std::set{RootCause::peer_silent};
    case RootCause::wrong_credentials:
    case RootCause::wrong_generation:
      return {RootCause::wrong_credentials, RootCause::wrong_generation, RootCause::peer_silent, RootCause::peer_ended};
    case RootCause::candidates_missing:
      return own && fault.variant ? std::set<RootCause>{} : std::set{RootCause::peer_silent};
    case RootCause::description_missing:
      return own ? std::set<RootCause>{} : std::set{RootCause::peer_silent};
    case RootCause::one_direction:
    case RootCause::answers_lost:
    case RootCause::checks_blocked:
      // Where the peer's agent has given up it says so (RFC 7675 §5.2).
      return {RootCause::one_direction, RootCause::answers_lost, RootCause::checks_blocked, RootCause::peer_silent,
              RootCause::peer_ended};
    case RootCause::mapping_expired:
      return side == 0 ? std::set<RootCause>{} : std::set{RootCause::peer_silent};
    case RootCause::no_local_address:
      return own ? std::set<RootCause>{} : std::set{RootCause::candidates_missing, RootCause::peer_silent};
    case RootCause::server_name_unresolved:
      return own ? std::set<RootCause>{} : std::set{RootCause::peer_silent};
    case RootCause::symmetric_nats:
    case RootCause::hairpin_missing:
      return {RootCause::peer_silent};
    case RootCause::consent_lost:
    case RootCause::peer_ended:
    case RootCause::rebinding:
    case RootCause::relay_lost:
      return {RootCause::consent_lost, RootCause::peer_ended};
    case RootCause::interface_gone:
      return own ? std::set<RootCause>{} : std::set{RootCause::consent_lost, RootCause::candidates_missing};
    default:
      return {};
  }
}

/// It was asked of a side that nothing is wrong with as far as that side can see.
bool sees_nothing_wrong(const ConnectivityReport& report) {
  return report.state == AgentState::connected || report.state == AgentState::idle ||
         (report.state == AgentState::closed && report.cause == Cause::closed);
}

bool right_alone(const Judgement& judgement, const ConnectivityReport& report, int side) {
  const std::vector<Finding>& findings = judgement.alone[static_cast<std::size_t>(side)];
  if (findings.empty()) return sees_nothing_wrong(report);
  const RootCause first = findings.front().cause;
  if (contains(judgement.real, first)) return true;
  for (const Fault& fault : judgement.plan.faults)
    if (contains(judgement.real, fault.cause) && knowable(fault, side).contains(first)) return true;
  return false;
}

}  // namespace

bool Judgement::found(RootCause cause) const noexcept {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& each) { return each.cause == cause; });
}

bool Judgement::all_right() const noexcept {
  if (healthy()) return !false_alarm;
  return first_is_real && alone_is_right[0] && alone_is_right[1] &&
         std::all_of(real.begin(), real.end(), [&](RootCause each) { return found(each); });
}

Judgement judge(const Plan& plan) {
  const Result full = run(plan, plan.faults);
  Judgement judgement{.plan = plan, .real = real_causes(plan, full)};
  judgement.findings = explain(full.reports[0], full.reports[1]);
  const auto& findings = judgement.findings;
  if (judgement.healthy()) {
    judgement.false_alarm = std::any_of(findings.begin(), findings.end(),
                                        [](const Finding& each) { return each.severity == Severity::failure; });
    return judgement;
  }
  if (!findings.empty()) {
    judgement.first_is_real = contains(judgement.real, findings.front().cause);
    judgement.first_is_impossible = impossible(judgement, findings.front().cause);
    judgement.first_is_unknown = findings.front().cause == RootCause::unknown;
  }
  for (const int side : {0, 1}) {
    const auto i = static_cast<std::size_t>(side);
    judgement.alone[i] = explain(full.reports[i]);
    judgement.alone_is_right[i] = right_alone(judgement, full.reports[i], side);
  }
  return judgement;
}

void Tally::add(const Judgement& judgement) {
  ++scenarios;
  if (judgement.healthy()) {
    ++healthy;
    false_alarms += judgement.false_alarm;
    return;
  }
  first_real += judgement.first_is_real;
  first_impossible += judgement.first_is_impossible;
  first_unknown += judgement.first_is_unknown;
  for (const bool right : judgement.alone_is_right) {
    ++alone;
    alone_right += right;
  }
  for (const RootCause cause : judgement.real) {
    Row& row = causes[cause];
    ++row.scenarios;
    row.found += judgement.found(cause);
    if (!judgement.findings.empty()) ++row.first[judgement.findings.front().cause];
  }
}

}  // namespace ice::truth
