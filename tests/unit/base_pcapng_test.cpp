#include "ice/base/pcapng.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <string>
#include <vector>

namespace ice {
namespace {

using Buffer = std::vector<std::uint8_t>;

Endpoint endpoint(std::string_view text) { return Endpoint::parse(text).value_or(Endpoint{}); }

std::uint32_t le32(const Buffer& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(bytes[at + i]) << (8 * i);
  return value;
}
std::uint32_t be16(Bytes bytes, std::size_t at) { return static_cast<std::uint32_t>(bytes[at] << 8 | bytes[at + 1]); }

/// The one's complement sum of RFC 1071 over whole bytes: 0xffff where a checksum within them is right.
std::uint32_t sum(Bytes bytes, std::uint32_t start = 0) {
  std::uint32_t total = start;
  for (std::size_t i = 0; i < bytes.size(); ++i) total += i % 2 == 0 ? bytes[i] * 256U : bytes[i];
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return total;
}

/// The same with the pseudo header of the packet's own IP header before it.
std::uint32_t sum_with_pseudo_header(Bytes packet) {
  const bool v6 = packet[0] >> 4 == 6;
  const Bytes addresses = v6 ? packet.subspan(8, 32) : packet.subspan(12, 8);
  const Bytes upper = packet.subspan(v6 ? 40 : 20);
  const std::uint32_t protocol = packet[v6 ? 6 : 9];
  return sum(upper, sum(addresses) + protocol + static_cast<std::uint32_t>(upper.size()));
}

TEST(Pcapng, IsBlocksWithTheirLengthAtBothEnds) {
  Buffer out;
  PcapngWriter writer{out};
  const std::uint32_t first = writer.add_interface("eth0");
  const std::uint32_t second = writer.add_interface("a longer name");
  EXPECT_EQ(first, 0U);
  EXPECT_EQ(second, 1U);
  const Buffer packet{0x45, 1, 2, 3, 4};
  writer.packet(second, std::chrono::nanoseconds{0x1'0000'0002}, PcapngWriter::Direction::out, packet, "why not");
  std::vector<std::uint32_t> types;
  std::size_t last = 0;
  for (std::size_t at = 0; at < out.size();) {
    const std::uint32_t length = le32(out, at + 4);
    ASSERT_EQ(length % 4, 0U);
    ASSERT_LE(at + length, out.size());
    EXPECT_EQ(le32(out, at + length - 4), length);
    types.push_back(le32(out, at));
    last = at;
    at += length;
  }
  EXPECT_EQ(types, (std::vector<std::uint32_t>{0x0A0D0D0A, 1, 1, 6}));
  EXPECT_EQ(le32(out, 8), 0x1A2B3C4DU);
  EXPECT_EQ(le32(out, last + 8), second);
  EXPECT_EQ(le32(out, last + 12), 1U) << "the upper half of the time";
  EXPECT_EQ(le32(out, last + 16), 2U);
  EXPECT_EQ(le32(out, last + 20), packet.size());
  EXPECT_EQ(le32(out, last + 24), packet.size());
  EXPECT_EQ(std::memcmp(out.data() + last + 28, packet.data(), packet.size()), 0);
  const std::string rest{text_of(Bytes{out}.subspan(last))};
  EXPECT_NE(rest.find("why not"), std::string::npos);
}

TEST(Pcapng, WhatIsWrittenMayBeTakenAwayBetweenCalls) {
  Buffer whole;
  Buffer pieces;
  Buffer collected;
  PcapngWriter at_once{whole};
  PcapngWriter in_pieces{pieces};
  const auto take = [&] {
    collected.insert(collected.end(), pieces.begin(), pieces.end());
    pieces.clear();
  };
  take();
  at_once.add_interface("x");
  in_pieces.add_interface("x");
  take();
  for (int i = 0; i < 3; ++i) {
    at_once.packet(0, std::chrono::seconds{i}, PcapngWriter::Direction::in, Buffer{0x45});
    in_pieces.packet(0, std::chrono::seconds{i}, PcapngWriter::Direction::in, Buffer{0x45});
    take();
  }
  EXPECT_EQ(collected, whole);
}

TEST(SyntheticPacket, HasTheIpv4HeaderOfAKnownExample) {
  // 192.168.0.1 to 192.168.0.199, UDP, 115 bytes, hop limit 64, DF: the checksum is 0xb861
  Buffer out;
  append_udp_packet(out, {endpoint("192.168.0.1:1000"), endpoint("192.168.0.199:2000")}, Buffer(87));
  const Buffer expected{0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                        0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
  ASSERT_EQ(out.size(), 115U);
  EXPECT_EQ(Buffer(out.begin(), out.begin() + 20), expected);
}

TEST(SyntheticPacket, UdpHasRightPortsLengthAndChecksumInBothFamilies) {
  for (const auto& [from, to] :
       {std::pair{"192.0.2.1:1000", "192.0.2.2:2000"}, std::pair{"[2001:db8::1]:1000", "[2001:db8::2]:2000"}}) {
    Buffer out;
    append_udp_packet(out, {endpoint(from), endpoint(to), 46, 1}, bytes_of("odd"), bytes_of("body"));
    const Bytes udp = Bytes{out}.last(15);
    EXPECT_EQ(be16(udp, 0), 1000U);
    EXPECT_EQ(be16(udp, 2), 2000U);
    EXPECT_EQ(be16(udp, 4), 15U);
    EXPECT_EQ(text_of(udp.subspan(8)), "oddbody");
    EXPECT_EQ(sum_with_pseudo_header(out), 0xffffU);
    const int traffic_class = out[0] >> 4 == 6 ? (be16(out, 0) >> 4) & 0xff : out[1];
    EXPECT_EQ(traffic_class, 46 << 2 | 1);
  }
}

TEST(SyntheticPacket, AUdpChecksumOfZeroIsWrittenAsAllOnes) {
  // RFC 768: zero would say that there is none. The payload is chosen so that the sum is all ones.
  Buffer out;
  append_udp_packet(out, {endpoint("192.0.2.1:1000"), endpoint("192.0.2.2:2000")}, Buffer{0, 0});
  const std::uint32_t checksum = be16(out, 26);
  Buffer again;
  append_udp_packet(again, {endpoint("192.0.2.1:1000"), endpoint("192.0.2.2:2000")},
                    Buffer{static_cast<std::uint8_t>(checksum >> 8), static_cast<std::uint8_t>(checksum)});
  EXPECT_EQ(be16(again, 26), 0xffffU);
}

TEST(SyntheticPacket, TcpHasRightFieldsAndChecksum) {
  Buffer out;
  append_tcp_packet(out, {endpoint("192.0.2.1:1000"), endpoint("192.0.2.2:443")}, {0x01020304, 0x0a0b0c0d, 0x18},
                    bytes_of("hello"));
  ASSERT_EQ(out.size(), 45U);
  EXPECT_EQ(be16(out, 20), 1000U);
  EXPECT_EQ(be16(out, 24), 0x0102U);
  EXPECT_EQ(be16(out, 28), 0x0a0bU);
  EXPECT_EQ(out[32], 5 << 4);
  EXPECT_EQ(out[33], 0x18);
  EXPECT_EQ(sum_with_pseudo_header(out), 0xffffU);
}

TEST(SyntheticPacket, IcmpErrorsQuoteTheirPacketAndHaveTheChecksumOfTheirFamily) {
  const Buffer quoted(28, 0x45);
  Buffer four;
  append_icmp_error(four, {endpoint("192.0.2.1:0"), endpoint("192.0.2.2:0")}, 3, 4, 1280, quoted);
  EXPECT_EQ(four[9], 1);
  EXPECT_EQ(four[20], 3);
  EXPECT_EQ(four[21], 4);
  EXPECT_EQ(be16(four, 26), 1280U);
  EXPECT_EQ(sum(Bytes{four}.subspan(20)), 0xffffU);
  Buffer six;
  append_icmp_error(six, {endpoint("[2001:db8::1]:0"), endpoint("[2001:db8::2]:0")}, 2, 0, 1280, quoted);
  EXPECT_EQ(six[6], 58);
  EXPECT_EQ(sum_with_pseudo_header(six), 0xffffU);
}

}  // namespace
}  // namespace ice
