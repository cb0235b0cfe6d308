#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/time.hpp"
#include "ice/candidate.hpp"

namespace ice {

enum class Role : std::uint8_t { controlling, controlled };

/// "controlling" or "controlled".
ICE_API std::string_view to_string(Role role) noexcept;

/// Where an agent stands. It only moves downwards, but for `disconnected`, which may follow `connected`. A restart
/// leads from anywhere but `closed` back to `gathering` or `checking`, and to `connected` again if it fails while the
/// pair of before still carries data.
enum class AgentState : std::uint8_t {
  idle,          ///< nothing was asked of it yet
  gathering,     ///< candidates are being gathered; the peer's description is not known
  checking,      ///< both descriptions are known, checks run or wait (RFC 8445 §6.1.3: Running)
  connected,     ///< a pair is selected for every component and the peer consents (RFC 8445 §6.1.3: Completed)
  disconnected,  ///< consent has expired or was revoked (RFC 7675 §5), or its socket went; only a restart helps
  failed,        ///< every pair failed and patience is over (RFC 8863 §4)
  closed,
};

/// "idle", "gathering", … as above.
ICE_API std::string_view to_string(AgentState state) noexcept;

/// RFC 8445 §6.1.2.6.
enum class PairState : std::uint8_t { frozen, waiting, in_progress, succeeded, failed };

/// "frozen", "waiting", "in-progress", "succeeded" or "failed".
ICE_API std::string_view to_string(PairState state) noexcept;

/// Why something ended as it did, or `none`. A closed list; its words go into JSON as they are.
enum class Cause : std::uint8_t {
  none,
  // a candidate pair, a server
  no_response,          ///< every transmission stayed unanswered (RFC 8445 §7.2.5.2.3)
  error_response,       ///< an error response that cannot be repaired (RFC 8445 §7.2.5.2.4)
  unauthenticated,      ///< answers came, none with the right MESSAGE-INTEGRITY
  asymmetric_response,  ///< the answer came from another address than was asked (RFC 8445 §7.2.5.2.1)
  bad_response,         ///< the answer breaks the protocol
  superseded,           ///< another pair was nominated first (RFC 8445 §8.1.2)
  evicted,              ///< a pair of higher priority took its place (RFC 8445 §6.1.2.5)
  socket_gone,          ///< its socket was removed
  relay_lost,           ///< the TURN server has no allocation for it any more: it restarted, or is dead
  permission_refused,   ///< the TURN server does not relay to this peer (RFC 8656 §9.2: 403)
  wrong_credentials,    ///< the server does not take the user name and password (RFC 8489 §9.2)
  quota_reached,        ///< the user has as many allocations as it may (RFC 8656 §19: 486)
  no_capacity,          ///< the server has no relayed address left (RFC 8656 §19: 508)
  unreachable,          ///< ICMP or the system says that there is no way to the server, or it closed the connection
  name_not_resolved,    ///< DNS had no address for the server
  unsupported,          ///< its URI wants what is not done here: STUN over TLS or DTLS tells of no socket of candidates
  closed,               ///< the application closed the agent
  // an agent
  no_local_candidates,   ///< the host offered no usable address
  no_relay,              ///< only relayed candidates were wanted, and no server gave one
  no_remote_candidates,  ///< none ever arrived from the peer
  no_common_family,      ///< candidates on both sides, none that can be paired
  checks_failed,         ///< pairs were tried, none worked
  nomination_failed,     ///< a pair worked, its nomination did not
  consent_expired,       ///< nothing authentic was heard for 30 s (RFC 7675 §5.1)
  consent_revoked,       ///< the peer answered 403 (RFC 7675 §5.2)
};

/// "no-response", "error-response", … as above, with hyphens.
ICE_API std::string_view to_string(Cause cause) noexcept;

/// A local socket as it was given to the agent.
struct SocketReport {
  Endpoint local;
  std::string interface;
  bool usable = true;  ///< false where RFC 8445 §5.1.1.1 forbids a candidate on it, or there was no room for one
  std::optional<TimePoint> added;
  std::optional<TimePoint> removed;
  std::error_code why_removed;
};

/// What asking one STUN or TURN server from one socket brought.
struct ServerReport {
  std::string uri;
  Endpoint server;                       ///< none while its name is not resolved
  Endpoint local;                        ///< the socket's address
  Transport transport = Transport::udp;  ///< that the server is reached by
  std::optional<TimePoint> first_sent;
  std::optional<TimePoint> last_sent;
  std::optional<TimePoint> last_heard;
  std::uint32_t requests = 0;  ///< packets sent, retransmissions and keepalives included
  std::uint32_t responses = 0;
  std::uint32_t unreachable = 0;      ///< ICMP errors
  Endpoint mapped;                    ///< the last mapped address
  std::uint32_t mapping_changes = 0;  ///< how often the server saw another address than before
  /// Of a STUN server: the longest time between two packets to it. A NAT forgets a mapping that is silent for too long
  /// (RFC 4787 REQ-5).
  Duration longest_silence{};
  Endpoint relayed;          ///< the relayed address that a TURN server gave last; none where it gave none
  Endpoint relayed_other;    ///< the one of the other family
  std::uint32_t losses = 0;  ///< how often an allocation was there and is gone
  /// Of a TURN server: the Unix time in the user name, where it is one that expires (draft-uberti-behave-turn-rest-00).
  std::optional<std::chrono::seconds> login_expires;
  std::uint16_t error_code = 0;  ///< the last STUN error, 0 for none
  Cause cause = Cause::none;
  std::error_code why;  ///< of a TURN server: more exact than the cause, such as why TLS did not come about
};

/// A remote candidate and how it became known.
struct RemoteCandidateReport {
  Candidate candidate;
  std::optional<TimePoint> signalled;   ///< when signalling brought it
  std::optional<TimePoint> discovered;  ///< when a check from it arrived before (RFC 8445 §7.3.1.3)
};

/// A summary of fixed size of everything that was done with one pair. Pairs that failed or were removed stay.
struct PairReport {
  ComponentId component{1};
  Endpoint base;    ///< the local address that checks leave from
  Endpoint mapped;  ///< the local address as the peer saw it; none until a check succeeded
  CandidateType local_type = CandidateType::host;
  Endpoint remote;
  CandidateType remote_type = CandidateType::host;
  std::uint64_t priority = 0;
  PairState state = PairState::frozen;
  bool valid = false;
  bool nominated = false;
  bool selected = false;
  bool triggered = false;  ///< a check from the peer arrived on it
  Cause cause = Cause::none;
  std::uint16_t error_code = 0;  ///< the last STUN error it was answered, 0 for none
  std::optional<TimePoint> created;
  std::optional<TimePoint> first_sent;
  std::optional<TimePoint> last_sent;
  std::optional<TimePoint> last_heard;     ///< an authentic response
  std::optional<TimePoint> first_request;  ///< an authentic request of the peer
  std::optional<TimePoint> last_request;
  std::optional<TimePoint> ended;   ///< when it succeeded or failed
  std::uint32_t requests_sent = 0;  ///< packets, retransmissions included
  std::uint32_t responses_heard = 0;
  std::uint32_t requests_heard = 0;
  std::uint32_t unauthenticated = 0;   ///< responses with a wrong or missing MESSAGE-INTEGRITY
  std::uint32_t unreachable = 0;       ///< ICMP errors
  std::uint32_t too_big = 0;           ///< those of them that say that a packet was longer than the path takes
  std::optional<Duration> round_trip;  ///< of the last answered request that was sent once
};

/// Why a generation ended that was not the last one.
enum class GenerationEnd : std::uint8_t {
  restarted,          ///< the application called restart()
  restarted_by_peer,  ///< the peer's description had new credentials
  fell_back,          ///< it failed, and the pair of the generation before it still carried data
};

/// "restarted", "restarted-by-peer" or "fell-back".
ICE_API std::string_view to_string(GenerationEnd end) noexcept;

/// What is kept of a generation that a restart has ended (RFC 8445 §9).
struct GenerationReport {
  std::string local_ufrag;
  std::string remote_ufrag;  ///< empty where the peer's description never came
  GenerationEnd why = GenerationEnd::restarted;
  TimePoint at;                         ///< when it ended
  AgentState state = AgentState::idle;  ///< where the agent stood then
  Cause cause = Cause::none;            ///< of `failed` and `disconnected`
  bool carries_data = false;            ///< its pair does, until the present generation has selected one
  std::vector<ServerReport> servers{};
  std::vector<PairReport> pairs{};
};

/// Something worth remembering, oldest first; the ring keeps the last AgentLimits::history of them.
struct HistoryEntry {
  TimePoint at;
  std::string_view what;  ///< a kebab-case word, the same as the trace event's
  Endpoint local;
  Endpoint remote;
  std::uint32_t number = 0;  ///< a STUN error code, a count: what `what` says
};

/// What cost a counter and nothing else.
struct IgnoredInput {
  std::uint64_t malformed = 0;        ///< STUN that breaks its format
  std::uint64_t unauthenticated = 0;  ///< wrong or missing MESSAGE-INTEGRITY, a stranger's ufrag
  std::uint64_t other_ufrag = 0;      ///< those of them that were checks with another ufrag than ours or the peer's
  std::uint64_t unexpected_responses = 0;  ///< answers nobody asked for
  std::uint64_t data_from_strangers = 0;   ///< data from an address that never sent an authenticated check
  std::uint64_t late = 0;                  ///< requests to a generation that ended long ago
  std::uint64_t over_limit = 0;            ///< candidates and early checks beyond their bounds
};

/// Everything an agent knows of why it stands where it stands. A copy; nothing in it is secret. Servers, candidates,
/// pairs and moments are those of the present generation; earlier ones are summed up in `earlier`.
struct ConnectivityReport {
  Role role = Role::controlling;
  AgentState state = AgentState::idle;
  Cause cause = Cause::none;  ///< of `failed` and `disconnected`
  std::string local_ufrag;
  std::string remote_ufrag;  ///< empty until the peer's description is known
  Duration pacing{};         ///< Ta in force (RFC 8445 §14.2)
  bool relay_only = false;   ///< CandidatePolicy::relay_only: nothing but relays was to be used
  std::uint32_t role_switches = 0;
  std::uint32_t restarts = 0;  ///< by either side (RFC 8445 §9)
  std::optional<TimePoint> gathering_started;
  std::optional<TimePoint> gathering_done;
  std::optional<TimePoint> description_received;
  std::optional<TimePoint> end_of_candidates;
  std::optional<TimePoint> first_check_sent;
  std::optional<TimePoint> first_check_heard;
  std::optional<TimePoint> first_valid;
  std::optional<TimePoint> connected;
  std::optional<TimePoint> ended;  ///< disconnected, failed or closed
  std::optional<TimePoint> consent_refreshed;
  /// The clock on the wall when the report was made. An agent has none: whoever has one may fill it in, and explain()
  /// can tell credentials that have expired from those that never were right.
  std::optional<std::chrono::seconds> unix_time;
  std::uint64_t early_checks = 0;  ///< checks that came before the peer's description
  std::vector<SocketReport> sockets;
  std::vector<ServerReport> servers;
  std::vector<Candidate> local_candidates;
  std::size_t candidates_told = 0;  ///< to the peer; peer-reflexive ones and those found after the end are not
  std::vector<RemoteCandidateReport> remote_candidates;
  std::vector<PairReport> pairs;
  std::vector<GenerationReport> earlier;  ///< the last four that ended, oldest first
  std::vector<HistoryEntry> history;
  IgnoredInput ignored;
};

}  // namespace ice
