#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "mesh_demo/message.hpp"

namespace ice::mesh {

/// What the world sees in place of a local address, where a 1:1 NAT stands before the server: "PUBLIC" for every local
/// address of its family, or "PUBLIC/LOCAL" for one.
struct ExternalAddress {
  Address external;
  Address local;  ///< none: any

  static std::optional<ExternalAddress> parse(std::string_view text) noexcept;
};

/// What the world sees in place of `local`; none where nothing was said of it. Loopback is never seen by the world.
Address external_of(const Address& local, std::span<const ExternalAddress> externals) noexcept;

/// The STUN servers that a client is told whose signalling arrived at `arrived_at`: the server at that very address,
/// which the client has proven to reach, if it listens there; else at every address where it listens.
std::vector<IceServer> ice_servers_for(const Address& arrived_at, std::span<const Endpoint> listening,
                                       std::span<const ExternalAddress> externals);

}  // namespace ice::mesh
