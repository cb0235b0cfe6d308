#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "ice/base/endpoint.hpp"
#include "ice/base/time.hpp"

/// What the sinks that write text have in common.
namespace ice::io {

inline void append_number(std::string& out, std::integral auto value) {
  std::array<char, 24> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

inline void append_endpoint(std::string& out, const Endpoint& endpoint) {
  std::array<char, Endpoint::max_text> text;
  out += endpoint.format(text);
}

/// Seconds with microseconds, as "-1.000002".
inline void append_seconds(std::string& out, Duration time) {
  constexpr std::int64_t million = 1'000'000;
  const std::int64_t microseconds = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  const std::uint64_t size =
      microseconds < 0 ? 0 - static_cast<std::uint64_t>(microseconds) : static_cast<std::uint64_t>(microseconds);
  if (microseconds < 0) out += '-';
  append_number(out, size / million);
  out += '.';
  std::array<char, 8> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), million + size % million);
  out.append(digits.data() + 1, written.ptr);  // without the leading 1, which kept the zeros
}

}  // namespace ice::io
