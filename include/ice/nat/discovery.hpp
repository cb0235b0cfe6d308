#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>
#include <vector>

#include "ice/base/datagram.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/environment.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/base/socket.hpp"
#include "ice/base/time.hpp"
#include "ice/nat/behavior.hpp"
#include "ice/stun/error_code.hpp"

namespace ice::nat {

struct DiscoveryConfig {
  static constexpr Duration default_limit = std::chrono::seconds{12};  ///< ours: who waits for a call waits no longer

  /// Who is asked, of one family. One server that does RFC 5780 (two addresses, two ports) is enough for everything;
  /// several ordinary ones tell the mapping, at best as `endpoint_dependent`, and no filtering.
  std::vector<Endpoint> servers{};
  Address local{};                 ///< what the sockets are bound to; none: any address of the family
  std::string software{};          ///< SOFTWARE in requests; "" sends none, which servers of RFC 3489 need
  Duration limit = default_limit;  ///< when what is not known by then is left unknown
  /// Measure the lifetime of a mapping too (RFC 5780 §4.6), after the rest: that takes minutes, and wants a server that
  /// knows RESPONSE-PORT. It ends after most_lifetime_test whatever happens.
  bool lifetime = false;
};

/// What a question is for. The requests of the hairpinning test itself go to no server and are not among them.
enum class Test : std::uint8_t {
  contact,                 ///< is there a server, and has it a second address (RFC 5780 §4.2)
  fresh_mapping,           ///< how a port that was never used is seen
  mapping,                 ///< how another endpoint of a server sees the same port (RFC 5780 §4.3)
  mapping_control,         ///< whether the first one still sees it as it did
  filtering_address,       ///< answer me from another address and port (RFC 5780 §4.4, test II)
  filtering_port,          ///< answer me from another port (RFC 5780 §4.4, test III)
  filtering_control,       ///< whether the path is alive, and the mapping the same, after these two
  opening,                 ///< lets in who will answer the two controls that follow
  change_address_control,  ///< whether the server does answer from another address and port
  change_port_control,     ///< whether it does from another port
  hairpin_control,         ///< whether the path is alive after the hairpinning test
  fragments,               ///< a request longer than most paths' MTU (RFC 5780 §3.5)
  fragments_control,       ///< whether the path is alive after one of them
  lifetime_refresh,        ///< a mapping begins to age (RFC 5780 §4.6)
  lifetime,                ///< answer to that port, if its mapping lives
  lifetime_control,        ///< whether the path is alive after that
  tcp,                     ///< whether it is there for TCP, when it is not for UDP
};

/// "contact", "fresh-mapping", …
ICE_API std::string_view to_string(Test test) noexcept;

/// One question and what came of it: the evidence.
struct Observation {
  Test test{};
  TimePoint at{};                  ///< when it was answered or given up
  Endpoint local{};                ///< from here
  Endpoint server{};               ///< was asked
  std::uint8_t transmissions = 0;  ///< how often
  std::error_code error{};         ///< none: it was answered
  stun::ErrorCode code{};          ///< of an error response
  Endpoint from{};                 ///< the answer came from here
  Endpoint mapped{};               ///< and says this
  std::optional<Duration> round_trip{};
};

/// A server has answered the first question, or has not.
struct ServerAnswered {
  Observation what{};
  Endpoint other_address{};  ///< OTHER-ADDRESS, if any
};
/// All is known that will be. The sockets are closed, and nothing more happens.
struct Discovered {
  Behavior behavior{};
};
using DiscoveryEvent = std::variant<ServerAnswered, Discovered>;

struct DiscoveryProgress {
  std::size_t asked = 0;            ///< questions that have ended
  std::size_t expected = 0;         ///< those and the ones in progress or waiting, as far as it is known
  bool measuring_lifetime = false;  ///< all else is done
};

/// Finds out what the NATs and firewalls between here and some STUN servers do (RFC 5780). A machine with sockets of
/// its own, one for each thing that earlier traffic would disturb: what opens a filter is not sent from where filters
/// are looked at.
///
/// It never guesses. Silence counts as a filter only when so many questions stayed unanswered that loss, as it was seen
/// on the same path, would do that once in a million times; the port was heard by the server before and after; and the
/// server was seen to answer from elsewhere, where the mapping lets that be seen. Two sockets that disagree, a mapping
/// that moves, and a server whose second address does not answer are `unknown`, with the reason (`Doubt`).
///
/// It begins at most ten transactions a second (RFC 5780 §5), by the pacer of its environment.
///
/// The environment must outlive it. Not thread-safe; distinct objects are independent.
class ICE_API Discovery {
 public:
  using Event = DiscoveryEvent;

  static constexpr std::size_t most_servers = 8;                             ///< ours
  static constexpr Duration most_lifetime_test = std::chrono::minutes{30};   ///< ours
  static constexpr Duration pacing = std::chrono::milliseconds{100};         ///< RFC 5780 §5
  static constexpr Duration tcp_patience = std::chrono::milliseconds{2000};  ///< silence before TCP is tried; ours

  Discovery(DiscoveryConfig config, Environment environment);
  ~Discovery();
  Discovery(Discovery&&) noexcept;
  Discovery& operator=(Discovery&&) noexcept;

  /// Begins; once. errc::invalid_argument: no server, one without an address or a port, or servers of two families.
  /// errc::limit_reached: more than most_servers.
  result<void> start(TimePoint now);

  /// What is known so far; final after Discovered.
  Behavior behavior() const;
  const std::vector<Observation>& observations() const noexcept;
  DiscoveryProgress progress() const noexcept;
  bool finished() const noexcept;

  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  void handle_timeout(TimePoint now);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<Event> poll_event();
  std::optional<TimePoint> next_timeout() const noexcept;
  std::optional<SocketRequest> poll_socket();
  void handle_socket(TimePoint now, const SocketEvent& event);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ice::nat
