#include "ice/io/turn_server.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "base/hidden.hpp"
#include "ice/io/interfaces.hpp"
#include "io/context_state.hpp"
#include "io/http_responder.hpp"
#include "io/server_sockets.hpp"

namespace ice::io {
namespace {

// Many clients come to one socket, and 4 MB are what 20 ms of a full gigabit with the system's overhead take. Each
// relay socket has one client, but no smaller bursts; the memory is only used when it is needed.
constexpr std::size_t buffer_size = 4 * 1024 * 1024;

// So often the server is told what time it is and which addresses the host has, so that changes are noticed.
constexpr std::chrono::seconds look_interval{60};

std::chrono::seconds unix_time() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
}

void put_counter(std::string& text, std::string_view name, std::string_view help, std::uint64_t value) {
  text.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name);
  text.append(" counter\n").append(name).append(" ").append(std::to_string(value)).append("\n");
}

/// The address that relays of a family shall have, or none if the family is not listened on.
Address relay_address(Family family, const TurnServerAddresses& wanted, std::span<const InterfaceAddress> interfaces) {
  const auto of_family = [&](const Address& address) { return address.family() == family; };
  const auto asked_for = std::find_if(wanted.relays.begin(), wanted.relays.end(), of_family);
  if (asked_for != wanted.relays.end()) return *asked_for;
  bool everywhere = false;
  for (const auto* endpoints : {&wanted.plain, &wanted.secured}) {
    for (const Endpoint& one : *endpoints) {
      if (!of_family(one.address)) continue;
      if (!one.address.is_unspecified()) return one.address;
      everywhere = true;
    }
  }
  if (!everywhere) return {};
  for (const InterfaceAddress& one : host_candidate_addresses(interfaces, false)) {
    if (of_family(one.address) && !one.address.is_link_local()) return one.address;
  }
  return Address::loopback(family);
}

void add_own_addresses(turn::Server& server, std::span<const InterfaceAddress> interfaces) {
  for (const InterfaceAddress& one : interfaces) server.add_own_address(one.address);
}

/// All of them, or none.
result<void> add_sockets(turn::Server& server, TimePoint now, std::span<const detail::ServerSocket> sockets) {
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    const detail::ServerSocket& one = sockets[i];
    auto added = server.add_socket({one.socket, one.local, one.transport, one.external});
    if (added) continue;
    while (i-- > 0) static_cast<void>(server.remove_socket(now, sockets[i].socket));
    return added;
  }
  return {};
}

}  // namespace

struct ICE_HIDDEN TurnServer::Impl : std::enable_shared_from_this<TurnServer::Impl> {
  Impl(Context its_context, turn::ServerConfig config)
      : context{its_context},
        driver{its_context, std::move(config), its_context.environment()},
        clock{its_context.get_executor()} {}

  Context context;
  Driver<turn::Server> driver;
  detail::Timer clock;
  std::optional<Driver<detail::HttpResponder>> metrics_driver;
  std::vector<SocketId> listening;
  std::array<bool, 2> relays{};  // families that have their address
  bool closed = false;

  void look_around();
  result<void> add_relays(turn::Server& server, const TurnServerAddresses& wanted,
                          std::span<const InterfaceAddress> interfaces);
  std::string metrics() const;
};

void TurnServer::Impl::look_around() {
  clock.expires_after(look_interval);
  clock.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && !self->closed) self->look_around();
  });
  const auto interfaces = interface_addresses();
  driver.with([&](turn::Server& server, TimePoint now) {
    server.set_unix_time(now, unix_time());
    if (interfaces) add_own_addresses(server, *interfaces);
  });
}

result<void> TurnServer::Impl::add_relays(turn::Server& server, const TurnServerAddresses& wanted,
                                          std::span<const InterfaceAddress> interfaces) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    bool& has = relays[family == Family::ipv6 ? 1 : 0];
    const Address local = has ? Address{} : relay_address(family, wanted, interfaces);
    if (!local) continue;
    if (auto added = server.add_relay_address(local, wanted.external ? wanted.external(local) : Address{}); !added) {
      return added;
    }
    has = true;
  }
  return {};
}

std::string TurnServer::Impl::metrics() const {
  std::string text = driver.machine().metrics();
  const DriverStatistics& io = driver.statistics();
  put_counter(text, "icebreaker_io_received_total", "Datagrams and messages that came.", io.received);
  put_counter(text, "icebreaker_io_received_bytes_total", "Their bytes.", io.received_bytes);
  put_counter(text, "icebreaker_io_sent_total", "Datagrams and messages that left.", io.sent);
  put_counter(text, "icebreaker_io_sent_bytes_total", "Their bytes.", io.sent_bytes);
  put_counter(text, "icebreaker_io_dropped_total", "Not sent for want of room, or of their socket.", io.dropped);
  put_counter(text, "icebreaker_io_send_errors_total", "Not sent, since the system refused it.", io.send_errors);
  put_counter(text, "icebreaker_io_connections_refused_total", "Beyond what a listener takes.", io.refused);
  put_counter(text, "icebreaker_io_handshakes_failed_total", "TLS and DTLS handshakes that ended badly.",
              io.handshakes_failed);
  put_counter(text, "icebreaker_io_unreachable_total", "ICMP errors that came back.", io.unreachable);
  return text;
}

TurnServer::TurnServer(Context context, turn::ServerConfig config)
    : impl_{std::make_shared<Impl>(std::move(context), std::move(config))} {
  impl_->driver.use_buffers({buffer_size, buffer_size});
  impl_->driver.keep_all_connections();  // ServerLimits know which of them have an allocation
  impl_->look_around();
}

TurnServer::~TurnServer() = default;
TurnServer::TurnServer(TurnServer&&) noexcept = default;
TurnServer& TurnServer::operator=(TurnServer&&) noexcept = default;

result<TurnServer::Bound> TurnServer::listen(const TurnServerAddresses& addresses) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    const auto of_family = [&](const Address& one) { return one.family() == family; };
    if (std::count_if(addresses.relays.begin(), addresses.relays.end(), of_family) > 1) {
      return fail(errc::invalid_argument);
    }
  }
  const auto interfaces = interface_addresses();
  if (!interfaces) return fail(interfaces.error());
  const auto externals_of = [&](const std::vector<Endpoint>& endpoints) {
    std::vector<Address> externals;
    for (const Endpoint& one : endpoints) {
      externals.push_back(addresses.external ? addresses.external(one.address) : Address{});
    }
    return externals;
  };
  const std::vector<Address> external = externals_of(addresses.plain);
  const std::vector<Address> secured_external = externals_of(addresses.secured);
  const detail::ServerAddresses wanted{addresses.plain, addresses.secured, external, secured_external,
                                       addresses.alternate_port};
  const auto add = [&](std::span<const detail::ServerSocket> sockets) {
    return impl_->driver.with([&](turn::Server& server, TimePoint now) -> result<void> {
      add_own_addresses(server, *interfaces);
      if (auto added = impl_->add_relays(server, addresses, *interfaces); !added) return added;
      if (auto added = add_sockets(server, now, sockets); !added) return added;
      for (const detail::ServerSocket& one : sockets) impl_->listening.push_back(one.socket);
      return {};
    });
  };
  auto bound = detail::open_server_sockets(detail::socket_calls(impl_->driver), wanted, add);
  if (!bound) return fail(bound.error());
  return Bound{std::move(bound->plain), std::move(bound->secured), bound->alternate_port};
}

result<void> TurnServer::add_user(std::string_view name, std::string_view password) {
  return impl_->driver.with([&](turn::Server& server, TimePoint) { return server.add_user(name, password); });
}

void TurnServer::remove_user(std::string_view name) {
  impl_->driver.with([&](turn::Server& server, TimePoint now) { server.remove_user(now, name); });
}

void TurnServer::set_secrets(const std::vector<std::string>& secrets) {
  impl_->driver.with([&](turn::Server& server, TimePoint) { server.set_secrets(secrets); });
}

void TurnServer::on_event(std::function<void(const turn::Server::Event&)> handler) {
  if (!handler) return impl_->driver.on_event({});
  // Not at once: an event may come while a call of the application is under way, which the handler could destroy.
  const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
  impl_->driver.on_event([weak = impl_->weak_from_this(), shared](const turn::Server::Event& event) {
    const auto impl = weak.lock();
    if (!impl) return;
    boost::asio::post(impl->context.get_executor(), [weak, shared, event] {
      if (const auto alive = weak.lock()) (*shared)(event);
    });
  });
}

result<Endpoint> TurnServer::serve_metrics(const Endpoint& local) {
  auto& driver = impl_->metrics_driver;
  driver.emplace(impl_->context, [impl = impl_.get()] { return impl->metrics(); });
  const auto socket = driver->listen(local, Framing::none);
  if (!socket) {
    driver.reset();
    return fail(socket.error());
  }
  return *driver->local_endpoint(*socket);
}

std::string TurnServer::metrics() const { return impl_->metrics(); }

const turn::Server& TurnServer::machine() const noexcept { return impl_->driver.machine(); }

const DriverStatistics& TurnServer::statistics() const noexcept { return impl_->driver.statistics(); }

void TurnServer::stop_accepting(std::optional<Endpoint> alternate) {
  impl_->driver.with([&](turn::Server& server, TimePoint) { server.stop_accepting(alternate); });
}

void TurnServer::close() {
  impl_->closed = true;
  impl_->clock.cancel();
  impl_->metrics_driver.reset();
  for (const SocketId socket : std::exchange(impl_->listening, {})) impl_->driver.close(socket);
  impl_->driver.with([](turn::Server& server, TimePoint now) { server.close(now); });
}

}  // namespace ice::io
