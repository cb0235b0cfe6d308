#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/time.hpp"
#include "ice/language.hpp"
#include "ice/report.hpp"

namespace ice {

/// Why two agents did not connect, or not as well as they could have. A closed list; its words go into JSON as they
/// are. `Cause` is what an agent saw happen; this is what lies behind it.
enum class RootCause : std::uint8_t {
  // what a side can find out about itself
  no_local_address,          ///< the host has no address that ICE may use
  server_name_unresolved,    ///< DNS has no address for a server
  stun_unreachable,          ///< a STUN server does not answer, so nobody learns the address in front of the NAT
  turn_unreachable,          ///< a TURN server does not answer
  turn_credentials_refused,  ///< a TURN server does not take the user name and password
  turn_credentials_expired,  ///< it did, or would have, before their time was over
  turn_refused,              ///< a TURN server refuses: quota, capacity, or the peer's address
  udp_blocked,               ///< UDP does not leave the network, or does not come back
  // signalling
  description_missing,  ///< the peer's description never arrived
  candidates_missing,   ///< candidates of the peer never arrived, some or all
  wrong_credentials,    ///< checks are signed with another password than the one they are verified with
  wrong_generation,     ///< a description of another session or generation was used
  no_common_family,     ///< one side has IPv4 alone, the other IPv6 alone
  // checks
  peer_silent,      ///< nothing from the peer arrived; one side alone cannot know why
  one_direction,    ///< packets arrive one way, and nothing the other way
  answers_lost,     ///< both hear the other's checks, and the answers do not arrive
  checks_blocked,   ///< nothing arrives either way, though neither NAT explains it
  symmetric_nats,   ///< a NAT that takes a new port for each peer meets one that lets only known ports in
  mapping_expired,  ///< the NAT had forgotten the address before the checks began
  hairpin_missing,  ///< both are behind one NAT that does not turn packets around
  // after the connection
  consent_lost,    ///< the path died
  peer_ended,      ///< the peer closed the session
  rebinding,       ///< a NAT took another address or port while the call lasted
  interface_gone,  ///< the network interface in use went away
  relay_lost,      ///< the TURN server in use died or restarted
  path_mtu,        ///< packets are longer than the path takes
  // relayed, though a direct path may have been possible
  relay_by_policy,       ///< only relays were to be used
  relay_chosen_earlier,  ///< a direct pair worked as well, and the relay had been nominated
  // nothing fits
  unknown,
};
inline constexpr std::size_t root_causes = static_cast<std::size_t>(RootCause::unknown) + 1;

/// "udp-blocked", "symmetric-nats", … as above, with hyphens.
ICE_API std::string_view to_string(RootCause cause) noexcept;
/// The cause of that word; none for a word that is not on the list.
ICE_API std::optional<RootCause> parse_root_cause(std::string_view word) noexcept;

/// What a cause did.
enum class Severity : std::uint8_t {
  failure,  ///< no connection, or one that broke
  note,     ///< a relay carries what might have gone directly
};

/// "failure" or "note".
ICE_API std::string_view to_string(Severity severity) noexcept;

/// Whose report, or whose network: `ours` is the side of the first report that explain() was given.
enum class Party : std::uint8_t { ours, theirs, both };

/// "ours", "theirs" or "both".
ICE_API std::string_view to_string(Party party) noexcept;

/// What an entry of a report says, as evidence.
enum class Fact : std::uint8_t {
  checks_sent,          ///< `count` checks from `local` to `remote`; without addresses: on all pairs
  answers_heard,        ///< `count` authentic answers
  checks_heard,         ///< `count` authentic checks of the peer
  answers_unverified,   ///< `count` answers that failed the check of MESSAGE-INTEGRITY
  checks_refused,       ///< `count` checks of the peer that failed it
  checks_other_ufrag,   ///< `count` checks with another session's ufrag
  server_silent,        ///< `count` requests to `remote`, nothing came back
  server_answered,      ///< `count` answers of `remote`
  server_refused,       ///< `remote` refused, with STUN error `count`
  name_unresolved,      ///< no address for `detail`
  mapped,               ///< `remote` saw `local` as `detail`
  mapped_differently,   ///< the peer, or another server, saw the same socket as `detail`
  mapping_changed,      ///< `remote` saw `count` other addresses than before
  mapping_silent,       ///< nothing was sent from `local` to `remote` for `detail`
  same_address,         ///< both are seen at the address `detail`
  addresses,            ///< candidates of family `detail` alone, `count` of them
  candidates_told,      ///< `count` candidates were told to the peer
  candidates_received,  ///< `count` candidates arrived by signalling
  candidate_missing,    ///< `remote` was told by the peer and did not arrive
  no_description,       ///< none arrived from when gathering began until `until`
  ufrag_expected,       ///< the peer's description here has the ufrag `detail`
  ufrag_used,           ///< the peer's own ufrag is `detail`
  consent_last,         ///< last heard from the peer
  closed,               ///< the application closed the agent
  socket_removed,       ///< `local` went away; `detail` says why
  relay_lost,           ///< `remote` lost the allocation `count` times
  packet_too_big,       ///< `count` packets to `remote` were too long for the path
  moved,                ///< the peer's checks came from `remote` after the connection was there
  relay_only,           ///< the configuration allows relays alone
  answered_too_late,    ///< the pair `local` to `remote` worked, another was selected
};

/// An entry of a report. Moments are counted from when gathering began at that side, since clocks of two hosts have
/// nothing in common.
struct Evidence {
  Party whose = Party::ours;
  Fact fact{};
  Endpoint local{};
  Endpoint remote{};
  std::uint64_t count = 0;
  std::optional<Duration> from{};
  std::optional<Duration> until{};
  std::string detail{};

  friend bool operator==(const Evidence&, const Evidence&) = default;
};

/// A cause that fits what the reports say.
struct Finding {
  RootCause cause = RootCause::unknown;
  Severity severity = Severity::failure;
  Party where = Party::both;    ///< on whose side the cause lies
  std::uint8_t confidence = 0;  ///< 1 to 99; findings are ranked by it, and it is no probability
  std::vector<Evidence> evidence{};
  std::vector<RootCause> alternatives{};  ///< of peer_silent: what may lie behind it, likeliest first
  bool wants_other_report = false;        ///< the peer's report would tell more
};

/// What lies behind a report, most certain first. Empty for a call that nothing is wrong with. From one side alone
/// silence is silence: whether the peer's NAT, its filter or its death is behind it only the peer's report can tell.
///
/// Pure functions: they read no clock and keep nothing, so a saved report explains the same later and elsewhere.
ICE_API std::vector<Finding> explain(const ConnectivityReport& mine);
/// The same with the peer's report of the same session.
ICE_API std::vector<Finding> explain(const ConnectivityReport& mine, const ConnectivityReport& theirs);

// ---- texts for people
// ------------------------------------------------------------------------------------------------

/// One or two sentences: what it means. Of each cause in each language.
ICE_API std::string_view meaning(RootCause cause, Language language) noexcept;
/// What may help.
ICE_API std::string_view remedy(RootCause cause, Language language) noexcept;
/// Where the RFCs speak of it: "RFC 4787 §4.1".
ICE_API std::string_view rfc_section(RootCause cause) noexcept;

/// One line: who, what, how often, when.
ICE_API std::string describe(const Evidence& evidence, Language language);
/// One line: on whose side, what it means, the RFC section; the alternatives and the wish for the other report, where
/// there are any. The evidence and the remedy are apart.
ICE_API std::string describe(const Finding& finding, Language language);

}  // namespace ice
