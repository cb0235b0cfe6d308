#include "ice/agent.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "ice/agent_impl.hpp"

namespace ice {
namespace {

AgentConfig within_bounds(AgentConfig config) {
  if (config.pacing != config.pacing.zero()) config.pacing = std::max(config.pacing, shortest_interval);
  return config;
}

}  // namespace

Agent::Impl::Impl(AgentConfig given, Environment env)
    : config{within_bounds(std::move(given))},
      environment{env},
      journal{config.limits.history, env.trace, env.trace != nullptr ? env.random.next() : 0},
      current{std::make_unique<Generation>(config, environment, journal, config.role, env.random.next())} {}

result<void> Agent::Impl::add_socket(TimePoint now, const Socket& socket) {
  if (closed()) return fail(errc::closed);
  if (socket.component != ComponentId{1}) return fail(errc::invalid_argument);
  const auto base = current->local.add_base(now, socket);
  if (!base) return fail(base.error());
  // RFC 8838 §13: no new candidate after the nomination.
  if (current->gatherer.begun() && !ended() && !current->selected) {
    current->local.rank();
    begin_base(now, *base);
  }
  advance(now);
  return {};
}

result<void> Agent::Impl::remove_socket(TimePoint now, SocketId socket, std::error_code why) {
  const auto base = current->local.base_of(socket);
  if (!base) return fail(errc::no_such_socket);
  // RFC 8445 §8.1.1: one nomination a session. Once the peer may have heard of it no other pair can take its place.
  const auto nominated = current->nominator.nominated();
  const bool lost_nomination = nominated && current->checklist[*nominated].base == *base;
  const bool was_sent = lost_nomination && !current->checklist[*nominated].nominate;
  current->gatherer.remove_base(now, *base);
  for (PairIndex i = 0; i < current->checklist.pairs().size(); ++i)
    if (current->checklist[i].base == *base && current->checklist[i].state != PairState::failed)
      fail_pair(now, i, Cause::socket_gone);
  journal.note(now, "ice-socket-removed", current->local.bases()[*base].local, {});
  current->local.remove_base(now, *base, why);
  if (current->selected && current->checklist[*current->selected].base == *base)
    end(now, AgentState::disconnected, Cause::socket_gone);
  else if (!current->selected && was_sent)
    end(now, AgentState::failed, Cause::nomination_failed);
  else if (lost_nomination)
    current->nominator.reset();
  advance(now);
  return {};
}

void Agent::Impl::gather(TimePoint now) {
  if (current->gatherer.begun() || ended()) return;
  current->gathering_started = now;
  if (state == AgentState::idle) set_state(now, AgentState::gathering, Cause::none);
  current->local.rank();
  for (BaseIndex base = 0; base < current->local.bases().size(); ++base) begin_base(now, base);
  current->gatherer.begin();
  advance(now);
}

result<void> Agent::Impl::set_remote_description(TimePoint now, const Description& description) {
  if (closed()) return fail(errc::closed);
  if (const auto valid = validate_credentials(description); !valid) return valid;
  if (current->session.remote_known()) {
    if (description.ufrag != current->session.remote_ufrag || description.password != current->session.remote_password)
      return fail(errc::wrong_generation);
  } else {
    const auto credential = stun::Credential::short_term(description.password);
    if (!credential) return fail(errc::bad_password);
    current->session.remote_ufrag = description.ufrag;
    current->session.remote_password = description.password;
    current->session.remote = *credential;
    current->session.remote_lite = description.lite;
    if (description.pacing) current->remote_pacing = std::min(*description.pacing, longest_interval);
    current->description_received = now;
    // RFC 8445 §6.1.1: between full and lite, the full agent controls.
    if (description.lite && current->session.role == Role::controlled) {
      current->session.role = Role::controlling;
      switched_role(now);
    }
    current->patience_over = now + config.patience;
    journal.note(now, "ice-description-received", {}, {});
    if (!ended()) set_state(now, AgentState::checking, Cause::none);
    for (const Candidate& candidate : std::exchange(early_candidates, {}))
      static_cast<void>(take_candidate(now, candidate).has_value());
    current->proven.clear();
    for (const EarlyChecks::Check& check : current->early.take()) {
      // Another ufrag is another session's, as where the offer was forked (RFC 8445 §7.3.1.4).
      if (check.remote_ufrag != current->session.remote_ufrag) {
        ++ignored.unauthenticated;
        continue;
      }
      if (!current->proven.add(current->local.bases()[check.base].socket, check.source)) ++ignored.over_limit;
      learn(now, check.base, check.source, check.priority, check.nominates);
    }
  }
  for (const StreamDescription& stream : description.streams) {
    for (const Candidate& candidate : stream.candidates) static_cast<void>(take_candidate(now, candidate).has_value());
    if (stream.end_of_candidates && !current->end_of_candidates) current->end_of_candidates = now;
  }
  current->remote_complete = current->end_of_candidates.has_value();
  advance(now);
  return {};
}

result<void> Agent::Impl::add_remote_candidate(TimePoint now, const Candidate& candidate) {
  const auto taken = take_candidate(now, candidate);
  advance(now);
  return taken;
}

result<void> Agent::Impl::take_candidate(TimePoint now, const Candidate& candidate) {
  if (closed()) return fail(errc::closed);
  if (!current->session.remote_known()) {
    if (early_candidates.size() >= config.limits.remote_candidates) {
      ++ignored.over_limit;
      return fail(errc::limit_reached);
    }
    early_candidates.push_back(candidate);
    return {};
  }
  if (!candidate.ufrag.empty() && candidate.ufrag != current->session.remote_ufrag) {
    journal.note(now, "ice-candidate-of-another-generation", {}, candidate.endpoint);
    return fail(errc::wrong_generation);
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

result<Transmit> Agent::Impl::wrap(TimePoint now, ComponentId component, Bytes payload) noexcept {
  if (component != ComponentId{1}) return fail(errc::invalid_argument);
  std::optional<PairIndex> through = current->selected;
  if (current->selected) {
    if (!current->consent.given(now)) return fail(errc::no_consent);
    current->consent.sent(now);
  } else if (state == AgentState::checking) {
    // An answered check is consent for as long as any other answer (RFC 7675 §5.1).
    through = current->checklist.best_valid(now - Consent::lifetime);
  }
  if (!through) return fail(errc::no_consent);
  const Pair& pair = current->checklist[*through];
  return Transmit{current->checklist.base_of(pair).socket, current->checklist.destination(pair), {}, payload, 0, {}};
}

// ---- the public face: each method hands over to the implementation --------------------------------------------------

Agent::Agent(AgentConfig config, Environment environment)
    : impl_{std::make_unique<Impl>(std::move(config), environment)} {}
Agent::~Agent() = default;
Agent::Agent(Agent&&) noexcept = default;
Agent& Agent::operator=(Agent&&) noexcept = default;

result<void> Agent::add_socket(TimePoint now, const Socket& socket) { return impl_->add_socket(now, socket); }

result<void> Agent::remove_socket(TimePoint now, SocketId socket, std::error_code why) {
  return impl_->remove_socket(now, socket, why);
}

void Agent::gather(TimePoint now) { impl_->gather(now); }

void Agent::resolve_server(TimePoint now, ServerId server, std::span<const Endpoint> addresses) {
  assert(static_cast<std::size_t>(server) < impl_->config.servers.size());
  impl_->current->gatherer.resolve(server, addresses);
  impl_->advance(now);
}

void Agent::fail_server(TimePoint now, ServerId server, std::error_code) {
  assert(static_cast<std::size_t>(server) < impl_->config.servers.size());
  impl_->current->gatherer.fail(server);
  impl_->journal.note(now, "ice-server-not-resolved", {}, {}, static_cast<std::uint32_t>(server));
  impl_->advance(now);
}

result<void> Agent::set_remote_description(TimePoint now, const Description& description) {
  return impl_->set_remote_description(now, description);
}

result<void> Agent::add_remote_candidate(TimePoint now, const Candidate& candidate) {
  return impl_->add_remote_candidate(now, candidate);
}

void Agent::end_of_remote_candidates(TimePoint now) {
  if (!impl_->current->end_of_candidates) impl_->current->end_of_candidates = now;
  impl_->current->remote_complete = impl_->current->session.remote_known();
  impl_->advance(now);
}

void Agent::close(TimePoint now) {
  if (!impl_->closed()) impl_->end(now, AgentState::closed, Cause::closed);
}

result<Transmit> Agent::wrap(TimePoint now, ComponentId component, Bytes payload, MutableBytes) noexcept {
  return impl_->wrap(now, component, payload);
}

Received Agent::handle_datagram(TimePoint now, const Datagram& datagram, MutableBytes scratch) {
  return impl_->handle_datagram(now, datagram, scratch);
}

void Agent::handle_timeout(TimePoint now) { impl_->handle_timeout(now); }

void Agent::handle_socket(TimePoint, const SocketEvent& event) {
  // The sockets are the driver's, so nothing was asked for; what ICMP says is kept as evidence.
  if (const auto* unreachable = std::get_if<SocketUnreachable>(&event)) impl_->handle_unreachable(*unreachable);
}

std::optional<Transmit> Agent::poll_transmit(TimePoint now, MutableBytes scratch) {
  return impl_->poll_transmit(now, scratch);
}

std::optional<Agent::Event> Agent::poll_event() { return impl_->poll_event(); }
std::optional<SocketRequest> Agent::poll_socket() { return std::nullopt; }
std::optional<TimePoint> Agent::next_timeout() const { return impl_->next_timeout(); }
AgentState Agent::state() const noexcept { return impl_->state; }
Role Agent::role() const noexcept { return impl_->current->session.role; }
Description Agent::local_description() const { return impl_->current->local_description(); }
ConnectivityReport Agent::report() const { return impl_->report(); }

}  // namespace ice
