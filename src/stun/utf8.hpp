#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace ice::stun {

/// True where each character is one byte.
inline bool is_ascii(std::string_view text) noexcept {
  std::uint64_t high = 0;
  std::size_t at = 0;
  for (; text.size() - at >= sizeof high; at += sizeof high) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data() + at, sizeof eight);
    high |= eight;
  }
  for (; at < text.size(); ++at) high |= static_cast<unsigned char>(text[at]);
  return (high & 0x8080808080808080U) == 0;
}

/// The number of characters of a text in UTF-8 (RFC 3629); nothing where it is not.
std::optional<std::size_t> count_characters(std::string_view text) noexcept;

}  // namespace ice::stun
