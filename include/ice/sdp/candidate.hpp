#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/candidate.hpp"

namespace ice::sdp {

/// The longest candidate that is read, counted from behind `candidate:`. The fields of RFC 8839 §5.1 at their largest,
/// a name of 253 bytes, a ufrag of 256 and what browsers append stay below 800.
inline constexpr std::size_t max_candidate_size = 1024;

/// The most name-value pairs kept of one candidate. Browsers send up to four.
inline constexpr std::size_t max_candidate_extensions = 16;

/// Reads one candidate (RFC 8839 §5.1) as signalling delivers it: `candidate:…` or `a=candidate:…`, with or without
/// its line ending.
///
/// Names in the grammar are compared without case. Unknown name-value pairs are kept in `extensions`, `tcptype` among
/// them; `ufrag` becomes Candidate::ufrag, `raddr` and `rport` become Candidate::related, which stays empty where the
/// peer hides it (0.0.0.0, ::) or names no address. A host name ending in ".local" becomes Candidate::name; a zone id
/// means nothing outside its host and is dropped.
///
/// errc::unsupported: well formed, of a transport, type or kind of address that this build does not know; RFC 8839
/// §5.1 wants the line ignored. errc::bad_candidate: breaks the grammar, also the empty text, by which browsers mean
/// the end of candidates. errc::bad_ufrag: the `ufrag` of RFC 8838 §9 is not 4 to 256 ice-chars. errc::limit_reached:
/// longer than max_candidate_size or with more than max_candidate_extensions pairs.
ICE_API result<Candidate> parse_candidate(std::string_view line);

/// `candidate:…` without `a=` and without line ending, as RTCIceCandidate.candidate has it. A reflexive or relayed
/// candidate whose `related` is not told gets the address and port that RFC 8839 §5.1 prescribes for that. No zone id
/// is written. The candidate must be one that parse_candidate() would take.
ICE_API std::string format(const Candidate& candidate);

}  // namespace ice::sdp
