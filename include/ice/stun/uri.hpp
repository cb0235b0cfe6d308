#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ice/base/address.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"

namespace ice::stun {

inline constexpr std::uint16_t default_port = 3478;      ///< RFC 8489 §18.6
inline constexpr std::uint16_t default_tls_port = 5349;  ///< RFC 8489 §18.6

/// A server as a configuration names it (RFC 7064, RFC 7065):
///
///   stun:host[:port]   stuns:host[:port]   turn:host[:port][?transport=udp|tcp]   turns:…
struct ICE_API Uri {
  enum class Scheme : std::uint8_t { stun, stuns, turn, turns };

  Scheme scheme = Scheme::stun;
  std::string host;                          ///< a name with percent-encoding undone, or an IP address without brackets
  std::optional<std::uint16_t> port;         ///< as far as it says one
  std::optional<Transport> named_transport;  ///< what "?transport=" says, udp or tcp

  /// Schemes and "transport" in any case; no path, user, fragment or other query. errc::bad_uri, also for an empty
  /// host, port 0, and a zone id. errc::unsupported for another transport than udp and tcp, and for an address of a
  /// later version of IP.
  static result<Uri> parse(std::string_view text);

  bool is_turn() const noexcept { return scheme == Scheme::turn || scheme == Scheme::turns; }
  bool is_secure() const noexcept { return scheme == Scheme::stuns || scheme == Scheme::turns; }

  /// What the server is reached by. stun and turn: UDP, unless TCP is named; stuns and turns: TLS, unless UDP is
  /// named, which then is DTLS (RFC 5928 §3, RFC 7350 §4.6).
  Transport transport() const noexcept;

  /// `port`, else the default one of the scheme.
  std::uint16_t effective_port() const noexcept;

  /// The host where it is an IP address, which needs no resolver; else none.
  Address address() const noexcept;

  /// The URI again; parse() of it gives an equal one.
  std::string to_string() const;

  friend bool operator==(const Uri&, const Uri&) noexcept = default;
};

}  // namespace ice::stun
