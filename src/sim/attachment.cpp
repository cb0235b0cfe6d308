#include "sim/attachment.hpp"

#include <algorithm>
#include <utility>

#include "sim/world.hpp"

namespace ice::sim {
namespace {

/// Draws nothing where the answer is known, so that a link without loss costs nothing.
bool happens(double probability, SeededRandom& random) {
  if (probability <= 0) return false;
  return static_cast<double>(random.next() >> 11) * 0x1.0p-53 < probability;
}

}  // namespace

Attachment::Attachment(Network::State& network, Realm::State& realm, Device& device, std::string name, const Link& link,
                       Kind kind)
    : network_{network},
      realm_{realm},
      device_{device},
      name_{std::move(name)},
      link_{link},
      kind_{kind},
      index_{network.attachments++},
      egress_{network.make_random()},
      ingress_{network.make_random()} {}

void Attachment::send(PacketPtr packet) {
  ++network_.counters.sent;
  if (network_.capture) network_.capture->packet(*this, network_.now, Capture::Direction::out, *packet);
  if (kind_ == Kind::ideal) return entered_realm(std::move(packet));
  cross(std::move(packet), link_.egress, egress_, true);
}

void Attachment::deliver(PacketPtr packet) {
  if (kind_ == Kind::ideal) return arrived(std::move(packet));
  cross(std::move(packet), link_.ingress, ingress_, false);
}

void Attachment::entered_realm(PacketPtr packet) { realm_.route(std::move(packet), *this); }

void Attachment::arrived(PacketPtr packet) {
  if (kind_ == Kind::link && !link_.ingress.up) return network_.drop(std::move(packet), Drop::link_down, *this);
  if (network_.capture) network_.capture->packet(*this, network_.now, Capture::Direction::in, *packet);
  device_.receive(*this, std::move(packet));
}

void Attachment::cross(PacketPtr packet, const LinkProfile& profile, Lane& lane, bool egress) {
  if (!profile.up) return network_.drop(std::move(packet), Drop::link_down, *this);
  if (packet->ip_size() > profile.mtu && !packet->may_be_cut()) {
    PacketPtr icmp;
    if (profile.icmp_too_big) icmp = network_.icmp_about(*packet, Network::State::too_big, profile.mtu);
    network_.drop(std::move(packet), Drop::too_big, *this);
    if (!icmp) return;
    if (!egress) return realm_.route(std::move(icmp), *this);
    network_.queue.push(
        {.at = network_.now, .attachment = this, .packet = icmp.release(), .kind = Event::Kind::at_device});
    return;
  }
  if (happens(profile.loss, lane.random)) return network_.drop(std::move(packet), Drop::loss, *this);
  if (happens(profile.duplication, lane.random)) {
    PacketPtr twin = network_.packets.take();
    *twin = *packet;
    schedule(std::move(twin), profile, lane, egress);
  }
  schedule(std::move(packet), profile, lane, egress);
}

void Attachment::schedule(PacketPtr packet, const LinkProfile& profile, Lane& lane, bool egress) {
  TimePoint at = network_.now + profile.latency;
  if (profile.jitter > Duration::zero()) {
    at +=
        Duration{static_cast<Duration::rep>(lane.random.below(static_cast<std::uint64_t>(profile.jitter.count()) + 1))};
  }
  if (happens(profile.reordering, lane.random)) {
    at += profile.reorder_delay;
  } else {
    at = lane.last_arrival = std::max(at, lane.last_arrival);
  }
  network_.queue.push({.at = at,
                       .attachment = this,
                       .packet = packet.release(),
                       .kind = egress ? Event::Kind::into_realm : Event::Kind::at_device});
}

}  // namespace ice::sim
