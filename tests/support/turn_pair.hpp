#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ice/turn/allocation.hpp"
#include "support/turn_server_rig.hpp"

namespace ice::test {

/// An allocation and the relay server that it is on, in virtual time and with nothing between them. The client's
/// sockets are places: each has an address that the server sees.
class TurnPair {
 public:
  static constexpr SocketId home{1};
  static constexpr SocketId away{2};
  const Endpoint peer = endpoint("203.0.113.77:5000");

  static turn::AllocationConfig config(Transport transport = Transport::udp) {
    turn::AllocationConfig config;
    config.server = endpoint("198.51.100.1:3478");
    config.transport = transport;
    if (transport == Transport::udp) config.socket = home;
    config.login = *stun::Login::make("user", "pass");
    return config;
  }

  explicit TurnPair(turn::AllocationConfig c = config(), turn::ServerConfig s = {})
      : rig{std::move(s)}, allocation{std::move(c), {.random = random_, .pacer = pacer_}} {}

  void allocate() {
    ASSERT_TRUE(allocation.allocate(rig.now));
    settle();
  }
  void permit() {
    ASSERT_TRUE(allocation.permit(rig.now, peer.address));
    settle();
  }
  void bind() {
    ASSERT_TRUE(allocation.bind_channel(rig.now, peer));
    settle();
  }
  void move(SocketId to) {
    ASSERT_TRUE(allocation.move(rig.now, to));
    settle();
  }
  void replace(const stun::Login& login) {
    allocation.replace_credentials(rig.now, login);
    settle();
  }

  /// Whether data for the peer leaves the server.
  bool send(std::string_view text = "x") {
    const auto transmit = allocation.wrap(rig.now, peer, bytes_of(text), scratch_);
    if (!transmit) return false;
    const auto relayed = cross(*transmit);
    return relayed && relayed->to == peer && relayed->text() == text;
  }
  /// By which of the client's sockets it comes, if its allocation takes it.
  std::optional<SocketId> hear(std::string_view text = "x") {
    const SocketId relay = rig.relay_socket({rig.relay_v4, allocation.relayed(Family::ipv4).port});
    const auto relayed = rig.give(bytes_of(text), relay, peer);
    if (!relayed) return std::nullopt;
    const auto place = place_of(*relayed);
    if (!place || dead.contains(*place)) return std::nullopt;
    const Received received = deliver(*place, relayed->bytes);
    settle();
    if (received.verdict != Verdict::application_data || text_of(received.data) != text) return std::nullopt;
    return place;
  }

  void settle() {
    for (;;) {
      Outlet outlet{*this, {}, {}};
      drain(allocation, rig.now, scratch_, outlet);
      for (const SocketRequest& request : outlet.requests) serve(request);
      for (const auto& [place, bytes] : outlet.answers) deliver(place, bytes);
      if (outlet.answers.empty() && outlet.requests.empty()) return;
    }
  }
  /// Runs the clocks of both.
  void run_for(Duration duration) {
    const TimePoint end = rig.now + duration;
    for (auto next = allocation.next_timeout(); next && *next <= end; next = allocation.next_timeout()) {
      rig.sleep(std::max(*next, rig.now) - rig.now);
      allocation.handle_timeout(rig.now);
      settle();
    }
    rig.sleep(end - rig.now);
  }
  void happen(const SocketEvent& event) {
    allocation.handle_socket(rig.now, event);
    settle();
  }
  /// The client's socket is gone, and the server hears of it where it was a connection.
  void close(SocketId place) {
    dead.insert(place);
    happen(SocketClosed{place, {}});
  }

  template <class E>
  std::vector<E> told() const {
    std::vector<E> found;
    for (const auto& event : events)
      if (const E* const one = std::get_if<E>(&event)) found.push_back(*one);
    return found;
  }
  /// The requests that left by this socket.
  std::vector<Packet> requests(SocketId by) const {
    std::vector<Packet> found;
    for (const Packet& packet : sent)
      if (packet.socket == by && packet.message().message_class() == stun::Class::request) found.push_back(packet);
    return found;
  }

  TurnServerRig rig;
  std::map<SocketId, Endpoint> places{{home, endpoint("203.0.113.9:40000")}, {away, endpoint("203.0.113.200:7")}};
  std::set<SocketId> dead;  ///< sockets that nothing passes
  std::set<SocketId> deaf;  ///< sockets that what they send passes, and no answer
  bool refuses_sockets = false;
  std::vector<SocketId> closed;  ///< by the allocation
  std::vector<OpenSocket> opened;
  std::vector<Packet> sent;  ///< STUN by the client
  std::vector<turn::AllocationEvent> events;

 private:
  struct Outlet {
    TurnPair& pair;
    std::vector<std::pair<SocketId, std::vector<std::uint8_t>>> answers;
    std::vector<SocketRequest> requests;

    void transmit(const Transmit& transmit) {
      pair.sent.emplace_back(transmit);
      const auto answer = pair.cross(transmit);
      const auto place = answer ? pair.place_of(*answer) : std::nullopt;
      if (place && !pair.deaf.contains(*place)) answers.emplace_back(*place, answer->bytes);
    }
    void event(turn::AllocationEvent event) { pair.events.push_back(std::move(event)); }
    void request(const SocketRequest& request) { requests.push_back(request); }
  };

  bool is_connection(SocketId place) const { return static_cast<std::uint32_t>(place) >= 500; }

  /// What the server makes of it.
  std::optional<Sent> cross(const Transmit& transmit) {
    if (dead.contains(transmit.socket)) return std::nullopt;
    return rig.give(flat(transmit), is_connection(transmit.socket) ? transmit.socket : TurnServerRig::udp,
                    places.at(transmit.socket));
  }
  std::optional<SocketId> place_of(const Sent& answer) const {
    for (const auto& [socket, address] : places)
      if (address == answer.to && (!is_connection(socket) || socket == answer.socket)) return socket;
    return std::nullopt;
  }
  Received deliver(SocketId place, const std::vector<std::uint8_t>& bytes) {
    received_ = bytes;
    return allocation.handle_datagram(rig.now, {place, rig.listen, received_, {}}, scratch_);
  }
  void serve(const SocketRequest& request) {
    if (const auto* const close = std::get_if<CloseSocket>(&request)) {
      closed.push_back(close->socket);
      if (is_connection(close->socket) && !dead.contains(close->socket)) rig.tell(SocketClosed{close->socket, {}});
      return;
    }
    const OpenSocket& open = std::get<OpenSocket>(request);
    opened.push_back(open);
    if (refuses_sockets) return happen(SocketFailed{open.ticket, make_error_code(std::errc::network_unreachable)});
    const SocketId socket{next_connection_++};
    const Endpoint local = endpoint("203.0.113.9:" + std::to_string(static_cast<std::uint32_t>(socket)));
    places[socket] = local;
    rig.tell(SocketAccepted{TurnServerRig::listener, socket, rig.listen, local});
    happen(SocketOpened{open.ticket, socket, local});
  }

  std::uint32_t next_connection_ = 500;
  SeededRandom random_{3};
  Pacer pacer_;
  std::array<std::uint8_t, scratch_size> scratch_{};
  std::vector<std::uint8_t> received_;

 public:
  turn::Allocation allocation;
};

}  // namespace ice::test
