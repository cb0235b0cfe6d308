#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>

#include "ice/report.hpp"

namespace ice::mesh {

/// Why the demo ended an attempt or a connection where ICE itself had not come to an end.
enum class DemoCause : std::uint8_t {
  attempt_timeout,  ///< no pair worked within --attempt-timeout; ICE would have gone on (RFC 8863)
  peer_gave_up,     ///< the peer said that it has given up on the attempt
  bad_description,  ///< the peer's offer or answer is no SDP with ICE in it (RFC 8839)
  signalling_lost,  ///< nothing can be told to the peer any more, and it was not told enough
  peer_vanished,    ///< its signalling ended without a goodbye, and it does not answer
  texts_unheard,    ///< the peer consents, and acknowledges no text
  peer_restarts,    ///< the peer asked for an ICE restart (RFC 8445 §9); no end, but why a new pair is looked for
};

/// "attempt-timeout", "peer-gave-up", … as above, with hyphens.
constexpr std::string_view to_string(DemoCause cause) noexcept {
  constexpr std::array<std::string_view, 7> words{"attempt-timeout", "peer-gave-up",  "bad-description",
                                                  "signalling-lost", "peer-vanished", "texts-unheard",
                                                  "peer-restarts"};
  return words[static_cast<std::size_t>(cause)];
}

/// A cause of ICE or of the demo: together a closed list of words.
using EndCause = std::variant<Cause, DemoCause>;

inline std::string_view to_string(const EndCause& cause) noexcept {
  return std::visit([](auto one) { return to_string(one); }, cause);
}

}  // namespace ice::mesh
