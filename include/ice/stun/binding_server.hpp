#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ice/base/datagram.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/machine.hpp"
#include "ice/base/result.hpp"
#include "ice/base/time.hpp"
#include "ice/base/trace.hpp"

namespace ice::stun {

class Message;

struct BindingServerConfig {
  /// The longest SOFTWARE: it is in every answer, and an answer must not be worth asking for in somebody else's name.
  static constexpr std::size_t most_software = 64;
  static constexpr std::uint32_t default_errors_per_second = 100;  ///< ours

  std::string software{};                                       ///< SOFTWARE (RFC 8489 §14.14), UTF-8; "" sends none
  std::uint32_t errors_per_second = default_errors_per_second;  ///< error responses beyond it are not sent
  bool classic = true;        ///< answer clients of RFC 3489, who know no magic cookie (RFC 5389 §12.2)
  bool response_port = true;  ///< answer to another port of the client where it asks for that (RFC 5780 §7.5)
};

/// A datagram socket that requests arrive on.
struct BindingServerSocket {
  SocketId socket{};
  Endpoint local;                        ///< what it is bound to
  Transport transport = Transport::udp;  ///< udp or dtls
  Address external{};                    ///< what clients see in place of `local.address` behind a 1:1 NAT, or none
};

/// What came and what became of it.
struct BindingServerCounters {
  std::uint64_t requests = 0;           ///< Binding requests, classic ones included
  std::uint64_t classic_requests = 0;   ///< those of RFC 3489
  std::uint64_t successes = 0;          ///< answered with a success response
  std::uint64_t errors = 0;             ///< answered with an error response
  std::uint64_t errors_suppressed = 0;  ///< would have been, but for the rate
  std::uint64_t indications = 0;        ///< Binding indications, which want no answer
  std::uint64_t malformed = 0;          ///< broken STUN, or a wrong FINGERPRINT
  std::uint64_t unanswerable = 0;       ///< from port 0
  std::uint64_t not_mine = 0;           ///< no STUN, responses, other methods
};

/// A STUN server as RFC 8489 §12 describes it: it tells whoever asks where the question came from. A machine.
///
/// It keeps nothing of its clients, so there is nothing to flood: an answer is written into the scratch of the call
/// that brought the request and returned as `Received::forward`. It polls out no packets and no events, has no timers,
/// and allocates in add_socket() alone.
///
/// Two addresses of one family with the same two ports each (RFC 5780 §6: A1:P1, A1:P2, A2:P1, A2:P2, plain UDP) turn
/// NAT behaviour discovery on: OTHER-ADDRESS in the answers on these four, and CHANGE-REQUEST answered from the socket
/// that it asks for. Elsewhere CHANGE-REQUEST is refused with 420. Clients of RFC 3489 get the same in its attributes.
///
/// A socket that was never added is taken for a stream connection that the driver has accepted: its requests are
/// answered on it, by RFC 8489 alone, whose §6.2.2 forbids anything else.
///
/// Requests are not authenticated (RFC 8489 §12: that would be more work than the answer) and neither are responses.
/// FINGERPRINT is in a response where it was in the request.
///
/// Distinct objects may be used from different threads, one object from one at a time.
class ICE_API BindingServer {
 public:
  struct Event {};  ///< there is none

  static constexpr std::size_t most_sockets = 64;  ///< ours
  /// No response is longer, save that one with PADDING has as much of it as the request had, if scratch holds it:
  /// header, four IPv6 addresses or an error with its list, SOFTWARE, TRANSACTION_TRANSMIT_COUNTER, FINGERPRINT.
  static constexpr std::size_t longest_response = 20 + 4 * 24 + 4 + BindingServerConfig::most_software + 8 + 8;

  /// `config.software` is at most most_software long; `trace` is null or outlives the server.
  explicit BindingServer(BindingServerConfig config = {}, TraceSink* trace = nullptr);

  /// errc::limit_reached; errc::invalid_argument where the id is known already or the transport is a stream.
  result<void> add_socket(const BindingServerSocket& socket);

  /// errc::no_such_socket.
  result<void> remove_socket(SocketId socket);

  /// True if a client of this family can discover the behaviour of its NAT here (RFC 5780 §6).
  bool discovers_nat_behavior(Family family) const noexcept;

  const BindingServerCounters& counters() const noexcept { return counters_; }

  /// Answers a request with Verdict::forward. `scratch` has at least scratch_size bytes.
  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) noexcept;
  void handle_timeout(TimePoint) noexcept {}
  std::optional<Transmit> poll_transmit(TimePoint, MutableBytes) noexcept { return std::nullopt; }
  std::optional<Event> poll_event() noexcept { return std::nullopt; }
  std::optional<TimePoint> next_timeout() const noexcept { return std::nullopt; }

 private:
  static constexpr std::size_t none = most_sockets;
  struct Socket {
    BindingServerSocket self;
    // RFC 5780 §6.1: where "change IP", "change port" and both lead to, as places in sockets_; all or none are there.
    std::size_t change_ip = none;
    std::size_t change_port = none;
    std::size_t change_both = none;

    Endpoint shown() const noexcept;
  };

  const Socket* find(SocketId socket) const noexcept;
  void find_alternates() noexcept;
  Received answer(TimePoint now, const Datagram& in, const Message& request, MutableBytes scratch) noexcept;
  Received respond(const Datagram& in, const Socket* from, std::uint16_t port, Bytes response) noexcept;
  bool spend_error_token(TimePoint now) noexcept;
  Received refuse(TimePoint now, const Datagram& in, Verdict verdict, std::string_view what) noexcept;

  BindingServerConfig config_;
  TraceSink* trace_;
  std::vector<Socket> sockets_;
  BindingServerCounters counters_;
  std::uint64_t error_tokens_;
  TimePoint error_tokens_at_{};
};

}  // namespace ice::stun
