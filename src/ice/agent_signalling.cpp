#include <algorithm>
#include <utility>

#include "ice/agent_impl.hpp"

namespace ice {

result<void> Agent::Impl::set_remote_description(TimePoint now, const Description& description) {
  if (closed()) return fail(errc::closed);
  if (const auto valid = validate_credentials(description); !valid) return valid;
  const Session& session = current->session;
  const bool known = session.remote_known() && description.ufrag == session.remote_ufrag &&
                     description.password == session.remote_password;
  if (!known) {
    // RFC 8445 §9: a restart changes both, and no generation comes back.
    if (session.remote_known() &&
        (description.ufrag == session.remote_ufrag || description.password == session.remote_password))
      return fail(errc::wrong_generation);
    if (past.knows_remote(description.ufrag) || past.knows_remote_password(description.password))
      return fail(errc::wrong_generation);
    const auto credential = stun::Credential::short_term(description.password);
    if (!credential) return fail(errc::bad_password);
    if (session.remote_known()) begin_generation(now, GenerationEnd::restarted_by_peer);
    accept_remote(now, description, *credential);
  }
  for (const StreamDescription& stream : description.streams) {
    for (const Candidate& candidate : stream.candidates) static_cast<void>(take_candidate(now, candidate).has_value());
    if (stream.end_of_candidates && !current->end_of_candidates) current->end_of_candidates = now;
  }
  current->remote_complete = current->end_of_candidates.has_value();
  advance(now);
  return {};
}

// The peer of this generation is known from now on.
void Agent::Impl::accept_remote(TimePoint now, const Description& description, const stun::Credential& credential) {
  Session& session = current->session;
  session.remote_ufrag = description.ufrag;
  session.remote_password = description.password;
  session.remote = credential;
  session.remote_lite = description.lite;
  if (description.pacing) current->remote_pacing = std::min(*description.pacing, longest_interval);
  current->description_received = now;
  // RFC 8445 §6.1.1: between full and lite, the full agent controls.
  if (description.lite && session.role == Role::controlled) {
    session.role = Role::controlling;
    switched_role(now);
  }
  current->patience_over = now + config.patience;
  journal.note(now, "ice-description-received", {}, {});
  if (!ended()) set_state(now, AgentState::checking, Cause::none);
  for (const Candidate& candidate : std::exchange(early_candidates, {}))
    if (candidate.ufrag.empty() || candidate.ufrag == session.remote_ufrag)
      static_cast<void>(take_candidate(now, candidate).has_value());
  if (std::exchange(early_end, {}) == session.remote_ufrag) current->end_of_candidates = now;
  current->proven.clear();
  for (const EarlyChecks::Check& check : current->early.take()) {
    // Another ufrag is another session's, as where the offer was forked (RFC 8445 §7.3.1.4).
    if (check.remote_ufrag != session.remote_ufrag) {
      ++ignored.unauthenticated;
      continue;
    }
    if (!current->proven.add(current->local.bases()[check.base].socket, check.source)) ++ignored.over_limit;
    learn(now, check.base, check.source, check.priority, check.nominates);
  }
}

result<void> Agent::Impl::add_remote_candidate(TimePoint now, const Candidate& candidate) {
  const auto taken = take_candidate(now, candidate);
  advance(now);
  return taken;
}

result<void> Agent::Impl::take_candidate(TimePoint now, const Candidate& candidate) {
  if (closed()) return fail(errc::closed);
  if (past.knows_remote(candidate.ufrag)) {
    journal.note(now, "ice-candidate-of-another-generation", {}, candidate.endpoint);
    return fail(errc::wrong_generation);
  }
  // It may have overtaken the description that it belongs to.
  if (!current->session.remote_known() ||
      (!candidate.ufrag.empty() && candidate.ufrag != current->session.remote_ufrag)) {
    if (early_candidates.size() >= config.limits.remote_candidates) {
      ++ignored.over_limit;
      return fail(errc::limit_reached);
    }
    early_candidates.push_back(candidate);
    return {};
  }
  const auto added = current->remote_complete && !current->remote.is_signalled(candidate)
                         ? fail(errc::bad_candidate)  // RFC 8838 §14
                         : current->remote.add_signalled(now, candidate);
  if (!added) {
    journal.note(now, "ice-candidate-refused", {}, candidate.endpoint);
    if (added.error() == errc::limit_reached) ++ignored.over_limit;
    return fail(added.error());
  }
  if (added->fresh)
    journal.note(now, "ice-remote-candidate", {}, candidate.endpoint);
  else
    current->checklist.recompute_priorities();
  if (state == AgentState::checking) current->checklist.pair_remote(now, added->index);
  return {};
}

void Agent::Impl::end_of_remote_candidates(TimePoint now, std::string_view ufrag) {
  const std::string& present = current->session.remote_ufrag;
  if (!ufrag.empty() && past.knows_remote(ufrag)) return;
  if (!ufrag.empty() && ufrag != present) {
    if (ufrag.size() <= max_credential) early_end = ufrag;
    return;
  }
  if (!current->end_of_candidates) current->end_of_candidates = now;
  current->remote_complete = current->session.remote_known();
  advance(now);
}

}  // namespace ice
