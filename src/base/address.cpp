#include "ice/base/address.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <limits>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace ice {
namespace {

using V4 = std::array<std::uint8_t, 4>;
using V6 = std::array<std::uint8_t, 16>;

constexpr std::size_t v6_groups = 8;

/// Four decimal octets. A leading zero is refused, since half of the world reads it as octal (RFC 6943 §3.1.1).
std::optional<V4> parse_v4(std::string_view text) noexcept {
  V4 bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && !text::skip(text, '.')) return std::nullopt;
    const auto octet = text::take_decimal(text, std::numeric_limits<std::uint8_t>::max());
    if (!octet) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(*octet);
  }
  if (!text.empty()) return std::nullopt;
  return bytes;
}

/// One to four hexadecimal digits, taken off the front.
std::optional<std::uint16_t> take_group(std::string_view& text) noexcept {
  std::uint16_t value = 0;
  const std::size_t most = std::min<std::size_t>(text.size(), 4);
  const auto [end, error] = std::from_chars(text.data(), text.data() + most, value, 16);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// RFC 4291 §2.2, all three forms. What follows "::" is moved to the end once the whole text is read.
std::optional<V6> parse_v6(std::string_view text) noexcept {
  V6 bytes{};
  std::size_t size = 0;
  std::optional<std::size_t> gap;
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (size == bytes.size()) return std::nullopt;
    if (text.find('.') != std::string_view::npos && text.find(':') == std::string_view::npos) {
      const auto tail = parse_v4(text);  // §2.2 form 3: the last 32 bits as IPv4
      if (!tail || size + tail->size() > bytes.size()) return std::nullopt;
      std::copy(tail->begin(), tail->end(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      size += tail->size();
      break;
    }
    const auto group = take_group(text);
    if (!group) return std::nullopt;
    bytes[size++] = static_cast<std::uint8_t>(*group >> 8);
    bytes[size++] = static_cast<std::uint8_t>(*group & 0xff);
    if (text.empty()) break;
    if (!text::skip(text, ':')) return std::nullopt;
    if (text::skip(text, ':')) {
      if (gap) return std::nullopt;  // "::" can only appear once
      gap = size;
    } else if (text.empty()) {
      return std::nullopt;  // a single colon at the end
    }
  }
  if (!gap) return size == bytes.size() ? std::optional{bytes} : std::nullopt;
  if (size == bytes.size()) return std::nullopt;  // "::" stands for at least one group
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(*gap);
  const auto moved = std::copy_backward(begin, bytes.begin() + static_cast<std::ptrdiff_t>(size), bytes.end());
  std::fill(begin, moved, std::uint8_t{0});
  return bytes;
}

class Writer {
 public:
  explicit Writer(std::span<char> out) noexcept : begin_{out.data()}, end_{out.data() + out.size()}, at_{begin_} {}

  void put(char c) noexcept {
    assert(at_ != end_);
    *at_++ = c;
  }
  void put(std::string_view text) noexcept {
    for (const char c : text) put(c);
  }
  void number(std::uint32_t value, int base) noexcept {
    const auto [end, error] = std::to_chars(at_, end_, value, base);
    assert(error == std::errc{});
    at_ = end;
  }
  std::string_view text() const noexcept { return {begin_, static_cast<std::size_t>(at_ - begin_)}; }

 private:
  char* begin_;
  char* end_;
  char* at_;
};

void write_v4(Writer& out, Bytes bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) out.put('.');
    out.number(bytes[i], 10);
  }
}

struct Run {
  std::size_t begin = 0;
  std::size_t size = 0;
};

/// RFC 5952 §4.2: the longest run of zero groups, the first of equals, and never a single group.
Run longest_zero_run(const std::array<std::uint16_t, v6_groups>& groups) noexcept {
  Run best;
  Run run;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    run = groups[i] == 0 ? Run{run.size == 0 ? i : run.begin, run.size + 1} : Run{};
    if (run.size > best.size) best = run;
  }
  return best.size >= 2 ? best : Run{};
}

void write_v6(Writer& out, Bytes bytes) noexcept {
  std::array<std::uint16_t, v6_groups> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<std::uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  }
  const Run zeros = longest_zero_run(groups);
  for (std::size_t i = 0; i < groups.size();) {
    if (zeros.size > 0 && i == zeros.begin) {
      out.put("::");
      i += zeros.size;
      continue;
    }
    if (i > 0 && i != zeros.begin + zeros.size) out.put(':');
    out.number(groups[i], 16);
    ++i;
  }
}

}  // namespace

std::string_view to_string(Family family) noexcept {
  switch (family) {
    case Family::ipv4:
      return "IPv4";
    case Family::ipv6:
      return "IPv6";
    case Family::none:
      break;
  }
  return "none";
}

result<Address> Address::parse(std::string_view text) noexcept {
  if (text.find(':') == std::string_view::npos) {
    const auto bytes = parse_v4(text);
    if (!bytes) return fail(errc::bad_address);
    return v4(*bytes);
  }
  std::uint32_t scope = 0;
  if (const auto percent = text.find('%'); percent != std::string_view::npos) {
    std::string_view zone = text.substr(percent + 1);
    const auto number = text::take_decimal(zone, std::numeric_limits<std::uint32_t>::max());
    if (!number || !zone.empty()) return fail(errc::bad_address);
    scope = *number;
    text = text.substr(0, percent);
  }
  const auto bytes = parse_v6(text);
  if (!bytes) return fail(errc::bad_address);
  return v6(*bytes, scope);
}

Address Address::canonical() const noexcept {
  if (!is_v4_mapped()) return *this;
  return v4(bytes_[12], bytes_[13], bytes_[14], bytes_[15]);
}

Address Address::without_scope() const noexcept {
  Address address = *this;
  address.scope_ = 0;
  return address;
}

bool Address::is_unspecified() const noexcept {
  const Address address = canonical();
  const Bytes all = address.bytes();
  return !all.empty() && std::all_of(all.begin(), all.end(), [](std::uint8_t b) { return b == 0; });
}

bool Address::is_loopback() const noexcept {
  const Address address = canonical();
  if (address.is_v4()) return address.bytes_[0] == 127;
  return address.without_scope() == loopback(Family::ipv6);
}

bool Address::is_link_local() const noexcept {
  const Address address = canonical();
  if (address.is_v4()) return address.bytes_[0] == 169 && address.bytes_[1] == 254;
  return address.is_v6() && address.bytes_[0] == 0xfe && (address.bytes_[1] & 0xc0) == 0x80;
}

bool Address::is_multicast() const noexcept {
  const Address address = canonical();
  if (address.is_v4()) return (address.bytes_[0] & 0xf0) == 0xe0;
  return address.is_v6() && address.bytes_[0] == 0xff;
}

bool Address::is_private() const noexcept {
  const Address address = canonical();
  const std::uint8_t first = address.bytes_[0];
  const std::uint8_t second = address.bytes_[1];
  if (address.is_v4()) {
    return first == 10 || (first == 172 && (second & 0xf0) == 16) || (first == 192 && second == 168) ||
           (first == 100 && (second & 0xc0) == 64);
  }
  return address.is_v6() && (first & 0xfe) == 0xfc;
}

bool Address::is_v4_mapped() const noexcept {
  constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return is_v6() && std::equal(prefix.begin(), prefix.end(), bytes_.begin());
}

bool Address::is_v4_compatible() const noexcept {
  if (!is_v6() || is_unspecified() || is_loopback()) return false;
  return std::all_of(bytes_.begin(), bytes_.begin() + 12, [](std::uint8_t b) { return b == 0; });
}

bool Address::is_site_local() const noexcept { return is_v6() && bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0xc0; }

std::string_view Address::format(std::span<char> out) const noexcept {
  assert(out.size() >= max_text);
  Writer writer{out};
  if (is_v4()) write_v4(writer, bytes());
  if (is_v6()) {
    if (is_v4_mapped()) {  // RFC 5952 §5: mixed notation where a well-known prefix says that IPv4 is inside
      writer.put("::ffff:");
      write_v4(writer, bytes().subspan(12));
    } else {
      write_v6(writer, bytes());
    }
    if (scope_ != 0) {
      writer.put('%');
      writer.number(scope_, 10);
    }
  }
  return writer.text();
}

std::string Address::to_string() const {
  std::array<char, max_text> buffer;
  return std::string{format(buffer)};
}

}  // namespace ice

std::size_t std::hash<ice::Address>::operator()(const ice::Address& address) const noexcept {
  return static_cast<std::size_t>(ice::hash_of(address));
}
