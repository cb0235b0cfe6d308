#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "ice/base/result.hpp"
#include "ice/candidate.hpp"

/// Rules of RFC 8866 §9 and RFC 8839 §5 that several readers share. All are linear in what they are given.
namespace ice::sdp {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

constexpr bool is_alphanumeric(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// RFC 8866 §9: token-char.
constexpr bool is_token_char(char c) noexcept {
  return is_alphanumeric(c) || std::string_view{"!#$%&'*+-.^_`{|}~"}.find(c) != std::string_view::npos;
}

/// RFC 5234 B.1: VCHAR.
constexpr bool is_visible(char c) noexcept { return c > ' ' && c < '\x7f'; }

inline bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

using text::equals_ignoring_case;

/// What stands before the next `separator`, taken off the front of `text` together with it; all of `text` where there
/// is none.
inline std::string_view take_until(std::string_view& text, char separator) noexcept {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

/// 1*DIGIT, leading zeros included, at most `largest`.
inline std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t largest) noexcept {
  std::uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end != last || value > largest) return std::nullopt;
  return value;
}

/// The address of a candidate, without the zone id that only its sender can read. IPv4 and IPv6 alone.
inline result<Address> parse_address(std::string_view text) noexcept {
  if (text.find(':') != std::string_view::npos) text = text.substr(0, text.find('%'));
  return Address::parse(text);
}

/// RFC 8839 §5.1: 1 to 256, in at most three digits.
inline std::optional<ComponentId> parse_component(std::string_view text) noexcept {
  const auto number = text.size() <= 3 ? parse_number(text, 256) : std::nullopt;
  if (!number || *number == 0) return std::nullopt;
  return ComponentId{static_cast<std::uint16_t>(*number)};
}

/// What follows "candidate:", as in parse_candidate() and format().
result<Candidate> parse_candidate_value(std::string_view value);
std::string candidate_value(const Candidate& candidate);

}  // namespace ice::sdp
