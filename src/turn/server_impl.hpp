#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hidden.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"
#include "ice/turn/server.hpp"
#include "turn/allocation_table.hpp"
#include "turn/connections.hpp"
#include "turn/failure_budget.hpp"
#include "turn/nonces.hpp"
#include "turn/peer_connections.hpp"
#include "turn/peer_policy.hpp"
#include "turn/relay_ports.hpp"
#include "turn/reservations.hpp"
#include "turn/server_allocation.hpp"
#include "turn/third_party.hpp"
#include "turn/users.hpp"

namespace ice::turn {

/// What a request comes with.
struct ServerRequest {
  TimePoint now;
  const Datagram& in;
  MutableBytes scratch;
  stun::Message message;
  FiveTuple tuple;
  ServerAllocation* allocation;  ///< of this 5-tuple, live or being opened
  bool fingerprint;              ///< the client uses it (RFC 8489 §7)
  bool fresh_nonce = false;
  bool reachable = false;  ///< whoever sent it hears the answer: by a connection, or it has a nonce from us
};

/// A request whose sender is known.
struct ProvenRequest : ServerRequest {
  stun::Credential key;
  stun::PasswordAlgorithm algorithm;
  bool sha256;  ///< how the response is signed
  UserId user;
  std::string name;
  std::optional<TimePoint> good_until;  ///< of the token that it brought
};

/// The parts and what leads from one to the other. server.cpp has the verbs and the end of things, server_input.cpp
/// what arrives, server_authentication.cpp who sent it, server_allocate.cpp how allocations begin, server_requests.cpp
/// what else is asked for, server_mobility.cpp how allocations move,
/// server_relay.cpp data, server_tcp.cpp what is special where that is TCP.
struct ICE_HIDDEN Server::Impl {
  Impl(ServerConfig config, Environment environment);

  // ---- server.cpp
  result<void> add_socket(const ServerSocket& socket);
  result<void> remove_socket(TimePoint now, SocketId socket);
  result<void> add_relay_address(const Address& local, const Address& external);
  void remove_user(TimePoint now, std::string_view name);
  void close(TimePoint now);
  ServerGauges gauges() const noexcept;
  const ServerSocket* find_socket(SocketId socket) const noexcept;
  /// A socket of the server's own that a peer's endpoint is the address of.
  bool is_own_socket(const Endpoint& peer) const noexcept;

  void handle_timeout(TimePoint now);
  std::optional<TimePoint> next_timeout() const noexcept;
  void end_relay(ServerAllocation& allocation, Family family);
  /// The socket that a client came by is gone: so is its allocation, unless it was moving.
  void lose_path(TimePoint now, ServerAllocation& allocation, SocketId socket);
  void lose_relay(TimePoint now, SocketId socket, const AllocationTable::Owner& owner);
  void end_allocation(TimePoint now, ServerAllocation& allocation, AllocationClosed::Why why);
  void end_reservation(const Reservation& reservation);
  void close_relay_socket(SocketId socket, const Endpoint& local);
  template <class Which>
  void end_allocations(TimePoint now, Which which, AllocationClosed::Why why);
  Account& account_of(const UserId& user);
  void release(Account& account) noexcept;
  void release_source(const Address& client) noexcept;

  // ---- server_input.cpp
  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  Received handle_stun(TimePoint now, const Datagram& in, MutableBytes scratch);
  Received handle_request(const ServerRequest& request);
  Received handle_proven(ProvenRequest& request);
  bool understands_dont_fragment(const ServerRequest& request) noexcept;
  bool comes_by_stream(SocketId id) const noexcept;
  /// What the allocation's client is known by from now on: a shared-secret user may have come with another time, or
  /// anyone with another password.
  void adopt(ServerAllocation& allocation, const ProvenRequest& request);
  /// Whether the request comes from whoever has the allocation.
  static bool is_from_owner(const ProvenRequest& request, const ServerAllocation& allocation) noexcept;
  void handle_socket(TimePoint now, const SocketEvent& event);
  void handle_accepted(TimePoint now, const SocketAccepted& event);
  void handle_closed(TimePoint now, const SocketClosed& event);
  void lose_connection(TimePoint now, SocketId socket);
  Received drop(std::uint64_t& counter, Verdict verdict = Verdict::handled) noexcept;

  // ---- server_authentication.cpp
  result<ProvenRequest, Received> authenticate(const ServerRequest& request);
  static result<stun::PasswordAlgorithm> algorithm_of(const stun::Message& request, std::string_view nonce) noexcept;
  const ServerAllocation* owner_of(const ServerRequest& request) noexcept;
  result<Users::Proof> prove(const ServerRequest& request, const std::string& name, stun::PasswordAlgorithm algorithm);
  /// What answers to this request are paid from where it proves nothing.
  FailureBudget& budget_of(const ServerRequest& request) noexcept;
  Received refuse_stranger(const ServerRequest& request, stun::ErrorCode code, std::uint64_t& counter);
  /// The same, from no budget.
  Received write_refusal(const ServerRequest& request, stun::ErrorCode code, std::uint64_t& counter);
  Received silence() noexcept;

  // ---- server_allocate.cpp
  Received handle_allocate(ProvenRequest& request);
  struct Wanted;
  result<Wanted, stun::ErrorCode> read_allocate(const ProvenRequest& request) const;
  std::optional<stun::ErrorCode> over_quota(const ProvenRequest& request, const Wanted& wanted) const;
  bool begin_allocation(ProvenRequest& request, const Wanted& wanted);
  std::optional<Transport> transport_of(const ServerRequest& request);
  void open_relay(TimePoint now, ServerAllocation& allocation, Family family);
  /// What a relay socket is asked for as.
  enum class Part : std::uint8_t {
    alone,
    first,   // of a pair: the port behind it is held, too
    second,  // that port, to be reserved
  };
  void request_socket(TimePoint now, ServerAllocation& allocation, Family family, PortRange range, Part part);
  void take_relay(ServerAllocation& allocation, SocketId socket, const Endpoint& local);
  void handle_opened(TimePoint now, const SocketOpened& event);
  void handle_failed(TimePoint now, const SocketFailed& event);
  void keep_reservation(TimePoint now, ServerAllocation& allocation, const SocketOpened& event);
  void stop_reserving(ServerAllocation& allocation) noexcept;
  struct Ticket;
  /// No socket comes of it.
  void release_ports(const Ticket& ticket) noexcept;
  void fail_overdue_tickets(TimePoint now);
  void settle(TimePoint now, ServerAllocation& allocation);
  Bytes write_allocated(TimePoint now, const ServerAllocation& allocation, MutableBytes scratch) const;
  Transmit answer_allocate(TimePoint now, ServerAllocation& allocation, MutableBytes scratch);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);

  // ---- server_requests.cpp
  Received handle_refresh(ProvenRequest& request);
  Received handle_create_permission(ProvenRequest& request);
  Received handle_channel_bind(ProvenRequest& request);
  /// What the server would grant, whoever asks.
  std::chrono::seconds granted(std::optional<stun::Seconds> asked) const noexcept;
  /// When an allocation with this lifetime ends: no later than the token that it was granted for (RFC 7635 §9).
  static TimePoint end_of(const ServerAllocation& allocation, TimePoint now, std::chrono::seconds lifetime);
  Reach reach_of(const Endpoint& peer, stun::IpProtocol protocol) noexcept;
  bool has_room(TimePoint now, ServerAllocation& allocation, Family family, std::size_t more) noexcept;
  void permit(TimePoint now, ServerAllocation& allocation, const Address& peer, Reach reach);
  Received refuse_peer(const ProvenRequest& request, stun::ErrorCode code);

  /// Responses, to which `fill` adds the attributes.
  template <class Fill>
  Received succeed(const ProvenRequest& request, Fill fill) {
    ++counters.successes;
    return respond(request, stun::Class::success_response, fill);
  }
  Received succeed(const ProvenRequest& request);
  template <class Fill>
  Received fail_with(const ProvenRequest& request, stun::ErrorCode code, Fill fill) {
    ++counters.errors;
    return respond(request, stun::Class::error_response, [&](stun::Builder& response) {
      response.add<stun::attr::ErrorCode>({.code = code});
      fill(response);
    });
  }
  Received fail_with(const ProvenRequest& request, stun::ErrorCode code);
  template <class Fill>
  Received respond(const ProvenRequest& request, stun::Class message_class, Fill fill) {
    stun::Builder response = stun::Builder::response(request.scratch, request.message, message_class);
    fill(response);
    const ResponseForm form{{}, request.sha256, request.fingerprint};
    return respond(request, finish(response, request.message.method(), form, request.key));
  }
  result<Bytes> finish(stun::Builder& response, stun::Method method, const ResponseForm& form,
                       const stun::Credential& key) const;
  Received respond(const ServerRequest& request, const result<Bytes>& response) noexcept;

  // ---- server_mobility.cpp
  void grant_ticket(ServerAllocation& allocation);
  ServerAllocation* find_by_ticket(const stun::Message& message) noexcept;
  Received handle_move(ProvenRequest& request);
  Received move(ProvenRequest& request, ServerAllocation& allocation, std::chrono::seconds lifetime);
  Received tell_moved(const ProvenRequest& request, const Mobility& mobility);
  void came_by(TimePoint now, ServerAllocation& allocation, const FiveTuple& tuple);
  void finish_move(TimePoint now, ServerAllocation& allocation);
  void forget_destination(ServerAllocation& allocation) noexcept;

  // ---- server_relay.cpp
  Received handle_send(TimePoint now, const Datagram& in, const stun::Message& message, MutableBytes scratch);
  Received handle_channel_data(TimePoint now, const Datagram& in, MutableBytes scratch);
  Received to_peer(TimePoint now, ServerAllocation& from, const Endpoint& peer, Bytes body, const IpMetadata& ip,
                   MutableBytes scratch);
  Received between_relays(TimePoint now, ServerAllocation& from, ServerAllocation& to, const Endpoint& peer, Bytes body,
                          const IpMetadata& ip, MutableBytes scratch);
  Received handle_relay_socket(TimePoint now, const AllocationTable::Owner& owner, const Datagram& in,
                               MutableBytes scratch);
  Received to_client(TimePoint now, ServerAllocation& to, const Endpoint& peer, Bytes body, const IpMetadata& ip,
                     MutableBytes scratch);
  Bytes write_data_head(const Endpoint& peer, std::size_t body, MutableBytes scratch) noexcept;
  void count_to_peer(ServerAllocation& from, std::size_t bytes) noexcept;
  bool within_bandwidth(TimePoint now, ServerAllocation& allocation, std::size_t bytes) noexcept;
  void handle_unreachable(TimePoint now, const SocketUnreachable& event);
  Transmit tell_icmp(ServerAllocation& allocation, const Endpoint& peer, const stun::IcmpError& error,
                     MutableBytes scratch);

  // ---- server_tcp.cpp
  std::optional<stun::ErrorCode> refuse_tcp(const ServerRequest& request) const noexcept;
  static bool is_refused_by_tcp(const stun::Message& message, const stun::AttributeTypeList& unknown) noexcept;
  ServerAllocation* find_relayed(const Endpoint& relayed, stun::IpProtocol protocol) noexcept;
  Endpoint inside_of(const Endpoint& peer) noexcept;
  Endpoint outside_of(const Endpoint& from) noexcept;
  Received handle_connect(ProvenRequest& request);
  bool has_room_for_peer(const ServerAllocation& allocation) const noexcept;
  void handle_peer_opened(TimePoint now, PeerConnection& connection, SocketId socket);
  void fail_connect(PeerConnection& connection);
  void accept_peer(TimePoint now, const AllocationTable::Owner& owner, const SocketAccepted& event);
  bool may_connect(TimePoint now, ServerAllocation& allocation, const Endpoint& peer) noexcept;
  void await_bind(TimePoint now, PeerConnection& connection, SocketId socket);
  Received handle_connection_bind(ProvenRequest& request);
  Received handle_peer_data(TimePoint now, PeerConnection& connection, const Datagram& in);
  void handle_flow(const SocketFlow& event);
  void set_reading(PeerConnection& connection);
  void handle_peer_due(PeerConnection& connection);
  void end_peer_connection(PeerConnection& connection, std::optional<SocketId> gone = std::nullopt);
  void end_peer_connections(const ServerAllocation& allocation, Family family);
  std::optional<Transmit> poll_peer_answer(MutableBytes scratch);
  Bytes write_connect_answer(const PeerConnection::Connect& connect, const PeerConnection* connection,
                             MutableBytes scratch);
  Bytes write_connection_attempt(const PeerConnection& connection, MutableBytes scratch);

  ServerConfig config;
  Environment environment;
  ServerCounters counters;
  stun::BindingServer binding;

  PeerPolicy policy;
  Users users;
  ThirdParty third_party;
  Nonces nonces;
  FailureBudget forgeable;  // for requests whose source may be anybody's
  FailureBudget reachable;
  TokenBucket::Rate bandwidth;

  std::vector<ServerSocket> sockets;
  struct RelayAddress {
    Address local;
    Address shown;
  };
  std::array<std::optional<RelayAddress>, 2> relay_addresses;
  std::array<RelayPorts, 2> ports;

  AllocationTable table;
  Reservations reservations;
  std::size_t reserving = 0;  // reservations to come
  Connections connections;
  PeerConnections peer_connections;
  std::map<UserId, Account> accounts;
  std::map<Address, std::size_t> sources;  // allocations of each
  std::map<MobilityTicket, std::uint64_t> tickets_to_move;

  struct Ticket {
    std::uint64_t allocation;
    Family family;
    std::uint16_t port;  // 0 where the driver was given a choice
    Part part;
    TimePoint deadline;
  };
  std::map<SocketTicket, Ticket> tickets;  // all wait equally long, so the first one is due first
  std::uint32_t last_ticket = 0;

  // What leaves with the next polls.
  struct Icmp {
    std::uint64_t allocation;
    Endpoint peer;
    stun::IcmpError error;
  };
  std::deque<std::uint64_t> answers;                   // success responses and errors to Allocates that waited
  static constexpr std::size_t most_icmp_errors = 64;  // ours; they leave at once
  std::deque<Icmp> icmp_errors;
  struct PeerAnswer {
    std::uint64_t allocation;
    ConnectionId id;
    std::unique_ptr<PeerConnection::Connect> connect;  // that it answers; null for a ConnectionAttempt
  };
  std::deque<PeerAnswer> peer_answers;
  std::deque<SocketRequest> requests;
  std::deque<Event> events;

  bool accepting = true;
  std::optional<Endpoint> alternate;
  bool closed = false;
};

}  // namespace ice::turn
