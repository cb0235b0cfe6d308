#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ice/explain.hpp"

namespace ice {

/// Which pairs are looked at: where a relay carries the call, the question is what the direct ones came to.
enum class PairScope : std::uint8_t { all, direct };

/// A mapped address as one server saw it.
struct SeenMapping {
  const ServerReport* server = nullptr;
  Duration silence{};  // the longest time without a packet to the server before the checks began, or between two
};

/// What one side's report comes to, for the rules of explain(). It keeps a reference to the report.
class ReportView {
 public:
  ReportView(const ConnectivityReport& report, Party party, PairScope scope);

  const ConnectivityReport& report() const noexcept { return report_; }
  Party party() const noexcept { return party_; }

  /// Since gathering began here.
  std::optional<Duration> since_start(const std::optional<TimePoint>& at) const noexcept;

  // ---- how it stands
  bool connected() const noexcept { return report_.state == AgentState::connected; }
  bool closed_in_order() const noexcept;
  /// It is neither connected nor was it closed after it had been.
  bool in_trouble() const noexcept { return !connected() && !closed_in_order(); }
  bool uses_relay() const noexcept;
  /// The last generation before this one that was connected and broke; null where none was.
  const GenerationReport* interrupted() const noexcept;
  /// The last one that was connected, broken or not; null where none was.
  const GenerationReport* established() const noexcept;
  /// The network was in order then.
  bool connected_before() const noexcept { return established() != nullptr; }

  // ---- checks, summed up
  std::uint32_t sent() const noexcept { return sent_; }
  std::uint32_t answered() const noexcept { return answered_; }
  std::uint32_t heard() const noexcept { return heard_; }
  std::uint32_t unverified() const noexcept { return unverified_; }
  /// Something authentic came from the peer.
  bool hears_peer() const noexcept { return answered_ + heard_ > 0; }

  // ---- addresses
  const std::vector<SeenMapping>& mappings() const noexcept { return mappings_; }
  bool behind_nat() const noexcept;
  /// No NAT in the way: a server has seen the socket's own address.
  bool not_translated() const noexcept;
  /// Servers at different addresses saw one socket at different ones (RFC 4787 §4.1), which therefore depend on the
  /// remote; the pair of them.
  const std::optional<std::pair<SeenMapping, SeenMapping>>& differing() const noexcept { return differing_; }
  /// They saw it at the same one.
  bool endpoint_independent() const noexcept { return alike_ && !differing_; }
  std::set<Address> public_addresses() const;
  std::set<Family> local_families() const;
  std::set<Family> remote_families() const;
  std::size_t signalled() const noexcept;

  // ---- servers
  bool relay_wanted() const noexcept { return relay_wanted_; }
  bool relay_up() const noexcept { return relay_up_; }
  /// Requests went to it, and nothing came back.
  static bool silent(const ServerReport& server) noexcept;
  static bool is_turn(const ServerReport& server) noexcept;
  /// Anything at all came over UDP.
  bool udp_heard() const noexcept;

  Evidence evidence(Fact fact, const Endpoint& local = {}, const Endpoint& remote = {}, std::uint64_t count = 0) const;
  Evidence evidence(Fact fact, const ServerReport& server, std::uint64_t count) const;
  Evidence evidence(const SeenMapping& mapping) const;
  Evidence checks_sent() const;
  Evidence answers_heard() const;
  Evidence checks_heard() const;

 private:
  bool counts(const PairReport& pair) const noexcept;
  void sum_pairs();
  void read_servers();
  void compare_mappings();

  const ConnectivityReport& report_;
  Party party_;
  PairScope scope_;
  TimePoint origin_;
  std::uint32_t sent_ = 0;
  std::uint32_t answered_ = 0;
  std::uint32_t heard_ = 0;
  std::uint32_t unverified_ = 0;
  std::optional<TimePoint> first_sent_;
  std::optional<TimePoint> last_sent_;
  std::optional<TimePoint> last_answer_;
  std::optional<TimePoint> first_heard_;
  std::optional<TimePoint> last_heard_;
  std::vector<SeenMapping> mappings_;
  std::optional<std::pair<SeenMapping, SeenMapping>> differing_;
  bool alike_ = false;
  bool relay_wanted_ = false;
  bool relay_up_ = false;
};

/// How sure a rule is. Findings are ranked by these; what lies between them is the rule's own business.
namespace confidence {
inline constexpr unsigned proven = 96;  ///< the reports say so, and nothing else fits
inline constexpr unsigned strong = 90;  ///< nothing else that is common fits
inline constexpr unsigned likely = 82;
inline constexpr unsigned fair = 70;
inline constexpr unsigned possible = 58;  ///< it fits, and so does something else
inline constexpr unsigned weak = 40;
inline constexpr unsigned faint = 20;  ///< it is so, and something else must be behind the failure
}  // namespace confidence

/// What the rules have found so far. One cause is one finding, whichever side it lies with.
class Findings {
 public:
  explicit Findings(Severity severity) noexcept : severity_{severity} {}

  /// Adds a finding, or joins it with the one of the same cause: then it is as certain as the more certain one.
  Finding& add(RootCause cause, Party where, unsigned confidence, std::vector<Evidence> evidence);
  bool has(RootCause cause) const noexcept;
  unsigned confidence_of(RootCause cause) const noexcept;
  /// All of them, most certain first.
  std::vector<Finding> take();

 private:
  Severity severity_;
  std::vector<Finding> all_;
};

// The rules, by family of causes. `other` is null where only one report is there.
void explain_gathering(const ReportView& side, const ReportView* other, Findings& findings);
void explain_signalling(const ReportView& side, const ReportView* other, Findings& findings);
void explain_silence(const ReportView& side, Findings& findings);
void explain_paths(const ReportView& a, const ReportView& b, Findings& findings);
void explain_interruption(const ReportView& side, const ReportView* other, Findings& findings);
void explain_packets(const ReportView& side, Findings& findings);
void explain_relay_choice(const ReportView& side, Findings& findings);

}  // namespace ice
