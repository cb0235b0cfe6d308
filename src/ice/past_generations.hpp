#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/hidden.hpp"
#include "ice/generation.hpp"

namespace ice {

/// The generations that restarts have ended. The last one that had a pair for data keeps it, with consent, until the
/// generation after it has one (RFC 8445 §9, RFC 8839 §4.4.3.1.1). Each answers what is still on its way to it for a
/// while, and stays in the report.
class ICE_HIDDEN PastGenerations {
 public:
  /// Ours: the one that carries data, and the one before the present. Of older ones the report is kept.
  static constexpr std::size_t most_alive = 2;
  /// Ours: beyond it the oldest report goes.
  static constexpr std::size_t most_reported = 4;
  /// For as long as the peer may send on the pair of before: until its consent would have expired (RFC 7675 §5.1).
  static constexpr Duration linger = Consent::lifetime;

  /// `generation` is over: it stood at `state` with `cause`.
  void add(TimePoint now, std::unique_ptr<Generation> generation, GenerationEnd why, AgentState state, Cause cause);

  /// The present generation has selected a pair: none of these carries data any more.
  void supersede(TimePoint now);

  /// The one that data goes through now; null where none has a pair for it.
  Generation* carrier(TimePoint now) const noexcept;
  /// The same, if its pair was selected, to become the present generation again; none of it stays here.
  std::unique_ptr<Generation> take_back(TimePoint now);

  /// The one that the user name of a request means; null for none that is alive.
  Generation* find(std::string_view local_ufrag) const noexcept;
  /// A packet for it is late, and not a stranger's.
  bool knows_local(std::string_view ufrag) const noexcept;
  /// Signalling that bears it is late.
  bool knows_remote(std::string_view ufrag) const noexcept;
  bool knows_remote_password(std::string_view password) const noexcept;
  /// One that is alive has a candidate on it that the peer may have been told of.
  bool uses(SocketId socket) const noexcept;
  bool has_proven(SocketId socket, const Endpoint& from) const noexcept;

  void add_socket(TimePoint now, const Socket& socket);
  void remove_socket(TimePoint now, SocketId socket, std::error_code why, Cause cause);
  /// What carries data goes through this socket; none where nothing does.
  std::optional<SocketId> carrying_socket(TimePoint now) const noexcept;

  /// True where the response answers a request of one of them; `authentic` says whether it is signed as it should.
  bool handle_response(TimePoint now, const stun::Message& response, const Datagram& datagram, bool& authentic);
  void handle_unreachable(const SocketUnreachable& event) noexcept;
  void handle_timeout(TimePoint now);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<TimePoint> next_timeout() const noexcept;

  /// The agent has ended: nothing is sent any more, and requests are told so.
  void end() noexcept;

  /// Oldest first.
  std::vector<GenerationReport> report() const;

 private:
  struct Past {
    GenerationReport report;
    std::unique_ptr<Generation> generation;  // null once nothing is expected for it any more
    bool carries = false;
    std::optional<TimePoint> until;  // it is kept alive; none: for as long as it carries data
  };
  void stop_carrying(TimePoint now, Past& past) noexcept;
  static void bury(Past& past);
  void keep_bounds();

  std::vector<Past> all_;
};

}  // namespace ice
