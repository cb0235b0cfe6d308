#include "ice/io/stun_server.hpp"

#include <algorithm>
#include <utility>

namespace ice::io {
namespace {

// A port that the system found free for the first socket may be taken for the next; another one is tried so often.
constexpr int most_attempts = 32;

/// The sockets of one attempt, closed again unless it was kept.
class Attempt {
 public:
  explicit Attempt(Driver<stun::BindingServer>& driver) : driver_{driver} {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    for (const SocketId socket : listeners_) driver_.close(socket);
    for (const stun::BindingServerSocket& socket : datagram_) driver_.close(socket.socket);
  }

  result<Endpoint> bind(const Endpoint& wanted, const Address& external) {
    const auto socket = driver_.bind(wanted);
    if (!socket) return fail(socket.error());
    const Endpoint local = *driver_.local_endpoint(*socket);
    datagram_.push_back({.socket = *socket, .local = local, .external = external});
    return local;
  }

  result<void> listen(const Endpoint& wanted) {
    const auto socket = driver_.listen(wanted, Framing::stun);
    if (!socket) return fail(socket.error());
    listeners_.push_back(*socket);
    return {};
  }

  result<void> keep() {
    const auto added = driver_.with([&](stun::BindingServer& server, TimePoint) -> result<void> {
      for (std::size_t i = 0; i < datagram_.size(); ++i) {
        if (auto one = server.add_socket(datagram_[i]); !one) {
          while (i-- > 0) static_cast<void>(server.remove_socket(datagram_[i].socket));
          return one;
        }
      }
      return {};
    });
    if (added) datagram_.clear(), listeners_.clear();
    return added;
  }

 private:
  Driver<stun::BindingServer>& driver_;
  std::vector<stun::BindingServerSocket> datagram_;
  std::vector<SocketId> listeners_;
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

result<StunServer::Bound> attempt(Driver<stun::BindingServer>& driver, std::span<const Endpoint> addresses,
                                  std::uint16_t alternate_port, std::span<const Address> external) {
  Attempt sockets{driver};
  StunServer::Bound bound;
  const auto external_of = [&](std::size_t i) { return i < external.size() ? external[i] : Address{}; };
  std::uint16_t free_port = 0;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    Endpoint wanted = addresses[i];
    if (wanted.port == 0) wanted.port = free_port;
    const auto local = sockets.bind(wanted, external_of(i));
    if (!local) return fail(local.error());
    if (addresses[i].port == 0) free_port = local->port;
    if (const auto listening = sockets.listen(*local); !listening) return fail(listening.error());
    bound.primary.push_back(*local);
  }
  for (const std::size_t i : discovery_addresses(bound.primary)) {
    const std::uint16_t port = bound.alternate_port != 0 ? bound.alternate_port : alternate_port;
    const auto local = sockets.bind({bound.primary[i].address, port}, external_of(i));
    if (!local) return fail(local.error());
    bound.alternate_port = local->port;
  }
  if (const auto kept = sockets.keep(); !kept) return fail(kept.error());
  return bound;
}

}  // namespace

StunServer::StunServer(Context context, stun::BindingServerConfig config)
    : driver_{context, std::move(config), context.environment().trace} {}

result<StunServer::Bound> StunServer::listen(std::span<const Endpoint> addresses, std::uint16_t alternate_port,
                                             std::span<const Address> external) {
  if (addresses.empty()) return fail(errc::invalid_argument);
  // Another attempt may find other ports, if any were left to the system.
  const bool may_differ = alternate_port == 0 || std::any_of(addresses.begin(), addresses.end(),
                                                             [](const Endpoint& one) { return one.port == 0; });
  result<Bound> bound = attempt(driver_, addresses, alternate_port, external);
  for (int i = 1; i < most_attempts && may_differ && !bound && bound.error() == std::errc::address_in_use; ++i) {
    bound = attempt(driver_, addresses, alternate_port, external);
  }
  return bound;
}

bool StunServer::discovers_nat_behavior(Family family) const noexcept {
  return driver_.machine().discovers_nat_behavior(family);
}

}  // namespace ice::io
