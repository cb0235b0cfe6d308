#include "mesh_demo/relay_grant.hpp"

#include <array>
#include <boost/algorithm/hex.hpp>
#include <iterator>

#include "ice/turn/server.hpp"

namespace ice::mesh {

std::optional<RelayGrant> grant_relay(std::string_view secret, std::string_view user, std::chrono::seconds now) {
  const auto login = turn::make_shared_secret_login(secret, user, now + RelayGrant::lifetime);
  if (!login) return std::nullopt;
  return RelayGrant{login->username(), std::string{login->password()},
                    static_cast<std::uint32_t>(RelayGrant::lifetime.count())};
}

std::string make_secret(RandomSource& random) {
  std::array<std::uint8_t, 20> bytes;  // as long as the HMAC-SHA1 that it keys
  random.fill(bytes);
  std::string text;
  boost::algorithm::hex_lower(bytes.begin(), bytes.end(), std::back_inserter(text));
  return text;
}

std::vector<turn::AddressRange> loopback_ranges() {
  return {{Address::v4(127, 0, 0, 0), 8}, {Address::loopback(Family::ipv6), 128}};
}

}  // namespace ice::mesh
