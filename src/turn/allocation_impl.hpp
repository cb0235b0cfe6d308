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
/// arrives, allocation_output.cpp what leaves.
struct ICE_HIDDEN Allocation::Impl {
  static constexpr std::size_t most_events = 64;  // ours; ICMP may come in any number between two drains

  Impl(AllocationConfig config, Environment environment);

  // ---- verbs (allocation.cpp)
  result<void> allocate(TimePoint now);
  result<void> permit(const Address& peer);
  result<void> bind_channel(TimePoint now, const Endpoint& peer);
  void forget(const Address& peer);
  void release(TimePoint now);
  void replace_credentials(TimePoint now, const stun::Login& login);
  void check(TimePoint now);
  bool valid() const noexcept;
  bool lacks(Family family) const noexcept;
  AllocationReport report(TimePoint now) const;

  // ---- life (allocation_life.cpp)
  void begin(TimePoint now);
  void connect(TimePoint now);
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
  void no_longer_here();
  bool may_pass(const Refusal& why) const noexcept;
  void refreshed(TimePoint now, Duration granted) noexcept;
  void handle_timeout(TimePoint now);
  std::optional<TimePoint> next_timeout() const noexcept;
  std::optional<SocketRequest> poll_socket();
  void handle_socket(TimePoint now, const SocketEvent& event);
  void handle_unreachable(TimePoint now);

  // ---- what arrives (allocation_input.cpp)
  bool owns(const Datagram& in) const noexcept;
  Received handle_datagram(TimePoint now, const Datagram& in);
  Received handle_channel_data(TimePoint now, const Datagram& in);
  Received handle_data_indication(TimePoint now, const stun::Message& message);
  Received handle_response(TimePoint now, const stun::Message& response);
  Received data_from(const Endpoint& peer, Bytes data) noexcept;
  Received malformed(TimePoint now, std::string_view what);
  Received unauthenticated(TimePoint now, std::string_view what);
  Received not_permitted(TimePoint now, std::string_view what);
  bool may_send(TimePoint now, const ClientChannel& channel) const noexcept;
  void heard(TimePoint now, const ClientRequest& request) noexcept;
  ClientRequest take(const ClientRequest& request) noexcept;
  void use_next_login(TimePoint now);
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
  Transmit to_server(TimePoint now, Bytes head) noexcept;
  result<Transmit> wrap(TimePoint now, const Endpoint& peer, Bytes payload, MutableBytes scratch) noexcept;
  static result<Bytes> channel_data_prefix(std::uint16_t number, std::size_t size, MutableBytes scratch) noexcept;
  result<Bytes> send_indication_prefix(const Endpoint& peer, std::size_t size, MutableBytes scratch) noexcept;

  void tell(AllocationEvent event) { events.push_back(std::move(event)); }
  void trace(TimePoint now, std::string_view what, const Refusal& why = {}) const;
  bool is_allocated() const noexcept { return state == AllocationState::allocated; }
  bool has_own_socket() const noexcept { return !config.socket; }
  bool keeps_mapping() const noexcept {
    return is_allocated() && !is_stream(config.transport) && config.keepalive > Duration::zero();
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
  std::optional<stun::Login> next_login;  // for the next allocation
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
