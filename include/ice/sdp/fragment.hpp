#pragma once

#include <string>
#include <string_view>

#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/description.hpp"
#include "ice/sdp/description.hpp"

namespace ice::sdp {

/// The body of a message that trickles candidates: application/trickle-ice-sdpfrag (RFC 8840 §9). Streams are told
/// apart by their mid alone; everything else in a pseudo m= line is ignored (§4.4). The receiver drops a fragment
/// whose ufrag and password are not those of the running generation, and candidates that it has already.
///
/// errc::bad_sdp, errc::limit_reached: as parse(). errc::bad_ufrag, errc::bad_password, errc::unsupported: as
/// ice_content().
ICE_API result<IceContent> parse_fragment(std::string_view text);

/// A fragment with everything that `local` has: RFC 8840 §4.4 wants candidates that were sent before repeated, in
/// the same order.
ICE_API std::string format_fragment(const Description& local);

}  // namespace ice::sdp
