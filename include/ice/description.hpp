#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/candidate.hpp"

namespace ice {

/// RFC 8839 §5.4: lengths of ice-ufrag and ice-pwd, in ice-chars.
inline constexpr std::size_t min_ufrag = 4;
inline constexpr std::size_t min_password = 22;
inline constexpr std::size_t max_credential = 256;

/// RFC 8445 §10: the peer complies with RFC 8445, not only with RFC 5245.
inline constexpr std::string_view option_ice2 = "ice2";
/// RFC 8838 §3: the peer takes candidates after the description.
inline constexpr std::string_view option_trickle = "trickle";

/// What one data stream brings (RFC 8445 §4).
struct StreamDescription {
  std::string mid;                    ///< how signalling names the stream
  std::vector<Candidate> candidates;  ///< known so far, in the order they were found
  bool end_of_candidates = false;     ///< no more will follow (RFC 8838 §13)

  friend bool operator==(const StreamDescription&, const StreamDescription&) = default;
};

/// What one agent tells the other before checks can run (RFC 8445 §5.3). How it travels is not ICE's business;
/// ice/sdp writes it as SDP.
struct Description {
  std::string ufrag;                                ///< 4 to 256 ice-chars
  std::string password;                             ///< 22 to 256 ice-chars
  bool lite = false;                                ///< a lite implementation (RFC 8445 §2.5)
  std::vector<std::string> options;                 ///< ICE options, such as "ice2" and "trickle"
  std::optional<std::chrono::milliseconds> pacing;  ///< the proposed Ta (RFC 8445 §14.2); silence means 50 ms
  std::vector<StreamDescription> streams;

  ICE_API bool has_option(std::string_view option) const noexcept;

  friend bool operator==(const Description&, const Description&) = default;
};

/// Whether ufrag and password may be used at all: errc::bad_ufrag, errc::bad_password.
ICE_API result<void> validate_credentials(const Description& description) noexcept;

}  // namespace ice
