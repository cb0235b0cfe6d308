#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ice/base/datagram.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/environment.hpp"
#include "ice/base/export.hpp"
#include "ice/base/machine.hpp"
#include "ice/base/result.hpp"
#include "ice/base/socket.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/access_token.hpp"
#include "ice/stun/auth_session.hpp"
#include "ice/stun/binding_server.hpp"
#include "ice/turn/address_range.hpp"
#include "ice/turn/server_counters.hpp"

namespace ice::turn {

/// Everything that a remote can make a relay server keep or send. The numbers are ours where no section is named.
struct ServerLimits {
  std::size_t allocations = 8192;            ///< all together, 508 beyond; half of the ports of RFC 8656 §7.2
  std::size_t allocations_per_user = 100;    ///< reservations included, 486 beyond (RFC 8656 §5, §7.2 item 10)
  std::size_t allocations_per_source = 256;  ///< of one IPv4 address or IPv6 /64, 486 beyond
  std::size_t permissions = 256;             ///< of one relayed address, 508 beyond (RFC 8656 §10.2)
  std::size_t channels = 256;                ///< of one allocation, 508 beyond (RFC 8656 §12.2)
  std::size_t reservations = 256;            ///< all together, 508 beyond (RFC 8656 §7.2 item 8)
  std::size_t connections = 16384;           ///< accepted streams, closed at once beyond
  std::size_t connections_per_source = 512;

  /// Connections to and from peers of TCP allocations (RFC 6062), 508 and closed at once beyond. Each holds what one
  /// read has brought, each way, where its other side does not take it.
  std::size_t peer_connections = 2048;
  std::size_t peer_connections_per_allocation = 64;

  /// A connection without an allocation that has been silent for so long is closed. At least a second.
  std::chrono::seconds connection_idle{60};

  /// What one allocation may relay, both directions together, in bytes of the application; beyond, datagrams are
  /// dropped (RFC 8656 §5), and TCP is read later. 0 is no limit. As much as a second brings may come at once.
  std::uint64_t bytes_per_second = 0;

  /// Answers to requests of one source (as above) that prove nothing: the challenge that every client gets once, wrong
  /// passwords, 400. So many at once, and so many a second after that. Beyond, the source hears nothing from us but
  /// what its live allocations ask for. Those who come by a connection, or with a nonce that was sent to them, have as
  /// much again apart from the others of their source, whose address may be forged.
  std::uint32_t failures_at_once = 100;
  std::uint32_t failures_per_second = 10;
};

struct ServerConfig {
  /// REALM (RFC 8489 §14.9). A 401 is at most 2.2 times as large as the shortest Allocate, IPv4 and UDP headers
  /// counted, for realms of up to 16 bytes.
  std::string realm = "icebreaker";

  /// What access tokens must be made for, told in THIRD-PARTY-AUTHORIZATION (RFC 7635 §6.1); "": the realm. UTF-8 of at
  /// most 255 bytes. Where there are token keys a 401 is longer by it, and four bytes.
  std::string server_name{};

  /// Where relayed addresses have their ports (RFC 8656 §7.2: 49152 to 65535). Each allocation gets a random one. With
  /// 0 to 0 the system chooses, and EVEN-PORT is answered with 508.
  PortRange relay_ports{49152, 65535};

  /// Peers that are allowed though the default would refuse them, and peers that are refused though it would not; what
  /// is in both is refused. By default a peer may be any unicast address of the public internet: loopback, link-local,
  /// private and shared space, multicast, the unspecified address, what is reserved, every form of IPv4 within IPv6
  /// (mapped, compatible, 6to4, Teredo, NAT64, ISATAP) whose prefix or whose inside is one of these, and the addresses
  /// of the server itself are forbidden. The relayed addresses of other clients are always allowed.
  std::vector<AddressRange> allow_peers{};
  std::vector<AddressRange> deny_peers{};

  std::chrono::seconds default_lifetime{600};  ///< RFC 8656 §3.2, §7.2
  std::chrono::seconds max_lifetime{3600};     ///< RFC 8656 §7.2
  std::chrono::seconds nonce_lifetime{3600};   ///< RFC 8656 §5: at least once every hour

  /// Wants USERHASH in place of USERNAME (RFC 8489 §9.2, "username anonymity"). Names of shared-secret credentials
  /// cannot be found by their hash, so set it only where all users were added. USERHASH is understood in any case.
  bool username_anonymity = false;

  /// Whether a client that asks for it may take its allocation to another address of its own (RFC 8016); else 405.
  bool mobility = true;

  /// Whether the driver does what IpMetadata::fragmentation says, as that of io::TurnServer does. If not, DONT-FRAGMENT
  /// is an unknown attribute (RFC 8656 §7.2 item 4).
  bool dont_fragment = true;
  /// Whether clients that come by TCP or TLS may have TCP to peers (RFC 6062); else 442.
  bool tcp_allocations = true;

  std::string software{};  ///< SOFTWARE in signed answers to Allocate and Refresh (RFC 8656 §5); "" sends none
  stun::BindingServerConfig binding{};
  ServerLimits limits{};
};

/// A socket that clients come to, bound by the owner: a datagram socket (udp), or a listener (tcp, tls, dtls), whose
/// connections come by SocketAccepted.
struct ServerSocket {
  SocketId socket{};
  Endpoint local;  ///< what it is bound to
  Transport transport = Transport::udp;
  Address external{};  ///< what clients see in place of `local.address` behind a 1:1 NAT, or none
};

/// An allocation was answered with success.
struct AllocationOpened {
  std::string user;  ///< the name, without the time of a shared-secret credential; of a token its kid
  Endpoint client;   ///< as the server sees it
  Transport transport = Transport::udp;
  bool tcp_to_peers = false;        ///< RFC 6062
  Endpoint relayed_v4, relayed_v6;  ///< none where there is none
};

/// An allocation is no more.
struct AllocationClosed {
  enum class Why : std::uint8_t {
    released,           ///< by its client
    expired,            ///< not refreshed
    connection_closed,  ///< the connection that the client came by, or the socket that it came to
    relay_lost,         ///< the system closed its relay socket
    user_removed,
    server_closed,
  };
  Why why{};
  std::string user;
  Endpoint client;
  std::uint64_t to_peers_bytes = 0;
  std::uint64_t to_client_bytes = 0;
};

/// "released", "expired", "connection closed", …
ICE_API std::string_view to_string(AllocationClosed::Why why) noexcept;

/// A TURN server as RFC 8656 describes it, with the STUN server of RFC 8489 and RFC 5780 on the same sockets. A machine
/// that asks for the sockets of its relayed addresses.
///
/// Sockets: add_socket() tells of those that the owner has bound. Connections come by SocketAccepted; one that was
/// never announced is taken for a stream. Relay sockets are asked for with OpenSocket and belong to the server until it
/// asks to close them.
///
/// Data is never queued and never copied: handle_datagram() returns it as `Received::forward`, whose head is in
/// `scratch` and whose body is in the input; nothing is allocated. Responses are returned the same way, but for success
/// responses to Allocate, which wait for the relay socket and leave by poll_transmit(), as ICMP errors do.
///
/// To somebody who has not proven anything the server keeps nothing but a small fixed table of budgets, and its answers
/// are short. Nonces are a MAC over the client's address and the time.
///
/// Users: those of add_user() with the long-term mechanism of RFC 8489 §9.2 (SHA-256, MD5 for old clients, USERHASH);
/// and, where a secret was set, whoever has a name "TIME:ID", TIME being the second of Unix time until which it is good
/// for new allocations, with base64(HMAC-SHA1(secret, name)) as password (draft-uberti-behave-turn-rest-00).
/// An allocation remembers its key, so it can be refreshed when the time is over, and its credentials may be replaced
/// by another name with the same ID. And whoever an authorization server vouches for, where there are token keys (RFC
/// 7635): by an access token in Allocate and Refresh, which nothing that it was granted outlives. Each session key is a
/// user of its own; a Refresh with another good token hands the allocation over to that one.
///
/// Distinct objects may be used from different threads, one object from one at a time.
class ICE_API Server {
 public:
  using Event = std::variant<AllocationOpened, AllocationClosed>;

  /// What `environment` refers to outlives the server; the pacer is not used. `config.realm` is 1 to 127 characters of
  /// UTF-8; `config.software` and `config.binding.software` are at most BindingServerConfig::most_software long.
  Server(ServerConfig config, Environment environment);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // ---- what it is made of

  /// errc::limit_reached, errc::invalid_argument where the id is known already.
  result<void> add_socket(const ServerSocket& socket);

  /// Allocations whose clients came to it end, and so do the connections that a listener has accepted.
  /// errc::no_such_socket.
  result<void> remove_socket(TimePoint now, SocketId socket);

  /// Where relayed addresses of this family are bound, and what peers see in its place behind a 1:1 NAT. One a family;
  /// without it the family is answered with 440. errc::invalid_argument for no address or an unspecified one, or where
  /// the family has one.
  result<void> add_relay_address(const Address& local, const Address& external = {});

  /// An address of this host beside those of sockets and relays, and those that clients with credentials have come to,
  /// which it learns: refused as a peer, unless allowed.
  void add_own_address(const Address& address);

  // ---- who may use it

  /// Adds a user, or gives one another password, which live allocations are not asked for. errc::bad_text for a name or
  /// password that OpaqueString forbids, errc::text_too_long for a name of more than 508 bytes.
  result<void> add_user(std::string_view name, std::string_view password);

  /// Ends the user's allocations and reservations. Nothing for an unknown one.
  void remove_user(TimePoint now, std::string_view name);

  /// The secrets of shared-secret credentials, any of which is good, so that one can follow another; none turns them
  /// off. Empty ones are left out.
  void set_secrets(const std::vector<std::string>& secrets);

  /// The keys of authorization servers whose access tokens are good (RFC 7635), several so that one can follow another
  /// and of one `kid` the last. None turns third-party authorization off: a token is an unknown attribute then.
  /// Allocations outlive their key as long as their token is good.
  void set_token_keys(const std::vector<stun::TokenKey>& keys);

  /// What Unix time it is, for shared-secret credentials and access tokens; before the first call all are refused. Call
  /// it when the server begins, and now and then, since `now` does not follow when the clock of the host is set.
  void set_unix_time(TimePoint now, std::chrono::seconds since_1970) noexcept;

  // ---- its end

  /// New Allocates get 300 with `alternate`, or 508 where there is none (or it is of another family than the client);
  /// what there is goes on.
  void stop_accepting(std::optional<Endpoint> alternate = std::nullopt) noexcept;

  /// Ends all allocations and closes all relay sockets and connections. Nothing is answered any more.
  void close(TimePoint now);

  // ---- what there is

  const ServerCounters& counters() const noexcept;
  const stun::BindingServerCounters& binding_counters() const noexcept;
  ServerGauges gauges() const noexcept;
  /// to_prometheus() of the three above.
  std::string metrics() const;
  /// See BindingServer.
  bool discovers_nat_behavior(Family family) const noexcept;

  // ---- SocketMachine

  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  void handle_timeout(TimePoint now);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<Event> poll_event();
  std::optional<SocketRequest> poll_socket();
  void handle_socket(TimePoint now, const SocketEvent& event);
  std::optional<TimePoint> next_timeout() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A name and password that a server with this secret takes until `until` (Unix time): what a web server hands out.
/// `id` tells users apart, and may be empty. errc::bad_text.
ICE_API result<stun::Login> make_shared_secret_login(std::string_view secret, std::string_view id,
                                                     std::chrono::seconds until);

}  // namespace ice::turn
