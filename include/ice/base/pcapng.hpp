#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ice/base/bytes.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/time.hpp"

namespace ice {

/// Writes packets in the pcapng format (draft-ietf-opsawg-pcapng), which Wireshark and tshark read. Each call appends
/// whole blocks to `out`, so what is there may be written to a file and cleared between calls. `out` must outlive the
/// writer. It knows nothing of packets but that they begin with an IP header (LINKTYPE_RAW).
class ICE_API PcapngWriter {
 public:
  enum class Direction : std::uint8_t { unknown = 0, in = 1, out = 2 };

  /// Appends the section header.
  explicit PcapngWriter(std::vector<std::uint8_t>& out);

  /// Appends an interface with timestamps in nanoseconds. Its number is the count of those before it.
  std::uint32_t add_interface(std::string_view name);

  /// Appends one packet. `at` is the time since 1970-01-01 UTC, or since whatever the log's zero shall be; it must not
  /// be negative. `comment` is shown beside the packet; UTF-8, at most 65535 bytes.
  void packet(std::uint32_t interface, Duration at, Direction direction, Bytes ip_packet,
              std::string_view comment = {});

 private:
  std::vector<std::uint8_t>& out_;
  std::uint32_t interfaces_ = 0;
};

/// What an IP header says, for packets that are made up for a log because their headers were never seen.
struct IpHeader {
  Endpoint from;
  Endpoint to;  ///< of the same family
  std::uint8_t dscp = 0;
  std::uint8_t ecn = 0;
  std::uint8_t hops = 64;
};

struct TcpFields {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledged = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 65535;
};

/// Appends an IP packet with right lengths and checksums to `out`. The whole must not be longer than 65535 bytes.
/// `head` and `body` are one payload in two pieces.
ICE_API void append_udp_packet(std::vector<std::uint8_t>& out, const IpHeader& ip, Bytes head, Bytes body = {});
ICE_API void append_tcp_packet(std::vector<std::uint8_t>& out, const IpHeader& ip, const TcpFields& tcp, Bytes head,
                               Bytes body = {});

/// An ICMP or ICMPv6 error that quotes the beginning of the packet it is about. `value` is the second word of its
/// header: the MTU of "too big", else 0.
ICE_API void append_icmp_error(std::vector<std::uint8_t>& out, const IpHeader& ip, std::uint8_t type, std::uint8_t code,
                               std::uint32_t value, Bytes quoted);

}  // namespace ice
