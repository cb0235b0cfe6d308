#include "sim/capture.hpp"

#include <algorithm>

#include "sim/attachment.hpp"

namespace ice::sim {
namespace {

void append_bytes(std::vector<std::uint8_t>& out, std::vector<std::uint8_t>& quoted, const Packet& packet) {
  const IpHeader ip{packet.from, packet.to, packet.dscp, packet.ecn, packet.hops};
  switch (packet.protocol) {
    case Protocol::udp:
      append_udp_packet(out, ip, packet.payload);
      break;
    case Protocol::tcp:
      append_tcp_packet(out, ip,
                        {static_cast<std::uint32_t>(packet.tcp.sequence),
                         static_cast<std::uint32_t>(packet.tcp.acknowledged), packet.tcp.flags},
                        packet.payload);
      break;
    case Protocol::icmp: {
      const IcmpError& icmp = packet.icmp;
      const IpHeader about{icmp.from, icmp.to};
      quoted.clear();
      if (icmp.protocol == Protocol::tcp) {
        append_tcp_packet(quoted, about, {}, {});
      } else {
        append_udp_packet(quoted, about, {});
      }
      const std::size_t header = icmp.to.address.is_v6() ? 40 : 20;
      append_icmp_error(out, ip, icmp.type, icmp.code, icmp.mtu, Bytes{quoted}.first(header + 8));
      break;
    }
  }
}

}  // namespace

void Capture::packet(const Attachment& at, TimePoint now, Direction direction, const Packet& packet) {
  flush();
  held_ = &packet;
  held_interface_ = interface_of(at);
  held_at_ = now.time_since_epoch();
  held_direction_ = direction;
  append_bytes(bytes_, quoted_, packet);
}

void Capture::dropped(const Attachment& at, TimePoint now, const Packet& packet, Drop why) {
  if (held_ != &packet) this->packet(at, now, Direction::unknown, packet);
  held_comment_ = to_string(why);
  flush();
}

void Capture::flush() {
  if (held_ == nullptr) return;
  writer_.packet(held_interface_, held_at_, held_direction_, bytes_, held_comment_);
  held_ = nullptr;
  held_comment_ = {};
  bytes_.clear();
}

std::uint32_t Capture::interface_of(const Attachment& at) {
  if (interfaces_.size() <= at.index()) interfaces_.resize(at.index() + 1);
  std::uint32_t& number = interfaces_[at.index()];
  if (number == 0) number = writer_.add_interface(at.name()) + 1;
  return number - 1;
}

}  // namespace ice::sim
