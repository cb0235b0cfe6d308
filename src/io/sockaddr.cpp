#include "io/sockaddr.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ice::io {

Address to_address(const in_addr& address) noexcept {
  std::array<std::uint8_t, 4> bytes;
  std::memcpy(bytes.data(), &address, bytes.size());
  return Address::v4(bytes);
}

Address to_address(const in6_addr& address, std::uint32_t scope) noexcept {
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &address, bytes.size());
  return Address::v6(bytes, scope);
}

in_addr to_in_addr(const Address& address) noexcept {
  in_addr out{};
  if (address.is_v4()) std::memcpy(&out, address.bytes().data(), sizeof out);
  return out;
}

in6_addr to_in6_addr(const Address& address) noexcept {
  in6_addr out{};
  if (address.is_v6()) std::memcpy(&out, address.bytes().data(), sizeof out);
  return out;
}

SocketAddress::SocketAddress(const Endpoint& endpoint) noexcept {
  if (endpoint.address.is_v4()) {
    storage_.v4.sin_family = AF_INET;
    storage_.v4.sin_port = htons(endpoint.port);
    storage_.v4.sin_addr = to_in_addr(endpoint.address);
    size_ = sizeof storage_.v4;
  } else if (endpoint.address.is_v6()) {
    storage_.v6.sin6_family = AF_INET6;
    storage_.v6.sin6_port = htons(endpoint.port);
    storage_.v6.sin6_addr = to_in6_addr(endpoint.address);
    storage_.v6.sin6_scope_id = endpoint.address.scope();
    size_ = sizeof storage_.v6;
  }
}

Endpoint SocketAddress::to_endpoint(const sockaddr* address) noexcept {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    return {to_address(v4.sin_addr), ntohs(v4.sin_port)};
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    return Endpoint{to_address(v6.sin6_addr, v6.sin6_scope_id), ntohs(v6.sin6_port)}.canonical();
  }
  return {};
}

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

}  // namespace ice::io
