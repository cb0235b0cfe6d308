#pragma once

#include <cstdint>
#include <optional>

#include "ice/base/bytes.hpp"
#include "ice/base/endpoint.hpp"

namespace ice {

/// A socket as its owner, the driver, named it. Machines never see more of a socket than this.
enum class SocketId : std::uint32_t {};

/// A component of a data stream: 1 to 256 (RFC 8445 §4).
enum class ComponentId : std::uint16_t {};

/// Whether routers may cut a packet that is too long for a link: the DF bit of IPv4 (RFC 791 §3.1). What leaves by IPv6
/// nobody but its sender may cut (RFC 8200 §5).
enum class Fragmentation : std::uint8_t {
  unspecified,  ///< what arrived: not known; what leaves: as the socket does, or did last
  allowed,
  forbidden,  ///< what is too long is not sent, or lost; SocketUnreachable may tell the MTU
};

/// What IP says of a packet beside its endpoints.
struct IpMetadata {
  Address local{};        ///< the local address it came to, or shall leave from; none where the socket decides
  std::uint8_t dscp = 0;  ///< 6 bits, RFC 2474
  std::uint8_t ecn = 0;   ///< 2 bits, RFC 3168
  Fragmentation fragmentation = Fragmentation::unspecified;
};

/// What arrived: one datagram, or one whole message of a stream.
struct Datagram {
  SocketId socket{};
  Endpoint from{};
  Bytes payload{};  ///< valid for the call
  IpMetadata ip{};
};

/// What shall leave: `head`, then `body`, then `padding` zero bytes, as one datagram or one message of a stream.
struct Transmit {
  SocketId socket{};
  Endpoint to{};
  Bytes head{};              ///< lives in the scratch that the call was given
  Bytes body{};              ///< the caller's own bytes, never copied; empty for what the protocol itself says
  std::uint8_t padding = 0;  ///< 0 to 3
  IpMetadata ip{};

  std::size_t size() const noexcept { return head.size() + body.size() + padding; }
};

/// What a machine made of a datagram. Everything but the first three is counted and traced, and costs nothing else.
enum class Verdict : std::uint8_t {
  handled,           ///< the protocol's own; there may be something to transmit, events and another timeout
  application_data,  ///< for the application: `data`, `from` and `component` say what
  forward,           ///< to be sent on at once, before the input dies: `forward`
  not_mine,          ///< nothing this machine speaks; another one on the same socket may
  malformed,         ///< it claims to be the protocol's and breaks its format
  unauthenticated,   ///< well formed, and not proven to come from who it says
};

struct Received {
  Verdict verdict = Verdict::handled;
  Bytes data{};  ///< a view of the input
  Endpoint from{};
  ComponentId component{};
  std::optional<Transmit> forward{};
};

/// The least scratch that a driver gives to a machine: an IPv6 path MTU of 1500 bytes, and no STUN message over UDP
/// may be longer (RFC 8489 §6.1).
inline constexpr std::size_t scratch_size = 1500;

}  // namespace ice
