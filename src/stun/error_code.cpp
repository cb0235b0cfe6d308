#include "ice/stun/error_code.hpp"

#include <algorithm>
#include <array>

namespace ice::stun {
namespace {

constexpr auto table = std::to_array<ErrorCodeInfo>({
    {ErrorCode::try_alternate, "Try Alternate", "RFC 8489 §14.8"},
    {ErrorCode::bad_request, "Bad Request", "RFC 8489 §14.8"},
    {ErrorCode::unauthenticated, "Unauthenticated", "RFC 8489 §14.8"},
    {ErrorCode::forbidden, "Forbidden", "RFC 8656 §19"},
    {ErrorCode::mobility_forbidden, "Mobility Forbidden", "RFC 8016 §3.4"},
    {ErrorCode::unknown_attribute, "Unknown Attribute", "RFC 8489 §14.8"},
    {ErrorCode::stale_credentials, "Stale Credentials", "RFC 3489 §11.2.9"},
    {ErrorCode::integrity_check_failure, "Integrity Check Failure", "RFC 3489 §11.2.9"},
    {ErrorCode::missing_username, "Missing Username", "RFC 3489 §11.2.9"},
    {ErrorCode::use_tls, "Use TLS", "RFC 3489 §11.2.9"},
    {ErrorCode::allocation_mismatch, "Allocation Mismatch", "RFC 8656 §19"},
    {ErrorCode::stale_nonce, "Stale Nonce", "RFC 8489 §14.8"},
    {ErrorCode::address_family_not_supported, "Address Family not Supported", "RFC 8656 §19"},
    {ErrorCode::wrong_credentials, "Wrong Credentials", "RFC 8656 §19"},
    {ErrorCode::unsupported_transport_protocol, "Unsupported Transport Protocol", "RFC 8656 §19"},
    {ErrorCode::peer_address_family_mismatch, "Peer Address Family Mismatch", "RFC 8656 §19"},
    {ErrorCode::connection_already_exists, "Connection Already Exists", "RFC 6062 §6.3"},
    {ErrorCode::connection_timeout_or_failure, "Connection Timeout or Failure", "RFC 6062 §6.3"},
    {ErrorCode::allocation_quota_reached, "Allocation Quota Reached", "RFC 8656 §19"},
    {ErrorCode::role_conflict, "Role Conflict", "RFC 8445 §16.2"},
    {ErrorCode::server_error, "Server Error", "RFC 8489 §14.8"},
    {ErrorCode::insufficient_capacity, "Insufficient Capacity", "RFC 8656 §19"},
    {ErrorCode::global_failure, "Global Failure", "RFC 3489 §11.2.9"},
});

const ErrorCodeInfo* find(ErrorCode code) noexcept {
  const auto* const found =
      std::find_if(table.begin(), table.end(), [&](const auto& info) { return info.code == code; });
  return found == table.end() ? nullptr : found;
}

}  // namespace

std::span<const ErrorCodeInfo> error_codes() noexcept { return table; }

std::string_view reason_phrase(ErrorCode code) noexcept {
  const ErrorCodeInfo* const info = find(code);
  return info != nullptr ? info->reason : std::string_view{};
}

std::string_view defining_section(ErrorCode code) noexcept {
  const ErrorCodeInfo* const info = find(code);
  return info != nullptr ? info->section : std::string_view{};
}

}  // namespace ice::stun
