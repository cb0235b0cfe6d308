#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/io/context.hpp"
#include "ice/io/driver.hpp"
#include "ice/turn/server.hpp"

namespace ice::io {

/// Where a relay server is reached, and where it relays.
struct TurnServerAddresses {
  std::vector<Endpoint> plain{};    ///< UDP and TCP on each
  std::vector<Endpoint> secured{};  ///< DTLS and TLS on each, with the certificate of Context::configure_tls()
  /// The second port of RFC 5780; 0 is any free one.
  std::uint16_t alternate_port = 0;
  /// Addresses of this host that relayed addresses shall have, at most one a family. For a family without one it is
  /// that of the first endpoint above that has an address; else, where all addresses are listened on, that of the first
  /// interface that agents would use, or of loopback.
  std::vector<Address> relays{};
  /// What the world sees in place of a local address behind a 1:1 NAT, or none. Null: every address is seen as it is.
  std::function<Address(const Address& local)> external{};
};

/// A TURN server (RFC 8656) on sockets, which is a STUN server on the same ports, with RFC 5780 where it has two
/// addresses of a family. For a STUN server alone take StunServer: it knows no users.
///
///     ice::io::TurnServer server{context, config};
///     server.add_user("ann", "secret");
///     const auto bound = server.listen({.plain = {*ice::Endpoint::parse("192.0.2.1:3478")}});
///
/// Threads: see Context. Destroying it closes everything. No handler runs inside a call.
class ICE_API TurnServer {
 public:
  struct Bound {
    std::vector<Endpoint> plain;  ///< in the order they were asked for
    std::vector<Endpoint> secured;
    std::uint16_t alternate_port = 0;  ///< 0 where nothing can be discovered
  };

  /// `config` as in turn::Server.
  explicit TurnServer(Context context, turn::ServerConfig config = {});
  ~TurnServer();
  TurnServer(TurnServer&&) noexcept;
  TurnServer& operator=(TurnServer&&) noexcept;

  /// Listens on all of them; all that ask for port 0, plain or secured, get one that is free on each of theirs. All or
  /// nothing: after an error nothing of this call is bound. errc::invalid_argument for no address at all or two relay
  /// addresses of a family, errc::limit_reached, TlsError::no_certificate, else the system's errors. May be called
  /// again for more; the relay addresses of a family stay as they were.
  result<Bound> listen(const TurnServerAddresses& addresses);

  // ---- who may use it: see turn::Server

  result<void> add_user(std::string_view name, std::string_view password);
  void remove_user(std::string_view name);
  void set_secrets(const std::vector<std::string>& secrets);

  // ---- what happens

  /// Called with each allocation that is made and that ends. Not to be set from inside itself.
  void on_event(std::function<void(const turn::Server::Event&)> handler);

  /// Answers `GET /metrics` on this address with metrics(), over HTTP/1.0, without TLS or password: an address that
  /// only the host itself or its administrators reach. Where it is bound, or the system's error. One address; a later
  /// one replaces it.
  result<Endpoint> serve_metrics(const Endpoint& local);

  /// What Prometheus reads: turn::Server::metrics(), and what passed the sockets.
  std::string metrics() const;

  /// For getters.
  const turn::Server& machine() const noexcept;
  const DriverStatistics& statistics() const noexcept;

  // ---- its end

  /// The first step of a graceful stop: who wants a new allocation is sent to `alternate` (300), or away (508); what is
  /// there goes on. When turn::Server::gauges() has no allocations any more nobody needs it.
  void stop_accepting(std::optional<Endpoint> alternate = std::nullopt);

  /// Ends every allocation and closes everything.
  void close();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ice::io
