#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "ice/base/environment.hpp"
#include "ice/base/export.hpp"
#include "ice/base/machine.hpp"
#include "ice/base/result.hpp"
#include "ice/candidate.hpp"
#include "ice/description.hpp"
#include "ice/report.hpp"
#include "ice/stun/auth_session.hpp"
#include "ice/stun/uri.hpp"

namespace ice {

/// An index into AgentConfig::servers.
enum class ServerId : std::uint16_t {};

/// A server to gather at: STUN (RFC 7064), or TURN (RFC 7065) with what proves to it who we are.
struct IceServer {
  IceServer(stun::Uri its_uri,
            std::optional<stun::Login> its_login = std::nullopt)  // NOLINT: a URI says enough of STUN
      : uri{std::move(its_uri)}, login{std::move(its_login)} {}

  stun::Uri uri;
  std::optional<stun::Login> login;  ///< long-term credentials (RFC 8489 §9.2), for TURN
};

/// Which candidates are told to the peer and used (RFC 8828).
enum class CandidatePolicy : std::uint8_t {
  all,
  relay_only,  ///< relayed ones: the peer learns no address of this host, nor of its NAT
};

/// Bounds on what a peer, a server or a stranger can make an agent keep.
struct AgentLimits {
  std::size_t pairs = 100;             ///< RFC 8445 §6.1.2.5: 100 by default, and configurable
  std::size_t remote_candidates = 64;  ///< signalled ones; browsers send fewer than 20
  std::size_t peer_reflexive = 32;     ///< remote ones that no signalling announced (RFC 8445 §19.5.1)
  std::size_t early_checks = 32;       ///< sources remembered until the peer's description arrives (RFC 8445 §7.3)
  std::size_t local_candidates = 64;
  std::size_t history = 128;  ///< entries of the report's ring
};

struct AgentConfig {
  Role role = Role::controlling;  ///< who sent the offer controls (RFC 8445 §6.1.1)
  /// At most 16; each TURN server gives a relayed candidate on each address. `stuns:` cannot be asked, and the report
  /// says so: what a connection reveals is not the mapping of a candidate's socket.
  std::vector<IceServer> servers{};
  CandidatePolicy policy = CandidatePolicy::all;
  std::string mid = "0";  ///< how signalling names the data stream
  /// The Ta that is proposed to the peer (RFC 8445 §14.2), at least 5 ms. Zero turns pacing off, and is for tests and
  /// benchmarks: it is proposed as 0.
  std::chrono::milliseconds pacing{5};
  /// How long to wait before failing, even with nothing left to try (RFC 8863 §4: 39.5 s).
  Duration patience = std::chrono::milliseconds{39'500};
  /// Between requests that keep a server-reflexive mapping (RFC 8445 §5.1.1.4). NATs forget after 30 s at worst, so
  /// two in a row may be lost.
  Duration mapping_keepalive = std::chrono::seconds{10};
  /// RFC 8445 §5.1.1.1 forbids loopback candidates; tests and a demo on one host need them.
  bool allow_loopback = false;
  /// Consent freshness (RFC 7675). Where it is off, Binding indications keep the selected pair's mapping (RFC 8445
  /// §11), and nothing stops sending to a peer that is gone.
  bool consent = true;
  AgentLimits limits{};
};

/// A socket that the driver has bound for this agent.
struct Socket {
  SocketId id{};          ///< below 0xFFFF0000: the agent calls its relayed addresses by those above
  Endpoint local;         ///< a specific address, and the port
  std::string interface;  ///< for the report
  ComponentId component{1};
};

/// A server whose addresses only DNS can tell. Answer with Agent::resolve_server or Agent::fail_server. What DNS is to
/// be asked for the URI of the server, stun::ServerLookup knows; the transport is Uri::transport().
struct ServerNameNeeded {
  ServerId server{};
  std::string host;
};
/// For the peer, to be sent in this order (RFC 8838 §9).
struct CandidateGathered {
  Candidate candidate;
};
/// For the peer: no more will follow (RFC 8838 §13).
struct GatheringDone {};
/// The first pair works. Data may be sent from now on (RFC 8445 §12.1), though another pair may be selected.
struct FirstPairValid {
  ComponentId component{1};
};
/// This is the pair that data uses. Both candidates are told as the agents see them: `local` may be peer-reflexive.
struct PairSelected {
  ComponentId component{1};
  Candidate local;
  Candidate remote;
};
struct StateChanged {
  AgentState state{};
  /// Of `disconnected` and `failed`; of `connected` where a restart has failed for it, and the pair of before carries
  /// the data on.
  Cause cause = Cause::none;
};
struct RoleSwitched {
  Role role{};
};
/// A new generation has begun, by restart() or by the peer's description (RFC 8445 §9): local_description() is another
/// one, and the peer has to be told. What follows, candidates among it, is of the new generation.
struct Restarted {
  bool by_peer = false;
};
/// Data has stopped, or is about to, and only a restart can bring it back: call restart() and signal. The cause says
/// why.
struct RestartNeeded {
  Cause cause{};
};

using AgentEvent = std::variant<ServerNameNeeded, CandidateGathered, GatheringDone, FirstPairValid, PairSelected,
                                StateChanged, RoleSwitched, Restarted, RestartNeeded>;

/// A full ICE agent for one data stream (RFC 8445), with relayed candidates (RFC 8656), trickle (RFC 8838), consent
/// (RFC 7675) and patience (RFC 8863). A SocketMachine: it does nothing by itself. Feed it what arrives and call
/// drain() after every input and every verb; see ice/base/machine.hpp for the four kinds of method.
///
/// Order of a life: add_socket for each local address, gather, signal local_description() and every CandidateGathered;
/// set_remote_description and add_remote_candidate with what the peer signalled, in any order with the rest; when
/// StateChanged says connected, wrap() gives what to send.
///
/// Not thread-safe; distinct agents are independent unless they share an Environment.
class ICE_API Agent {
 public:
  using Event = AgentEvent;

  /// Makes a ufrag, password and tie-breaker from `environment.random`. What `environment` refers to must outlive it.
  Agent(AgentConfig config, Environment environment);
  ~Agent();
  Agent(Agent&&) noexcept;
  Agent& operator=(Agent&&) noexcept;

  // ---- verbs ---------------------------------------------------------------------------------------------------

  /// Adds a bound UDP socket, before gather() or at any time after it (a new interface). It becomes a host candidate
  /// where RFC 8445 §5.1.1.1 allows that and no pair is selected yet; others are only reported. After GatheringDone the
  /// peer is not told of it (RFC 8838 §13) and may learn of it from checks.
  /// errc::invalid_argument for an unspecified address, or an id or endpoint that is in use; errc::limit_reached,
  /// errc::closed.
  result<void> add_socket(TimePoint now, const Socket& socket);

  /// The socket is gone (its interface went down). Candidates and pairs on it fail. errc::no_such_socket.
  result<void> remove_socket(TimePoint now, SocketId socket, std::error_code why);

  /// Begins to gather (RFC 8445 §5.1.1). Again does nothing.
  void gather(TimePoint now);

  /// What DNS said for a ServerNameNeeded: addresses, best first. One of each family is asked; where that fails, or has
  /// not answered within four seconds, the next one of the family is, too (RFC 3958 §2.2.4). At most eight are kept.
  void resolve_server(TimePoint now, ServerId server, std::span<const Endpoint> addresses);
  void fail_server(TimePoint now, ServerId server, std::error_code why);

  /// The next requests to this TURN server prove who we are with this: for credentials that expire. Where the old ones
  /// were refused it is asked again.
  void replace_credentials(TimePoint now, ServerId server, const stun::Login& login);

  /// What the peer told. Candidates in it are added one by one as by add_remote_candidate, and bad ones are skipped.
  /// Checks begin. The same credentials again only add candidates. Others than before are the peer's answer to our
  /// restart(), or else a restart of its own, which makes new credentials here too (RFC 8839 §4.4.2.1): Restarted says
  /// so, and the peer waits for local_description(). Descriptions must be given as signalling pairs them: an answer to
  /// a description that another one has replaced since is not for here.
  /// errc::bad_ufrag, errc::bad_password; errc::wrong_generation where only one of the two is new, or either is that
  /// of an earlier generation (RFC 8445 §9); errc::closed.
  result<void> set_remote_description(TimePoint now, const Description& description);

  /// A trickled candidate; those that arrive before the description, or with the ufrag of one that is still to come,
  /// are kept within AgentLimits. One of another transport or with a name in place of an address is refused and
  /// reported. errc::bad_candidate (also after the end of candidates), errc::unsupported, errc::wrong_generation for
  /// the ufrag of an earlier generation, errc::limit_reached, errc::closed.
  result<void> add_remote_candidate(TimePoint now, const Candidate& candidate);

  /// The peer has no more candidates. Those that come all the same are refused from now on (RFC 8838 §14). `ufrag` says
  /// of which generation, where signalling tells (RFC 8840 §4.4): an earlier one's is ignored.
  void end_of_remote_candidates(TimePoint now, std::string_view ufrag = {});

  /// Restarts ICE (RFC 8445 §9): new credentials, and gathering anew, from any state but `closed`. To be signalled like
  /// the first description; until the peer's new one comes the state is `gathering`. The role is kept. The selected
  /// pair goes on carrying data, as long as the peer consents, until a new one is selected; if none can be, the agent
  /// is `connected` by the old one again. Relayed addresses that are there serve the new generation at once. A restart
  /// whose signalling was lost may be followed by another. errc::closed.
  result<void> restart(TimePoint now);

  /// Ends everything. Relayed addresses are given back by one packet each, then nothing is sent any more; the report
  /// stays.
  void close(TimePoint now);

  /// The packet that carries `payload` to the peer, for the driver to send at once: nothing is queued or copied. On a
  /// relayed pair what the TURN server needs in front of it is written to the start of `scratch`; `payload` must not
  /// lie there. Before a pair is selected it takes the one of before a restart, else the best valid one (RFC 8445
  /// §12.1). errc::no_consent where there is none, or consent is lost.
  result<Transmit> wrap(TimePoint now, ComponentId component, Bytes payload, MutableBytes scratch) noexcept;

  // ---- what arrives, what leaves -------------------------------------------------------------------------------

  /// STUN is handled, and a request is answered at once through Received::forward (RFC 8445 §7.3); application data
  /// comes back as a view of the input if its source has sent a good check or answered one of ours, else `not_mine`.
  Received handle_datagram(TimePoint now, const Datagram& datagram, MutableBytes scratch);
  void handle_timeout(TimePoint now);
  void handle_socket(TimePoint now, const SocketEvent& event);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<Event> poll_event();
  std::optional<SocketRequest> poll_socket();

  // ---- getters -------------------------------------------------------------------------------------------------

  std::optional<TimePoint> next_timeout() const;
  AgentState state() const noexcept;
  Role role() const noexcept;
  /// With the candidates gathered so far.
  Description local_description() const;
  ConnectivityReport report() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ice
