#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "ice/base/address.hpp"
#include "ice/base/bytes.hpp"
#include "ice/base/export.hpp"
#include "ice/stun/transaction_id.hpp"

namespace ice::stun {

/// RFC 8489 §5: type, length, cookie and transaction id.
inline constexpr std::size_t header_size = 20;
inline constexpr std::uint32_t magic_cookie = 0x2112A442;
/// The largest message that the length field can express, a multiple of four.
inline constexpr std::size_t max_message_size = header_size + 0xFFFC;

/// The largest message that may go over UDP while the path MTU is unknown (RFC 8489 §6.1: less than 548 bytes on
/// IPv4, a 1280-byte packet on IPv6). Only messages that probe the path, such as those with PADDING, may exceed it.
constexpr std::size_t max_udp_message_size(Family family) noexcept { return family == Family::ipv6 ? 1232 : 544; }

/// RFC 8489 §18.2, RFC 8656 §17, RFC 6062 §6.1. Other values of the 12 bits are methods too, unknown ones.
enum class Method : std::uint16_t {
  binding = 0x001,
  shared_secret = 0x002,  ///< RFC 3489 alone; reserved since
  allocate = 0x003,
  refresh = 0x004,
  send = 0x006,
  data = 0x007,
  create_permission = 0x008,
  channel_bind = 0x009,
  connect = 0x00A,
  connection_bind = 0x00B,
  connection_attempt = 0x00C,
};

/// RFC 8489 §5, the bits C1 and C0.
enum class Class : std::uint8_t { request = 0, indication = 1, success_response = 2, error_response = 3 };

/// "Binding", "Allocate", …; "unknown method".
ICE_API std::string_view to_string(Method method) noexcept;
/// "request", "indication", "success response" or "error response".
ICE_API std::string_view to_string(Class message_class) noexcept;

/// The first 16 bits of a message (RFC 8489 §5, figure 3). Methods have 12 bits; what is above is cut off.
constexpr std::uint16_t message_type(Method method, Class message_class) noexcept {
  const unsigned m = static_cast<unsigned>(method);
  const unsigned c = static_cast<unsigned>(message_class);
  return static_cast<std::uint16_t>((m & 0xF80U) << 2U | (m & 0x070U) << 1U | (m & 0x00FU) | (c & 2U) << 7U |
                                    (c & 1U) << 4U);
}
constexpr Method method_of(std::uint16_t type) noexcept {
  return static_cast<Method>((type & 0x3E00U) >> 2U | (type & 0x00E0U) >> 1U | (type & 0x000FU));
}
constexpr Class class_of(std::uint16_t type) noexcept {
  return static_cast<Class>((type & 0x0100U) >> 7U | (type & 0x0010U) >> 4U);
}

/// The header of a message as it is on the wire.
using HeaderBytes = std::span<const std::uint8_t, header_size>;

/// True where bytes claim to be a message of RFC 8489: two zero bits, the magic cookie, a length that is a multiple of
/// four. Application data is taken for STUN once in 2^36 random packets; where both share a socket FINGERPRINT
/// decides (§7). Says nothing about the attributes, nor whether the message is whole.
constexpr bool is_stun(Bytes data) noexcept {
  return data.size() >= header_size && (data[0] & 0xC0U) == 0 && (data[3] & 3U) == 0 && data[4] == 0x21 &&
         data[5] == 0x12 && data[6] == 0xA4 && data[7] == 0x42;
}

}  // namespace ice::stun
