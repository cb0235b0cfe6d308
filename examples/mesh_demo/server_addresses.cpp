#include "mesh_demo/server_addresses.hpp"

namespace ice::mesh {

namespace {

/// Where a client reaches the server, as hosts and ports of URIs.
std::vector<std::string> reached_at(const Address& arrived, std::span<const Endpoint> listening,
                                    std::span<const programs::ExternalAddress> externals) {
  std::vector<std::string> places;
  const auto add = [&](const Address& address, std::uint16_t port) {
    const Address external = programs::external_of(address, externals);
    places.push_back(Endpoint{external ? external : address.without_scope(), port}.to_string());
  };
  for (const Endpoint& one : listening) {
    const bool everywhere = one.address.is_unspecified() && one.address.family() == arrived.family();
    if (everywhere || one.address.without_scope() == arrived.without_scope()) add(arrived, one.port);
  }
  if (!places.empty()) return places;
  for (const Endpoint& one : listening)
    if (!one.address.is_unspecified()) add(one.address, one.port);
  return places;
}

}  // namespace

std::vector<IceServer> ice_servers_for(const Address& arrived_at, std::span<const Endpoint> listening,
                                       std::span<const programs::ExternalAddress> externals,
                                       const std::optional<RelayGrant>& grant) {
  IceServer stun;
  IceServer turn;
  for (const std::string& place : reached_at(arrived_at.canonical(), listening, externals)) {
    stun.urls.push_back("stun:" + place);
    turn.urls.push_back("turn:" + place);
    turn.urls.push_back("turn:" + place + "?transport=tcp");
  }
  if (stun.urls.empty()) return {};
  if (!grant) return {stun};
  turn.username = grant->username;
  turn.credential = grant->credential;
  turn.ttl = grant->ttl;
  return {stun, turn};
}

}  // namespace ice::mesh
