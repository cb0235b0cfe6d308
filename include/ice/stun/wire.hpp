#pragma once

#include <cstdint>

/// Numbers in network byte order at any alignment. The caller has checked that the bytes are there. Compilers make one
/// load and one byte swap of each.
namespace ice::stun::wire {

constexpr std::uint16_t load_u16(const std::uint8_t* p) noexcept {
  return static_cast<std::uint16_t>(p[0] << 8 | p[1]);
}
constexpr std::uint32_t load_u32(const std::uint8_t* p) noexcept {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | std::uint32_t{p[3]};
}
constexpr std::uint64_t load_u64(const std::uint8_t* p) noexcept {
  return std::uint64_t{load_u32(p)} << 32 | load_u32(p + 4);
}

constexpr void store_u16(std::uint8_t* p, std::uint16_t value) noexcept {
  p[0] = static_cast<std::uint8_t>(value >> 8);
  p[1] = static_cast<std::uint8_t>(value);
}
constexpr void store_u32(std::uint8_t* p, std::uint32_t value) noexcept {
  store_u16(p, static_cast<std::uint16_t>(value >> 16));
  store_u16(p + 2, static_cast<std::uint16_t>(value));
}
constexpr void store_u64(std::uint8_t* p, std::uint64_t value) noexcept {
  store_u32(p, static_cast<std::uint32_t>(value >> 32));
  store_u32(p + 4, static_cast<std::uint32_t>(value));
}

}  // namespace ice::stun::wire
