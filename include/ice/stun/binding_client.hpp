#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "ice/base/datagram.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/environment.hpp"
#include "ice/base/export.hpp"
#include "ice/base/machine.hpp"
#include "ice/base/result.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/attribute_values.hpp"
#include "ice/stun/auth_session.hpp"
#include "ice/stun/transaction.hpp"

namespace ice::stun {

/// A client's own name for one question, until its result.
enum class BindingRequestId : std::uint32_t {};

/// A question to a server: where do I come from?
struct BindingRequest {
  SocketId socket{};  ///< leaves from here; on a stream, the connection to the server
  Endpoint server{};
  Transport transport = Transport::udp;
  std::string tls_name{};  ///< on tls and dtls, the name that the server's certificate bears

  bool fingerprint = false;  ///< with FINGERPRINT; then a response without one is ignored (RFC 8489 §6.3)
  std::optional<ChangeRequest> change_request{};  ///< RFC 5780 §7.2: the response comes from elsewhere
  std::uint16_t response_port = 0;         ///< RFC 5780 §7.5: the response goes to this port; 0 for no such wish
  std::optional<std::uint16_t> padding{};  ///< RFC 5780 §7.6: bytes of PADDING; fails where scratch cannot hold them
  std::optional<RetransmissionSchedule>
      schedule{};  ///< instead of the transport's with the RTO learned; on a stream, rc 1
};

/// The last thing that came back for a request and did not answer it.
struct LastHeard {
  enum class Kind : std::uint8_t {
    nothing,
    icmp,          ///< an ICMP error, of `icmp_type` and `icmp_code`
    elsewhere,     ///< an answer from another address or on another socket than asked
    unverified,    ///< an answer with the integrity missing or wrong
    untrusted,     ///< an answer that RFC 8489 §9.2.5 says to ignore, `code` if it was an error
    fingerprint,   ///< an answer with FINGERPRINT missing or wrong
    server_error,  ///< an error of 5xx, after which the request was sent again
  };
  Kind kind = Kind::nothing;
  TimePoint at{};
  Endpoint from{};
  ErrorCode code{};
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
};

/// What became of a request. Every request that is not cancelled gets exactly one.
struct BindingResult {
  BindingRequestId request{};

  /// None: the server answered, and `mapped` says where the request came from. Else errc::timed_out,
  /// errc::wrong_integrity (answers came, none could be verified), errc::unreachable, errc::server_refused,
  /// errc::redirect_loop, errc::bad_response, errc::limit_reached, what AuthSession tells, what the builder tells of a
  /// request that cannot be written, or the error of the socket.
  std::error_code error{};

  SocketId socket{};                     ///< on which the answer came
  Endpoint from{};                       ///< from where it came
  Endpoint server{};                     ///< who was asked last
  std::uint8_t redirects = 0;            ///< how often ALTERNATE-SERVER was followed to get there
  std::uint8_t transmissions = 0;        ///< of the last transaction
  std::optional<Duration> round_trip{};  ///< where it could be measured
  bool authenticated = false;

  // From a success response.
  Endpoint mapped{};           ///< XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS where a server of RFC 3489 answered
  Endpoint mapped_plain{};     ///< MAPPED-ADDRESS, if any; differs where somebody rewrites packets (RFC 5780 §3.6)
  Endpoint response_origin{};  ///< RESPONSE-ORIGIN, SOURCE-ADDRESS of RFC 3489; or none
  Endpoint other_address{};    ///< OTHER-ADDRESS, CHANGED-ADDRESS of RFC 3489; or none
  std::uint16_t padding = 0;   ///< bytes of PADDING

  // From an error response.
  ErrorCode code{};
  AttributeTypeList unknown_attributes{};
  Endpoint alternate_server{};  ///< from a 300 that was not followed

  LastHeard last_heard{};
};

struct BindingClientConfig {
  std::string software{};               ///< SOFTWARE; "" sends none, which servers of RFC 3489 need (RFC 5389 §12.1)
  AuthSession session{};                ///< how servers are authenticated to; each gets a session of its own from it
  bool follow_alternate_server = true;  ///< RFC 8489 §10; RFC 5780 §5 advises against it
  bool count_transmissions = false;     ///< TRANSACTION_TRANSMIT_COUNTER, which measures lossy paths too (RFC 7982)
  Duration rto = RetransmissionSchedule::default_rto;  ///< the least RTO for datagrams
};

/// What came and was no answer to anything.
struct BindingClientCounters {
  std::uint64_t responses = 0;        ///< Binding responses that were used
  std::uint64_t unsolicited = 0;      ///< responses that match no transaction in progress
  std::uint64_t elsewhere = 0;        ///< from another address, or on another socket, than asked
  std::uint64_t malformed = 0;        ///< broken STUN, or FINGERPRINT missing or wrong
  std::uint64_t unauthenticated = 0;  ///< rejected or ignored as RFC 8489 §9 says
};

/// Asks STUN servers for the reflexive address of a socket (RFC 8489 §6 with the Binding method). A machine; several
/// requests may be in progress, to one server or to many, over the owner's sockets.
///
/// It takes what a server answers as far as RFC 8489 allows: challenges are met (§9.2.5), 300 is followed where it is
/// authenticated and leads to no loop (§10, §14.8), 5xx is asked again up to four times (§6.3.4), unknown
/// comprehension-required attributes fail the request (§6.3.3). Responses that nobody asked for, from elsewhere, or
/// unproven cost a counter and a trace event.
///
/// Over datagrams it asks for no sockets. Over a stream a redirection needs a new connection: it is asked for in
/// poll_socket() and closed after the answer. Pacing is the owner's (RFC 5780 §5: ten new requests a second).
///
/// The environment must outlive the client. Not thread-safe; distinct objects are independent.
class ICE_API BindingClient {
 public:
  using Event = BindingResult;

  static constexpr std::size_t most_requests = 64;             ///< ours, all servers together
  static constexpr std::size_t most_requests_per_server = 10;  ///< RFC 8489 §6.2
  static constexpr std::size_t most_servers = 64;              ///< remembered ones (realm, nonce, RTO); ours
  static constexpr std::uint8_t most_redirects = 4;            ///< ours
  static constexpr std::uint8_t most_server_errors = 4;        ///< resent after 5xx, RFC 8489 §6.3.4
  /// How long a server that was asked may not be redirected to again (RFC 8489 §10).
  static constexpr Duration redirect_memory = std::chrono::minutes{5};

  BindingClient(BindingClientConfig config, Environment environment);

  /// Begins a request. errc::invalid_argument: no server address, or a wish of RFC 5780 that needs datagrams on a
  /// stream, or RESPONSE-PORT with PADDING (RFC 5780 §3.5). errc::limit_reached: too many are in progress.
  result<BindingRequestId> ask(TimePoint now, const BindingRequest& request);

  /// Forgets a request; there will be no result. Unknown ids are ignored.
  void cancel(BindingRequestId request) noexcept;

  std::size_t in_progress() const noexcept { return exchanges_.size(); }
  const BindingClientCounters& counters() const noexcept { return counters_; }

  /// Responses are `handled`; those that match nothing here are `not_mine`, as another client may share the socket.
  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  void handle_timeout(TimePoint now);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<BindingResult> poll_event();
  std::optional<TimePoint> next_timeout() const noexcept;

  std::optional<SocketRequest> poll_socket();
  /// A hard ICMP error ends a transaction (RFC 8489 §6.2.1, RFC 1122 §4.2.3.9), others are remembered as evidence. A
  /// closed stream ends those on it (§6.2.2).
  void handle_socket(TimePoint now, const SocketEvent& event);

 private:
  /// What is remembered of a server: §9.2.3.2, §6.2.1.
  struct Server {
    Endpoint endpoint;
    AuthSession session;
    RtoEstimate rto;
    TimePoint last_used;
  };

  /// A server that a request was sent to, for the loop check.
  struct Visit {
    Endpoint server{};
    TimePoint last_sent;
  };

  /// One request from ask() to its result.
  struct Exchange {
    BindingRequest request;  // `socket`, `server` and `tls_name` follow redirections
    Transaction transaction;
    AuthSession::Generation signed_at = 0;
    enum class Phase : std::uint8_t { waiting, connecting, asking, done } phase = Phase::asking;
    std::uint8_t server_errors = 0;
    TimePoint not_before{};  // while waiting, after a 5xx
    std::array<Visit, most_redirects + 1> visits{};
    SocketTicket ticket{};
    bool connect_wanted = false;
    bool owns_socket = false;
    std::uint32_t finished = 0;  // order of results
    BindingResult result{};
  };

  Server& server_of(const Endpoint& endpoint, TimePoint now);
  RtoEstimate& rto_of(const Server& server) noexcept;
  RetransmissionSchedule schedule_for(const BindingRequest& request, TimePoint now);
  void begin_transaction(Exchange& exchange, TimePoint now);
  void finish(Exchange& exchange, std::error_code error);
  void close_own_socket(Exchange& exchange);

  result<Bytes> write_request(const Exchange& exchange, const AuthSession& session, MutableBytes out) const;
  Received handle_response(TimePoint now, const Datagram& in, Exchange& exchange, const Message& response);
  void take_success(TimePoint now, Exchange& exchange, const Message& response);
  void take_error(TimePoint now, Exchange& exchange, const Message& response, bool authenticated);
  void follow(TimePoint now, Exchange& exchange, const Message& response);
  void note(TimePoint now, Exchange& exchange, LastHeard heard, std::string_view trace_name);

  BindingClientConfig config_;
  Environment environment_;
  std::vector<Exchange> exchanges_;
  std::vector<Server> servers_;
  std::vector<SocketId> to_close_;
  BindingClientCounters counters_;
  std::uint32_t next_id_ = 1;
  std::uint32_t next_ticket_ = 1;
  std::uint32_t finished_ = 0;
};

}  // namespace ice::stun
