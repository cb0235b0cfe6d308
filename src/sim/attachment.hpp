#pragma once

#include <string>

#include "ice/base/random.hpp"
#include "ice/sim/link.hpp"
#include "ice/sim/network.hpp"
#include "sim/packet.hpp"

namespace ice::sim {

class Attachment;

/// A host or a NAT, as its attachments see it.
class Device {
 public:
  virtual void receive(Attachment& at, PacketPtr packet) = 0;

 protected:
  Device() = default;
  ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
};

/// Where a device touches a realm: the link between them, and its luck.
class Attachment {
 public:
  enum class Kind : std::uint8_t {
    link,
    ideal,  ///< the inner side of a NAT: no delay, no loss
  };

  Attachment(Network::State& network, Realm::State& realm, Device& device, std::string name, const Link& link,
             Kind kind = Kind::link);

  /// The device sends: over the egress link into the realm.
  void send(PacketPtr packet);

  /// Somebody in the realm sent this here: over the ingress link to the device.
  void deliver(PacketPtr packet);

  void entered_realm(PacketPtr packet);
  void arrived(PacketPtr packet);

  Realm::State& realm() noexcept { return realm_; }
  Link& link() noexcept { return link_; }
  const std::string& name() const noexcept { return name_; }
  std::uint32_t index() const noexcept { return index_; }

 private:
  /// One direction's state.
  struct Lane {
    SeededRandom random;
    TimePoint last_arrival = TimePoint::min();
  };
  void cross(PacketPtr packet, const LinkProfile& profile, Lane& lane, bool egress);
  void schedule(PacketPtr packet, const LinkProfile& profile, Lane& lane, bool egress);

  Network::State& network_;
  Realm::State& realm_;
  Device& device_;
  std::string name_;
  Link link_;
  Kind kind_;
  std::uint32_t index_;
  Lane egress_;
  Lane ingress_;
};

}  // namespace ice::sim
