#include "turn/allocation_table.hpp"

#include <cassert>

namespace ice::turn {

ServerAllocation& AllocationTable::add(ServerAllocation allocation) {
  allocation.number = ++made_;
  auto& added = *all_.emplace(made_, std::make_unique<ServerAllocation>(std::move(allocation))).first->second;
  by_tuple_.emplace(added.tuple, &added);
  return added;
}

void AllocationTable::remove(const ServerAllocation& allocation) noexcept {
  assert(!allocation.has_relay());
  by_tuple_.erase(allocation.tuple);
  all_.erase(allocation.number);
}

ServerAllocation* AllocationTable::find(const FiveTuple& tuple) noexcept {
  const auto found = by_tuple_.find(tuple);
  return found == by_tuple_.end() ? nullptr : found->second;
}

ServerAllocation* AllocationTable::find(std::uint64_t number) noexcept {
  const auto found = all_.find(number);
  return found == all_.end() ? nullptr : found->second.get();
}

const AllocationTable::Owner* AllocationTable::find_relay(SocketId socket) const noexcept {
  const auto found = by_socket_.find(socket);
  return found == by_socket_.end() ? nullptr : &found->second;
}

ServerAllocation* AllocationTable::find_relayed(const Endpoint& relayed) noexcept {
  const auto found = by_relayed_.find(relayed);
  return found == by_relayed_.end() ? nullptr : found->second;
}

void AllocationTable::add_relay_socket(SocketId socket, Owner owner) { by_socket_.insert_or_assign(socket, owner); }

void AllocationTable::set_relay(ServerAllocation& allocation, Family family, TimePoint expires) {
  Relay& relay = allocation.relay(family);
  expiries_.erase({relay.expires, allocation.number, family});
  relay.expires = expires;
  expiries_.insert({expires, allocation.number, family});
  by_relayed_.insert_or_assign(relay.relayed, &allocation);
}

void AllocationTable::unset_relay(ServerAllocation& allocation, Family family) noexcept {
  const Relay& relay = allocation.relay(family);
  expiries_.erase({relay.expires, allocation.number, family});
  const auto found = by_relayed_.find(relay.relayed);
  if (found != by_relayed_.end() && found->second == &allocation) by_relayed_.erase(found);
}

std::optional<TimePoint> AllocationTable::next_expiry() const noexcept {
  if (expiries_.empty()) return std::nullopt;
  return expiries_.begin()->at;
}

std::optional<AllocationTable::Owner> AllocationTable::find_expired(TimePoint now) noexcept {
  if (expiries_.empty() || expiries_.begin()->at > now) return std::nullopt;
  const Expiry& first = *expiries_.begin();
  return Owner{find(first.number), first.family};
}

}  // namespace ice::turn
