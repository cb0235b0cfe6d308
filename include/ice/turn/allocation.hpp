#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

#include "ice/base/datagram.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/environment.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/base/socket.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/attribute_values.hpp"
#include "ice/stun/auth_session.hpp"
#include "ice/stun/transaction.hpp"

namespace ice::turn {

/// Which relayed addresses are wanted (RFC 8656 §7.1).
enum class RequestedFamily : std::uint8_t {
  unspecified,  ///< no attribute: IPv4, as from a server of RFC 5766
  ipv4,
  ipv6,
  both,  ///< ADDITIONAL-ADDRESS-FAMILY; one of the two may be refused, and the other is there all the same
};

/// What a server keeps the next port reserved under (RFC 8656 §18.10).
using ReservationToken = std::array<std::uint8_t, 8>;

struct AllocationConfig {
  Endpoint server{};
  Transport transport = Transport::udp;
  std::string tls_name{};  ///< for tls and dtls: the name that the server's certificate must bear
  /// The UDP socket that the allocation shares with its owner. Without one, and always for tcp, tls and dtls, it asks
  /// for a socket of its own in poll_socket().
  std::optional<SocketId> socket{};
  Address local{};  ///< what a socket of its own is bound to; none: any address of the server's family

  /// Long-term credentials (RFC 8489 §9.2) or an access token (RFC 7635); none for a server that wants none.
  std::optional<stun::Login> login{};
  RequestedFamily family = RequestedFamily::unspecified;
  std::optional<stun::EvenPort> even_port{};  ///< EVEN-PORT; not with `both` where the next is reserved too
  std::optional<ReservationToken>
      reservation_token{};     ///< takes a reserved port; `family` and `even_port` must be unset
  bool dont_fragment = false;  ///< DONT-FRAGMENT in Send indications, where the server knows it (Allocated says so)
  /// Asks for TCP to peers (RFC 6062), over tcp or tls. TcpAllocation sets it, and does what Allocation does not know:
  /// there is nothing to wrap() and no channel then.
  bool tcp_to_peers = false;
  bool mobility = false;  ///< asks for a ticket, so that it can move() (RFC 8016); Allocated says whether it can
  std::optional<stun::Seconds> lifetime{};  ///< a hint; servers give at least 600 s (RFC 8656 §7.1)

  std::string software{};  ///< SOFTWARE in Allocate and Refresh (RFC 8656 §5); "" sends none
  Duration rto = stun::RetransmissionSchedule::default_rto;  ///< the least RTO over udp and dtls
  /// Over udp and dtls a Binding indication leaves when nothing else has for so long: only packets from inside keep the
  /// mapping of a NAT, and some forget it after 30 s. At this one two in a row may be lost. Zero turns it off.
  Duration keepalive = std::chrono::seconds{10};
};

/// Where an allocation stands.
enum class AllocationState : std::uint8_t {
  idle,        ///< allocate() was not called yet
  connecting,  ///< waits for a socket of its own
  allocating,  ///< asks the server
  allocated,   ///< it is there
  waiting,     ///< it was lost, and is asked for again at a time that retry_at says
  releasing,   ///< the server is told that it is no longer wanted
  released,    ///< it is no longer there, as wished
  failed,      ///< the server gives none; only allocate() begins again, or replace_credentials() where that may help
};

/// "idle", "connecting", …
ICE_API std::string_view to_string(AllocationState state) noexcept;

/// Why a request, an allocation, a permission or a channel came to nothing.
struct Refusal {
  /// errc::server_refused with `code`; errc::unauthorized (wrong user, password or token), errc::token_expired,
  /// errc::timed_out, errc::unreachable, errc::wrong_integrity (answers came, none could be verified),
  /// errc::redirect_loop, errc::bad_response, errc::bid_down, errc::unsupported (none of the server's password
  /// algorithms, or it takes no tokens), what Builder tells of a request that cannot be written, or the error of a
  /// socket.
  std::error_code error{};
  stun::ErrorCode code{};  ///< of the server's answer; 0 where there was none
  TimePoint at{};
};

/// The server has made an allocation: the first, or a new one after AllocationLost.
struct Allocated {
  Endpoint relayed{};          ///< the first of its addresses
  Endpoint relayed_other{};    ///< with RequestedFamily::both, the one of the other family; or none
  Endpoint mapped{};           ///< where the server says that it sees us (RFC 8656 §7.2); none where it does not
  Endpoint server{};           ///< who made it; not the one of the config where it redirected
  Duration lifetime{};         ///< as the server said
  bool dont_fragment = false;  ///< the server knows DONT-FRAGMENT
  bool mobile = false;         ///< the server has given a ticket: move() can take it along
  std::optional<ReservationToken> reservation_token{};
  std::optional<stun::AddressError> refused{};  ///< ADDRESS-ERROR-CODE: why there is none of that family; reason is ""
};
/// There is none. The first attempt, or one after a loss, has come to nothing; or an allocation was lost again before
/// it had lasted for Allocation::longest_backoff, and the next attempt waits.
struct AllocationFailed {
  Refusal why{};
  Endpoint server{};                    ///< who was asked last
  std::optional<TimePoint> retry_at{};  ///< it was lost and is asked for again then; none: that was all
};
/// It was there and is gone, with its permissions and channels. Unless release() follows, or the credentials are what
/// was refused, a new one is asked for, and at once where this one had lasted or was the first that had not: Allocated
/// or AllocationFailed will tell. What was permitted and bound is permitted and bound again there.
struct AllocationLost {
  Refusal why{};  ///< code 437: the server does not know it any more, because it restarted or a NAT gave a new mapping
  Endpoint relayed{};
  Endpoint relayed_other{};
};
/// The peer's address may send, and may be sent to. Told once, and again after Allocated.
struct PermissionGranted {
  Address peer{};
};
/// It may not; code 403: by the server's policy; 443: there is no relayed address of its family. The allocation is
/// untouched, and the peer is forgotten.
struct PermissionRefused {
  Address peer{};
  Refusal why{};
};
/// Data to this peer now has a header of four bytes.
struct ChannelReady {
  Endpoint peer{};
  std::uint16_t number = 0;
};
/// There is no channel; Send indications still work where there is a permission.
struct ChannelRefused {
  Endpoint peer{};
  Refusal why{};
};
/// An ICMP error met what was relayed to this peer (RFC 8656 §11.6). A hint, not proof.
struct PeerUnreachable {
  Endpoint peer{};  ///< port 0 where the server does not know it
  stun::IcmpError icmp{};
};
/// It is gone as release() wanted; or nobody answered, and it will expire by itself.
struct Released {};
/// It has followed move(): data leaves by this socket now. The server sends where it sent before until data has come
/// from here (RFC 8016 §3.2.2), so send some, where nothing else does; until then what comes the old way is taken too.
struct Moved {
  SocketId socket{};
};
/// It is where it was before move(), with all it had.
struct MoveFailed {
  Refusal why{};  ///< code 405: the server forbids it
};
/// The server takes access tokens and we have none, or ours is about to expire (RFC 7635 §8, §9). Answer, some time
/// later, with replace_credentials(). Told once of each.
struct AccessTokenWanted {
  std::string server_name;              ///< for the authorization server (RFC 7635 §6.1); "" until the server has told
  std::optional<TimePoint> good_until;  ///< the end of the present one
};

using AllocationEvent =
    std::variant<Allocated, AllocationFailed, AllocationLost, PermissionGranted, PermissionRefused, ChannelReady,
                 ChannelRefused, PeerUnreachable, Released, Moved, MoveFailed, AccessTokenWanted>;

/// What arrived and was worth nothing, and what was sent.
struct AllocationCounters {
  std::uint64_t requests = 0;         ///< transmissions, retransmissions included
  std::uint64_t responses = 0;        ///< that were used
  std::uint64_t unsolicited = 0;      ///< responses of TURN that match no transaction in progress
  std::uint64_t malformed = 0;        ///< broken STUN, ChannelData or indications
  std::uint64_t unauthenticated = 0;  ///< responses rejected or ignored as RFC 8489 §9.2.5 says
  std::uint64_t no_permission = 0;    ///< data of peers that were not permitted, or on channels that are not bound
  std::uint64_t datagrams_in = 0;     ///< that held data of a peer
  std::uint64_t bytes_in = 0;         ///< data alone
  std::uint64_t datagrams_out = 0;
  std::uint64_t bytes_out = 0;
};

/// All that an allocation can tell of itself, for a report.
struct AllocationReport {
  AllocationState state = AllocationState::idle;
  Transport transport = Transport::udp;
  Endpoint server{};           ///< asked now
  Endpoint first_server{};     ///< of the config
  std::uint8_t redirects = 0;  ///< how often ALTERNATE-SERVER was followed
  Endpoint relayed{};          ///< of the present allocation, or of the last one
  Endpoint relayed_other{};
  Endpoint mapped{};
  std::optional<TimePoint> began{};  ///< the first request of the present attempt was asked for
  std::optional<TimePoint> allocated_at{};
  std::optional<TimePoint> expires_at{};  ///< unless refreshed
  std::optional<TimePoint> retry_at{};
  std::optional<Duration> round_trip{};   ///< smoothed (RFC 6298)
  std::optional<TimePoint> last_heard{};  ///< anything from the server
  Refusal last_refusal{};                 ///< of the allocation itself; error is none if there never was one
  std::uint32_t losses = 0;               ///< how often it was lost
  std::size_t permissions = 0;            ///< granted
  std::size_t channels = 0;               ///< bound
  AllocationCounters counters{};
};

/// A client's allocation on one TURN server from one local address (RFC 8656). A SocketMachine, and a child of whoever
/// owns the socket: route to it what owns() claims.
///
/// It does what a client has to do by itself: challenges are met (401, 438), ALTERNATE-SERVER is followed, the
/// allocation, its permissions and its channels are refreshed, a NAT's mapping is kept, and an allocation that was lost
/// is replaced by a new one. Requests leave when polled, so the owner paces by when it calls allocate().
///
/// What it notices, and when: a refusal and a wrong password, with the answer. A dead server, when a transaction ends
/// (39.5 s on the default schedule), at once where a closed stream says so, or ICMP before there is an allocation:
/// later, an ICMP error only makes it ask, since anybody can forge one. A server that has forgotten us, with the answer
/// to any request, and one is made where data leaves for `longest_silence` and nothing comes back.
///
/// The environment must outlive it. Not thread-safe; distinct objects are independent. Movable.
class ICE_API Allocation {
 public:
  using Event = AllocationEvent;

  static constexpr std::size_t most_permissions = 128;      ///< ours; an ICE agent has at most 96 remote candidates
  static constexpr std::size_t most_channels = 128;         ///< ours, those that wait to be used again included
  static constexpr std::size_t most_requests = 10;          ///< at one time, RFC 8489 §6.2
  static constexpr std::size_t most_peers_per_request = 8;  ///< ours; keeps CreatePermission within 544 bytes
  static constexpr std::uint8_t most_redirects = 4;         ///< ours
  static constexpr std::uint8_t most_server_errors = 4;     ///< sent again after 5xx, RFC 8489 §6.3.4
  static constexpr std::uint8_t most_sockets = 3;  ///< tried after 437, where they are its own (RFC 8656 §7.4)

  static constexpr Duration allocation_margin = std::chrono::minutes{1};    ///< refreshed so long before, RFC 8656 §8
  static constexpr Duration permission_lifetime = std::chrono::minutes{5};  ///< RFC 8656 §9
  static constexpr Duration permission_refresh = std::chrono::minutes{4};   ///< ours: one transaction fits behind it
  static constexpr Duration channel_lifetime = std::chrono::minutes{10};    ///< RFC 8656 §12
  static constexpr Duration channel_refresh = std::chrono::minutes{9};      ///< ours, likewise
  static constexpr Duration channel_quarantine = std::chrono::minutes{5};   ///< after it has expired, RFC 8656 §12
  static constexpr Duration first_backoff = std::chrono::seconds{1};        ///< ours; doubles while nothing lasts
  static constexpr Duration longest_backoff = std::chrono::seconds{32};     ///< ours; what is there so long has lasted
  static constexpr Duration capacity_wait = std::chrono::minutes{1};        ///< after 486 and 508, RFC 8656 §7.4
  static constexpr Duration mismatch_wait = std::chrono::minutes{2};        ///< after 437, RFC 8656 §7.4
  static constexpr Duration longest_silence = std::chrono::seconds{10};     ///< ours
  static constexpr Duration token_margin = std::chrono::minutes{2};  ///< a new one is wanted so long before; ours
  static constexpr std::size_t most_ticket = 512;       ///< of MOBILITY-TICKET, RFC 8016 §3.1.2: it has to fit; ours
  static constexpr std::size_t most_server_name = 255;  ///< of THIRD-PARTY-AUTHORIZATION: a name of DNS

  /// What wrap() may need in front of a payload: a Send indication to an IPv6 peer with DONT-FRAGMENT.
  static constexpr std::size_t wrap_overhead = 52;

  /// The config is checked by allocate().
  Allocation(AllocationConfig config, Environment environment);
  ~Allocation();
  Allocation(Allocation&&) noexcept;
  Allocation& operator=(Allocation&&) noexcept;

  // ---- verbs ---------------------------------------------------------------------------------------------------

  /// Begins, or begins again where it is released, failed or waiting; else does nothing. errc::invalid_argument: no
  /// server address, or wishes that RFC 8656 §7.1 forbids together; on UDP, a socket is expected to be of the server's
  /// family.
  result<void> allocate(TimePoint now);

  /// Lets the peer's address send to us, and us to it, for as long as it is not forgotten (RFC 8656 §9); ports do not
  /// matter. May be called at any time: it is asked for as soon as there is an allocation, several in one request.
  /// Again does nothing. PermissionGranted or PermissionRefused will tell. errc::invalid_argument for no address, an
  /// unspecified or a multicast one; errc::unsupported where the allocation has no relayed address of its family;
  /// errc::limit_reached.
  result<void> permit(TimePoint now, const Address& peer);

  /// Binds a channel to the peer, and permits its address (RFC 8656 §12). May be called at any time; again does
  /// nothing. ChannelReady or ChannelRefused will tell. Errors as permit(), and errc::invalid_argument for port 0,
  /// errc::unsupported for a TCP allocation.
  result<void> bind_channel(TimePoint now, const Endpoint& peer);

  /// The address and its channels are no longer refreshed; nothing is sent to it from now on, nor taken from it. The
  /// server forgets after at most ten minutes, there is no request for it.
  void forget(const Address& peer);

  /// Gives the allocation back (Refresh with LIFETIME 0, RFC 8656 §8). Released will tell. Permissions and channels are
  /// forgotten. Does nothing where there was none but to end an attempt.
  void release(TimePoint now);

  /// The next requests prove who we are with this. With the same user name at once; with another one, the present
  /// allocation stays with the old one as long as the server takes it (RFC 8656 §5: all requests must have the user
  /// name of the first), and the new one is for the next. Where the old ones were refused, or the server's proof and
  /// ours did not fit together (errc::bid_down, errc::unsupported, errc::wrong_integrity), it begins again with these.
  /// An access token follows another at once, whatever its kid: a Refresh takes it to the server before anything else
  /// is signed with it (RFC 7635 §9).
  void replace_credentials(TimePoint now, const stun::Login& login);

  /// Takes the allocation along to another address of this host (RFC 8016 §3.2): relayed addresses, permissions and
  /// channels stay. Data goes the old way until the server has agreed; Moved or MoveFailed will tell, or AllocationLost
  /// where there is no old way any more. So call it before the old socket is closed, if that can be known; while it
  /// moves, the end of the old socket is no loss, but wrap() has no way. Another one ends a move that is going on.
  /// `socket` is for an allocation that shares its socket, and is bound, of the server's family. errc::no_allocation;
  /// errc::unsupported: there is no ticket; errc::invalid_argument: it has a socket of its own, or is on this one.
  result<void> move(TimePoint now, SocketId socket);

  /// The same for an allocation with a socket of its own: it asks for another one, bound to `local`, or to any address
  /// where there is none. errc::invalid_argument: it shares its socket, or `local` is not of the server's family.
  result<void> move(TimePoint now, const Address& local);

  /// Asks the server at once whether the allocation is still there (a Refresh), where no such request is on its way.
  /// For owners who doubt it: consent on a relayed pair gets no answer.
  void check(TimePoint now);

  /// The packet that carries `payload` to `peer`, for the driver to send at once: ChannelData where a channel is bound,
  /// else a Send indication. What stands before the payload is written to the start of `scratch` (at most wrap_overhead
  /// bytes of it). The payload is not copied; it may itself lie in `scratch`, from wrap_overhead on.
  /// errc::no_allocation (or it moves, and its old socket is gone, or it is for TCP), errc::no_permission.
  /// errc::limit_reached: the payload is too long for the length field. errc::buffer_too_small: `scratch` is.
  result<Transmit> wrap(TimePoint now, const Endpoint& peer, Bytes payload, MutableBytes scratch) noexcept;

  // ---- what arrives, what leaves -------------------------------------------------------------------------------

  /// True for what came from the server on the allocation's socket.
  bool owns(const Datagram& in) const noexcept;

  /// Data of a peer is `application_data`: `data` is a view of the input, `from` is the peer. What is not from the
  /// server, and STUN that is not TURN's (a Binding response may be for somebody else on the socket), is `not_mine`.
  /// ChannelData and Data indications of peers that are not permitted are `unauthenticated`.
  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  void handle_timeout(TimePoint now);
  void handle_socket(TimePoint now, const SocketEvent& event);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<Event> poll_event();
  std::optional<SocketRequest> poll_socket();

  // ---- getters -------------------------------------------------------------------------------------------------

  std::optional<TimePoint> next_timeout() const noexcept;
  AllocationState state() const noexcept;
  /// Where requests go now.
  const Endpoint& server() const noexcept;
  /// The socket it uses, shared or its own; none while it has none.
  std::optional<SocketId> socket() const noexcept;
  /// The relayed address of this family; none where there is no allocation, or none of the family.
  Endpoint relayed(Family family) const noexcept;
  /// Where the server sees us; none where there is no allocation.
  Endpoint mapped() const noexcept;
  /// True where wrap() would find a permission for the address now.
  bool permitted(TimePoint now, const Address& peer) const noexcept;
  /// True where wrap() would use ChannelData now.
  bool bound(TimePoint now, const Endpoint& peer) const noexcept;
  const AllocationCounters& counters() const noexcept;
  AllocationReport report(TimePoint now) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ice::turn
