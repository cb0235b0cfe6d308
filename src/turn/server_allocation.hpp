#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ice/base/datagram.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/attribute_values.hpp"
#include "ice/stun/credential.hpp"
#include "ice/stun/password_algorithm.hpp"
#include "ice/stun/transaction_id.hpp"
#include "turn/channels.hpp"
#include "turn/permissions.hpp"
#include "turn/token_bucket.hpp"
#include "turn/users.hpp"

namespace ice::turn {

/// Where a client's messages come from and to (RFC 8656 §2). The socket stands for the server's port and the protocol;
/// its address matters on a wildcard socket.
struct FiveTuple {
  SocketId socket{};
  Endpoint client;
  Address local;
  friend bool operator==(const FiveTuple&, const FiveTuple&) noexcept = default;
};

/// What one user has: allocations and reservations, for the quota.
struct Account {
  UserId user;
  std::size_t held = 0;
};

/// RFC 8656 §18.10.
using ReservationToken = std::array<std::uint8_t, 8>;

/// RFC 8016 §3.1.2. Ours has nothing in it that could be read: it is a random number that the server remembers.
using MobilityTicket = std::array<std::uint8_t, 16>;

/// Where a client may take its allocation to (RFC 8016).
struct Mobility {
  MobilityTicket ticket{};  ///< for the next move
  /// The 5-tuple of the last move, while data still goes the old way (§3.2.2).
  struct Destination {
    FiveTuple tuple;
    Transport transport;
  };
  std::optional<Destination> to{};
  // By these a retransmission of the Refresh that moved it is known.
  FiveTuple moved_to{};
  stun::TransactionId moved_by{};
  std::chrono::seconds moved_for{};  ///< the lifetime it was answered with
};

/// How a success response to Allocate is proven, and what else the request asks of its form.
struct ResponseForm {
  stun::TransactionId id;
  bool sha256 = false;  ///< MESSAGE-INTEGRITY-SHA256 (RFC 8489 §9.2.4)
  bool fingerprint = false;
};

constexpr std::array<Family, 2> both_families = {Family::ipv4, Family::ipv6};
constexpr std::size_t index_of(Family family) noexcept { return family == Family::ipv6 ? 1 : 0; }

/// One relayed transport address with what belongs to it.
struct Relay {
  std::optional<SocketId> socket;
  Endpoint local;    ///< what the socket is bound to
  Endpoint relayed;  ///< what peers see
  TimePoint expires;
  Permissions permissions;
};

/// What is known while the relay sockets are being opened.
struct Opening {
  struct Side {
    bool pending = false;
    int attempts = 0;
  };
  std::array<Side, 2> sides;
  bool even = false;
  bool reserve = false;
  std::chrono::seconds lifetime{};
};

/// An allocation on the server (RFC 8656 §6), one with relayed addresses of both families among them. It begins with
/// the request and `opening`; it is live when that is gone.
struct ServerAllocation {
  std::uint64_t number = 0;  ///< counts allocations, so that what happens at one time happens in one order
  FiveTuple tuple;
  Transport transport = Transport::udp;
  stun::IpProtocol protocol = stun::IpProtocol::udp;  ///< to peers; tcp is RFC 6062's
  Account* account = nullptr;
  std::string name;  ///< as it is in the key
  stun::Credential key;
  stun::PasswordAlgorithm algorithm{};
  TimePoint good_until = TimePoint::max();  ///< the end of its client's token (RFC 7635 §9)
  ResponseForm form;                        ///< of the Allocate that made it
  std::unique_ptr<Opening> opening{};
  std::array<Relay, 2> relays{};
  std::array<std::optional<stun::ErrorCode>, 2> refused{};  ///< ADDRESS-ERROR-CODE (§18.12)
  std::optional<ReservationToken> reserved{};               ///< for the port next to its own
  std::unique_ptr<Mobility> mobility{};                     ///< null where the client did not ask for it
  Channels channels{};
  TokenBucket bandwidth{};
  std::uint64_t to_peers_bytes = 0;
  std::uint64_t to_client_bytes = 0;

  bool live() const noexcept { return opening == nullptr; }
  bool on_stream() const noexcept { return is_stream(transport); }
  Relay& relay(Family family) noexcept { return relays[index_of(family)]; }
  bool has_relay() const noexcept { return relays[0].socket || relays[1].socket; }
};

}  // namespace ice::turn
