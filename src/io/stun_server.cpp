#include "ice/io/stun_server.hpp"

#include <utility>

#include "io/server_sockets.hpp"

namespace ice::io {
namespace {

/// All of them, or none. Connections need no announcement.
result<void> add_sockets(stun::BindingServer& server, std::span<const detail::ServerSocket> sockets) {
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    if (sockets[i].transport != Transport::udp) continue;
    auto added =
        server.add_socket({.socket = sockets[i].socket, .local = sockets[i].local, .external = sockets[i].external});
    if (added) continue;
    while (i-- > 0) static_cast<void>(server.remove_socket(sockets[i].socket));
    return added;
  }
  return {};
}

}  // namespace

StunServer::StunServer(Context context, stun::BindingServerConfig config)
    : driver_{context, std::move(config), context.environment().trace} {}

result<StunServer::Bound> StunServer::listen(std::span<const Endpoint> addresses, std::uint16_t alternate_port,
                                             std::span<const Address> external) {
  detail::ServerAddresses wanted;
  wanted.plain = addresses;
  wanted.external = external;
  wanted.alternate_port = alternate_port;
  auto bound = detail::open_server_sockets(
      detail::socket_calls(driver_), wanted, [this](std::span<const detail::ServerSocket> sockets) {
        return driver_.with([&](stun::BindingServer& server, TimePoint) { return add_sockets(server, sockets); });
      });
  if (!bound) return fail(bound.error());
  return Bound{std::move(bound->plain), bound->alternate_port};
}

bool StunServer::discovers_nat_behavior(Family family) const noexcept {
  return driver_.machine().discovers_nat_behavior(family);
}

}  // namespace ice::io
