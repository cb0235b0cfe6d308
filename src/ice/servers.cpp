#include "ice/servers.hpp"

#include <algorithm>
#include <cassert>

#include "base/reachable.hpp"
#include "ice/local_candidates.hpp"

namespace ice {

Servers::Servers(const AgentConfig& config) {
  assert(config.servers.size() <= LocalCandidates::max_servers);
  for (const IceServer& server : config.servers) {
    all_.push_back({server.uri});
    // A reflexive candidate is what this policy wants to hide.
    if (config.policy == CandidatePolicy::relay_only && !server.uri.is_turn()) all_.back().name = Server::Name::unused;
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
  if (server.name == Server::Name::known || server.name == Server::Name::unused || stopped_) return;
  for (const Endpoint& address : addresses) {
    const bool has_family = std::any_of(server.endpoints.begin(), server.endpoints.end(), [&](const Endpoint& known) {
      return known.address.family() == address.address.family();
    });
    if (is_reachable(address) && !has_family) server.endpoints.push_back(address.canonical());
  }
  server.name = server.endpoints.empty() ? Server::Name::failed : Server::Name::known;
}

void Servers::fail(ServerId id) noexcept {
  Server& server = all_[static_cast<std::size_t>(id)];
  if (server.name == Server::Name::unasked || server.name == Server::Name::asked) server.name = Server::Name::failed;
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
    all.push_back(std::move(unresolved));
  }
  return all;
}

}  // namespace ice
