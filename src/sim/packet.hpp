#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ice/base/datagram.hpp"
#include "ice/base/endpoint.hpp"

namespace ice::sim {

enum class Protocol : std::uint8_t { icmp = 1, tcp = 6, udp = 17 };

/// Sequence numbers are kept in 64 bits so that nothing here has to think of wrapping; a log shows the lower 32.
struct TcpHeader {
  static constexpr std::uint8_t fin = 0x01, syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10;
  std::uint64_t sequence = 0;
  std::uint64_t acknowledged = 0;
  std::uint8_t flags = 0;

  bool has(std::uint8_t flag) const noexcept { return (flags & flag) != 0; }
};

/// An ICMP error, of IPv4 or IPv6 as its addresses are, and the flow of the packet that it is about, as that packet was
/// where it failed.
struct IcmpError {
  Protocol protocol = Protocol::udp;
  Endpoint from;
  Endpoint to;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t mtu = 0;
};

/// An IP packet on its way. NATs rewrite it in place.
struct Packet {
  static constexpr std::uint8_t initial_hops = 64;

  Protocol protocol = Protocol::udp;
  std::uint8_t dscp = 0;
  std::uint8_t ecn = 0;
  Fragmentation fragmentation = Fragmentation::unspecified;
  std::uint8_t hops = initial_hops;
  Endpoint from;
  Endpoint to;
  TcpHeader tcp;
  IcmpError icmp;
  std::vector<std::uint8_t> payload;

  /// A router may cut it. What says nothing of that has the DF bit, as systems do that look for the path MTU.
  bool may_be_cut() const noexcept { return fragmentation == Fragmentation::allowed && !to.address.is_v6(); }

  std::size_t ip_size() const noexcept {
    const std::size_t ip = to.address.is_v6() ? 40 : 20;
    // an ICMP error quotes the IP header of its packet and the eight bytes after it (RFC 792)
    const std::size_t above = protocol == Protocol::udp ? 8 : protocol == Protocol::tcp ? 20 : 8 + ip + 8;
    return ip + above + payload.size();
  }
};

/// Packets that keep the memory of their payload when they come back, so that a long run allocates nothing.
class PacketPool {
 public:
  struct Recycler {
    PacketPool* pool = nullptr;
    void operator()(Packet* packet) const { pool->free_.push_back(packet); }
  };
  using Ptr = std::unique_ptr<Packet, Recycler>;

  Ptr take() {
    if (free_.empty()) {
      all_.push_back(std::make_unique<Packet>());
      free_.reserve(all_.capacity());
      return adopt(all_.back().get());
    }
    Packet* packet = free_.back();
    free_.pop_back();
    packet->dscp = packet->ecn = 0;
    packet->fragmentation = Fragmentation::unspecified;
    packet->hops = Packet::initial_hops;
    packet->payload.clear();
    return adopt(packet);
  }

  /// A packet that was released into the event queue.
  Ptr adopt(Packet* packet) { return Ptr{packet, Recycler{this}}; }

 private:
  std::vector<std::unique_ptr<Packet>> all_;
  std::vector<Packet*> free_;
};

using PacketPtr = PacketPool::Ptr;

}  // namespace ice::sim
