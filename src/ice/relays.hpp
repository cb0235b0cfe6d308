#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/hidden.hpp"
#include "ice/agent.hpp"
#include "ice/local_candidates.hpp"
#include "ice/turn/allocation.hpp"

namespace ice {

/// Index of an allocation in Relays, for as long as it is one.
using RelayIndex = std::uint16_t;

/// The allocations on TURN servers: one for each base, server and address of it. They outlive a generation, since two
/// on one socket would be one to the server (RFC 8656 §3.2), and since a restart then has its relayed candidates at
/// once.
///
/// To the rest of the agent each relayed address is a socket of its own, with an id that no driver gives: what is sent
/// on it is wrapped on the way out, what comes is unwrapped on the way in, and nobody else need know.
class ICE_HIDDEN Relays {
 public:
  /// Ours: three transports for each of ten addresses. Beyond it the oldest that nobody needs any more gives way.
  static constexpr std::size_t most = 32;
  /// A driver's socket has a lower id.
  static constexpr std::uint32_t first_socket = 0xFFFF'0000;
  static bool is_relay(SocketId socket) noexcept { return static_cast<std::uint32_t>(socket) >= first_socket; }

  /// One relayed address.
  struct Way {
    SocketId socket{};
    Endpoint relayed;
  };
  struct Relay {
    turn::Allocation allocation;
    SocketId host;  // of the base that it stands beside
    Endpoint local;
    std::uint16_t server = 0;  // index of its URI
    Endpoint endpoint;         // of the server as it is configured
    Transport transport = Transport::udp;
    std::string uri;
    std::vector<Way> ways{};  // while there is an allocation
    bool wanted = false;      // by the present generation
    bool pending = false;     // waits for its slot
    bool in_vain = false;     // since then the server has been asked and gave none, or wants to be asked later
    bool new_login = false;   // since it was last asked for
    bool host_gone = false;
    std::optional<TimePoint> heard{};  // from its server, before it was wanted
    std::uint64_t number = 0;          // the order in which they were first wanted
    std::uint16_t tickets = 0;         // sockets of its own that were asked for at this index
    SocketTicket ticket{};             // its name for the last of them
  };

  Relays(const AgentConfig& config, const Environment& environment);

  /// The present generation wants a relayed candidate of this server beside this base. What is there already is used,
  /// and asked for again where it is not. errc::limit_reached. The pointer is good until the next call.
  result<Relay*> want(const Base& host, std::uint16_t server, const Endpoint& endpoint);
  /// A new generation begins, or none wants anything more: what is under way goes on.
  void want_none() noexcept;
  /// The present generation wants what an earlier one has left beside this base, there or under way, whatever DNS will
  /// say of its server. One that waits before it asks again asks in the next slot.
  void take_over(const Base& host) noexcept;

  /// One that waits for its slot, and the start of the next one.
  bool has_next() const noexcept;
  void start_next(TimePoint now);
  /// Everything that is wanted is there, or was asked for in vain: nobody waits for more than one attempt.
  bool settled() const noexcept;
  /// Until when those that are not are waited for, where each gets `patience`; TimePoint::max() where one has yet to
  /// ask, none where all are settled.
  std::optional<TimePoint> awaited_until(Duration patience) const noexcept;

  void replace_credentials(TimePoint now, std::uint16_t server, const stun::Login& login);

  /// As Gatherer::hopeless_at(). A server that does not take the user, or has given him what he may have, is not dead:
  /// others behind its name would say the same.
  std::optional<TimePoint> hopeless_at(std::uint16_t server, const Endpoint& endpoint,
                                       Duration patience) const noexcept;

  /// Gives back all but those that are wanted, or have one of these ways. What is no more.
  std::vector<Way> release_all_but(TimePoint now, const std::vector<SocketId>& used);
  /// The agent is closed: each is given back, without waiting for an answer, and its own socket closed.
  void close(TimePoint now);
  /// The socket is gone, and what stood beside it. What is no more.
  std::vector<Way> remove_host(TimePoint now, SocketId host);

  /// The ways of a new allocation, with ids that none has had for a long time.
  void open_ways(RelayIndex relay, const turn::Allocated& allocated);
  /// The allocation is gone. Its ways, which are no more.
  std::vector<Way> close_ways(RelayIndex relay) noexcept;

  // ---- what arrives, what leaves
  /// Whose server the datagram is from.
  Relay* owner(const Datagram& datagram) noexcept;
  /// Whose relayed address it is.
  Relay* find(SocketId way) noexcept;
  const Relay* find(SocketId way) const noexcept;
  /// What the agent wants to send from a relayed address, as the packet to the server; none where it cannot be.
  std::optional<Transmit> wrap(TimePoint now, const Transmit& inner, MutableBytes scratch) noexcept;

  void handle_timeout(TimePoint now);
  void handle_socket(TimePoint now, const SocketEvent& event);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<SocketRequest> poll_socket();
  std::optional<std::pair<RelayIndex, turn::AllocationEvent>> poll_event();
  std::optional<TimePoint> next_timeout() const noexcept;

  bool empty() const noexcept { return all_.empty(); }
  Relay& operator[](RelayIndex index) noexcept { return all_[index]; }
  const std::vector<Relay>& all() const noexcept { return all_; }
  std::vector<ServerReport> report() const;

 private:
  turn::AllocationConfig config_of(const Base& host, std::uint16_t server, const Endpoint& endpoint) const;
  Relay* find_superfluous() noexcept;
  bool is(const Relay& relay, const Base& host, std::uint16_t server, const turn::AllocationConfig& config) const;
  static bool is_awaited(const Relay& relay) noexcept;
  static void want_again(Relay& relay) noexcept;
  SocketId next_way() noexcept;
  static bool uses(const Relay& relay, const std::vector<SocketId>& used) noexcept;

  const AgentConfig& config_;
  Environment environment_;
  std::uint32_t last_way_ = first_socket - 1;
  bool closed_ = false;
  bool said_goodbye_ = false;         // nothing more is to be sent before the sockets close
  std::vector<SocketId> to_close_{};  // once the agent is closed
  std::vector<Relay> all_;
  std::uint64_t next_number_ = 0;
};

/// The words of the report for why a server gave no allocation, or took it back.
Cause cause_of(const turn::Refusal& refusal) noexcept;

}  // namespace ice
