#include <utility>

#include "ice/agent_impl.hpp"

namespace ice {
namespace {

// Removed sockets that the report remembers beyond the generation that used them; ours: as many as an agent may have.
constexpr std::size_t most_gone_sockets = LocalCandidates::max_bases;

}  // namespace

result<void> Agent::Impl::restart(TimePoint now) {
  if (closed()) return fail(errc::closed);
  begin_generation(now, GenerationEnd::restarted);
  return {};
}

// RFC 8445 §9: everything is flushed but the roles. The tie-breaker may stay (§16.1) and does, so that a conflict that
// was solved once stays solved.
void Agent::Impl::begin_generation(TimePoint now, GenerationEnd why) {
  ++restarts;
  journal.note(now, "ice-restart", {}, {}, restarts);
  auto next =
      std::make_unique<Generation>(config, environment, journal, current->session.role, current->session.tie_breaker);
  for (const Base& base : current->local.bases()) {
    if (base.relayed) continue;  // its allocation may be there still, and tells the new generation of it anew
    if (base.removed) {
      if (gone_sockets.size() >= most_gone_sockets) gone_sockets.erase(gone_sockets.begin());
      gone_sockets.push_back(base.report());
    } else {
      next->local.inherit_base(base);
    }
  }
  relays.want_none();
  release_at.reset();
  past.add(now, std::exchange(current, std::move(next)), why, state, std::exchange(cause, Cause::none));
  const bool by_peer = why == GenerationEnd::restarted_by_peer;
  events.push_back(Restarted{by_peer});
  set_state(now, by_peer ? AgentState::checking : AgentState::gathering, Cause::none);
  gather(now);
}

// A restart that comes to nothing leaves things as they were, if the pair of before still has the peer's consent: it
// is not the restart's fault that there was one.
bool Agent::Impl::fall_back(TimePoint now, Cause why) {
  auto before = past.take_back(now);
  if (!before) return false;
  journal.note(now, "ice-restart-failed", {}, {}, restarts);
  const Role role = current->session.role;
  current->finish(now, why);
  past.add(now, std::exchange(current, std::move(before)), GenerationEnd::fell_back, AgentState::failed, why);
  slot.reset();
  relays.want_none();
  release_later(now + candidate_linger);
  if (role != current->session.role) events.push_back(RoleSwitched{current->session.role});
  set_state(now, AgentState::connected, why);
  return true;
}

// On the pair of before, or on its way when the restart came. It is answered, since the peer may depend on it for
// consent, and teaches nothing but where data may come from.
Received Agent::Impl::handle_late_request(std::string_view ufrag, TimePoint now, const stun::Message& request,
                                          const Datagram& datagram, MutableBytes scratch) {
  Generation* generation = past.find(ufrag);
  if (generation == nullptr) {
    ++ignored.late;
    return {Verdict::handled};
  }
  const Responder::Outcome outcome =
      generation->responder.handle_request(now, request, datagram.from, generation->revoked, scratch);
  Received received{outcome.verdict};
  if (!outcome.answer.empty())
    received.forward = Transmit{datagram.socket, datagram.from, outcome.answer, {}, 0, {datagram.ip.local}};
  if (!outcome.authentic || outcome.other_session)
    ++ignored.unauthenticated;
  else if (outcome.check && !generation->proven.add(datagram.socket, datagram.from))
    ++ignored.over_limit;
  return received;
}

}  // namespace ice
