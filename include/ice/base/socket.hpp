#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <variant>

#include "ice/base/datagram.hpp"
#include "ice/base/framing.hpp"

namespace ice {

/// A machine's own name for a socket it asked for, until the socket has an id.
enum class SocketTicket : std::uint32_t {};

/// A range of local ports, both ends included; 0 to 0 lets the system choose.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

/// Please open a socket. Answered by `Opened` or `Failed` with the same ticket.
struct OpenSocket {
  enum class Kind : std::uint8_t { datagram, connect, listen };
  SocketTicket ticket{};
  Kind kind = Kind::datagram;
  Transport transport = Transport::udp;
  Endpoint local{};   ///< address to bind; the port is in `ports`
  Endpoint remote{};  ///< for connect
  PortRange ports{};
  Framing framing = Framing::none;
  std::string tls_name{};  ///< the name the certificate must bear, for tls and dtls
};

/// Please close it. Bytes already given out are still sent; `Closed` is not reported for it.
struct CloseSocket {
  SocketId socket{};
};

using SocketRequest = std::variant<OpenSocket, CloseSocket>;

struct SocketOpened {
  SocketTicket ticket{};
  SocketId socket{};
  Endpoint local{};
};
struct SocketAccepted {
  SocketId listener{};
  SocketId socket{};
  Endpoint local{};
  Endpoint remote{};
};
struct SocketFailed {
  SocketTicket ticket{};
  std::error_code error{};
};
/// The other side, or the system, closed it; the id means nothing from now on.
struct SocketClosed {
  SocketId socket{};
  std::error_code error{};
};
/// ICMP says that `to` cannot be reached from here. A hint, never proof (RFC 8445 §7.2.5.2.4 counts it for checks).
struct SocketUnreachable {
  SocketId socket{};
  Endpoint to{};
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  std::uint32_t mtu = 0;  ///< of the next hop where the packet was too big (RFC 1191 §4, RFC 4443 §3.2); 0 if not told
  friend bool operator==(const SocketUnreachable&, const SocketUnreachable&) noexcept = default;
};

using SocketEvent = std::variant<SocketOpened, SocketAccepted, SocketFailed, SocketClosed, SocketUnreachable>;

}  // namespace ice
