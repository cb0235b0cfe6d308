#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ice/base/bytes.hpp"
#include "ice/stun/wire.hpp"

/// ChannelData as it is on the wire (RFC 8656 §12.4): number, length, data.
namespace ice::turn {

inline constexpr std::size_t channel_header_size = 4;
inline constexpr std::uint16_t first_channel = 0x4000;  // RFC 8656 §12, table 2
inline constexpr std::uint16_t last_channel = 0x4FFF;
inline constexpr std::size_t longest_channel_data = 0xFFFF;

/// RFC 8656 §12, table 3: the first byte, 64 to 79, tells it from STUN and others.
constexpr bool is_channel_data(std::uint8_t first_byte) noexcept { return first_byte >> 4 == first_channel >> 12; }

struct ChannelData {
  std::uint16_t number = 0;
  Bytes data{};
};

/// What is_channel_data(); none where it is shorter than it claims (§12.6). Bytes behind its end are padding.
constexpr std::optional<ChannelData> read_channel_data(Bytes bytes) noexcept {
  if (bytes.size() < channel_header_size) return std::nullopt;
  const std::size_t length = stun::wire::load_u16(bytes.data() + 2);
  if (bytes.size() - channel_header_size < length) return std::nullopt;
  return ChannelData{stun::wire::load_u16(bytes.data()), bytes.subspan(channel_header_size, length)};
}

/// Writes the header; `out` holds channel_header_size bytes, `size` is at most longest_channel_data.
constexpr void write_channel_header(std::uint8_t* out, std::uint16_t number, std::size_t size) noexcept {
  stun::wire::store_u16(out, number);
  stun::wire::store_u16(out + 2, static_cast<std::uint16_t>(size));
}

/// What has to follow `size` bytes to end at a multiple of four.
constexpr std::uint8_t padding_of(std::size_t size) noexcept { return static_cast<std::uint8_t>((4 - size % 4) % 4); }

}  // namespace ice::turn
