#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <system_error>

#include "ice/base/endpoint.hpp"

namespace ice::io {

/// An endpoint as the system spells it. Empty for none.
class SocketAddress {
 public:
  SocketAddress() noexcept = default;
  explicit SocketAddress(const Endpoint& endpoint) noexcept;

  /// IPv4-mapped addresses come out as IPv4.
  Endpoint endpoint() const noexcept { return to_endpoint(data()); }
  static Endpoint to_endpoint(const sockaddr* address) noexcept;

  sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&storage_); }
  const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const noexcept { return size_; }
  /// Room for the system to write any address into.
  static constexpr socklen_t capacity = sizeof(sockaddr_in6);

 private:
  union {
    sockaddr_in6 v6;
    sockaddr_in v4;
  } storage_{};
  socklen_t size_ = 0;
};

Address to_address(const in_addr& address) noexcept;
Address to_address(const in6_addr& address, std::uint32_t scope) noexcept;
in_addr to_in_addr(const Address& address) noexcept;
in6_addr to_in6_addr(const Address& address) noexcept;

/// errno as an error.
std::error_code last_error() noexcept;

}  // namespace ice::io
