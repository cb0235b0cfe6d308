#include "mesh_demo/ice_session.hpp"

#include <algorithm>
#include <utility>

namespace ice::mesh {

IceSession::IceSession(TimePoint now, AgentConfig config, const std::vector<LocalAddress>& addresses,
                       Environment environment, TicketSource& tickets)
    : agent_{std::move(config), environment}, tickets_{tickets} {
  for (const LocalAddress& local : addresses) {
    const SocketTicket ticket = tickets.next();
    pending_.push_back({ticket, local.interface});
    requests_.push_back(
        OpenSocket{.ticket = ticket, .kind = OpenSocket::Kind::datagram, .local = Endpoint{local.address, 0}});
  }
  gather_if_complete(now);
}

bool IceSession::owns(SocketId socket) const noexcept {
  return std::find(sockets_.begin(), sockets_.end(), socket) != sockets_.end() ||
         std::find(agent_sockets_.begin(), agent_sockets_.end(), socket) != agent_sockets_.end();
}

bool IceSession::owns(SocketTicket ticket) const noexcept {
  return std::any_of(pending_.begin(), pending_.end(), [&](const Pending& one) { return one.ticket == ticket; }) ||
         std::any_of(agent_tickets_.begin(), agent_tickets_.end(),
                     [&](const AgentTicket& one) { return one.ours == ticket; });
}

std::vector<SocketId> IceSession::sockets() const {
  std::vector<SocketId> all = sockets_;
  all.insert(all.end(), agent_sockets_.begin(), agent_sockets_.end());
  return all;
}

void IceSession::handle_socket(TimePoint now, const SocketEvent& event) {
  if (pass_to_agent(now, event)) return;
  if (const auto* opened = std::get_if<SocketOpened>(&event)) {
    const auto pending = std::find_if(pending_.begin(), pending_.end(),
                                      [&](const Pending& one) { return one.ticket == opened->ticket; });
    sockets_.push_back(opened->socket);
    // What the agent cannot use it says in its report.
    static_cast<void>(agent_.add_socket(now, {opened->socket, opened->local, pending->interface}).has_value());
    pending_.erase(pending);
    gather_if_complete(now);
  } else if (const auto* failed = std::get_if<SocketFailed>(&event)) {
    std::erase_if(pending_, [&](const Pending& one) { return one.ticket == failed->ticket; });
    gather_if_complete(now);
  } else if (const auto* closed = std::get_if<SocketClosed>(&event)) {
    std::erase(sockets_, closed->socket);
    static_cast<void>(agent_.remove_socket(now, closed->socket, closed->error).has_value());
  } else {
    agent_.handle_socket(now, event);
  }
}

bool IceSession::pass_to_agent(TimePoint now, const SocketEvent& event) {
  SocketEvent its = event;
  const auto renamed = [&](SocketTicket& ticket) {
    const auto known = std::find_if(agent_tickets_.begin(), agent_tickets_.end(),
                                    [&](const AgentTicket& one) { return one.ours == ticket; });
    if (known == agent_tickets_.end()) return false;
    ticket = known->its;
    agent_tickets_.erase(known);
    return true;
  };
  if (auto* opened = std::get_if<SocketOpened>(&its)) {
    if (!renamed(opened->ticket)) return false;
    agent_sockets_.push_back(opened->socket);
  } else if (auto* failed = std::get_if<SocketFailed>(&its)) {
    if (!renamed(failed->ticket)) return false;
  } else if (const auto* closed = std::get_if<SocketClosed>(&its)) {
    if (std::erase(agent_sockets_, closed->socket) == 0) return false;
  } else {
    return false;
  }
  agent_.handle_socket(now, its);
  return true;
}

void IceSession::gather_if_complete(TimePoint now) {
  if (!pending_.empty()) return;
  agent_.gather(now);
  while (auto event = agent_.poll_event()) {
    const bool in_description =
        std::holds_alternative<CandidateGathered>(*event) || std::holds_alternative<GatheringDone>(*event);
    if (!in_description) events_.push_back(std::move(*event));
  }
  events_.push_back(SessionReady{});
}

std::optional<SocketRequest> IceSession::poll_socket() {
  if (!requests_.empty()) {
    SocketRequest request = std::move(requests_.front());
    requests_.pop_front();
    return request;
  }
  auto request = agent_.poll_socket();
  if (!request) return std::nullopt;
  if (auto* open = std::get_if<OpenSocket>(&*request)) {
    const SocketTicket ours = tickets_.next();
    agent_tickets_.push_back({ours, open->ticket});
    open->ticket = ours;
  } else {
    std::erase(agent_sockets_, std::get<CloseSocket>(*request).socket);
  }
  return request;
}

std::optional<SessionEvent> IceSession::poll_event() {
  if (!events_.empty()) {
    SessionEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  if (auto event = agent_.poll_event()) return SessionEvent{std::move(*event)};
  return std::nullopt;
}

}  // namespace ice::mesh
