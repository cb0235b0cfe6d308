#include "ice/base/pcapng.hpp"

#include <array>
#include <cassert>

namespace ice {
namespace {

// Numbers of draft-ietf-opsawg-pcapng; blocks are little-endian, as the byte-order magic says.
constexpr std::uint32_t section_header = 0x0A0D0D0A;
constexpr std::uint32_t byte_order_magic = 0x1A2B3C4D;
constexpr std::uint32_t interface_description = 1;
constexpr std::uint32_t enhanced_packet = 6;
constexpr std::uint16_t linktype_raw = 101;  // begins with an IPv4 or IPv6 header
constexpr std::uint16_t opt_end = 0;
constexpr std::uint16_t opt_comment = 1;
constexpr std::uint16_t if_name = 2;
constexpr std::uint16_t if_tsresol = 9;
constexpr std::uint8_t nanoseconds = 9;  // 10 to the minus 9
constexpr std::uint16_t epb_flags = 2;

constexpr std::uint8_t protocol_icmp = 1;
constexpr std::uint8_t protocol_tcp = 6;
constexpr std::uint8_t protocol_udp = 17;
constexpr std::uint8_t protocol_icmp6 = 58;

using Buffer = std::vector<std::uint8_t>;

void le16(Buffer& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8));
}
void le32(Buffer& out, std::uint32_t value) {
  le16(out, static_cast<std::uint16_t>(value));
  le16(out, static_cast<std::uint16_t>(value >> 16));
}
void be16(Buffer& out, std::size_t value) {
  assert(value <= 0xffff);
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}
void be32(Buffer& out, std::uint32_t value) {
  be16(out, value >> 16);
  be16(out, value & 0xffff);
}
void append(Buffer& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
void pad4(Buffer& out, std::size_t size) { out.insert(out.end(), (4 - size % 4) % 4, std::uint8_t{0}); }
void store16(Buffer& out, std::size_t at, std::uint16_t value) {
  out[at] = static_cast<std::uint8_t>(value >> 8);
  out[at + 1] = static_cast<std::uint8_t>(value);
}

void option(Buffer& out, std::uint16_t code, Bytes value) {
  assert(value.size() <= 0xffff);
  le16(out, code);
  le16(out, static_cast<std::uint16_t>(value.size()));
  append(out, value);
  pad4(out, value.size());
}

/// A block has its length at both ends, so that a reader can go backwards.
class Block {
 public:
  Block(Buffer& out, std::uint32_t type) : out_{out}, start_{out.size()} {
    le32(out_, type);
    le32(out_, 0);
  }
  void end() {
    const auto length = static_cast<std::uint32_t>(out_.size() + 4 - start_);
    for (std::size_t i = 0; i < 4; ++i) out_[start_ + 4 + i] = static_cast<std::uint8_t>(length >> (8 * i));
    le32(out_, length);
  }

 private:
  Buffer& out_;
  std::size_t start_;
};

/// The internet checksum (RFC 1071), in pieces of any length.
class Checksum {
 public:
  void add(Bytes bytes) {
    for (const std::uint8_t byte : bytes) {
      sum_ += odd_ ? byte : static_cast<std::uint32_t>(byte) << 8;
      odd_ = !odd_;
    }
  }
  void add16(std::size_t value) { sum_ += value; }
  std::uint16_t value() const {
    std::uint64_t sum = sum_;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
  }

 private:
  std::uint64_t sum_ = 0;
  bool odd_ = false;
};

/// The IP header; returns where what it carries begins.
std::size_t begin_ip(Buffer& out, const IpHeader& ip, std::uint8_t protocol, std::size_t payload_size) {
  assert(ip.from.address.family() == ip.to.address.family() && ip.from.address);
  const auto traffic_class = static_cast<std::uint8_t>(ip.dscp << 2 | ip.ecn);
  const std::size_t start = out.size();
  if (ip.to.address.is_v6()) {
    be32(out, 6U << 28 | static_cast<std::uint32_t>(traffic_class) << 20);
    be16(out, payload_size);
    out.push_back(protocol);
    out.push_back(ip.hops);
    append(out, ip.from.address.bytes());
    append(out, ip.to.address.bytes());
    return out.size();
  }
  out.push_back(0x45);
  out.push_back(traffic_class);
  be16(out, 20 + payload_size);
  be16(out, 0);       // identification: nothing is ever fragmented,
  be16(out, 0x4000);  // as DF says (RFC 6864 §4.1)
  out.push_back(ip.hops);
  out.push_back(protocol);
  be16(out, 0);
  append(out, ip.from.address.bytes());
  append(out, ip.to.address.bytes());
  Checksum sum;
  sum.add(Bytes{out}.subspan(start));
  store16(out, start + 10, sum.value());
  return out.size();
}

/// The checksum over the pseudo header and everything from `start` on (RFC 768, RFC 8200 §8.1).
std::uint16_t transport_checksum(const Buffer& out, std::size_t start, const IpHeader& ip, std::uint8_t protocol) {
  Checksum sum;
  sum.add(ip.from.address.bytes());
  sum.add(ip.to.address.bytes());
  sum.add16(protocol);
  sum.add16(out.size() - start);
  sum.add(Bytes{out}.subspan(start));
  return sum.value();
}

}  // namespace

PcapngWriter::PcapngWriter(std::vector<std::uint8_t>& out) : out_{out} {
  Block block{out_, section_header};
  le32(out_, byte_order_magic);
  le16(out_, 1);  // version 1.0
  le16(out_, 0);
  le32(out_, 0xffffffff);  // the length of the section is not known
  le32(out_, 0xffffffff);
  block.end();
}

std::uint32_t PcapngWriter::add_interface(std::string_view name) {
  Block block{out_, interface_description};
  le16(out_, linktype_raw);
  le16(out_, 0);
  le32(out_, 0);  // packets are never cut
  option(out_, if_name, bytes_of(name));
  option(out_, if_tsresol, std::array<std::uint8_t, 1>{nanoseconds});
  option(out_, opt_end, {});
  block.end();
  return interfaces_++;
}

void PcapngWriter::packet(std::uint32_t interface, Duration at, Direction direction, Bytes ip_packet,
                          std::string_view comment) {
  assert(interface < interfaces_ && at.count() >= 0);
  const auto time = static_cast<std::uint64_t>(at.count());
  const auto size = static_cast<std::uint32_t>(ip_packet.size());
  Block block{out_, enhanced_packet};
  le32(out_, interface);
  le32(out_, static_cast<std::uint32_t>(time >> 32));
  le32(out_, static_cast<std::uint32_t>(time));
  le32(out_, size);
  le32(out_, size);
  append(out_, ip_packet);
  pad4(out_, ip_packet.size());
  option(out_, epb_flags, std::array<std::uint8_t, 4>{static_cast<std::uint8_t>(direction)});
  if (!comment.empty()) option(out_, opt_comment, bytes_of(comment));
  option(out_, opt_end, {});
  block.end();
}

void append_udp_packet(std::vector<std::uint8_t>& out, const IpHeader& ip, Bytes head, Bytes body) {
  const std::size_t size = 8 + head.size() + body.size();
  const std::size_t start = begin_ip(out, ip, protocol_udp, size);
  be16(out, ip.from.port);
  be16(out, ip.to.port);
  be16(out, size);
  be16(out, 0);
  append(out, head);
  append(out, body);
  const std::uint16_t sum = transport_checksum(out, start, ip, protocol_udp);
  store16(out, start + 6, sum == 0 ? std::uint16_t{0xffff} : sum);  // 0 would mean that there is none
}

void append_tcp_packet(std::vector<std::uint8_t>& out, const IpHeader& ip, const TcpFields& tcp, Bytes head,
                       Bytes body) {
  const std::size_t start = begin_ip(out, ip, protocol_tcp, 20 + head.size() + body.size());
  be16(out, ip.from.port);
  be16(out, ip.to.port);
  be32(out, tcp.sequence);
  be32(out, tcp.acknowledged);
  out.push_back(5 << 4);  // the header is five words
  out.push_back(tcp.flags);
  be16(out, tcp.window);
  be32(out, 0);  // checksum and urgent pointer
  append(out, head);
  append(out, body);
  store16(out, start + 16, transport_checksum(out, start, ip, protocol_tcp));
}

void append_icmp_error(std::vector<std::uint8_t>& out, const IpHeader& ip, std::uint8_t type, std::uint8_t code,
                       std::uint32_t value, Bytes quoted) {
  const bool v6 = ip.to.address.is_v6();
  const std::uint8_t protocol = v6 ? protocol_icmp6 : protocol_icmp;
  const std::size_t start = begin_ip(out, ip, protocol, 8 + quoted.size());
  out.push_back(type);
  out.push_back(code);
  be16(out, 0);
  be32(out, value);
  append(out, quoted);
  if (v6) {
    store16(out, start + 2, transport_checksum(out, start, ip, protocol));
  } else {
    Checksum sum;  // ICMP for IPv4 covers no pseudo header (RFC 792)
    sum.add(Bytes{out}.subspan(start));
    store16(out, start + 2, sum.value());
  }
}

}  // namespace ice
