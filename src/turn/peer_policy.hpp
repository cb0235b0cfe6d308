#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/turn/address_range.hpp"

namespace ice::turn {

/// How far data for a peer's address may go.
enum class Reach : std::uint8_t {
  forbidden,     ///< nowhere: 403
  relays_only,   ///< an address of relays: to the relayed ports of other clients
  host_allowed,  ///< an address of this host that was opened: everywhere but to the server's own sockets
  anywhere,
};

/// Which peers clients may have (RFC 8656 §10.2, §21.4). An address has one or more faces: itself, and each IPv4
/// address that is spelled within an IPv6 one, where a tunnel or translator might send the packet. Each must be
/// allowed.
class PeerPolicy {
 public:
  PeerPolicy(std::vector<AddressRange> allowed, std::vector<AddressRange> denied)
      : allowed_{std::move(allowed)}, denied_{std::move(denied)} {}

  /// An address of this host. Duplicates and unspecified addresses are left out.
  void add_own(const Address& address);
  /// The same for one that a client has come to, of which not so many are kept as the owner may have told.
  void learn_own(const Address& address);
  /// An address that relayed transport addresses have, as peers see it; it is one of this host, too.
  void add_relay(const Address& address);

  Reach judge(const Address& peer) const noexcept;
  bool is_relay(const Address& peer) const noexcept;

 private:
  bool allows(const Address& face) const noexcept;

  std::vector<AddressRange> allowed_;
  std::vector<AddressRange> denied_;
  static constexpr std::size_t most_learned = 256;  // ours; each is the host's, so there are a handful
  std::vector<Address> own_;
  std::size_t learned_ = 0;
  std::vector<Address> relays_;
};

}  // namespace ice::turn
