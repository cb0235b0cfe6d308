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
  /// TCP: a listener whose port the connections that are opened with this may have as well (RFC 6062 §5.2).
  bool shares_port = false;
};

/// Please close it. Bytes already given out are still sent; `Closed` is not reported for it.
struct CloseSocket {
  SocketId socket{};
};

/// Please cut this stream by another framing from now on, what has arrived behind the last message included. Nothing
/// for what is no stream.
struct FrameSocket {
  SocketId socket{};
  Framing framing = Framing::none;
};

/// Please stop reading this stream, or go on: so that whoever sends stops, too, in place of a queue here. What was read
/// by the same call of the system is still delivered. The end of a stream that is not read is not noticed.
struct ReadSocket {
  SocketId socket{};
  bool on = true;
};

using SocketRequest = std::variant<OpenSocket, CloseSocket, FrameSocket, ReadSocket>;

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

/// Flow control of a stream without framing: bytes of it wait here (`full`), or have all gone. While it is full, what
/// is given to it may find no room, and a gap ends it; else it takes whatever one message brings.
struct SocketFlow {
  SocketId socket{};
  bool full = false;
};

using SocketEvent =
    std::variant<SocketOpened, SocketAccepted, SocketFailed, SocketClosed, SocketUnreachable, SocketFlow>;

}  // namespace ice
