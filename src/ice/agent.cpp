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
      current{std::make_unique<Generation>(config, environment, journal, config.role, env.random.next())},
      relays{config, environment} {}

result<void> Agent::Impl::add_socket(TimePoint now, const Socket& socket) {
  if (closed()) return fail(errc::closed);
  if (socket.component != ComponentId{1} || Relays::is_relay(socket.id)) return fail(errc::invalid_argument);
  const auto base = current->local.add_base(now, socket);
  if (!base) return fail(base.error());
  past.add_socket(now, socket);
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
  if (!base || Relays::is_relay(socket)) return fail(errc::no_such_socket);
  journal.note(now, "ice-socket-removed", current->local.bases()[*base].local, {});
  for (const Relays::Way& way : relays.remove_host(now, socket)) lose_base(now, way.socket, why, Cause::socket_gone);
  handle_relay_events(now);
  // A relayed address that went with it may have ended the generation; the one of before may never have had the socket.
  lose_base(now, socket, why, Cause::socket_gone);
  advance(now);
  return {};
}

void Agent::Impl::lose_base(TimePoint now, SocketId socket, std::error_code why, Cause cause_of_loss) {
  past.remove_socket(now, socket, why, cause_of_loss);
  const auto base = current->local.base_of(socket);
  if (!base) return;
  // RFC 8445 §8.1.1: one nomination a session. Once the peer may have heard of it no other pair can take its place.
  const auto nominated = current->nominator.nominated();
  const bool lost_nomination = nominated && current->checklist[*nominated].base == *base;
  const bool was_sent = lost_nomination && !current->checklist[*nominated].nominate;
  current->remove_base(now, *base, why, cause_of_loss);
  if (current->selected && current->checklist[*current->selected].base == *base)
    end(now, AgentState::disconnected, cause_of_loss);
  else if (!current->selected && was_sent)
    end(now, AgentState::failed, Cause::nomination_failed);
  else if (lost_nomination)
    current->nominator.reset();
}

void Agent::Impl::gather(TimePoint now) {
  if (current->gatherer.begun() || ended()) return;
  current->gathering_started = now;
  if (state == AgentState::idle) set_state(now, AgentState::gathering, Cause::none);
  current->local.rank();
  current->servers.begin();
  current->gatherer.begin();
  for (BaseIndex base = 0, hosts = static_cast<BaseIndex>(current->local.bases().size()); base < hosts; ++base)
    begin_base(now, base);
  advance(now);
}

result<Transmit> Agent::Impl::wrap(TimePoint now, ComponentId component, Bytes payload, MutableBytes scratch) noexcept {
  if (component != ComponentId{1}) return fail(errc::invalid_argument);
  if (ended()) return fail(errc::no_consent);
  // RFC 8445 §9: data goes on as before a restart until the new generation has selected its pair.
  Generation* through = current->selected ? nullptr : past.carrier(now);
  if (through == nullptr) through = current.get();
  const auto index = through->data_pair(now);
  if (!index) return fail(errc::no_consent);
  through->data_sent(now, *index);
  if (!through->selected) touch();  // the keepalive moves; per packet this would be dear
  const Pair& pair = through->checklist[*index];
  const Transmit direct{
      through->checklist.base_of(pair).socket, through->checklist.destination(pair), {}, payload, 0, {}};
  const auto packet = outward(now, direct, scratch);
  if (!packet) return fail(errc::no_consent);
  return *packet;
}

void Agent::Impl::close(TimePoint now) {
  if (closed()) return;
  relays.close(now);
  end(now, AgentState::closed, Cause::closed);
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
  impl_->resolve_server(now, server, addresses);
}

void Agent::fail_server(TimePoint now, ServerId server, std::error_code) { impl_->fail_server(now, server); }

void Agent::replace_credentials(TimePoint now, ServerId server, const stun::Login& login) {
  impl_->replace_credentials(now, server, login);
}

result<void> Agent::set_remote_description(TimePoint now, const Description& description) {
  return impl_->set_remote_description(now, description);
}

result<void> Agent::add_remote_candidate(TimePoint now, const Candidate& candidate) {
  return impl_->add_remote_candidate(now, candidate);
}

void Agent::end_of_remote_candidates(TimePoint now, std::string_view ufrag) {
  impl_->end_of_remote_candidates(now, ufrag);
}

result<void> Agent::restart(TimePoint now) { return impl_->restart(now); }

void Agent::close(TimePoint now) { impl_->close(now); }

result<Transmit> Agent::wrap(TimePoint now, ComponentId component, Bytes payload, MutableBytes scratch) noexcept {
  return impl_->wrap(now, component, payload, scratch);
}

Received Agent::handle_datagram(TimePoint now, const Datagram& datagram, MutableBytes scratch) {
  return impl_->handle_datagram(now, datagram, scratch);
}

void Agent::handle_timeout(TimePoint now) { impl_->handle_timeout(now); }

void Agent::handle_socket(TimePoint now, const SocketEvent& event) { impl_->handle_socket(now, event); }

std::optional<Transmit> Agent::poll_transmit(TimePoint now, MutableBytes scratch) {
  return impl_->poll_transmit(now, scratch);
}

std::optional<Agent::Event> Agent::poll_event() { return impl_->poll_event(); }
std::optional<SocketRequest> Agent::poll_socket() { return impl_->relays.poll_socket(); }
std::optional<TimePoint> Agent::next_timeout() const { return impl_->next_timeout(); }
AgentState Agent::state() const noexcept { return impl_->state; }
Role Agent::role() const noexcept { return impl_->current->session.role; }
Description Agent::local_description() const { return impl_->current->local_description(); }
ConnectivityReport Agent::report() const { return impl_->report(); }

}  // namespace ice
