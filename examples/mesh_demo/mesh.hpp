#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>
#include <vector>

#include "mesh_demo/call.hpp"
#include "mesh_demo/signalling_link.hpp"

namespace ice::mesh {

struct MeshConfig {
  Endpoint server;  ///< signalling
  std::string room;
  std::string name;
  std::vector<ice::IceServer> servers{};  ///< empty takes what `welcome` hands out
  CallConfig call{};                      ///< agent.servers is set by the mesh
  /// Instead of call.addresses where signalling is reached over loopback, whatever address it was asked at: its peers
  /// may be on the same host. Loopback is allowed then.
  std::vector<LocalAddress> loopback_addresses{};
};

/// The server has let us in. The newcomer offers to each of `peers`.
struct Joined {
  std::string self;
  std::string room;
  std::vector<std::string> peers;
};
/// We are not in, and will not be: what the server said, or why there is no server.
struct JoinFailed {
  std::variant<Error, std::error_code> why;
};
/// The calls go on without it.
struct SignallingLost {
  std::error_code why;
};
struct PeerAppeared {
  std::string peer;
};
struct PeerEvent {
  std::string peer;
  CallEvent event;
};
/// A server whose addresses DNS has to tell: Mesh::resolve().
struct ServerNeeded {
  stun::Uri uri;
};
/// After leave(): every goodbye was heard, or waited for long enough.
struct Departed {};
using MeshEvent = std::variant<Joined, JoinFailed, SignallingLost, PeerAppeared, PeerEvent, ServerNeeded, Departed>;

/// What is known of one peer.
struct PeerReport {
  std::string peer;
  std::vector<AttemptReport> attempts;
};

/// One peer of a full mesh: a connection to the signalling server, and a Call to each other peer in the room. Its
/// agents share the pacer of the environment (RFC 8445 §14.2).
///
/// A SocketMachine. Not thread-safe.
class Mesh {
 public:
  using Event = MeshEvent;

  /// How long goodbyes may take.
  static constexpr Duration departure = std::chrono::seconds{1};
  /// Calls that are over and still in reports().
  static constexpr std::size_t most_past = 64;

  /// What `environment` refers to must outlive it.
  Mesh(MeshConfig config, Environment environment);
  Mesh(const Mesh&) = delete;  // its calls refer to its configuration
  Mesh& operator=(const Mesh&) = delete;

  // ---- verbs

  void join(TimePoint now);
  /// To everybody, also to those we are not connected to yet. The first error of any, as of TextChannel::say().
  result<void> say(TimePoint now, std::string_view text);
  result<void> say_to(TimePoint now, std::string_view peer, std::string_view text);
  /// Says goodbye to everybody; then Departed.
  void leave(TimePoint now);
  /// What DNS said of a server that ServerNeeded asked for: addresses for the transport of its URI, best first, or
  /// none.
  void resolve(TimePoint now, const stun::Uri& uri, std::vector<Endpoint> addresses);

  // ---- what arrives, what leaves

  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  void handle_timeout(TimePoint now);
  void handle_socket(TimePoint now, const SocketEvent& event);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<Event> poll_event();
  std::optional<SocketRequest> poll_socket();
  std::optional<TimePoint> next_timeout() const;

  // ---- getters

  const MeshConfig& config() const noexcept { return config_; }
  /// There is somebody to say something to, and each call to one has room for it.
  bool may_say() const noexcept;
  /// Peers that we are, or may yet be, connected to; and those of them that we are.
  std::size_t peers() const noexcept;
  std::size_t connected() const noexcept;
  /// Those who were there before, and those who are.
  std::vector<PeerReport> reports() const;
  /// What came over signalling and was of no use.
  std::uint64_t ignored() const noexcept { return ignored_; }

 private:
  struct Server {
    stun::Uri uri;
    std::optional<std::vector<Endpoint>> addresses;  ///< none while DNS is asked
  };

  void pump(TimePoint now);
  void pump_call(TimePoint now, Call& call);
  void retire_calls();
  void need_server(TimePoint now, Call& call, const stun::Uri& uri);
  void depart_if_done(TimePoint now);

  void handle(TimePoint now, const LinkUp& up);
  void handle(TimePoint now, const LinkDown& down);
  void handle(TimePoint now, const Message& message);
  void handle_message(TimePoint now, const Welcome& welcome);
  void handle_message(TimePoint now, const PeerJoined& joined);
  void handle_message(TimePoint now, const PeerLeft& left);
  void handle_message(TimePoint now, const Error& error);
  template <class FromPeer>
  void handle_message(TimePoint now, const FromPeer& message);

  void take_servers(const std::vector<IceServer>& servers);
  void add_call(TimePoint now, const Member& peer, bool newcomer);
  Call* find(std::uint64_t id) const noexcept;
  Call* find(std::string_view name) const noexcept;
  template <class Id>
  Call* owner(Id id) const noexcept;

  MeshConfig config_;
  Environment environment_;
  TicketSource tickets_;
  SignallingLink link_;
  enum class Phase : std::uint8_t { idle, joining, joined, leaving, ended } phase_ = Phase::idle;
  std::optional<TimePoint> departure_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<Server> servers_;  ///< that have no address in their URI
  std::deque<PeerReport> past_;
  std::uint64_t ignored_ = 0;
  std::deque<SocketRequest> requests_;
  std::deque<Event> events_;
};

}  // namespace ice::mesh
