#pragma once

#include <optional>
#include <span>
#include <vector>

#include "common/external_address.hpp"
#include "ice/base/endpoint.hpp"
#include "mesh_demo/message.hpp"
#include "mesh_demo/relay_grant.hpp"

namespace ice::mesh {

/// The servers that a client is told whose signalling arrived at `arrived_at`: the server at that very address, which
/// the client has proven to reach, if it listens there; else at every address where it listens. First as a STUN server,
/// then, with a grant, as a TURN server over UDP and TCP.
std::vector<IceServer> ice_servers_for(const Address& arrived_at, std::span<const Endpoint> listening,
                                       std::span<const programs::ExternalAddress> externals,
                                       const std::optional<RelayGrant>& grant = std::nullopt);

}  // namespace ice::mesh
