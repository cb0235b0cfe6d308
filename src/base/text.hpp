#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

/// Small steps of the parsers for addresses and endpoints. Each takes what it read off the front of `text`.
namespace ice::text {

inline bool skip(std::string_view& text, char expected) noexcept {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

/// Decimal digits without sign, space or leading zero, at most `largest`.
inline std::optional<std::uint32_t> take_decimal(std::string_view& text, std::uint32_t largest) noexcept {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value > largest) return std::nullopt;
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (digits > 1 && text.front() == '0') return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

}  // namespace ice::text
