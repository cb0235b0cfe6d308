#include "io/server_sockets.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace ice::io::detail {
namespace {

// A port that the system found free for the first socket may be taken for the next; another one is tried so often.
constexpr int most_attempts = 32;

/// The sockets of one attempt, closed again unless it was kept.
class Attempt {
 public:
  explicit Attempt(const SocketCalls& calls) : calls_{calls} {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    for (const ServerSocket& one : sockets_) calls_.close(one.socket);
  }

  result<Endpoint> open(const Endpoint& wanted, Transport transport, const Address& external) {
    const auto socket = calls_.open(wanted, transport);
    if (!socket) return fail(socket.error());
    sockets_.push_back({*socket, calls_.local(*socket), transport, external});
    return sockets_.back().local;
  }

  /// Both transports on each address, on the same port. Where they are.
  result<std::vector<Endpoint>> open_all(std::span<const Endpoint> addresses, std::array<Transport, 2> transports,
                                         std::span<const Address> external) {
    std::vector<Endpoint> bound;
    std::uint16_t free_port = 0;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      Endpoint wanted = addresses[i];
      if (wanted.port == 0) wanted.port = free_port;
      for (const Transport transport : transports) {
        const auto local = open(wanted, transport, i < external.size() ? external[i] : Address{});
        if (!local) return fail(local.error());
        wanted = *local;
      }
      if (addresses[i].port == 0) free_port = wanted.port;
      bound.push_back(wanted);
    }
    return bound;
  }

  std::span<const ServerSocket> sockets() const noexcept { return sockets_; }
  void keep() noexcept { sockets_.clear(); }

 private:
  const SocketCalls& calls_;
  std::vector<ServerSocket> sockets_;
};

/// The addresses that shall have a second port: two or more different ones of a family on one port, none of which has
/// a second port already.
std::vector<std::size_t> discovery_addresses(std::span<const Endpoint> bound) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < bound.size(); ++i) {
    const Address& address = bound[i].address;
    bool partner = false;
    bool second_port = address.is_unspecified();
    for (std::size_t j = 0; j < bound.size(); ++j) {
      const Address& other = bound[j].address;
      if (other == address)
        second_port = second_port || i != j;
      else if (!other.is_unspecified() && other.family() == address.family())
        partner = partner || bound[i].port == bound[j].port;
    }
    if (partner && !second_port) chosen.push_back(i);
  }
  return chosen;
}

result<BoundAddresses> attempt(const SocketCalls& calls, const ServerAddresses& wanted,
                               const std::function<result<void>(std::span<const ServerSocket>)>& add) {
  Attempt sockets{calls};
  BoundAddresses bound;
  auto plain = sockets.open_all(wanted.plain, {Transport::udp, Transport::tcp}, wanted.external);
  if (!plain) return fail(plain.error());
  bound.plain = std::move(*plain);
  auto secured = sockets.open_all(wanted.secured, {Transport::dtls, Transport::tls}, wanted.secured_external);
  if (!secured) return fail(secured.error());
  bound.secured = std::move(*secured);
  for (const std::size_t i : discovery_addresses(bound.plain)) {
    const std::uint16_t port = bound.alternate_port != 0 ? bound.alternate_port : wanted.alternate_port;
    const Address external = i < wanted.external.size() ? wanted.external[i] : Address{};
    const auto local = sockets.open({bound.plain[i].address, port}, Transport::udp, external);
    if (!local) return fail(local.error());
    bound.alternate_port = local->port;
  }
  if (const auto added = add(sockets.sockets()); !added) return fail(added.error());
  sockets.keep();
  return bound;
}

}  // namespace

result<BoundAddresses> open_server_sockets(const SocketCalls& calls, const ServerAddresses& wanted,
                                           const std::function<result<void>(std::span<const ServerSocket>)>& add) {
  if (wanted.plain.empty() && wanted.secured.empty()) return fail(errc::invalid_argument);
  // Another attempt may find other ports, if any were left to the system.
  const auto leaves_port = [](const Endpoint& one) { return one.port == 0; };
  const bool may_differ = wanted.alternate_port == 0 ||
                          std::any_of(wanted.plain.begin(), wanted.plain.end(), leaves_port) ||
                          std::any_of(wanted.secured.begin(), wanted.secured.end(), leaves_port);
  result<BoundAddresses> bound = attempt(calls, wanted, add);
  for (int i = 1; i < most_attempts && may_differ && !bound && bound.error() == std::errc::address_in_use; ++i) {
    bound = attempt(calls, wanted, add);
  }
  return bound;
}

}  // namespace ice::io::detail
