#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <type_traits>

#include "base/hidden.hpp"
#include "ice/stun/auth_session.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"
#include "ice/stun/transaction.hpp"
#include "ice/turn/tcp_allocation.hpp"

namespace ice::turn {

/// What a client has to do with one peer of a TCP allocation.
struct ClientPeer {
  enum class State : std::uint8_t {
    wanted,      ///< to be connected to, when there is an allocation and `until` has passed
    connecting,  ///< a Connect is under way
    called,      ///< it has connected to us, and nobody has accepted
    opening,     ///< the connection stands, and one to the server is being made for it
    binding,     ///< a ConnectionBind is under way
    open,
    resting,  ///< the server could not reach it; not asked again before `until`
  };
  State state = State::wanted;
  std::optional<TimePoint> until{};  ///< the end of the state
  std::uint32_t id = 0;              ///< CONNECTION-ID
  SocketTicket ticket{};             ///< while opening
  std::optional<SocketId> socket{};  ///< the data connection

  // The request that is under way.
  std::optional<stun::Transaction> request{};
  stun::AuthSession session{};  ///< on the data connection
  stun::AuthSession::Generation signed_at = 0;
  std::uint8_t challenges = 0;
};

/// tcp_allocation.cpp has the verbs, the sockets and the end of things, tcp_allocation_requests.cpp what is asked of
/// the server and what it answers.
struct ICE_HIDDEN TcpAllocation::Impl {
  using State = ClientPeer::State;
  using Peers = std::map<Endpoint, ClientPeer>;

  Impl(AllocationConfig config, Environment environment);

  // ---- tcp_allocation.cpp
  result<void> allocate(TimePoint now);
  result<void> connect(TimePoint now, const Endpoint& peer);
  result<void> accept(TimePoint now, const Endpoint& peer);
  void disconnect(const Endpoint& peer);
  void read(const Endpoint& peer, bool on);
  void replace_credentials(TimePoint now, const stun::Login& login);
  result<Transmit> wrap(const Endpoint& peer, Bytes payload) noexcept;
  ClientPeer* find(const Endpoint& peer) noexcept;
  ClientPeer* find(const Endpoint& peer, State state) noexcept;
  Peers::iterator find(SocketId socket) noexcept;
  Peers::iterator find_opening(SocketTicket ticket) noexcept;
  /// Does to the allocation what `verb` says, and takes what it has to tell.
  template <class Verb>
  auto with_control(TimePoint now, Verb verb) {
    if constexpr (std::is_void_v<std::invoke_result_t<Verb>>) {
      verb();
      take_control_events(now);
    } else {
      const auto answer = verb();
      take_control_events(now);
      return answer;
    }
  }
  void take_control_events(TimePoint now);
  void take(TimePoint now, const AllocationEvent& event);
  void begin_wanted(TimePoint now);
  void open_data(TimePoint now, ClientPeer& peer);
  /// All connections are gone with the allocation; who is only wanted stays wanted if there may be another one.
  void drop_all(TimePoint now, const Refusal& why, bool for_good);
  void refuse(Peers::iterator at, const Refusal& why);
  Peers::iterator drop(Peers::iterator at);
  void handle_timeout(TimePoint now);
  std::optional<TimePoint> next_timeout() const noexcept;
  void handle_socket(TimePoint now, const SocketEvent& event);
  std::optional<SocketRequest> poll_socket();

  // ---- tcp_allocation_requests.cpp
  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  Received handle_control(TimePoint now, Bytes payload);
  Received handle_data(TimePoint now, Peers::iterator at, Bytes payload);
  Received handle_attempt(TimePoint now, const stun::Message& message);
  Received handle_response(TimePoint now, Peers::iterator at, stun::AuthSession& with, const stun::Message& response);
  void take_success(TimePoint now, Peers::iterator at, const stun::Message& response);
  void take_error(TimePoint now, Peers::iterator at, const stun::Message& response);
  Received drop_message(std::uint64_t& counter, Verdict verdict) noexcept;
  void ask(ClientPeer& peer);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<Transmit> send_request(TimePoint now, Peers::iterator at, MutableBytes scratch);
  void expire_requests(TimePoint now);

  Environment environment;
  Allocation control;
  stun::AuthSession session;                // for requests on the control connection
  std::optional<stun::Login> login;         // whose session it is
  OpenSocket way;                           // how the control connection was opened
  std::uint32_t last_ticket = 0x8000'0000;  // the control connection counts from 1

  Peers peers;
  TcpAllocationCounters counters;
  std::deque<SocketRequest> requests;
  std::deque<TcpAllocationEvent> events;
};

}  // namespace ice::turn
