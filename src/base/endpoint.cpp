#include "ice/base/endpoint.hpp"

#include <array>
#include <cassert>
#include <charconv>
#include <limits>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace ice {

result<Endpoint> Endpoint::parse(std::string_view text) noexcept {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail(errc::bad_endpoint);

  std::string_view digits = text.substr(colon + 1);
  const auto port = text::take_decimal(digits, std::numeric_limits<std::uint16_t>::max());
  if (!port || !digits.empty()) return fail(errc::bad_endpoint);

  // The brackets are what tells the port from the last group (RFC 5952 §6), so IPv6 needs them and IPv4 has none.
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = Address::parse(host);
  if (!address || address->is_v6() != bracketed) return fail(errc::bad_endpoint);
  return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::string_view Endpoint::format(std::span<char> out) const noexcept {
  assert(out.size() >= max_text);
  if (!address) return {};
  char* at = out.data();
  if (address.is_v6()) *at++ = '[';
  at += address.format({at, Address::max_text}).size();
  if (address.is_v6()) *at++ = ']';
  *at++ = ':';
  at = std::to_chars(at, out.data() + out.size(), port).ptr;
  return {out.data(), static_cast<std::size_t>(at - out.data())};
}

std::string Endpoint::to_string() const {
  std::array<char, max_text> buffer;
  return std::string{format(buffer)};
}

std::string_view to_string(Transport transport) noexcept {
  switch (transport) {
    case Transport::udp:
      return "udp";
    case Transport::tcp:
      return "tcp";
    case Transport::tls:
      return "tls";
    case Transport::dtls:
      break;
  }
  return "dtls";
}

}  // namespace ice

std::size_t std::hash<ice::Endpoint>::operator()(const ice::Endpoint& endpoint) const noexcept {
  return static_cast<std::size_t>(ice::hash_of(endpoint));
}
