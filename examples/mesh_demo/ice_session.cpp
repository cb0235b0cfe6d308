#include "mesh_demo/ice_session.hpp"

#include <algorithm>
#include <utility>

namespace ice::mesh {

IceSession::IceSession(TimePoint now, AgentConfig config, const std::vector<LocalAddress>& addresses,
                       Environment environment, TicketSource& tickets)
    : agent_{std::move(config), environment} {
  for (const LocalAddress& local : addresses) {
    const SocketTicket ticket = tickets.next();
    pending_.push_back({ticket, local.interface});
    requests_.push_back(
        OpenSocket{.ticket = ticket, .kind = OpenSocket::Kind::datagram, .local = Endpoint{local.address, 0}});
  }
  gather_if_complete(now);
}

bool IceSession::owns(SocketId socket) const noexcept {
  return std::find(sockets_.begin(), sockets_.end(), socket) != sockets_.end();
}

bool IceSession::owns(SocketTicket ticket) const noexcept {
  return std::any_of(pending_.begin(), pending_.end(), [&](const Pending& one) { return one.ticket == ticket; });
}

void IceSession::handle_socket(TimePoint now, const SocketEvent& event) {
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
  if (requests_.empty()) return std::nullopt;
  SocketRequest request = std::move(requests_.front());
  requests_.pop_front();
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
