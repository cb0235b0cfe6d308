#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/random.hpp"
#include "ice/turn/address_range.hpp"

namespace ice::mesh {

/// What lets one client of the signalling server relay for a while: a credential that the server's secret vouches for,
/// as of draft-uberti-behave-turn-rest-00, whose lifetime this is.
struct RelayGrant {
  static constexpr std::chrono::seconds lifetime = std::chrono::hours{24};

  std::string username;
  std::string credential;
  std::uint32_t ttl = 0;  ///< seconds
};

/// One for this user, from `now` (Unix time) on. Nothing for a name that no user of TURN can have (RFC 8265 §4.2).
std::optional<RelayGrant> grant_relay(std::string_view secret, std::string_view user, std::chrono::seconds now);

/// A secret that nobody can guess, for a server that was not given one.
std::string make_secret(RandomSource& random);

/// This host itself, as peers.
std::vector<turn::AddressRange> loopback_ranges();

}  // namespace ice::mesh
