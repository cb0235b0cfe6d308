#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ice/base/machine.hpp"
#include "mesh_demo/lines.hpp"
#include "mesh_demo/message.hpp"
#include "mesh_demo/outgoing.hpp"
#include "mesh_demo/room.hpp"

namespace ice::mesh {

/// Bounds on what clients can make the server keep. Peers in a room: most_peers; bytes of a client: longest_line.
struct SignallingLimits {
  std::size_t clients = 512;  ///< connections, below what a driver accepts on one listener
  std::size_t rooms = 128;
  Duration join = std::chrono::seconds{10};  ///< from connecting until `join` has to be there
};

struct SignallingConfig {
  /// What `welcome` hands out to a client whose connection arrived at this local address; `user` is "NAME@ROOM".
  std::function<std::vector<IceServer>(const Address& arrived_at, std::string_view user)> ice_servers{};
  SignallingLimits limits{};
};

/// What was not as it should be, and cost nothing else.
struct SignallingCounters {
  std::uint64_t accepted = 0;     ///< connections
  std::uint64_t refused = 0;      ///< connections and joins beyond a limit, or with a name that is taken
  std::uint64_t malformed = 0;    ///< lines that are no message, or one that may not come then: the client is closed
  std::uint64_t unknown = 0;      ///< messages of a type unknown here, ignored
  std::uint64_t timed_out = 0;    ///< clients that did not join in time
  std::uint64_t misdirected = 0;  ///< messages to nobody who is in the room
  std::uint64_t forwarded = 0;    ///< messages from one client to another
};

struct Listening {
  Endpoint local;
};
struct ListenFailed {
  std::error_code why;
};
struct MemberEntered {
  Member member;
  std::string room;
  Endpoint from;
};
struct MemberLeft {
  Member member;
  std::string room;
  bool said_bye = false;
};
using SignallingEvent = std::variant<Listening, ListenFailed, MemberEntered, MemberLeft>;

/// The signalling server: rooms of peers, and messages from one to another, over TCP with one JSON object a line. It
/// reads of a forwarded message who it is for, and nothing of what it says.
///
/// A SocketMachine. Not thread-safe.
class SignallingServer {
 public:
  using Event = SignallingEvent;

  explicit SignallingServer(SignallingConfig config = {}) : config_{std::move(config)} {}

  /// Listens; Listening or ListenFailed tells how it went. Port 0 lets the system choose.
  void listen(const Endpoint& local);

  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  void handle_timeout(TimePoint now);
  void handle_socket(TimePoint now, const SocketEvent& event);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<Event> poll_event();
  std::optional<SocketRequest> poll_socket();
  std::optional<TimePoint> next_timeout() const;

  const SignallingCounters& counters() const noexcept { return counters_; }
  std::size_t clients() const noexcept { return clients_.size(); }
  std::size_t rooms() const noexcept { return rooms_.size(); }
  /// Bytes kept of lines that are not whole.
  std::size_t buffered() const noexcept;

 private:
  struct Client {
    Endpoint local;
    Endpoint remote;
    TimePoint accepted;
    LineSplitter lines;
    Member member;  ///< id 0: has not joined
    std::string room;

    bool joined() const noexcept { return member.id != 0; }
  };

  void accept(TimePoint now, const SocketAccepted& accepted);
  /// Each returns false when the client is gone with it.
  bool handle_line(SocketId socket, Client& client, std::string_view line);
  bool handle(SocketId socket, Client& client, const Join& join);
  bool handle(SocketId socket, Client& client, const Bye& bye);
  template <class Forwarded>
  bool handle(SocketId socket, Client& client, Forwarded message);

  void send(SocketId socket, const Message& message);
  /// Says why, then closes.
  void refuse(SocketId socket, ErrorCode code, std::string text);
  void close(SocketId socket, bool said_bye);
  void forget(SocketId socket, bool said_bye);

  SignallingConfig config_;
  SignallingCounters counters_;
  std::map<SocketId, Client> clients_;
  std::map<std::string, Room, std::less<>> rooms_;
  std::uint64_t last_id_ = 0;
  Outgoing outgoing_;
  std::deque<Event> events_;
};

}  // namespace ice::mesh
