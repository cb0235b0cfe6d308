#include "sim/nat_table.hpp"

#include <algorithm>
#include <utility>

namespace ice::sim {
namespace {

/// RFC 4787 REQ-3: well-known ports are given to nobody who did not have them inside.
constexpr std::uint32_t first_port = 1024;
constexpr std::uint32_t port_count = 65536 - first_port;

/// The port after `port`, in a circle.
std::uint16_t after(std::uint16_t port) {
  return port < first_port || port == 65535 ? std::uint16_t{first_port} : static_cast<std::uint16_t>(port + 1);
}

}  // namespace

NatTable::NatTable(const NatConfig& config, SeededRandom random) : config_{config}, random_{random} {
  last_port_ = static_cast<std::uint16_t>(first_port + random_.below(port_count));
}

void NatTable::set_external_addresses(std::vector<Address> addresses) {
  clear();
  addresses_ = std::move(addresses);
}

bool NatTable::is_external(const Address& address) const noexcept {
  return std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end();
}

void NatTable::clear() {
  mappings_.clear();
  free_.clear();
  by_key_.clear();
  by_external_.clear();
  pairs_.clear();
}

NatTable::Outcome NatTable::outbound(TimePoint now, Protocol protocol, const Endpoint& internal, const Endpoint& remote,
                                     bool translate) {
  const FlowKey key = key_of(protocol, internal, remote, translate);
  const auto found = by_key_.find(key);
  Index index = 0;
  if (found != by_key_.end() && !expired(mappings_[found->second], now)) {
    index = found->second;
  } else {
    Endpoint avoid;
    if (found != by_key_.end() && config_.new_port_after_expiry) avoid = mappings_[found->second].external;
    const std::optional<Endpoint> external = translate ? allocate(now, protocol, internal, avoid) : internal;
    if (!external) return Drop::no_external;
    index = insert(key, *external);
  }
  Mapping& mapping = mappings_[index];
  mapping.refreshed = now;
  permit(mapping, remote, now);
  return mapping.external;
}

NatTable::Outcome NatTable::inbound(TimePoint now, Protocol protocol, const Endpoint& external,
                                    const Endpoint& remote) {
  const auto found = by_external_.find({protocol, external, {}});
  if (found == by_external_.end()) return Drop::no_mapping;
  Mapping& mapping = mappings_[found->second];
  if (expired(mapping, now)) return Drop::mapping_expired;
  Permit* permit = permitted(mapping, remote, now);
  if (permit == nullptr && config_.filtering != Behavior::endpoint_independent) return Drop::filtered;
  if (config_.refresh == Refresh::both) {
    mapping.refreshed = now;
    if (permit != nullptr) permit->refreshed = now;
  }
  return mapping.key.local;
}

NatTable::Outcome NatTable::find_internal(TimePoint now, Protocol protocol, const Endpoint& external) const {
  const auto found = by_external_.find({protocol, external, {}});
  if (found == by_external_.end()) return Drop::no_mapping;
  const Mapping& mapping = mappings_[found->second];
  if (expired(mapping, now)) return Drop::mapping_expired;
  return mapping.key.local;
}

NatTable::Outcome NatTable::find_external(TimePoint now, Protocol protocol, const Endpoint& internal,
                                          const Endpoint& remote, bool translate) const {
  const auto found = by_key_.find(key_of(protocol, internal, remote, translate));
  if (found == by_key_.end()) return Drop::no_mapping;
  const Mapping& mapping = mappings_[found->second];
  if (expired(mapping, now)) return Drop::mapping_expired;
  return mapping.external;
}

std::size_t NatTable::live(TimePoint now) const {
  return static_cast<std::size_t>(std::count_if(mappings_.begin(), mappings_.end(), [&](const Mapping& mapping) {
    return mapping.used && !expired(mapping, now);
  }));
}

std::optional<Endpoint> NatTable::youngest_external(TimePoint now, const Endpoint& internal) const {
  const Mapping* youngest = nullptr;
  for (const Mapping& mapping : mappings_) {
    if (!mapping.used || expired(mapping, now)) continue;
    if (mapping.key.protocol != Protocol::udp || mapping.key.local != internal) continue;
    if (youngest == nullptr || mapping.number > youngest->number) youngest = &mapping;
  }
  if (youngest == nullptr) return {};
  return youngest->external;
}

FlowKey NatTable::key_of(Protocol protocol, const Endpoint& internal, const Endpoint& remote, bool translate) const {
  FlowKey key{protocol, internal, {}};
  if (!translate || config_.mapping == Behavior::endpoint_independent) return key;
  key.remote = remote;
  if (config_.mapping == Behavior::address_dependent) key.remote.port = 0;
  return key;
}

Duration NatTable::lifetime(Protocol protocol) const noexcept {
  return protocol == Protocol::tcp ? config_.tcp_lifetime : config_.udp_lifetime;
}

bool NatTable::expired(const Mapping& mapping, TimePoint now) const noexcept {
  return now - mapping.refreshed >= lifetime(mapping.key.protocol);
}

void NatTable::permit(Mapping& mapping, const Endpoint& remote, TimePoint now) {
  const Duration life = lifetime(mapping.key.protocol);
  Permit* expired = nullptr;
  for (Permit& permit : mapping.permits) {
    if (permit.remote == remote) {
      permit.refreshed = now;
      return;
    }
    if (now - permit.refreshed >= life) expired = &permit;
  }
  if (expired != nullptr) {
    *expired = {remote, now};
  } else {
    mapping.permits.push_back({remote, now});
  }
}

NatTable::Permit* NatTable::permitted(Mapping& mapping, const Endpoint& remote, TimePoint now) const {
  const Duration life = lifetime(mapping.key.protocol);
  Permit* same_address = nullptr;
  for (Permit& permit : mapping.permits) {
    if (now - permit.refreshed >= life) continue;
    if (permit.remote == remote) return &permit;
    if (permit.remote.address == remote.address) same_address = &permit;
  }
  return config_.filtering == Behavior::address_dependent ? same_address : nullptr;
}

std::optional<Address> NatTable::choose_address(const Address& internal) {
  if (const auto pair = pairs_.find(internal); config_.pooling == Pooling::paired && pair != pairs_.end()) {
    return pair->second;
  }
  for (std::size_t tries = 0; tries < addresses_.size(); ++tries) {
    const Address& address = addresses_[next_address_++ % addresses_.size()];
    if (address.family() != internal.family()) continue;
    pairs_.insert_or_assign(internal, address);
    return address;
  }
  return {};
}

std::optional<Endpoint> NatTable::allocate(TimePoint now, Protocol protocol, const Endpoint& internal,
                                           const Endpoint& avoid) {
  const std::optional<Address> address = choose_address(internal.address);
  if (!address) return {};
  Endpoint external{*address, 0};
  switch (config_.ports) {
    case PortAllocation::preserving:
      external.port = internal.port;
      break;
    case PortAllocation::sequential:
      external.port = after(last_port_);
      break;
    case PortAllocation::random:
      external.port = static_cast<std::uint16_t>(first_port + random_.below(port_count));
  }
  for (std::uint32_t tries = 0; external == avoid || taken(now, protocol, external); ++tries) {
    if (tries == port_count) return {};
    external.port = after(external.port);
  }
  if (config_.ports == PortAllocation::sequential) last_port_ = external.port;
  return external;
}

bool NatTable::taken(TimePoint now, Protocol protocol, const Endpoint& external) const {
  const auto found = by_external_.find({protocol, external, {}});
  return found != by_external_.end() && !expired(mappings_[found->second], now);
}

NatTable::Index NatTable::insert(const FlowKey& key, const Endpoint& external) {
  const FlowKey outer{key.protocol, external, {}};
  if (const auto late = by_external_.find(outer); late != by_external_.end()) erase(late->second);
  Index index = 0;
  if (free_.empty()) {
    index = static_cast<Index>(mappings_.size());
    mappings_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  mappings_[index] = {key, external, {}, {}, made_++, true};
  by_key_.insert_or_assign(key, index);
  by_external_.insert_or_assign(outer, index);
  return index;
}

void NatTable::erase(Index index) {
  Mapping& mapping = mappings_[index];
  by_external_.erase({mapping.key.protocol, mapping.external, {}});
  if (const auto found = by_key_.find(mapping.key); found != by_key_.end() && found->second == index) {
    by_key_.erase(found);
  }
  mapping.used = false;
  free_.push_back(index);
}

}  // namespace ice::sim
