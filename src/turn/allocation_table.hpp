#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/hash.hpp"
#include "turn/server_allocation.hpp"

namespace ice::turn {

/// All allocations, found by what packets bear: the client's 5-tuple, the relay socket, the relayed transport address;
/// and by when they expire.
class AllocationTable {
 public:
  /// `seed` keeps clients from choosing who shares a bucket with whom.
  explicit AllocationTable(std::uint64_t seed) : by_tuple_{16, TupleHash{seed}}, by_relayed_{16, EndpointHash{seed}} {}

  /// A relayed transport address and whose it is: nobody's while it is reserved.
  struct Owner {
    ServerAllocation* allocation = nullptr;
    Family family = Family::none;
  };

  ServerAllocation& add(ServerAllocation allocation);
  /// Its relays must be closed, and other 5-tuples than its own be removed, before.
  void remove(const ServerAllocation& allocation) noexcept;

  ServerAllocation* find(const FiveTuple& tuple) noexcept;
  /// Another 5-tuple by which it is found, or not any more.
  void add_tuple(ServerAllocation& allocation, const FiveTuple& tuple) { by_tuple_.emplace(tuple, &allocation); }
  void remove_tuple(const FiveTuple& tuple) noexcept { by_tuple_.erase(tuple); }
  ServerAllocation* find(std::uint64_t number) noexcept;
  /// The relay socket's owner; null where it is none.
  const Owner* find_relay(SocketId socket) const noexcept;
  /// The live allocation that has this relayed transport address.
  ServerAllocation* find_relayed(const Endpoint& relayed) noexcept;

  /// A relay socket, of an allocation or of nobody yet.
  void add_relay_socket(SocketId socket, Owner owner);
  void remove_relay_socket(SocketId socket) noexcept { by_socket_.erase(socket); }

  /// Makes an open relay of a live allocation known, or sets its end anew.
  void set_relay(ServerAllocation& allocation, Family family, TimePoint expires);
  void unset_relay(ServerAllocation& allocation, Family family) noexcept;

  std::optional<TimePoint> next_expiry() const noexcept;
  /// A relay that has expired by now, the earliest first. It stays until it is unset.
  std::optional<Owner> find_expired(TimePoint now) noexcept;

  std::size_t size() const noexcept { return all_.size(); }
  /// In the order they were made.
  auto begin() const noexcept { return all_.begin(); }
  auto end() const noexcept { return all_.end(); }

 private:
  struct TupleHash {
    std::uint64_t seed;
    std::size_t operator()(const FiveTuple& tuple) const noexcept {
      return static_cast<std::size_t>(mix(hash_of(tuple.client) ^ seed ^ static_cast<std::uint64_t>(tuple.socket)));
    }
  };
  struct EndpointHash {
    std::uint64_t seed;
    std::size_t operator()(const Endpoint& endpoint) const noexcept {
      return static_cast<std::size_t>(mix(hash_of(endpoint) ^ seed));
    }
  };
  struct Expiry {
    TimePoint at;
    std::uint64_t number;
    Family family;
    friend auto operator<=>(const Expiry&, const Expiry&) = default;
  };

  std::map<std::uint64_t, std::unique_ptr<ServerAllocation>> all_;
  std::unordered_map<FiveTuple, ServerAllocation*, TupleHash> by_tuple_;
  std::unordered_map<SocketId, Owner> by_socket_;
  std::unordered_map<Endpoint, ServerAllocation*, EndpointHash> by_relayed_;
  std::set<Expiry> expiries_;
  std::uint64_t made_ = 0;
};

}  // namespace ice::turn
