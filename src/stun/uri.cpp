#include "ice/stun/uri.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.hpp"
#include "stun/utf8.hpp"

namespace ice::stun {
namespace {

using text::equals_ignoring_case;
using text::lower;

constexpr std::size_t longest_host = 255;  // RFC 3986 §3.2.2, what DNS can look up

struct SchemeName {
  std::string_view name;
  Uri::Scheme scheme;
};
constexpr std::array<SchemeName, 4> schemes{{{"stun", Uri::Scheme::stun},
                                             {"stuns", Uri::Scheme::stuns},
                                             {"turn", Uri::Scheme::turn},
                                             {"turns", Uri::Scheme::turns}}};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// RFC 3986 §2.3.
constexpr bool is_unreserved(char c) noexcept {
  return (lower(c) >= 'a' && lower(c) <= 'z') || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}
/// RFC 3986 §3.2.2, the characters of a registered name as they are.
constexpr bool is_name_character(char c) noexcept {
  return is_unreserved(c) || std::string_view{"!$&'()*+,;="}.find(c) != std::string_view::npos;
}

constexpr std::string_view hex_digits = "0123456789ABCDEF";
int hex_value(char c) noexcept {
  const char upper = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  const std::size_t value = hex_digits.find(upper);
  return value == std::string_view::npos ? -1 : static_cast<int>(value);
}

/// The registered name that `text` spells, or nothing where it may not stand in a URI or not be looked up.
std::optional<std::string> decode_name(std::string_view text) {
  std::string name;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%') {
      if (text.size() - at < 3) return std::nullopt;
      const int high = hex_value(text[at + 1]);
      const int low = hex_value(text[at + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      name += static_cast<char>(high * 16 + low);
      at += 2;
    } else if (is_name_character(text[at])) {
      name += text[at];
    } else {
      return std::nullopt;
    }
  }
  const bool printable =
      std::none_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; });
  if (name.empty() || name.size() > longest_host || !printable || !count_characters(name)) return std::nullopt;
  // Colons may be encoded in a name. One that then reads as an IPv6 address, perhaps with a zone, is still no address
  // (RFC 3986 §3.2.2 has those in brackets), and nobody can look it up.
  if (const result<Address> address = Address::parse(name); address && address->is_v6()) return std::nullopt;
  return name;
}

/// RFC 3986 §3.2.2, IPvFuture: "v", a version in hexadecimal, ".", an address of that version.
bool is_future_address(std::string_view literal) noexcept {
  if (literal.empty() || lower(literal.front()) != 'v') return false;
  const std::size_t dot = literal.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view version = literal.substr(1, dot - 1);
  const std::string_view address = literal.substr(dot + 1);
  return !version.empty() && !address.empty() &&
         std::all_of(version.begin(), version.end(), [](char c) { return hex_value(c) >= 0; }) &&
         std::all_of(address.begin(), address.end(), [](char c) { return is_name_character(c) || c == ':'; });
}

/// What stands between brackets. A zone means something on this host alone, and RFC 3986 has no room for one.
result<std::string> read_literal(std::string_view literal) {
  if (is_future_address(literal)) return fail(errc::unsupported);
  if (literal.find('%') != std::string_view::npos) return fail(errc::bad_uri);
  const result<Address> address = Address::parse(literal);
  if (!address || !address->is_v6()) return fail(errc::bad_uri);
  return address->to_string();
}

/// RFC 3986 §3.2.3: digits, or nothing, which stands for the default.
bool read_port(std::string_view text, std::optional<std::uint16_t>& port) noexcept {
  if (text.empty()) return true;
  if (!std::all_of(text.begin(), text.end(), is_digit)) return false;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number == 0) return false;
  port = number;
  return true;
}

}  // namespace

result<Uri> Uri::parse(std::string_view text) {
  Uri uri;
  const std::size_t colon = text.find(':');
  const auto* const known = std::find_if(schemes.begin(), schemes.end(), [&](const SchemeName& candidate) {
    return colon != std::string_view::npos && equals_ignoring_case(candidate.name, text.substr(0, colon));
  });
  if (known == schemes.end()) return fail(errc::bad_uri);
  uri.scheme = known->scheme;
  text.remove_prefix(colon + 1);

  // RFC 7064 knows no query; RFC 7065 this one alone.
  const std::size_t question = text.find('?');
  if (question != std::string_view::npos) {
    constexpr std::string_view key = "transport=";
    const std::string_view query = text.substr(question + 1);
    if (!uri.is_turn() || !equals_ignoring_case(query.substr(0, key.size()), key)) return fail(errc::bad_uri);
    const std::string_view transport = query.substr(key.size());
    if (transport.empty() || !std::all_of(transport.begin(), transport.end(), is_unreserved))
      return fail(errc::bad_uri);
    if (equals_ignoring_case(transport, "udp")) {
      uri.named_transport = Transport::udp;
    } else if (equals_ignoring_case(transport, "tcp")) {
      uri.named_transport = Transport::tcp;
    } else {
      return fail(errc::unsupported);
    }
    text = text.substr(0, question);
  }

  std::string_view after_host;
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return fail(errc::bad_uri);
    result<std::string> literal = read_literal(text.substr(1, bracket - 1));
    if (!literal) return fail(literal.error());
    uri.host = std::move(*literal);
    after_host = text.substr(bracket + 1);
  } else {
    const std::size_t end = std::min(text.find(':'), text.size());
    std::optional<std::string> name = decode_name(text.substr(0, end));
    if (!name) return fail(errc::bad_uri);
    uri.host = std::move(*name);
    after_host = text.substr(end);
  }
  // RFC 8489 §8.1: nobody could tell by its certificate that it is the right server.
  if (uri.scheme == Scheme::stuns && uri.address()) return fail(errc::bad_uri);
  if (!after_host.empty() && (!after_host.starts_with(':') || !read_port(after_host.substr(1), uri.port)))
    return fail(errc::bad_uri);
  return uri;
}

Transport Uri::transport() const noexcept {
  if (is_secure()) return named_transport == Transport::udp ? Transport::dtls : Transport::tls;
  return named_transport.value_or(Transport::udp);
}

std::uint16_t Uri::effective_port() const noexcept {
  return port.value_or(is_secure() ? default_tls_port : default_port);
}

Address Uri::address() const noexcept { return Address::parse(host).value_or(Address{}); }

std::string Uri::to_string() const {
  std::string text{schemes[static_cast<std::size_t>(scheme)].name};
  text += ':';
  if (address().is_v6()) {
    text += '[' + host + ']';
  } else {
    for (const char c : host) {
      if (is_name_character(c)) {
        text += c;
      } else {
        const auto byte = static_cast<unsigned char>(c);
        text += '%';
        text += hex_digits[byte >> 4U];
        text += hex_digits[byte & 0xFU];
      }
    }
  }
  if (port) text += ':' + std::to_string(*port);
  if (named_transport) text += *named_transport == Transport::tcp ? "?transport=tcp" : "?transport=udp";
  return text;
}

}  // namespace ice::stun
