#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ice/base/datagram.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/framing.hpp"
#include "ice/base/result.hpp"
#include "ice/io/driver.hpp"

/// How the STUN and the TURN server come by the sockets that clients know.
namespace ice::io::detail {

struct ServerSocket {
  SocketId socket{};
  Endpoint local;
  Transport transport = Transport::udp;
  Address external;  ///< what clients see in place of the local address, or none
};

/// What a driver does for it.
struct SocketCalls {
  std::function<result<SocketId>(const Endpoint&, Transport)> open;
  std::function<Endpoint(SocketId)> local;
  std::function<void(SocketId)> close;
};

template <Machine M>
SocketCalls socket_calls(Driver<M>& driver) {
  return {[&driver](const Endpoint& wanted, Transport transport) {
            if (transport == Transport::udp) return driver.bind(wanted);
            return driver.listen(wanted, is_stream(transport) ? Framing::stun : Framing::none, transport);
          },
          [&driver](SocketId socket) { return *driver.local_endpoint(socket); },
          [&driver](SocketId socket) { driver.close(socket); }};
}

struct ServerAddresses {
  std::span<const Endpoint> plain;            ///< UDP and TCP on each
  std::span<const Endpoint> secured;          ///< DTLS and TLS on each
  std::span<const Address> external;          ///< of the plain ones, as far as it goes
  std::span<const Address> secured_external;  ///< of the secured ones
  std::uint16_t alternate_port = 0;
};

struct BoundAddresses {
  std::vector<Endpoint> plain;
  std::vector<Endpoint> secured;
  std::uint16_t alternate_port = 0;  ///< 0 where there is no discovery
};

/// Opens them all and hands them to `add`, or none: after an error everything is closed again. Those of one kind that
/// ask for port 0 get one port that is free on each of them. Two plain addresses of one family on one port also get a
/// second port over UDP, for RFC 5780. errc::invalid_argument for no address at all, else what opening or `add` said.
result<BoundAddresses> open_server_sockets(const SocketCalls& calls, const ServerAddresses& wanted,
                                           const std::function<result<void>(std::span<const ServerSocket>)>& add);

}  // namespace ice::io::detail
