#pragma once

#include <string>
#include <vector>

#include "base/hidden.hpp"
#include "ice/sim/nat.hpp"
#include "sim/attachment.hpp"
#include "sim/nat_table.hpp"
#include "sim/world.hpp"

namespace ice::sim {

/// What a NAT does with the packets that its two sides receive.
struct ICE_HIDDEN Nat::State final : Device {
  State(Network::State& network, Realm& outside, Realm& inside, std::string name, const NatConfig& config,
        const Link& uplink);

  Network::State& network;
  Realm* outside;
  Realm* inside;
  std::string name;
  NatConfig config;
  NatTable table;
  Counters counters;
  Attachment uplink;
  Attachment inner;

  bool translates(Family family) const noexcept {
    return family == Family::ipv6 ? config.translate_ipv6 : config.translate_ipv4;
  }
  void set_external_addresses(std::vector<Address> addresses);

  void receive(Attachment& at, PacketPtr packet) override;

 private:
  void outbound(PacketPtr packet);
  void inbound(PacketPtr packet);
  void outbound_icmp(PacketPtr packet);
  void inbound_icmp(PacketPtr packet);
  void hairpin(PacketPtr packet);
  bool blocks(Protocol protocol) const noexcept;
  void send(Attachment& by, PacketPtr packet);
  void drop(PacketPtr packet, Drop why, const Attachment& at);
};

}  // namespace ice::sim
