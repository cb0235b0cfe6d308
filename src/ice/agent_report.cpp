#include "ice/agent_impl.hpp"

namespace ice {

ConnectivityReport Agent::Impl::report() const {
  ConnectivityReport all;
  all.state = state;
  all.cause = cause;
  all.role_switches = role_switches;
  all.restarts = restarts;
  all.sockets = gone_sockets;
  current->report(all);
  const auto relayed = relays.report();
  all.servers.insert(all.servers.end(), relayed.begin(), relayed.end());
  all.earlier = past.report();
  all.history = journal.entries();
  all.ignored = ignored;
  return all;
}

void Generation::report(ConnectivityReport& all) const {
  all.role = session.role;
  all.local_ufrag = session.local_ufrag;
  all.remote_ufrag = session.remote_ufrag;
  all.pacing = interval();
  all.relay_only = config.policy == CandidatePolicy::relay_only;
  all.gathering_started = gathering_started;
  all.gathering_done = gathering_done;
  all.description_received = description_received;
  all.end_of_candidates = end_of_candidates;
  all.first_check_sent = first_check_sent;
  all.first_check_heard = first_check_heard;
  all.first_valid = first_valid;
  all.connected = connected;
  all.ended = ended;
  all.consent_refreshed = consent.refreshed();
  all.early_checks = early_count;
  for (const Base& base : local.bases())
    if (!base.relayed) all.sockets.push_back(base.report());
  all.servers = gatherer.report();
  const auto unresolved = servers.unresolved();
  all.servers.insert(all.servers.end(), unresolved.begin(), unresolved.end());
  for (const LocalCandidate& candidate : local.all()) {
    all.local_candidates.push_back(candidate.candidate);
    if (candidate.told) ++all.candidates_told;
  }
  for (const RemoteCandidate& candidate : remote.all())
    all.remote_candidates.push_back({candidate.candidate, candidate.signalled, candidate.discovered});
  all.pairs = pair_reports();
}

std::vector<PairReport> Generation::pair_reports() const {
  std::vector<PairReport> all;
  for (const Pair& pair : checklist.pairs()) {
    PairReport told;
    told.component = pair.component;
    told.base = checklist.base_of(pair).local;
    if (checklist.base_of(pair).relayed) told.local_type = CandidateType::relayed;
    if (pair.mapped) {
      told.mapped = local[*pair.mapped].endpoint;
      told.local_type = local[*pair.mapped].type;
    }
    told.remote = remote[pair.remote].candidate.endpoint;
    told.remote_type = remote[pair.remote].candidate.type;
    told.priority = pair.priority;
    told.state = pair.state;
    told.valid = pair.valid();
    told.nominated = pair.nominated;
    told.selected = pair.selected;
    told.triggered = pair.requests_heard > 0;
    told.cause = pair.cause;
    told.error_code = pair.error_code;
    told.created = pair.created;
    told.first_sent = pair.first_sent;
    told.last_sent = pair.last_sent;
    told.last_heard = pair.last_heard;
    told.first_request = pair.first_request;
    told.last_request = pair.last_request;
    told.ended = pair.ended;
    told.requests_sent = pair.requests_sent;
    told.responses_heard = pair.responses_heard;
    told.requests_heard = pair.requests_heard;
    told.unauthenticated = pair.unauthenticated;
    told.unreachable = pair.unreachable;
    told.too_big = pair.too_big;
    told.round_trip = pair.round_trip;
    all.push_back(told);
  }
  return all;
}

}  // namespace ice
