#include <algorithm>
#include <cassert>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/reachable.hpp"
#include "ice/agent_impl.hpp"

namespace ice {
namespace {

// Ours: three transmissions and as long again have gone unanswered (RFC 8489 §6.2.1: 0, 0.5 and 1.5 s), and the call
// does not wait 39.5 s for another server.
constexpr Duration server_patience = std::chrono::seconds{4};

}  // namespace

void Agent::Impl::resolve_server(TimePoint now, ServerId server, std::span<const Endpoint> addresses) {
  assert(static_cast<std::size_t>(server) < config.servers.size());
  current->servers.resolve(server, addresses);
  ask_servers(now);
  advance(now);
}

void Agent::Impl::ask_servers(TimePoint now) {
  if (!current->gatherer.begun()) return;
  current->gatherer.ask_all();
  for (BaseIndex base = 0, hosts = static_cast<BaseIndex>(current->local.bases().size()); base < hosts; ++base)
    want_relays(now, base);
}

std::optional<TimePoint> Agent::Impl::goes_on_at(std::size_t server, Family family) const noexcept {
  const auto asked = current->servers.replaceable(server, family);
  if (!asked) return std::nullopt;
  return current->servers.all()[server].uri.is_turn()
             ? relays.hopeless_at(static_cast<std::uint16_t>(server), *asked, server_patience)
             : current->gatherer.hopeless_at(*asked, server_patience);
}

std::optional<TimePoint> Agent::Impl::goes_on_at() const noexcept {
  std::optional<TimePoint> first;
  for (std::size_t server = 0; server < current->servers.all().size(); ++server)
    for (const Family family : {Family::ipv4, Family::ipv6}) earliest(first, goes_on_at(server, family));
  return first;
}

// RFC 3958 §2.2.4: the first address that works is the server. One that is only slow may still answer.
void Agent::Impl::go_on_to_next_addresses(TimePoint now) {
  bool more = false;
  for (std::size_t server = 0; server < current->servers.all().size(); ++server)
    for (const Family family : {Family::ipv4, Family::ipv6}) {
      const auto at = goes_on_at(server, family);
      if (!at || now < *at) continue;
      current->servers.go_on(server, family);
      journal.note(now, "ice-server-next-address", {}, *current->servers.last(server, family),
                   static_cast<std::uint32_t>(server));
      more = true;
    }
  if (more) ask_servers(now);
}

void Agent::Impl::fail_server(TimePoint now, ServerId server) {
  assert(static_cast<std::size_t>(server) < config.servers.size());
  current->servers.fail(server);
  journal.note(now, "ice-server-not-resolved", {}, {}, static_cast<std::uint32_t>(server));
  advance(now);
}

void Agent::Impl::replace_credentials(TimePoint now, ServerId server, const stun::Login& login) {
  assert(static_cast<std::size_t>(server) < config.servers.size());
  config.servers[static_cast<std::size_t>(server)].login = login;
  relays.replace_credentials(now, static_cast<std::uint16_t>(server), login);
  handle_relay_events(now);
  advance(now);
}

// One allocation for each base and TURN server of its family (RFC 8445 §5.1.1.2), whatever it is reached by.
void Agent::Impl::want_relays(TimePoint now, BaseIndex index) {
  if (current->selected || ended() || !current->local.bases()[index].live() || current->local.bases()[index].relayed)
    return;
  const auto& servers = current->servers.all();
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (!servers[i].uri.is_turn()) continue;
    for (const Endpoint& endpoint : servers[i].endpoints) {
      if (!same_reach(current->local.bases()[index].local.address, endpoint.address)) continue;
      const auto relay = relays.want(current->local.bases()[index], static_cast<std::uint16_t>(i), endpoint);
      if (relay)
        add_relayed(now, **relay);  // there already where it has outlived a restart
      else
        ++ignored.over_limit;
    }
  }
}

// What an earlier generation has left serves this one at once, also where DNS has yet to say where the server is.
void Agent::Impl::take_over_relays(TimePoint now, BaseIndex index) {
  relays.take_over(current->local.bases()[index]);
  const SocketId host = current->local.bases()[index].socket;
  for (const Relays::Relay& relay : relays.all())
    if (relay.host == host && relay.wanted) add_relayed(now, relay);
}

// The candidates that an allocation brings: a relayed one of each family, and the server-reflexive one of its answer.
void Agent::Impl::add_relayed(TimePoint now, const Relays::Relay& relay) {
  const auto host = current->local.base_of(relay.host);
  if (!host || current->selected) return;
  const Endpoint mapped = relay.allocation.mapped();
  const bool hidden = config.policy == CandidatePolicy::relay_only;
  // A connection to the server, or a socket for DTLS, is no base for checks.
  if (!relay.ways.empty() && !hidden && relay.transport == Transport::udp) {
    const auto reflexive = current->local.add_server_reflexive(*host, mapped, relay.endpoint.address, relay.server);
    if (reflexive) tell(*reflexive);
  }
  for (const Relays::Way& way : relay.ways) {
    if (current->local.base_of(way.socket)) continue;
    const auto added = current->local.add_relayed(now, {*host, way.socket, way.relayed, hidden ? Endpoint{} : mapped,
                                                        relay.endpoint, relay.server, relay.transport});
    if (!added) {
      ++ignored.over_limit;
      continue;
    }
    journal.note(now, "ice-relayed-candidate", relay.local, way.relayed);
    tell(*added);
    if (state == AgentState::checking) current->checklist.pair_base(now, *current->local.base_of(way.socket));
  }
}

// ---- what the allocations tell

void Agent::Impl::handle_relay_events(TimePoint now) {
  while (const auto next = relays.poll_event()) {
    std::visit(
        [&](const auto& event) {
          using Told = std::decay_t<decltype(event)>;
          if constexpr (requires { handle_relay_event(now, next->first, event); })
            handle_relay_event(now, next->first, event);
          else
            static_assert(std::is_same_v<Told, turn::PermissionGranted> || std::is_same_v<Told, turn::ChannelReady> ||
                              std::is_same_v<Told, turn::ChannelRefused> || std::is_same_v<Told, turn::Released> ||
                              std::is_same_v<Told, turn::Moved> || std::is_same_v<Told, turn::MoveFailed> ||
                              std::is_same_v<Told, turn::AccessTokenWanted>,
                          "these are asked for when they matter");
        },
        next->second);
    touch();
  }
}

void Agent::Impl::handle_relay_event(TimePoint now, RelayIndex index, const turn::Allocated& event) {
  relays.open_ways(index, event);
  const Relays::Relay& relay = relays[index];
  // For a generation that has ended, or has its pair already.
  if (relay.wanted)
    add_relayed(now, relay);
  else if (!release_at)
    release_relays(now);
}

void Agent::Impl::handle_relay_event(TimePoint now, RelayIndex index, const turn::AllocationFailed& event) {
  journal.note(now, "ice-relay-failed", relays[index].local, event.server, static_cast<std::uint32_t>(event.why.code));
}

void Agent::Impl::handle_relay_event(TimePoint now, RelayIndex index, const turn::AllocationLost& event) {
  for (const Relays::Way& way : relays.close_ways(index)) {
    journal.note(now, "ice-relay-lost", relays[index].local, way.relayed, static_cast<std::uint32_t>(event.why.code));
    lose_base(now, way.socket, event.why.error, Cause::relay_lost);
  }
}

void Agent::Impl::handle_relay_event(TimePoint now, RelayIndex index, const turn::PermissionRefused& event) {
  for (PairIndex i = 0; i < current->checklist.pairs().size(); ++i) {
    Pair& pair = current->checklist[i];
    if (relays.find(current->checklist.base_of(pair).socket) != &relays[index] ||
        current->checklist.destination(pair).address != event.peer || !(pair.undecided() || pair.selected))
      continue;
    pair.error_code = static_cast<std::uint16_t>(event.why.code);
    current->note(now, "ice-permission-refused", pair, pair.error_code);
    if (pair.selected)
      end(now, AgentState::disconnected, Cause::permission_refused);
    else
      check_failed(now, i, Cause::permission_refused);
  }
}

void Agent::Impl::handle_relay_event(TimePoint, RelayIndex index, const turn::PeerUnreachable& event) {
  for (const Relays::Way& way : relays[index].ways) {
    const SocketUnreachable inside{way.socket, event.peer, event.icmp.type, event.icmp.code, event.icmp.data};
    current->handle_unreachable(inside);
    past.handle_unreachable(inside);
  }
}

// RFC 8656 §9: nothing passes before the server permits the peer's address. The check that waits for it begins in the
// next slot after the grant.
void Agent::Impl::ask_permissions(TimePoint now) {
  if (relays.empty() || state != AgentState::checking) return;
  for (PairIndex i = 0; i < current->checklist.pairs().size(); ++i) {
    Pair& pair = current->checklist[i];
    if (!pair.held || !pair.undecided()) continue;
    Relays::Relay* relay = relays.find(current->checklist.base_of(pair).socket);
    const Address peer = current->checklist.destination(pair).address;
    if (relay == nullptr || !relay->allocation.permit(now, peer))
      current->fail_pair(now, i, relay == nullptr ? Cause::relay_lost : Cause::permission_refused);
    else
      pair.held = !relay->allocation.permitted(now, peer);
  }
}

void Agent::Impl::release_later(TimePoint at) noexcept {
  if (!relays.empty()) release_at = at;
}

// RFC 8445 §8.3: what no pair in use needs is given back, and a relay that is used forgets the peers that lost.
void Agent::Impl::release_relays(TimePoint now) {
  release_at.reset();
  std::vector<SocketId> used;
  if (current->selected && !ended()) {
    const Pair& selected = current->checklist[*current->selected];
    used.push_back(current->checklist.base_of(selected).socket);
    const Address peer = current->checklist.destination(selected).address;
    if (Relays::Relay* relay = relays.find(used.back())) forget_peers(*relay, peer);
  }
  if (const auto carrying = past.carrying_socket(now)) used.push_back(*carrying);
  for (const Relays::Way& way : relays.release_all_but(now, used)) lose_base(now, way.socket, {}, Cause::superseded);
  handle_relay_events(now);
}

// Permissions are few, and a call may restart often.
void Agent::Impl::forget_peers(Relays::Relay& relay, const Address& all_but) {
  const auto forget = [&](const std::vector<PairReport>& pairs) {
    for (const PairReport& pair : pairs)
      if (pair.remote.address != all_but) relay.allocation.forget(pair.remote.address);
  };
  forget(current->pair_reports());
  for (const GenerationReport& earlier : past.report()) forget(earlier.pairs);
}

// ---- what passes through them

MutableBytes Agent::Impl::inner_scratch(MutableBytes scratch) const noexcept {
  return relays.empty() ? scratch : scratch.subspan(turn::Allocation::wrap_overhead);
}

std::optional<Transmit> Agent::Impl::outward(TimePoint now, const Transmit& inner, MutableBytes scratch) noexcept {
  if (!Relays::is_relay(inner.socket)) return inner;
  auto packet = relays.wrap(now, inner, scratch);
  // What goes unanswered makes the allocation ask (RFC 8656 §8), which may be before everything else that is due.
  if (packet) earliest_timeout(relays.find(inner.socket)->allocation.next_timeout());
  return packet;
}

// Never deeper: what is inside is not unwrapped again.
Received Agent::Impl::handle_relayed(TimePoint now, Relays::Relay& relay, const Received& inside,
                                     MutableBytes scratch) {
  const auto way = std::find_if(relay.ways.begin(), relay.ways.end(), [&](const Relays::Way& one) {
    return one.relayed.address.family() == inside.from.address.family();
  });
  if (way == relay.ways.end()) return {Verdict::not_mine};
  Received received = handle_inner(now, {way->socket, inside.from, inside.data, {}}, inner_scratch(scratch));
  if (!received.forward) return received;
  received.forward = outward(now, *received.forward, scratch);
  if (!received.forward) received.verdict = Verdict::handled;  // the permission has expired meanwhile: it is lost
  return received;
}

}  // namespace ice
