#pragma once

#include <span>
#include <vector>

#include "common/external_address.hpp"
#include "ice/base/endpoint.hpp"
#include "mesh_demo/message.hpp"

namespace ice::mesh {

/// The STUN servers that a client is told whose signalling arrived at `arrived_at`: the server at that very address,
/// which the client has proven to reach, if it listens there; else at every address where it listens.
std::vector<IceServer> ice_servers_for(const Address& arrived_at, std::span<const Endpoint> listening,
                                       std::span<const programs::ExternalAddress> externals);

}  // namespace ice::mesh
