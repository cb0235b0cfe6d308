#pragma once

#include <system_error>

#include "ice/base/export.hpp"

namespace ice {

/// Why a call could not do what it was asked. Each message says what to do about it.
///
/// These are answers to the caller of a function. What a packet from the network was worth is a `Verdict`, never an
/// error; a broken precondition is an assertion.
enum class errc {
  // base
  invalid_argument = 1,  ///< an argument is outside what the documentation of the call allows
  buffer_too_small,      ///< the caller's buffer cannot hold the output
  would_block,           ///< the send buffer of a stream is full; nothing was taken
  bad_address,           ///< not an IP address
  bad_endpoint,          ///< not "IP:PORT" or "[IP6]:PORT"
  unsupported,           ///< known to the specification, not to this build
  limit_reached,         ///< a documented bound is reached
  closed,                ///< the object was closed
  // stun
  not_stun,                ///< the first 20 bytes are no STUN header
  truncated,               ///< fewer bytes than the length field promises
  trailing_bytes,          ///< more bytes than the length field promises
  malformed_message,       ///< an attribute runs past the end, or the length is no multiple of four
  malformed_attribute,     ///< the attribute is there and its value breaks its own format
  no_such_attribute,       ///< the message has no such attribute (that may be trusted)
  unknown_address_family,  ///< an address attribute of neither IPv4 nor IPv6
  no_integrity,            ///< neither MESSAGE-INTEGRITY nor MESSAGE-INTEGRITY-SHA256
  wrong_integrity,         ///< the MAC was made with another key, or over other bytes
  wrong_fingerprint,       ///< FINGERPRINT does not match
  text_too_long,           ///< a text is longer than RFC 8489 allows its attribute
  bad_text,                ///< not UTF-8, or refused by the OpaqueString profile (RFC 8265 §4.2)
  bad_uri,                 ///< no stun:, stuns:, turn: or turns: URI
  timed_out,               ///< no answer within the retransmission schedule
  unreachable,             ///< ICMP says that the other side cannot be reached
  server_refused,          ///< an error response that ends the transaction
  bad_response,            ///< an answer that breaks the protocol
  redirect_loop,           ///< ALTERNATE-SERVER named a server that was tried already
  bid_down,                ///< the server's algorithms and its nonce cookie disagree (RFC 8489 §9.2.1)
  unauthorized,            ///< the server refused the credentials
  // turn
  no_allocation,  ///< the relay server has given none yet, or has taken it back
  no_permission,  ///< the peer was not permitted at the relay server (RFC 8656 §9)
  bad_token,      ///< no access token of this key and server (RFC 7635 §6.2)
  token_expired,  ///< the time of the access token is over (RFC 7635 §8)
  // ice
  no_candidates,     ///< nothing to pair
  no_consent,        ///< no pair may carry data, or consent has expired (RFC 7675 §5.1)
  checks_failed,     ///< every pair failed, and patience is over (RFC 8863 §4)
  bad_ufrag,         ///< the ufrag is not 4 to 256 ice-chars (RFC 8839 §5.4)
  bad_password,      ///< the password is not 22 to 256 ice-chars (RFC 8839 §5.4)
  bad_candidate,     ///< a candidate breaks RFC 8839 §5.1 or cannot be used here
  wrong_generation,  ///< the ufrag belongs to another ICE generation
  no_such_socket,    ///< this socket id was never added, or was removed
  // sdp
  bad_sdp,  ///< no session description by the grammar of RFC 8866
  // io
  name_not_resolved,  ///< DNS has no address for the name
};

/// The category of `errc`, named "icebreaker".
ICE_API const std::error_category& error_category() noexcept;

inline std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), error_category()}; }

}  // namespace ice

template <>
struct std::is_error_code_enum<ice::errc> : std::true_type {};
