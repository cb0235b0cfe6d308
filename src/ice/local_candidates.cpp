#include "ice/local_candidates.hpp"

#include <algorithm>
#include <cassert>

#include "base/reachable.hpp"

namespace ice {

namespace {

// Between the relays of one base the one with the least overhead, and no head-of-line blocking, is liked best.
std::uint16_t transport_rank(Transport transport) noexcept {
  switch (transport) {
    case Transport::udp:
      return 0;
    case Transport::dtls:
      return 1;
    case Transport::tcp:
      return 2;
    case Transport::tls:
      return 3;
  }
  return 3;
}

}  // namespace

LocalCandidates::LocalCandidates(bool allow_loopback, std::size_t limit, std::string ufrag, bool relay_only)
    : allow_loopback_{allow_loopback}, relay_only_{relay_only}, limit_{limit}, ufrag_{std::move(ufrag)} {}

std::size_t LocalCandidates::count(bool relayed) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(bases_.begin(), bases_.end(), [&](const Base& base) { return base.relayed == relayed; }));
}

// RFC 8445 §5.1.1.1. The sockets of one agent are the driver's choice; what must never be a candidate is refused here
// whatever the driver thinks.
bool LocalCandidates::is_usable(const Address& address) const noexcept {
  if (address.is_loopback()) return allow_loopback_;
  return !address.is_unspecified() && !address.is_multicast() && !address.is_v4_mapped() &&
         !address.is_v4_compatible() && !address.is_site_local();
}

result<BaseIndex> LocalCandidates::add_base(TimePoint now, const Socket& socket) {
  if (!socket.local || socket.local.address.is_unspecified() || socket.local.port == 0)
    return fail(errc::invalid_argument);
  for (const Base& known : bases_)
    if (!known.removed && (known.socket == socket.id || known.local == socket.local))
      return fail(errc::invalid_argument);
  if (count(false) >= max_bases) return fail(errc::limit_reached);
  Base base;
  base.socket = socket.id;
  base.local = socket.local;
  base.interface = socket.interface;
  base.component = socket.component;
  base.usable = is_usable(socket.local.address);
  base.paired = !relay_only_;
  base.added = now;
  bases_.push_back(std::move(base));
  return static_cast<BaseIndex>(bases_.size() - 1);
}

void LocalCandidates::inherit_base(const Base& from) {
  Base base;
  base.socket = from.socket;
  base.local = from.local;
  base.interface = from.interface;
  base.component = from.component;
  base.usable = is_usable(from.local.address);
  base.paired = !relay_only_;
  base.added = from.added;
  bases_.push_back(std::move(base));
}

void LocalCandidates::rank() {
  std::vector<BaseIndex> ipv6;
  std::vector<BaseIndex> ipv4;
  std::uint16_t next = 0;
  for (BaseIndex i = 0; i < bases_.size(); ++i) {
    const Base& base = bases_[i];
    if (base.relayed) continue;
    if (base.ranked)
      next = std::max(next, static_cast<std::uint16_t>(base.rank + 1));
    else if (base.usable)
      (base.local.address.is_v6() ? ipv6 : ipv4).push_back(i);
  }
  std::stable_partition(ipv6.begin(), ipv6.end(),
                        [this](BaseIndex i) { return !bases_[i].local.address.is_link_local(); });
  for (std::size_t i = 0; i < std::max(ipv6.size(), ipv4.size()); ++i)
    for (const auto* family : {&ipv6, &ipv4})
      if (i < family->size()) {
        Base& base = bases_[(*family)[i]];
        base.rank = next++;
        base.ranked = true;
      }
}

// RFC 8445 §5.1.1.3: the same type, base address, server address, and transport that the server was reached by.
std::uint16_t LocalCandidates::foundation_of(CandidateType type, const Address& base, const Address& server,
                                             Transport transport) const noexcept {
  std::uint16_t next = 1;
  for (const LocalCandidate& known : candidates_) {
    if (known.candidate.type == type && bases_[known.base].local.address == base && known.server == server &&
        known.server_transport == transport)
      return known.foundation;
    next = std::max(next, static_cast<std::uint16_t>(known.foundation + 1));
  }
  return next;
}

std::optional<LocalIndex> LocalCandidates::add(CandidateType type, BaseIndex base, const Endpoint& endpoint,
                                               const Address& server_address, std::uint32_t priority,
                                               Transport transport) {
  if (candidates_.size() >= limit_) return std::nullopt;
  const Base& from = bases_[base];
  LocalCandidate added;
  added.base = base;
  added.server = server_address;
  added.server_transport = transport;
  added.foundation = foundation_of(type, from.local.address, server_address, transport);
  Candidate& candidate = added.candidate;
  candidate.foundation = std::to_string(added.foundation);
  candidate.component = from.component;
  candidate.priority = priority;
  candidate.endpoint = {endpoint.address.without_scope(), endpoint.port};
  candidate.type = type;
  if (type != CandidateType::host) candidate.related = {from.local.address.without_scope(), from.local.port};
  candidate.ufrag = ufrag_;
  candidates_.push_back(std::move(added));
  return static_cast<LocalIndex>(candidates_.size() - 1);
}

std::optional<LocalIndex> LocalCandidates::add_host(BaseIndex index) {
  Base& base = bases_[index];
  assert(base.ranked);
  if (base.host_priority != 0) return std::nullopt;
  const auto preference = static_cast<std::uint16_t>(65535 - base.rank);
  const std::uint32_t priority = candidate_priority(CandidateType::host, preference, base.component);
  const auto added = add(CandidateType::host, index, base.local, {}, priority);
  if (added) {
    base.foundation = candidates_[*added].foundation;
    base.host_priority = priority;
  } else {
    base.usable = false;
  }
  return added;
}

std::optional<LocalIndex> LocalCandidates::add_relayed(TimePoint now, const Relayed& relayed) {
  if (count(true) >= max_relayed || !is_usable(relayed.relayed.address)) return std::nullopt;
  const Base& host = bases_[relayed.host];
  // Behind those that a host may have, so that what checks say in PRIORITY is less too; and unique (RFC 8445 §5.1.2.1).
  constexpr std::size_t hosts = 2 * max_bases;
  constexpr std::size_t slots = 2 * max_bases * max_servers;
  // The family of the host goes first: the peer is more likely to be reached in it without a relay of its own.
  const bool other_family = relayed.relayed.address.family() != host.local.address.family();
  const std::size_t slot = (host.rank * max_servers + relayed.server_index) * 2 + (other_family ? 1 : 0);
  Base base;
  base.socket = relayed.way;
  base.local = relayed.relayed;
  base.interface = host.interface;
  base.component = host.component;
  base.rank = static_cast<std::uint16_t>(hosts + transport_rank(relayed.transport) * slots + std::min(slot, slots - 1));
  base.ranked = true;
  base.relayed = true;
  base.added = now;
  const auto index = static_cast<BaseIndex>(bases_.size());
  bases_.push_back(std::move(base));
  const auto preference = static_cast<std::uint16_t>(65535 - bases_[index].rank);
  const std::uint32_t priority = candidate_priority(CandidateType::relayed, preference, bases_[index].component);
  const auto added =
      add(CandidateType::relayed, index, relayed.relayed, relayed.server.address, priority, relayed.transport);
  if (!added) {
    bases_[index].usable = false;
    return std::nullopt;
  }
  const Endpoint mapped{relayed.mapped.address.without_scope(), relayed.mapped.port};
  candidates_[*added].candidate.related = may_be_mapped(bases_[relayed.host], mapped) ? mapped : Endpoint{};
  bases_[index].foundation = candidates_[*added].foundation;
  bases_[index].host_priority = priority;
  return added;
}

// What a server says that it sees goes to the peer, whose checks would go there.
bool LocalCandidates::may_be_mapped(const Base& base, const Endpoint& mapped) const noexcept {
  return is_reachable(mapped) && is_usable(mapped.address) &&
         mapped.address.is_loopback() == base.local.address.is_loopback();
}

std::optional<LocalIndex> LocalCandidates::add_server_reflexive(BaseIndex index, const Endpoint& mapped,
                                                                const Address& server_address, std::size_t server) {
  assert(server < max_servers);
  const Base& base = bases_[index];
  const Endpoint told{mapped.address.without_scope(), mapped.port};
  if (!may_be_mapped(base, told)) return std::nullopt;
  std::size_t earlier = 0;  // mappings of this base that the server saw before this one
  for (const LocalCandidate& known : candidates_) {
    if (known.base != index) continue;
    if (known.candidate.endpoint == told) return std::nullopt;
    if (known.candidate.type == CandidateType::server_reflexive && known.server_index == server) ++earlier;
  }
  // RFC 8445 §5.1.2: unique for the bound on candidates that there are by default, and beyond it the last ones share.
  constexpr std::size_t slots = max_bases * max_servers;
  const std::size_t below = std::min<std::size_t>(earlier, 65535 / slots) * slots + base.rank * max_servers + server;
  const auto preference = static_cast<std::uint16_t>(65535 - below);
  const auto added = add(CandidateType::server_reflexive, index, told, server_address,
                         candidate_priority(CandidateType::server_reflexive, preference, base.component));
  if (added) candidates_[*added].server_index = server;
  return added;
}

std::optional<LocalIndex> LocalCandidates::find_or_add_mapped(BaseIndex index, const Endpoint& mapped) {
  const Base& base = bases_[index];
  const Endpoint told{mapped.address.without_scope(), mapped.port};
  std::optional<LocalIndex> elsewhere;
  for (LocalIndex i = 0; i < candidates_.size(); ++i) {
    const LocalCandidate& known = candidates_[i];
    if (known.candidate.endpoint != told || known.candidate.component != base.component) continue;
    if (known.base == index) return i;
    elsewhere = i;
  }
  if (elsewhere) return elsewhere;
  return add(CandidateType::peer_reflexive, index, told, {}, base.check_priority());
}

void LocalCandidates::remove_base(TimePoint now, BaseIndex index, std::error_code why) {
  bases_[index].removed = now;
  bases_[index].why_removed = why;
}

std::optional<BaseIndex> LocalCandidates::base_of(SocketId socket) const noexcept {
  for (BaseIndex i = 0; i < bases_.size(); ++i)
    if (bases_[i].socket == socket && !bases_[i].removed) return i;
  return std::nullopt;
}

}  // namespace ice
