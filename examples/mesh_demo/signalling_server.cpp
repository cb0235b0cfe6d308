#include "mesh_demo/signalling_server.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace ice::mesh {

void SignallingServer::listen(const Endpoint& local) {
  outgoing_.request(OpenSocket{.kind = OpenSocket::Kind::listen,
                               .transport = Transport::tcp,
                               .local = local,
                               .ports = {local.port, local.port},
                               .framing = Framing::none});
}

// ---- what arrives

Received SignallingServer::handle_datagram(TimePoint, const Datagram& in, MutableBytes) {
  const auto found = clients_.find(in.socket);
  if (found == clients_.end()) return {Verdict::not_mine};
  Client& client = found->second;
  client.lines.feed(in.payload);
  for (;;) {
    const auto line = client.lines.next();
    if (!line) {
      ++counters_.malformed;
      refuse(in.socket, ErrorCode::bad_message, "a line is longer than 64 kB");
      return {Verdict::malformed};
    }
    if (!*line) return {Verdict::handled};
    const std::uint64_t malformed = counters_.malformed;
    if (!handle_line(in.socket, client, **line))
      return {counters_.malformed == malformed ? Verdict::handled : Verdict::malformed};
  }
}

bool SignallingServer::handle_line(SocketId socket, Client& client, std::string_view line) {
  const auto message = parse(line);
  if (!message && message.error() == errc::unsupported) {
    ++counters_.unknown;
    return true;
  }
  if (!message) {
    ++counters_.malformed;
    refuse(socket, ErrorCode::bad_message, "no message of this protocol");
    return false;
  }
  return std::visit(
      [&](const auto& one) {
        using One = std::decay_t<decltype(one)>;
        constexpr bool for_servers = std::is_same_v<One, Join> || std::is_same_v<One, Bye>;
        constexpr bool for_peers = std::is_same_v<One, Offer> || std::is_same_v<One, Answer> ||
                                   std::is_same_v<One, CandidateLine> || std::is_same_v<One, Error>;
        if constexpr (for_servers || for_peers) {
          if (client.joined() != std::is_same_v<One, Join>) return handle(socket, client, one);
        }
        ++counters_.malformed;
        refuse(socket, ErrorCode::bad_message, "this message may not come now");
        return false;
      },
      *message);
}

bool SignallingServer::handle(SocketId socket, Client& client, const Join& join) {
  const auto found = rooms_.find(join.room);
  const Room* room = found == rooms_.end() ? nullptr : &found->second;
  const auto reject = [&](ErrorCode code, std::string text) {
    ++counters_.refused;
    refuse(socket, code, std::move(text));
    return false;
  };
  if (room == nullptr && rooms_.size() >= config_.limits.rooms)
    return reject(ErrorCode::server_full, "the server has no place for another room");
  if (room != nullptr && room->full()) return reject(ErrorCode::room_full, "the room is full");
  if (room != nullptr && room->find(join.name) != nullptr)
    return reject(ErrorCode::name_taken, "somebody in the room has this name");

  client.member = {++last_id_, join.name};
  client.room = join.room;
  Room& entered = rooms_[join.room];
  Welcome welcome{client.member, join.room, {}, {}};
  for (const Room::Seat& seat : entered.seats()) {
    welcome.peers.push_back(seat.member);
    send(seat.socket, PeerJoined{client.member});
  }
  if (config_.ice_servers) {
    welcome.ice_servers = config_.ice_servers(client.local.address, client.member.name + "@" + client.room);
  }
  send(socket, std::move(welcome));
  entered.enter({client.member, socket});
  events_.push_back(MemberEntered{client.member, client.room, client.remote});
  return true;
}

bool SignallingServer::handle(SocketId socket, Client&, const Bye&) {
  close(socket, true);
  return false;
}

template <class Forwarded>
bool SignallingServer::handle(SocketId socket, Client& client, Forwarded message) {
  const Room::Seat* to = rooms_.at(client.room).find(message.peer);
  if (to == nullptr || to->socket == socket) {
    // Nothing wrong: the peer may have left while this was on its way.
    ++counters_.misdirected;
    return true;
  }
  message.peer = client.member.id;
  send(to->socket, std::move(message));
  ++counters_.forwarded;
  return true;
}

void SignallingServer::handle_timeout(TimePoint now) {
  std::vector<SocketId> late;
  for (const auto& [socket, client] : clients_)
    if (!client.joined() && client.accepted + config_.limits.join <= now) late.push_back(socket);
  for (const SocketId socket : late) {
    ++counters_.timed_out;
    refuse(socket, ErrorCode::timed_out, "no join came");
  }
}

void SignallingServer::handle_socket(TimePoint now, const SocketEvent& event) {
  if (const auto* opened = std::get_if<SocketOpened>(&event)) {
    events_.push_back(Listening{opened->local});
  } else if (const auto* failed = std::get_if<SocketFailed>(&event)) {
    events_.push_back(ListenFailed{failed->error});
  } else if (const auto* accepted = std::get_if<SocketAccepted>(&event)) {
    accept(now, *accepted);
  } else if (const auto* closed = std::get_if<SocketClosed>(&event)) {
    forget(closed->socket, false);
  }
}

void SignallingServer::accept(TimePoint now, const SocketAccepted& accepted) {
  ++counters_.accepted;
  if (clients_.size() >= config_.limits.clients) {
    ++counters_.refused;
    refuse(accepted.socket, ErrorCode::server_full, "the server has no place for another client");
    return;
  }
  clients_.emplace(accepted.socket, Client{accepted.local, accepted.remote, now, {}, {}, {}});
}

// ---- what leaves

void SignallingServer::send(SocketId socket, const Message& message) { outgoing_.line(socket, format(message)); }

void SignallingServer::refuse(SocketId socket, ErrorCode code, std::string text) {
  send(socket, Error{code, std::move(text)});
  close(socket, false);
}

void SignallingServer::close(SocketId socket, bool said_bye) {
  outgoing_.request(CloseSocket{socket});
  forget(socket, said_bye);
}

void SignallingServer::forget(SocketId socket, bool said_bye) {
  const auto found = clients_.find(socket);
  if (found == clients_.end()) return;
  const Client client = std::move(found->second);
  clients_.erase(found);
  if (!client.joined()) return;
  const auto room = rooms_.find(client.room);
  room->second.leave(client.member.id);
  for (const Room::Seat& seat : room->second.seats()) send(seat.socket, PeerLeft{client.member, said_bye});
  if (room->second.empty()) rooms_.erase(room);
  events_.push_back(MemberLeft{client.member, client.room, said_bye});
}

std::optional<Transmit> SignallingServer::poll_transmit(TimePoint, MutableBytes) { return outgoing_.poll_transmit(); }

std::optional<SignallingEvent> SignallingServer::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<SocketRequest> SignallingServer::poll_socket() { return outgoing_.poll_socket(); }

std::optional<TimePoint> SignallingServer::next_timeout() const {
  std::optional<TimePoint> next;
  for (const auto& [socket, client] : clients_) {
    if (client.joined()) continue;
    const TimePoint deadline = client.accepted + config_.limits.join;
    if (!next || deadline < *next) next = deadline;
  }
  return next;
}

std::size_t SignallingServer::buffered() const noexcept {
  std::size_t sum = 0;
  for (const auto& [socket, client] : clients_) sum += client.lines.buffered();
  return sum;
}

}  // namespace ice::mesh
