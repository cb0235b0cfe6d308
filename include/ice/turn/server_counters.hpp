#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "ice/base/export.hpp"
#include "ice/stun/binding_server.hpp"

namespace ice::turn {

/// What came to a relay server and what became of it, since it was made. Bytes are those of the application alone.
struct ServerCounters {
  // requests
  std::uint64_t requests = 0;                 ///< of TURN's methods, well formed
  std::uint64_t retransmissions = 0;          ///< of an Allocate that is being, or was, answered
  std::uint64_t successes = 0;                ///< success responses
  std::uint64_t errors = 0;                   ///< error responses, challenges included
  std::uint64_t challenges = 0;               ///< 401 to requests without integrity
  std::uint64_t authentication_failures = 0;  ///< wrong user, wrong password, 400 for what is missing
  std::uint64_t stale_nonces = 0;             ///< 438
  std::uint64_t silenced = 0;                 ///< got no answer: the budget of their source is spent
  std::uint64_t malformed = 0;                ///< broken STUN or ChannelData, or a wrong FINGERPRINT
  std::uint64_t not_mine = 0;                 ///< neither STUN nor ChannelData, responses, unknown methods

  // allocations
  std::uint64_t allocations_made = 0;
  std::uint64_t allocations_moved = 0;     ///< claimed from another 5-tuple (RFC 8016)
  std::uint64_t allocations_released = 0;  ///< by a Refresh with lifetime 0
  std::uint64_t allocations_expired = 0;
  std::uint64_t allocations_cut = 0;      ///< connection or socket gone, user removed, server closed
  std::uint64_t allocations_refused = 0;  ///< an Allocate by somebody who is known, whatever the error but 420 and 437
  std::uint64_t permissions_made = 0;     ///< not counting those refreshed
  std::uint64_t permissions_refused = 0;  ///< 403 and 508, to CreatePermission and ChannelBind
  std::uint64_t channels_made = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;       ///< beyond a limit, closed at once
  std::uint64_t connections_idle = 0;          ///< closed without ever having had an allocation
  std::uint64_t peer_connections_made = 0;     ///< of TCP allocations, to peers and from them
  std::uint64_t peer_connections_refused = 0;  ///< 403 and 508, and peers without permission
  std::uint64_t peer_connections_failed = 0;   ///< 447
  std::uint64_t peer_connections_unbound = 0;  ///< closed since no ConnectionBind came

  // relayed
  std::uint64_t to_peers = 0;  ///< datagrams from clients that were sent on
  std::uint64_t to_peers_bytes = 0;
  std::uint64_t to_clients = 0;  ///< datagrams from peers that were sent on
  std::uint64_t to_clients_bytes = 0;
  std::uint64_t between_relays = 0;  ///< of both the above: from one client of this server to another
  std::uint64_t icmp_errors = 0;     ///< told to clients

  // dropped
  std::uint64_t no_allocation = 0;  ///< Send indications and ChannelData without one
  std::uint64_t no_channel = 0;     ///< ChannelData on a channel that is not bound
  std::uint64_t no_permission = 0;  ///< either way
  std::uint64_t forbidden = 0;      ///< to the server itself
  std::uint64_t over_bandwidth = 0;
  std::uint64_t bad_indications = 0;  ///< Send indications that lack something, or have what is not understood
  std::uint64_t too_large = 0;        ///< from peers, more than fits into a message to the client
};

/// What a relay server has at this moment.
struct ServerGauges {
  std::size_t allocations = 0;
  std::size_t permissions = 0;  ///< with those that have expired and were not cleared away yet
  std::size_t channels = 0;     ///< likewise
  std::size_t reservations = 0;
  std::size_t connections = 0;
  std::size_t peer_connections = 0;  ///< of TCP allocations, with those that are being made
  std::size_t users = 0;             ///< that have an allocation
};

/// The text that Prometheus reads ("text/plain; version=0.0.4"): every counter and gauge above and those of the binding
/// server, each with its HELP and TYPE, names beginning with "icebreaker_turn_" and "icebreaker_stun_".
ICE_API std::string to_prometheus(const ServerCounters& turn, const ServerGauges& now,
                                  const stun::BindingServerCounters& binding);

}  // namespace ice::turn
