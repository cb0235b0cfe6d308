#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <variant>
#include <vector>

#include "ice/base/random.hpp"
#include "ice/sim/nat.hpp"
#include "sim/packet.hpp"

namespace ice::sim {

/// A protocol and an endpoint, or a protocol and two: what NATs and hosts find things by.
struct FlowKey {
  Protocol protocol = Protocol::udp;
  Endpoint local;
  Endpoint remote;
  friend bool operator==(const FlowKey&, const FlowKey&) noexcept = default;
};
struct FlowHash {
  std::size_t operator()(const FlowKey& key) const noexcept {
    const std::size_t local = std::hash<Endpoint>{}(key.local);
    const std::size_t remote = std::hash<Endpoint>{}(key.remote);
    return local ^ (remote * 0x9e3779b97f4a7c15U + static_cast<std::size_t>(key.protocol));
  }
};

/// Mappings and filters (RFC 4787 §4, §5). Expiry is seen when somebody looks. An expired mapping holds its external
/// port until another takes it, so that what comes to it late is counted as late.
class NatTable {
 public:
  NatTable(const NatConfig& config, SeededRandom random);

  void set_external_addresses(std::vector<Address> addresses);
  std::span<const Address> external_addresses() const noexcept { return addresses_; }
  bool is_external(const Address& address) const noexcept;
  void clear();

  /// A packet goes from `internal` to `remote`: its external source, or why it has none. Refreshes, and makes what is
  /// missing. Where nothing is translated the external endpoint is the internal one.
  using Outcome = std::variant<Endpoint, Drop>;
  Outcome outbound(TimePoint now, Protocol protocol, const Endpoint& internal, const Endpoint& remote, bool translate);

  /// A packet comes from `remote` to `external`: where it goes inside, or why it does not.
  Outcome inbound(TimePoint now, Protocol protocol, const Endpoint& external, const Endpoint& remote);

  /// The same questions for the packet that an ICMP error is about; they change nothing (RFC 5508 §4.2, §4.3).
  Outcome find_internal(TimePoint now, Protocol protocol, const Endpoint& external) const;
  Outcome find_external(TimePoint now, Protocol protocol, const Endpoint& internal, const Endpoint& remote,
                        bool translate) const;

  std::size_t live(TimePoint now) const;
  std::optional<Endpoint> youngest_external(TimePoint now, const Endpoint& internal) const;

 private:
  struct Permit {
    Endpoint remote;
    TimePoint refreshed;
  };
  struct Mapping {
    FlowKey key;
    Endpoint external;
    TimePoint refreshed;
    std::vector<Permit> permits;
    std::uint64_t number = 0;  ///< how many were made before
    bool used = false;
  };
  using Index = std::uint32_t;

  FlowKey key_of(Protocol protocol, const Endpoint& internal, const Endpoint& remote, bool translate) const;
  Duration lifetime(Protocol protocol) const noexcept;
  bool expired(const Mapping& mapping, TimePoint now) const noexcept;
  void permit(Mapping& mapping, const Endpoint& remote, TimePoint now);
  Permit* permitted(Mapping& mapping, const Endpoint& remote, TimePoint now) const;

  std::optional<Address> choose_address(const Address& internal);
  std::optional<Endpoint> allocate(TimePoint now, Protocol protocol, const Endpoint& internal, const Endpoint& avoid);
  bool taken(TimePoint now, Protocol protocol, const Endpoint& external) const;
  Index insert(const FlowKey& key, const Endpoint& external);
  void erase(Index index);

  const NatConfig& config_;
  SeededRandom random_;
  std::vector<Address> addresses_;
  std::vector<Mapping> mappings_;
  std::vector<Index> free_;
  std::unordered_map<FlowKey, Index, FlowHash> by_key_;       // for finding alone, never walked
  std::unordered_map<FlowKey, Index, FlowHash> by_external_;  // the same
  std::unordered_map<Address, Address> pairs_;                // the same: internal address to external
  std::uint64_t made_ = 0;
  std::uint32_t next_address_ = 0;
  std::uint16_t last_port_ = 0;
};

}  // namespace ice::sim
