#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/time.hpp"
#include "ice/sim/counters.hpp"
#include "ice/sim/link.hpp"

namespace ice::sim {

class Realm;

/// What a mapping (RFC 4787 §4.1) or a filter (§5) depends on, beside the internal address and port.
enum class Behavior : std::uint8_t {
  endpoint_independent,        ///< nothing else
  address_dependent,           ///< the remote address
  address_and_port_dependent,  ///< the remote address and port
};

/// "endpoint-independent", "address-dependent", "address-and-port-dependent".
ICE_API std::string_view to_string(Behavior behavior) noexcept;

/// Which external port a new mapping gets (RFC 4787 §4.2).
enum class PortAllocation : std::uint8_t {
  preserving,  ///< the internal port where it is free, else the next free one above it
  sequential,  ///< the next free one after the last that was given
  random,
};

/// Which of several external addresses a new mapping gets (RFC 4787 §4.1, REQ-2).
enum class Pooling : std::uint8_t {
  paired,     ///< one internal address has one external address, always
  arbitrary,  ///< each mapping takes the next in turn
};

/// What becomes of a packet from inside to an external address of the NAT itself (RFC 4787 §6).
enum class Hairpinning : std::uint8_t {
  off,              ///< dropped
  external_source,  ///< delivered, coming from the sender's external address and port (REQ-9)
  internal_source,  ///< delivered, coming from the sender's internal one: the wrong way that some NATs have
};

/// Which packets prolong a mapping (RFC 4787 §4.3).
enum class Refresh : std::uint8_t {
  outbound,  ///< those from inside alone (REQ-6)
  both,      ///< those that were let in as well
};

/// A NAT, a firewall, or both, on the axes of RFC 4787; TCP follows the same axes (RFC 5382). The address families are
/// apart: what is not translated is filtered all the same, as a home router does with IPv4 and IPv6.
struct ICE_API NatConfig {
  /// What the less patient NATs do to UDP; RFC 4787 REQ-5 wants at least two minutes, and not all comply.
  static constexpr Duration short_udp_lifetime = std::chrono::seconds{30};
  static constexpr Duration rfc4787_udp_lifetime = std::chrono::minutes{2};
  /// RFC 5382 REQ-5: an established connection that is idle, 2 hours and 4 minutes.
  static constexpr Duration rfc5382_tcp_lifetime = std::chrono::minutes{124};

  bool translate_ipv4 = true;
  bool translate_ipv6 = false;
  bool filter = true;  ///< false, for families that are not translated: a plain router, everything passes
  Behavior mapping = Behavior::endpoint_independent;
  Behavior filtering = Behavior::address_and_port_dependent;
  PortAllocation ports = PortAllocation::preserving;
  bool new_port_after_expiry = true;  ///< the same internal port does not get its expired external port back at once
  Pooling pooling = Pooling::paired;
  Hairpinning hairpinning = Hairpinning::off;
  Refresh refresh = Refresh::outbound;
  Duration udp_lifetime = short_udp_lifetime;    ///< of mappings, and of each remote in a filter
  Duration tcp_lifetime = rfc5382_tcp_lifetime;  ///< the same for TCP
  bool udp = true;                               ///< false: UDP passes in no direction
  bool tcp = true;                               ///< false: TCP passes in no direction
  bool icmp_prohibited = false;  ///< tell a sender inside that its protocol is blocked (ICMP 3/13, ICMPv6 1/1)

  /// The classic kinds of RFC 3489 §5, with what is realistic on the other axes.
  static NatConfig full_cone();             ///< endpoint-independent mapping, endpoint-independent filtering
  static NatConfig restricted_cone();       ///< endpoint-independent mapping, address-dependent filtering
  static NatConfig port_restricted_cone();  ///< endpoint-independent mapping, address-and-port-dependent filtering
  static NatConfig symmetric();             ///< address-and-port-dependent mapping and filtering, random ports, so that
                                            ///< nobody can guess the next one
  static NatConfig udp_blocked();           ///< port restricted for TCP, nothing for UDP
  static NatConfig open();                  ///< neither translates nor filters: as if it were not there
  static NatConfig firewall();  ///< translates nothing; lets in what answers (RFC 3489 §10.1: symmetric firewall)
};

/// A NAT or firewall between an outer realm and the realm inside it. Made by Realm::add_nat(), lives as long as the
/// network.
class ICE_API Nat {
 public:
  struct State;
  explicit Nat(std::unique_ptr<State> state) noexcept;  ///< for Realm::add_nat()
  ~Nat();
  Nat(const Nat&) = delete;
  Nat& operator=(const Nat&) = delete;

  std::string_view name() const noexcept;
  Realm& inside() noexcept;
  Realm& outside() noexcept;

  /// Its connection to the outer realm. The inner one is ideal: the links of what is inside are on that side.
  Link& uplink() noexcept;

  /// The configuration may be changed while the network runs; what is mapped already stays mapped.
  NatConfig& config() noexcept;

  std::span<const Address> external_addresses() const noexcept;

  /// What a change of the provider's address does: new addresses, and every mapping forgotten.
  void set_external_addresses(std::vector<Address> addresses);

  /// Forgets every mapping and filter, as losing power does.
  void reboot() noexcept;

  /// Mappings that have not expired.
  std::size_t live_mappings() const noexcept;

  /// The external endpoint of the youngest UDP mapping that `internal` has and that has not expired.
  std::optional<Endpoint> external_of(const Endpoint& internal) const noexcept;

  const Counters& counters() const noexcept;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace ice::sim
