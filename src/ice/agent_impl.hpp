#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/earliest.hpp"
#include "base/hidden.hpp"
#include "ice/agent.hpp"
#include "ice/generation.hpp"
#include "ice/journal.hpp"
#include "ice/past_generations.hpp"
#include "ice/relays.hpp"

namespace ice {

/// The largest Ta that a peer may impose; ours, since RFC 8445 §14.2 names none and RFC 8839 §5.5 allows ten digits of
/// milliseconds. Ten times the default, and as long as the shortest RTO: 79 pairs begin in the 39.5 s of RFC 8863.
inline constexpr std::chrono::milliseconds longest_interval{500};
/// RFC 8445 §14.2: all agents of a host together may not begin transactions more often.
inline constexpr std::chrono::milliseconds shortest_interval{5};

/// RFC 8445 §8.3.1: for so long after the selection packets may still come to the other candidates.
inline constexpr Duration candidate_linger = std::chrono::seconds{3};

/// The parent of the parts: it routes input to them, passes on what they want to send, takes the smallest of their
/// timeouts, and moves the agent's state. The parts know each other only as far as their constructors say, and none
/// knows the agent.
///
/// agent.cpp has the verbs, agent_signalling.cpp and agent_restart.cpp those that come from signalling, agent_input.cpp
/// what arrives, agent_progress.cpp what follows from it.
struct ICE_HIDDEN Agent::Impl {
  Impl(AgentConfig config, Environment environment);

  // ---- verbs (agent.cpp)
  result<void> add_socket(TimePoint now, const Socket& socket);
  result<void> remove_socket(TimePoint now, SocketId socket, std::error_code why);
  void gather(TimePoint now);
  result<Transmit> wrap(TimePoint now, ComponentId component, Bytes payload, MutableBytes scratch) noexcept;
  void lose_base(TimePoint now, SocketId socket, std::error_code why, Cause cause);
  void close(TimePoint now);
  ConnectivityReport report() const;

  // ---- what signalling brings (agent_signalling.cpp)
  result<void> set_remote_description(TimePoint now, const Description& description);
  void accept_remote(TimePoint now, const Description& description, const stun::Credential& credential);
  result<void> add_remote_candidate(TimePoint now, const Candidate& candidate);
  result<void> take_candidate(TimePoint now, const Candidate& candidate);
  void end_of_remote_candidates(TimePoint now, std::string_view ufrag);

  // ---- one generation after another (agent_restart.cpp)
  result<void> restart(TimePoint now);
  void begin_generation(TimePoint now, GenerationEnd why);
  /// False where there is nothing to fall back to.
  bool fall_back(TimePoint now, Cause why);
  Received handle_late_request(std::string_view ufrag, TimePoint now, const stun::Message& request,
                               const Datagram& datagram, MutableBytes scratch);

  // ---- TURN servers (agent_relay.cpp)
  void resolve_server(TimePoint now, ServerId server, std::span<const Endpoint> addresses);
  void fail_server(TimePoint now, ServerId server);
  void replace_credentials(TimePoint now, ServerId server, const stun::Login& login);
  void want_relays(TimePoint now, BaseIndex base);
  void take_over_relays(TimePoint now, BaseIndex base);
  void ask_servers(TimePoint now);
  /// When the next address behind a server's name is asked, since the present one seems dead.
  std::optional<TimePoint> goes_on_at(std::size_t server, Family family) const noexcept;
  std::optional<TimePoint> goes_on_at() const noexcept;
  void go_on_to_next_addresses(TimePoint now);
  void add_relayed(TimePoint now, const Relays::Relay& relay);
  void handle_relay_events(TimePoint now);
  void handle_relay_event(TimePoint now, RelayIndex relay, const turn::Allocated& event);
  void handle_relay_event(TimePoint now, RelayIndex relay, const turn::AllocationFailed& event);
  void handle_relay_event(TimePoint now, RelayIndex relay, const turn::AllocationLost& event);
  void handle_relay_event(TimePoint now, RelayIndex relay, const turn::PermissionRefused& event);
  void handle_relay_event(TimePoint now, RelayIndex relay, const turn::PeerUnreachable& event);
  void ask_permissions(TimePoint now);
  void release_later(TimePoint at) noexcept;
  void release_relays(TimePoint now);
  void forget_peers(Relays::Relay& relay, const Address& all_but);
  Received handle_relayed(TimePoint now, Relays::Relay& relay, const Received& inside, MutableBytes scratch);
  /// Where a part writes what may have to be wrapped.
  MutableBytes inner_scratch(MutableBytes scratch) const noexcept;
  /// What a part wants to send, as it leaves; none where it cannot.
  std::optional<Transmit> outward(TimePoint now, const Transmit& inner, MutableBytes scratch) noexcept;

  // ---- what arrives (agent_input.cpp)
  Received handle_datagram(TimePoint now, const Datagram& datagram, MutableBytes scratch);
  Received handle_inner(TimePoint now, const Datagram& datagram, MutableBytes scratch);
  void handle_socket(TimePoint now, const SocketEvent& event);
  /// Without a base it can only be for an earlier generation.
  Received handle_request(TimePoint now, const stun::Message& request, const Datagram& datagram,
                          std::optional<BaseIndex> base, MutableBytes scratch);
  Received handle_response(TimePoint now, const stun::Message& response, const Datagram& datagram);
  Received handle_data(TimePoint now, const Datagram& datagram);
  void learn(TimePoint now, BaseIndex base, const Endpoint& source, std::uint32_t priority, bool nominates);
  void handle_check_answer(TimePoint now, const Checks::Answer& answer, const Datagram& datagram);
  void handle_gather_answer(TimePoint now, const Gatherer::Answer& answer);

  // ---- what follows (agent_progress.cpp)
  void handle_timeout(TimePoint now);
  /// Does all that the present state asks for. Called after every input and every verb.
  void advance(TimePoint now);
  void begin_base(TimePoint now, BaseIndex base);
  void tell(LocalIndex candidate);
  void begin_paced(TimePoint now);
  bool has_paced() const noexcept;
  bool begin_gathering(TimePoint now);
  bool gathered() const noexcept;
  void nominate(TimePoint now);
  void select(TimePoint now, PairIndex pair);
  void switched_role(TimePoint now);
  void check_failed(TimePoint now, PairIndex pair, Cause cause);
  void conclude(TimePoint now);
  std::optional<TimePoint> thaws_at() const noexcept;
  std::optional<TimePoint> gives_up_at() const noexcept;
  Cause failure_cause() const noexcept;
  void end(TimePoint now, AgentState state, Cause cause);
  void set_state(TimePoint now, AgentState state, Cause cause);

  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<Transmit> poll_part(TimePoint now, MutableBytes scratch);
  std::optional<AgentEvent> poll_event();
  std::optional<TimePoint> next_timeout() const;
  std::optional<TimePoint> compute_next_timeout() const;

  bool ended() const noexcept { return state == AgentState::failed || state == AgentState::disconnected || closed(); }
  bool closed() const noexcept { return state == AgentState::closed; }
  Duration host_interval() const noexcept;
  /// The next timeout has to be computed anew.
  void touch() noexcept { timeout_known = false; }
  /// It may be this one. For what happens with every packet, where computing it anew would be dear.
  void earliest_timeout(const std::optional<TimePoint>& other) const noexcept {
    if (timeout_known) earliest(timeout, other);
  }

  AgentConfig config;
  Environment environment;
  AgentState state = AgentState::idle;
  Cause cause = Cause::none;
  Journal journal;
  std::unique_ptr<Generation> current;
  PastGenerations past;
  Relays relays;
  std::optional<TimePoint> release_at;  // relays that nothing uses

  std::vector<Candidate> early_candidates;  // signalled before the description that they belong to
  std::string early_end;                    // the ufrag of a description to come that brings all there is
  std::vector<AgentEvent> events;
  std::size_t next_event = 0;
  TimePoint next_own = TimePoint::min();  // when Ta lets this agent ask the pacer again
  std::optional<TimePoint> slot;          // the pacer's, for the next transaction

  // What the report tells beside what the parts know.
  std::uint32_t role_switches = 0;
  std::uint32_t restarts = 0;
  std::vector<SocketReport> gone_sockets;  // of earlier generations
  IgnoredInput ignored;

  mutable bool timeout_known = false;
  mutable std::optional<TimePoint> timeout;
};

}  // namespace ice
