#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/hidden.hpp"
#include "ice/base/trace.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"
#include "ice/turn/allocation.hpp"
#include "turn/client_channels.hpp"
#include "turn/client_permissions.hpp"
#include "turn/client_requests.hpp"

namespace ice::turn {

/// The parent of the parts: requests, permissions and channels know nothing of each other.
///
/// allocation.cpp has the verbs, allocation_life.cpp how an allocation comes and goes, allocation_input.cpp what
/// arrives, allocation_output.cpp what leaves, allocation_move.cpp how it moves, allocation_credentials.cpp who it says
/// it is.
struct ICE_HIDDEN Allocation::Impl {
  static constexpr std::size_t most_events = 64;  // ours; ICMP may come in any number between two drains

  Impl(AllocationConfig config, Environment environment);

  // ---- verbs (allocation.cpp)
  result<void> allocate(TimePoint now);
  result<void> permit(const Address& peer);
  result<void> bind_channel(TimePoint now, const Endpoint& peer);
  void forget(const Address& peer);
  void release(TimePoint now);
  void check(TimePoint now);
  bool valid() const noexcept;
  bool lacks(Family family) const noexcept;
  AllocationReport report(TimePoint now) const;

  // ---- life (allocation_life.cpp)
  void begin(TimePoint now);
  void connect(TimePoint now);
  void want_socket(TimePoint now);
  void forget_wanted_socket() noexcept;
  void ask(TimePoint now);
  void allocated(TimePoint now, const Allocated& what);
  void attempt_failed(TimePoint now, Refusal why);
  void stop(TimePoint now, const Refusal& why, std::optional<TimePoint> again);
  Duration next_pause() noexcept;
  void lost(TimePoint now, Refusal why);
  void released();
  void redirect(TimePoint now, const Endpoint& next, std::string_view domain);
  void mismatched(TimePoint now);
  void drop_socket();
  void no_socket(TimePoint now, const Refusal& why);
  void no_longer_here();
  bool may_pass(const Refusal& why) const noexcept;
  void refreshed(TimePoint now, Duration granted) noexcept;
  void handle_timeout(TimePoint now);
  std::optional<TimePoint> next_timeout() const noexcept;
  std::optional<SocketRequest> poll_socket();
  void handle_socket(TimePoint now, const SocketEvent& event);
  void handle_unreachable(TimePoint now);

  // ---- moving (allocation_move.cpp, RFC 8016)
  result<void> move(TimePoint now, SocketId to);
  result<void> move(TimePoint now, const Address& local);
  result<void> may_move() const noexcept;
  void begin_move(TimePoint now, const Address& local);
  void ask_to_move(TimePoint now, SocketId to);
  void moved(TimePoint now);
  void move_refused(TimePoint now, const Refusal& why);
  void settle_there();
  void stay();
  void arrived_by(SocketId by);
  bool took_closed(TimePoint now, SocketId gone, const Refusal& why);
  void close_if_own(std::optional<SocketId>& one);
  void keep_ticket(const stun::Message& response);
  bool asks_for_ticket() const noexcept { return config.mobility && server != forbids_moves; }

  // ---- who it says it is (allocation_credentials.cpp)
  void replace_credentials(TimePoint now, const stun::Login& login);
  void use_next_login(TimePoint now);
  void take_next_login(TimePoint now);
  bool token_is_over(TimePoint now) const noexcept;
  void watch_token(TimePoint now) noexcept;
  bool needs_token() const noexcept;
  void want_token_if_due(TimePoint now);
  void hear_of_third_party(const stun::Message& response);
  bool may_leave(const ClientRequest& request) const noexcept;

  // ---- what arrives (allocation_input.cpp)
  bool owns(const Datagram& in) const noexcept;
  Received handle_datagram(TimePoint now, const Datagram& in);
  Received handle_channel_data(TimePoint now, const Datagram& in);
  Received handle_data_indication(TimePoint now, const stun::Message& message, SocketId by);
  Received handle_response(TimePoint now, const stun::Message& response);
  Received data_from(const Endpoint& peer, Bytes data, SocketId by);
  Received malformed(TimePoint now, std::string_view what);
  Received unauthenticated(TimePoint now, std::string_view what);
  Received not_permitted(TimePoint now, std::string_view what);
  bool may_send(TimePoint now, const ClientChannel& channel) const noexcept;
  void heard(TimePoint now, const ClientRequest& request) noexcept;
  ClientRequest take(const ClientRequest& request) noexcept;
  void gave_back(TimePoint now);
  void not_cleaned_up(TimePoint now, const Refusal& why);
  bool is_acceptable(const Allocated& what) const noexcept;
  void take_success(TimePoint now, const ClientRequest& request, const stun::Message& response);
  void take_allocation(TimePoint now, const stun::Message& response);
  void take_error(TimePoint now, ClientRequest& request, const stun::Message& response, bool authenticated);
  bool take_allocate_error(TimePoint now, stun::ErrorCode code, const stun::Message& response, bool authenticated);
  bool drop_unknown_wish(const stun::Message& response) noexcept;
  bool left_here() const noexcept;
  stun::AuthSession& session_of(const ClientRequest& request) noexcept;
  const stun::AuthSession& session_of(const ClientRequest& request) const noexcept;
  /// The request is over without success.
  void failed(TimePoint now, const ClientRequest& request, Refusal why);

  // ---- what leaves (allocation_output.cpp)
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<Transmit> send_request(TimePoint now, ClientRequest& request, MutableBytes scratch);
  result<Bytes> write(const ClientRequest& request, MutableBytes out) const;
  void write_allocate(stun::Builder& builder) const;
  void board_requests(TimePoint now);
  Transmit to_server(TimePoint now, SocketId by, Bytes head) noexcept;
  result<Transmit> wrap(TimePoint now, const Endpoint& peer, Bytes payload, MutableBytes scratch) noexcept;
  static result<Bytes> channel_data_prefix(std::uint16_t number, std::size_t size, MutableBytes scratch) noexcept;
  result<Bytes> send_indication_prefix(const Endpoint& peer, std::size_t size, MutableBytes scratch) noexcept;

  void tell(AllocationEvent event) { events.push_back(std::move(event)); }
  void trace(TimePoint now, std::string_view what, const Refusal& why = {}) const;
  bool is_allocated() const noexcept { return state == AllocationState::allocated; }
  /// Not where it moves, and its old socket is gone.
  bool can_send() const noexcept { return is_allocated() && socket; }
  bool has_own_socket() const noexcept { return !config.socket; }
  bool keeps_mapping() const noexcept {
    return can_send() && !is_stream(config.transport) && config.keepalive > Duration::zero();
  }
  auto tell_granted() {
    return [this](const Address& peer) { tell(PermissionGranted{peer}); };
  }
  auto tell_refused(const Refusal& why) {
    return [this, why](const Address& peer) { tell(PermissionRefused{peer, why}); };
  }

  AllocationConfig config;  // without the login: it is in `session`
  Environment environment;
  stun::AuthSession session;
  std::optional<stun::Login> login;       // whose session it is
  std::optional<stun::Login> next_login;  // for the next allocation, or for when it has moved
  std::string third_party;                // the server's name, as far as it has told (RFC 7635 §6.1)
  std::optional<TimePoint> want_token_at;
  bool token_untold = false;  // the server knows the allocation by the one of before
  /// Who had the allocation that was lost, and where: the server may have it still, and only its user can give it back
  /// (RFC 8656 §5).
  struct Leftover {
    stun::AuthSession session;
    Endpoint server;
  };
  std::optional<Leftover> leftover;
  AllocationState state = AllocationState::idle;

  // This attempt, or the allocation that it has brought.
  Endpoint server;
  std::string tls_name;
  std::uint8_t redirects = 0;
  std::uint8_t sockets_tried = 0;
  bool cleaned_up = false;     // after 437, what was there before has been given back
  bool recovering = false;     // there was one: it is asked for until it is there again
  bool dont_fragment = false;  // the wish, then what the server knows
  RequestedFamily family = RequestedFamily::unspecified;
  std::array<Endpoint, most_redirects + 1> visited{};
  Duration backoff{};                   // before the next attempt; none where the last allocation has lasted
  std::optional<TimePoint> not_before;  // RFC 8656 §7.4: 437, 486, 508
  std::optional<TimePoint> retry_at;

  // Its socket.
  std::optional<SocketId> socket;
  SocketTicket ticket{};
  bool socket_wanted = false;
  std::optional<TimePoint> connect_until;
  std::vector<SocketId> to_close;

  // RFC 8016
  std::vector<std::uint8_t> ticket_to_move;  // of the server; empty: it gave none
  Endpoint forbids_moves;                    // a server that has answered 405
  struct Move {
    Address local;               // what a socket of its own is to be bound to
    std::optional<SocketId> to;  // none while it is being opened
  };
  std::optional<Move> moving;
  std::optional<SocketId> old_socket;  // where data still comes after a move

  ClientRequests requests;
  ClientPermissions permissions;
  ClientChannels channels;

  // The allocation.
  Endpoint relayed;
  Endpoint relayed_other;
  Endpoint mapped;
  Duration lifetime{};
  std::optional<TimePoint> began;
  std::optional<TimePoint> allocated_at;
  std::optional<TimePoint> expires_at;
  std::optional<TimePoint> refresh_at;
  std::optional<TimePoint> unanswered_since;  // data has left, and nothing has come since
  TimePoint last_out{};
  bool keepalive_due = false;
  std::optional<TimePoint> last_heard;

  Refusal last_refusal;
  std::uint32_t losses = 0;
  AllocationCounters counters;
  std::vector<AllocationEvent> events;
  std::size_t next_event = 0;
};

}  // namespace ice::turn
