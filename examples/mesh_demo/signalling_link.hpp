#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <system_error>
#include <variant>

#include "ice/base/machine.hpp"
#include "mesh_demo/lines.hpp"
#include "mesh_demo/message.hpp"
#include "mesh_demo/outgoing.hpp"

namespace ice::mesh {

/// The connection stands.
struct LinkUp {
  Endpoint local;
};
/// The connection is over, or never came to be. errc::timed_out where the server said nothing for too long.
struct LinkDown {
  std::error_code why;
};
using LinkEvent = std::variant<LinkUp, LinkDown, Message>;

/// A peer's connection to the signalling server: messages in and out. Part of Mesh, which hands it what is its own.
class SignallingLink {
 public:
  /// How long connecting may take, and then the server's answer to `join`.
  static constexpr Duration patience = std::chrono::seconds{10};

  SignallingLink(SocketTicket ticket, const Endpoint& server) : ticket_{ticket}, server_{server} {}

  void connect(TimePoint now);
  /// Nothing where the connection does not stand.
  void send(const Message& message);
  /// After what was sent; no event tells it.
  void close();
  /// The answer to `join` came: from now on silence is no error.
  void heard_welcome() noexcept { deadline_.reset(); }

  bool owns(SocketId socket) const noexcept { return socket_ == socket; }
  bool owns(SocketTicket ticket) const noexcept { return ticket_ == ticket; }
  bool up() const noexcept { return socket_.has_value(); }
  /// Lines that are no message; those of types unknown here are not counted.
  std::uint64_t malformed() const noexcept { return malformed_; }

  Received handle_datagram(TimePoint now, const Datagram& in);
  void handle_socket(TimePoint now, const SocketEvent& event);
  void handle_timeout(TimePoint now);
  std::optional<Transmit> poll_transmit() { return outgoing_.poll_transmit(); }
  std::optional<SocketRequest> poll_socket() { return outgoing_.poll_socket(); }
  std::optional<LinkEvent> poll_event();
  std::optional<TimePoint> next_timeout() const noexcept { return deadline_; }

 private:
  void down(std::error_code why);

  SocketTicket ticket_;
  Endpoint server_;
  std::optional<SocketId> socket_;
  bool connecting_ = false;
  std::optional<TimePoint> deadline_;
  LineSplitter lines_;
  std::uint64_t malformed_ = 0;
  Outgoing outgoing_;
  std::deque<LinkEvent> events_;
};

}  // namespace ice::mesh
