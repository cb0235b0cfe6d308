#include "ice/servers.hpp"

#include <algorithm>
#include <cassert>

#include "base/reachable.hpp"
#include "ice/local_candidates.hpp"

namespace ice {
namespace {

auto of_family(Family family) noexcept {
  return [family](const Endpoint& one) { return one.address.family() == family; };
}

}  // namespace

Servers::Servers(const AgentConfig& config) {
  assert(config.servers.size() <= LocalCandidates::max_servers);
  for (const IceServer& server : config.servers) {
    all_.push_back({server.uri});
    // A reflexive candidate is what this policy wants to hide. And the mapping of a connection, or of a DTLS session,
    // is not that of a socket that candidates have.
    if (config.policy == CandidatePolicy::relay_only && !server.uri.is_turn())
      all_.back().name = Server::Name::unused;
    else if (server.uri.is_secure() && !server.uri.is_turn())
      all_.back().name = Server::Name::unsupported;
  }
}

void Servers::begin() {
  begun_ = true;
  for (Server& server : all_) {
    if (server.name != Server::Name::unasked) continue;
    if (const Address literal = server.uri.address()) {
      server.endpoints = {{literal.canonical(), server.uri.effective_port()}};
      server.name = Server::Name::known;
    }
  }
}

std::optional<ServerNameNeeded> Servers::next_name() {
  if (!begun_ || stopped_) return std::nullopt;
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (all_[i].name == Server::Name::unasked) {
      all_[i].name = Server::Name::asked;
      return ServerNameNeeded{ServerId{static_cast<std::uint16_t>(i)}, all_[i].uri.host};
    }
  return std::nullopt;
}

void Servers::resolve(ServerId id, std::span<const Endpoint> addresses) {
  Server& server = all_[static_cast<std::size_t>(id)];
  if (stopped_ || (server.name != Server::Name::unasked && server.name != Server::Name::asked &&
                   server.name != Server::Name::failed))
    return;
  for (const Endpoint& address : addresses) {
    if (!is_reachable(address) || server.endpoints.size() + server.spare.size() == most_addresses) continue;
    const Endpoint plain = address.canonical();
    const bool has_family =
        std::any_of(server.endpoints.begin(), server.endpoints.end(), of_family(plain.address.family()));
    (has_family ? server.spare : server.endpoints).push_back(plain);
  }
  server.name = server.endpoints.empty() ? Server::Name::failed : Server::Name::known;
}

void Servers::fail(ServerId id) noexcept {
  Server& server = all_[static_cast<std::size_t>(id)];
  if (server.name == Server::Name::unasked || server.name == Server::Name::asked) server.name = Server::Name::failed;
}

std::optional<Endpoint> Servers::replaceable(std::size_t index, Family family) const noexcept {
  const std::vector<Endpoint>& spare = all_[index].spare;
  if (stopped_ || std::none_of(spare.begin(), spare.end(), of_family(family))) return std::nullopt;
  return last(index, family);
}

std::optional<Endpoint> Servers::last(std::size_t index, Family family) const noexcept {
  const std::vector<Endpoint>& asked = all_[index].endpoints;
  const auto found = std::find_if(asked.rbegin(), asked.rend(), of_family(family));
  return found == asked.rend() ? std::nullopt : std::optional{*found};
}

void Servers::go_on(std::size_t index, Family family) {
  Server& server = all_[index];
  const auto next = std::find_if(server.spare.begin(), server.spare.end(), of_family(family));
  if (next == server.spare.end()) return;
  server.endpoints.push_back(*next);
  server.spare.erase(next);
}

bool Servers::settled() const noexcept {
  return stopped_ || std::none_of(all_.begin(), all_.end(), [](const Server& server) {
           return server.name == Server::Name::unasked || server.name == Server::Name::asked;
         });
}

std::vector<ServerReport> Servers::unresolved() const {
  std::vector<ServerReport> all;
  for (const Server& server : all_) {
    if (server.name == Server::Name::known || server.name == Server::Name::unused) continue;
    ServerReport unresolved;
    unresolved.uri = server.uri.to_string();
    if (server.name == Server::Name::failed) unresolved.cause = Cause::name_not_resolved;
    if (server.name == Server::Name::unsupported) {
      unresolved.cause = Cause::unsupported;
      unresolved.why = make_error_code(errc::unsupported);
    }
    all.push_back(std::move(unresolved));
  }
  return all;
}

}  // namespace ice
