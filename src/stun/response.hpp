#pragma once

#include <algorithm>

#include "ice/stun/message.hpp"

/// What every client has to look for in a response.
namespace ice::stun {

/// RFC 8489 §6.3.3 and §6.3.4, and RFC 5389 §12.1: what RFC 3489 had is no longer understood in requests, but servers
/// of that time still put it into responses.
inline bool has_unknown_required(const Message& response) noexcept {
  const AttributeTypeList unknown = response.unknown_required();
  return std::any_of(unknown.begin(), unknown.end(), [](AttributeType type) { return slot_of(type) == no_slot; });
}

/// RFC 8489 §10: of the servers named, the first that the present socket could reach; one of the other family may
/// follow for those who can.
inline Endpoint alternate_in(const Message& response, Family family) noexcept {
  for (const RawAttribute raw : response.attributes()) {
    if (raw.type != attr::AlternateServer::type) continue;
    const auto server = attr::AlternateServer::decode(raw.value, response.header());
    if (server && server->address.family() == family) return *server;
  }
  return {};
}

}  // namespace ice::stun
