#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "ice/base/export.hpp"

namespace ice::stun {

/// What ERROR-CODE may say. Any number from 300 to 699 can arrive (RFC 8489 §14.8), known or not.
enum class ErrorCode : std::uint16_t {
  try_alternate = 300,
  bad_request = 400,
  unauthenticated = 401,
  forbidden = 403,
  mobility_forbidden = 405,
  unknown_attribute = 420,
  stale_credentials = 430,  ///< RFC 3489 alone, as the next three
  integrity_check_failure = 431,
  missing_username = 432,
  use_tls = 433,
  allocation_mismatch = 437,
  stale_nonce = 438,
  address_family_not_supported = 440,
  wrong_credentials = 441,
  unsupported_transport_protocol = 442,
  peer_address_family_mismatch = 443,
  connection_already_exists = 446,
  connection_timeout_or_failure = 447,
  allocation_quota_reached = 486,
  role_conflict = 487,
  server_error = 500,
  insufficient_capacity = 508,
  global_failure = 600,  ///< RFC 3489 alone
};

struct ErrorCodeInfo {
  ErrorCode code;
  std::string_view reason;   ///< the recommended reason phrase
  std::string_view section;  ///< where it is defined: "RFC 8489 §14.8"
};

/// All of the above, in ascending order.
ICE_API std::span<const ErrorCodeInfo> error_codes() noexcept;

/// The recommended reason phrase; "" for a code that no specification here defines.
ICE_API std::string_view reason_phrase(ErrorCode code) noexcept;

/// The section that defines it; "" likewise.
ICE_API std::string_view defining_section(ErrorCode code) noexcept;

constexpr unsigned to_number(ErrorCode code) noexcept { return static_cast<unsigned>(code); }

}  // namespace ice::stun
