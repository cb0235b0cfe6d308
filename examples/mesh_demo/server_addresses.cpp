#include "mesh_demo/server_addresses.hpp"

namespace ice::mesh {

std::vector<IceServer> ice_servers_for(const Address& arrived_at, std::span<const Endpoint> listening,
                                       std::span<const programs::ExternalAddress> externals) {
  const Address arrived = arrived_at.canonical();
  IceServer server;
  const auto add = [&](const Address& address, std::uint16_t port) {
    const Address external = programs::external_of(address, externals);
    server.urls.push_back("stun:" + Endpoint{external ? external : address.without_scope(), port}.to_string());
  };
  for (const Endpoint& one : listening) {
    const bool everywhere = one.address.is_unspecified() && one.address.family() == arrived.family();
    if (everywhere || one.address.without_scope() == arrived.without_scope()) add(arrived, one.port);
  }
  if (server.urls.empty()) {
    for (const Endpoint& one : listening)
      if (!one.address.is_unspecified()) add(one.address, one.port);
  }
  if (server.urls.empty()) return {};
  return {server};
}

}  // namespace ice::mesh
