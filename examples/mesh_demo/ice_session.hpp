#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ice/agent.hpp"
#include "ice/sdp/description.hpp"

namespace ice::mesh {

/// A local address that peers may be reached from, and its interface for the report.
struct LocalAddress {
  Address address;
  std::string interface;
};

/// Gives each request for a socket a ticket of its own, over all who share it.
class TicketSource {
 public:
  SocketTicket next() noexcept { return SocketTicket{++last_}; }

 private:
  std::uint32_t last_ = 0;
};

/// Every socket is there or has failed, and gathering has begun: the local description may be told.
struct SessionReady {};
using SessionEvent = std::variant<SessionReady, AgentEvent>;

/// An agent together with its sockets, one on each local address and those that the agent itself asks for (TURN over
/// TCP, RFC 8656 §3.1): what one attempt at a peer needs.
class IceSession {
 public:
  IceSession(TimePoint now, AgentConfig config, const std::vector<LocalAddress>& addresses, Environment environment,
             TicketSource& tickets);

  Agent& agent() noexcept { return agent_; }
  const Agent& agent() const noexcept { return agent_; }

  bool owns(SocketId socket) const noexcept;
  bool owns(SocketTicket ticket) const noexcept;
  /// All that are to be closed with it: those it asked for, and those that the agent did.
  std::vector<SocketId> sockets() const;

  /// An event of a socket or a ticket that it owns.
  void handle_socket(TimePoint now, const SocketEvent& event);
  std::optional<SocketRequest> poll_socket();
  /// Candidates that are in the description of SessionReady are not told again.
  std::optional<SessionEvent> poll_event();

 private:
  struct Pending {
    SocketTicket ticket{};
    std::string interface;
  };

  /// The agent's own name for a socket that it asked for.
  struct AgentTicket {
    SocketTicket ours{};
    SocketTicket its{};
  };

  void gather_if_complete(TimePoint now);
  /// An event of a socket that the agent asked for, in its terms; false for any other.
  bool pass_to_agent(TimePoint now, const SocketEvent& event);

  Agent agent_;
  TicketSource& tickets_;
  std::vector<Pending> pending_;
  std::vector<SocketId> sockets_;
  std::vector<AgentTicket> agent_tickets_;
  std::vector<SocketId> agent_sockets_;
  std::deque<SocketRequest> requests_;
  std::deque<SessionEvent> events_;
};

}  // namespace ice::mesh
