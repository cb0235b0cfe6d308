#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "ice/base/address.hpp"

namespace ice {

/// What the specifications call a transport address, without its protocol: an IP address and a port.
struct ICE_API Endpoint {
  Address address;
  std::uint16_t port = 0;

  /// The longest text: brackets, address, colon, five digits.
  static constexpr std::size_t max_text = Address::max_text + 8;

  /// "192.0.2.1:3478" or "[2001:db8::1]:3478"; the port is 0 to 65535. errc::bad_endpoint.
  static result<Endpoint> parse(std::string_view text) noexcept;

  constexpr explicit operator bool() const noexcept { return static_cast<bool>(address); }

  Endpoint canonical() const noexcept { return {address.canonical(), port}; }

  /// "IP:PORT" or "[IP6]:PORT"; "" for none.
  std::string to_string() const;
  /// The same into `out`, without an allocation. `out` must hold max_text characters.
  std::string_view format(std::span<char> out) const noexcept;

  friend constexpr bool operator==(const Endpoint&, const Endpoint&) noexcept = default;
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) noexcept = default;
};

/// How bytes travel to an endpoint.
enum class Transport : std::uint8_t { udp, tcp, tls, dtls };

/// "udp", "tcp", "tls" or "dtls".
ICE_API std::string_view to_string(Transport transport) noexcept;

/// True for tcp and tls, where messages need framing.
constexpr bool is_stream(Transport transport) noexcept {
  return transport == Transport::tcp || transport == Transport::tls;
}

}  // namespace ice

template <>
struct std::hash<ice::Endpoint> {
  ICE_API std::size_t operator()(const ice::Endpoint& endpoint) const noexcept;
};
