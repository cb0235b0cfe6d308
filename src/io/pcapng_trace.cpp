#include "ice/io/pcapng_trace.hpp"

#include <algorithm>
#include <utility>

namespace ice::io {
namespace {

constexpr std::size_t largest_packet = 65'535;

std::size_t headers_size(const Address& address) noexcept { return address.is_v6() ? 40 + 8 : 20 + 8; }

}  // namespace

PcapngTrace::PcapngTrace(TraceOutput output, Filter wanted)
    : output_{std::move(output)}, wanted_{std::move(wanted)}, writer_{block_} {
  output_.write(block_);
  block_.clear();
}

void PcapngTrace::packet(const TracePacket& packet) noexcept try {
  if (wanted_ && !wanted_(packet)) return;
  const Address& local = packet.local.address;
  const Duration at = output_.since_epoch(packet.at);
  if (!local || local.family() != packet.remote.address.family() || at < Duration::zero() ||
      packet.head.size() + packet.body.size() + headers_size(local) > largest_packet) {
    return output_.lost();
  }
  const bool in = packet.direction == TracePacket::Direction::in;
  const IpHeader ip{in ? packet.remote : packet.local, in ? packet.local : packet.remote};
  block_.clear();
  ip_packet_.clear();
  append_udp_packet(ip_packet_, ip, packet.head, packet.body);
  writer_.packet(interface_of(local), at, in ? PcapngWriter::Direction::in : PcapngWriter::Direction::out, ip_packet_);
  output_.write(block_);
} catch (...) {
  output_.lost();
}

std::uint32_t PcapngTrace::interface_of(const Address& local) {
  const auto known = std::find(interfaces_.begin(), interfaces_.end(), local);
  const auto number = static_cast<std::uint32_t>(known - interfaces_.begin());
  if (known != interfaces_.end()) return number;
  interfaces_.push_back(local);
  return writer_.add_interface(local.to_string());
}

}  // namespace ice::io
