#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/hidden.hpp"
#include "ice/agent.hpp"
#include "ice/checklist.hpp"
#include "ice/checks.hpp"
#include "ice/consent.hpp"
#include "ice/early_checks.hpp"
#include "ice/gatherer.hpp"
#include "ice/journal.hpp"
#include "ice/keepalive.hpp"
#include "ice/local_candidates.hpp"
#include "ice/nominator.hpp"
#include "ice/proven_sources.hpp"
#include "ice/remote_candidates.hpp"
#include "ice/responder.hpp"
#include "ice/servers.hpp"
#include "ice/session.hpp"

namespace ice {

/// One ICE session from its credentials to the pair that it selects: everything that a restart flushes (RFC 8445 §9).
/// The agent has one that it works on. What outlives it, such as sockets, roles and the journal, is the agent's.
///
/// The parts know each other only as far as their constructors say, and none knows the agent.
struct ICE_HIDDEN Generation {
  /// Draws new credentials. `config`, `journal` and what `environment` refers to must outlive it.
  Generation(const AgentConfig& config, const Environment& environment, Journal& journal, Role role,
             std::uint64_t tie_breaker);
  Generation(const Generation&) = delete;  // the parts refer to each other
  Generation& operator=(const Generation&) = delete;

  /// RFC 8445 §14.2: the larger of both proposals. Before the peer's is known, ours; it rules gathering.
  Duration interval() const noexcept;

  /// With the candidates that the peer was told so far.
  Description local_description() const;

  /// What this generation contributes to the agent's report.
  void report(ConnectivityReport& all) const;

  std::vector<PairReport> pair_reports() const;

  /// The pair that data may use now: the selected one while the peer consents, or before that the best valid one (RFC
  /// 8445 §12.1), for as long as its last answer is consent (RFC 7675 §5.1).
  std::optional<PairIndex> data_pair(TimePoint now) const noexcept;

  /// Data has left on the pair that data_pair() has told.
  void data_sent(TimePoint now, PairIndex pair) noexcept;

  /// It has ended: what is undecided failed for this.
  void finish(TimePoint now, Cause why);

  /// A restart has ended it: nothing more is tried. Answers that are still to come are waited for.
  void retire() noexcept;

  /// Its socket is gone, and with it all that was on it.
  void remove_base(TimePoint now, BaseIndex base, std::error_code why, Cause cause);
  void fail_pair(TimePoint now, PairIndex pair, Cause cause);
  void handle_unreachable(const SocketUnreachable& event) noexcept;

  void note(TimePoint now, std::string_view what, const Pair& pair, std::uint32_t number = 0);

  const AgentConfig& config;
  Journal& journal;
  Session session;
  LocalCandidates local;
  RemoteCandidates remote;
  Checklist checklist;
  Checks checks;
  Responder responder;
  Nominator nominator;
  Consent consent;
  Keepalive keepalive;  // before a pair is selected
  Servers servers;
  Gatherer gatherer;
  EarlyChecks early;
  ProvenSources proven;

  std::optional<std::chrono::milliseconds> remote_pacing;
  std::optional<TimePoint> nominate_again;  // when the nominator wants to be asked
  std::optional<TimePoint> patience_over;   // RFC 8863 §4: the PAC timer
  std::optional<PairIndex> selected;
  bool gathering_told = false;
  bool revoked = false;          // the agent had ended when a restart came: requests are answered 403
  bool remote_complete = false;  // the peer has signalled all it will (RFC 8838 §14)

  // What the report tells beside what the parts know.
  std::uint64_t early_count = 0;
  std::optional<TimePoint> gathering_started;
  std::optional<TimePoint> gathering_done;
  std::optional<TimePoint> description_received;
  std::optional<TimePoint> end_of_candidates;
  std::optional<TimePoint> first_check_sent;
  std::optional<TimePoint> first_check_heard;
  std::optional<TimePoint> first_valid;
  std::optional<TimePoint> connected;
  std::optional<TimePoint> ended;
};

}  // namespace ice
