#pragma once

#include <cstdint>
#include <string_view>

#include "ice/base/export.hpp"
#include "ice/nat/behavior.hpp"

namespace ice::nat {

/// How two hosts will reach each other over UDP, as the first of them sees it.
enum class Outcome : std::uint8_t {
  unknown,
  direct,                 ///< its own checks get through
  direct_if_other_first,  ///< its own never do, but the other side's get in and show the way (a peer-reflexive
                          ///< candidate)
  relay_needed,
};

/// Why.
enum class Reason : std::uint8_t {
  not_known_enough,   ///< what is not known of the two could make it come out either way
  both_get_in,        ///< each side's checks get in
  own_get_in,         ///< one's own get in, the other's do not
  other_gets_in,      ///< the other's get in, one's own do not
  no_way_in,          ///< one side's mapping towards the other cannot be known, and the other lets in nobody unknown
  own_udp_blocked,    ///< one's own network lets no UDP through
  other_udp_blocked,  ///< the other's does not
  families_differ,    ///< one side was looked at over IPv4 and the other over IPv6
  behind_one_nat,     ///< both are behind the same NAT, which is not known to hairpin: only their own network helps
};

struct Prediction {
  Outcome outcome{};
  Reason reason{};

  friend constexpr bool operator==(const Prediction&, const Prediction&) noexcept = default;
};

/// What ICE will make of two networks: whether checks between server-reflexive candidates get through, sent by both
/// sides for as long as ICE does (RFC 8445 §6.1.4). `mine` is the side that asks; predict(theirs, mine) is how the
/// other one sees it. Where something is not known, all that it can be is tried, and only what they have in common is
/// said.
///
/// It knows nothing of candidates that need no NAT: two hosts on one network reach each other whatever it says.
ICE_API Prediction predict(const Behavior& mine, const Behavior& theirs) noexcept;

/// "unknown", "direct", "direct-if-other-first", "relay-needed".
ICE_API std::string_view to_string(Outcome outcome) noexcept;
/// One English sentence.
ICE_API std::string_view describe(Reason reason) noexcept;

}  // namespace ice::nat
