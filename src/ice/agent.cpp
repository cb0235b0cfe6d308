#include "ice/agent.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "ice/agent_impl.hpp"

namespace ice {
namespace {

constexpr std::string_view ice_chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static_assert(ice_chars.size() == 64);

// 6 bits a character. RFC 8839 §5.4 wants 24 bits for the ufrag and 128 for the password.
constexpr std::size_t ufrag_length = 8;
constexpr std::size_t password_length = 24;

std::string random_ice_text(RandomSource& random, std::size_t length) {
  std::string text(length, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  for (char& c : text) c = ice_chars[static_cast<unsigned char>(c) % ice_chars.size()];
  return text;
}

Session make_session(Role role, RandomSource& random) {
  const std::uint64_t tie_breaker = random.next();
  std::string ufrag = random_ice_text(random, ufrag_length);
  std::string password = random_ice_text(random, password_length);
  auto credential = stun::Credential::short_term(password);
  assert(credential);
  return {role, tie_breaker, std::move(ufrag), std::move(password), *credential};
}

AgentConfig within_bounds(AgentConfig config) {
  if (config.pacing != config.pacing.zero()) config.pacing = std::max(config.pacing, shortest_interval);
  return config;
}

}  // namespace

Agent::Impl::Impl(AgentConfig given, Environment env)
    : config{within_bounds(std::move(given))},
      environment{env},
      session{make_session(config.role, env.random)},
      local{config.allow_loopback, config.limits.local_candidates, session.local_ufrag},
      remote{config.allow_loopback, config.limits},
      checklist{local, remote, session, config.limits.pairs},
      checks{checklist, session},
      responder{session},
      consent{checklist, session, env.random, config.consent},
      gatherer{config, local, env.random},
      early{config.limits.early_checks},
      proven{config.limits.pairs + config.limits.early_checks},
      journal{config.limits.history, env.trace, env.trace != nullptr ? env.random.next() : 0} {}

result<void> Agent::Impl::add_socket(TimePoint now, const Socket& socket) {
  if (closed()) return fail(errc::closed);
  if (socket.component != ComponentId{1}) return fail(errc::invalid_argument);
  const auto base = local.add_base(now, socket);
  if (!base) return fail(base.error());
  // RFC 8838 §13: no new candidate after the nomination.
  if (gatherer.begun() && !ended() && !selected) {
    local.rank();
    begin_base(now, *base);
  }
  advance(now);
  return {};
}

result<void> Agent::Impl::remove_socket(TimePoint now, SocketId socket, std::error_code why) {
  const auto base = local.base_of(socket);
  if (!base) return fail(errc::no_such_socket);
  // RFC 8445 §8.1.1: one nomination a session. Once the peer may have heard of it no other pair can take its place.
  const auto nominated = nominator.nominated();
  const bool lost_nomination = nominated && checklist[*nominated].base == *base;
  const bool was_sent = lost_nomination && !checklist[*nominated].nominate;
  gatherer.remove_base(now, *base);
  for (PairIndex i = 0; i < checklist.pairs().size(); ++i)
    if (checklist[i].base == *base && checklist[i].state != PairState::failed) fail_pair(now, i, Cause::socket_gone);
  journal.note(now, "ice-socket-removed", local.bases()[*base].local, {});
  local.remove_base(now, *base, why);
  if (selected && checklist[*selected].base == *base)
    end(now, AgentState::disconnected, Cause::socket_gone);
  else if (!selected && was_sent)
    end(now, AgentState::failed, Cause::nomination_failed);
  else if (lost_nomination)
    nominator.reset();
  advance(now);
  return {};
}

void Agent::Impl::gather(TimePoint now) {
  if (gatherer.begun() || ended()) return;
  gathering_started = now;
  if (state == AgentState::idle) set_state(now, AgentState::gathering, Cause::none);
  local.rank();
  for (BaseIndex base = 0; base < local.bases().size(); ++base) begin_base(now, base);
  gatherer.begin();
  advance(now);
}

result<void> Agent::Impl::set_remote_description(TimePoint now, const Description& description) {
  if (closed()) return fail(errc::closed);
  if (const auto valid = validate_credentials(description); !valid) return valid;
  if (session.remote_known()) {
    if (description.ufrag != session.remote_ufrag || description.password != session.remote_password)
      return fail(errc::wrong_generation);
  } else {
    const auto credential = stun::Credential::short_term(description.password);
    if (!credential) return fail(errc::bad_password);
    session.remote_ufrag = description.ufrag;
    session.remote_password = description.password;
    session.remote = *credential;
    session.remote_lite = description.lite;
    if (description.pacing) remote_pacing = std::min(*description.pacing, longest_interval);
    description_received = now;
    // RFC 8445 §6.1.1: between full and lite, the full agent controls.
    if (description.lite && session.role == Role::controlled) {
      session.role = Role::controlling;
      switched_role(now);
    }
    patience_over = now + config.patience;
    journal.note(now, "ice-description-received", {}, {});
    if (!ended()) set_state(now, AgentState::checking, Cause::none);
    for (const Candidate& candidate : std::exchange(early_candidates, {}))
      static_cast<void>(take_candidate(now, candidate).has_value());
    proven.clear();
    for (const EarlyChecks::Check& check : early.take()) {
      // Another ufrag is another session's, as where the offer was forked (RFC 8445 §7.3.1.4).
      if (check.remote_ufrag != session.remote_ufrag) {
        ++ignored.unauthenticated;
        continue;
      }
      if (!proven.add(local.bases()[check.base].socket, check.source)) ++ignored.over_limit;
      learn(now, check.base, check.source, check.priority, check.nominates);
    }
  }
  for (const StreamDescription& stream : description.streams) {
    for (const Candidate& candidate : stream.candidates) static_cast<void>(take_candidate(now, candidate).has_value());
    if (stream.end_of_candidates && !end_of_candidates) end_of_candidates = now;
  }
  remote_complete = end_of_candidates.has_value();
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
  if (!session.remote_known()) {
    if (early_candidates.size() >= config.limits.remote_candidates) {
      ++ignored.over_limit;
      return fail(errc::limit_reached);
    }
    early_candidates.push_back(candidate);
    return {};
  }
  if (!candidate.ufrag.empty() && candidate.ufrag != session.remote_ufrag) {
    journal.note(now, "ice-candidate-of-another-generation", {}, candidate.endpoint);
    return fail(errc::wrong_generation);
  }
  const auto added = remote_complete && !remote.is_signalled(candidate) ? fail(errc::bad_candidate)  // RFC 8838 §14
                                                                        : remote.add_signalled(now, candidate);
  if (!added) {
    journal.note(now, "ice-candidate-refused", {}, candidate.endpoint);
    if (added.error() == errc::limit_reached) ++ignored.over_limit;
    return fail(added.error());
  }
  if (added->fresh)
    journal.note(now, "ice-remote-candidate", {}, candidate.endpoint);
  else
    checklist.recompute_priorities();
  if (state == AgentState::checking) checklist.pair_remote(now, added->index);
  return {};
}

result<Transmit> Agent::Impl::wrap(TimePoint now, ComponentId component, Bytes payload) noexcept {
  if (component != ComponentId{1}) return fail(errc::invalid_argument);
  std::optional<PairIndex> through = selected;
  if (selected) {
    if (!consent.given(now)) return fail(errc::no_consent);
    consent.sent(now);
  } else if (state == AgentState::checking) {
    // An answered check is consent for as long as any other answer (RFC 7675 §5.1).
    through = checklist.best_valid(now - Consent::lifetime);
  }
  if (!through) return fail(errc::no_consent);
  const Pair& pair = checklist[*through];
  return Transmit{checklist.base_of(pair).socket, checklist.destination(pair), {}, payload, 0, {}};
}

Description Agent::Impl::local_description() const {
  Description description;
  description.ufrag = session.local_ufrag;
  description.password = session.local_password;
  description.options = {std::string{option_ice2}, std::string{option_trickle}};
  description.pacing = config.pacing;
  StreamDescription stream;
  stream.mid = config.mid;
  for (const LocalCandidate& candidate : local.all())
    if (candidate.told) stream.candidates.push_back(candidate.candidate);
  stream.end_of_candidates = gathering_told;
  description.streams.push_back(std::move(stream));
  return description;
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
  impl_->gatherer.resolve(server, addresses);
  impl_->advance(now);
}

void Agent::fail_server(TimePoint now, ServerId server, std::error_code) {
  assert(static_cast<std::size_t>(server) < impl_->config.servers.size());
  impl_->gatherer.fail(server);
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
  if (!impl_->end_of_candidates) impl_->end_of_candidates = now;
  impl_->remote_complete = impl_->session.remote_known();
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
Role Agent::role() const noexcept { return impl_->session.role; }
Description Agent::local_description() const { return impl_->local_description(); }
ConnectivityReport Agent::report() const { return impl_->report(); }

}  // namespace ice
