#include "mesh_demo/server_addresses.hpp"

namespace ice::mesh {

std::optional<ExternalAddress> ExternalAddress::parse(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const auto external = Address::parse(text.substr(0, slash));
  if (!external || external->is_unspecified()) return std::nullopt;
  if (slash == std::string_view::npos) return ExternalAddress{*external, {}};
  const auto local = Address::parse(text.substr(slash + 1));
  if (!local || local->family() != external->family()) return std::nullopt;
  return ExternalAddress{*external, *local};
}

Address external_of(const Address& local, std::span<const ExternalAddress> externals) noexcept {
  if (local.is_loopback()) return {};
  for (const ExternalAddress& one : externals) {
    const bool meant = one.local ? one.local == local : one.external.family() == local.family();
    if (meant) return one.external;
  }
  return {};
}

std::vector<IceServer> ice_servers_for(const Address& arrived_at, std::span<const Endpoint> listening,
                                       std::span<const ExternalAddress> externals) {
  const Address arrived = arrived_at.canonical();
  IceServer server;
  const auto add = [&](const Address& address, std::uint16_t port) {
    const Address external = external_of(address, externals);
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
