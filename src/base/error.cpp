#include "ice/base/error.hpp"

#include <string>

namespace ice {
namespace {

const char* message_of(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument:
      return "an argument is outside the documented range; see the documentation of the call";
    case errc::buffer_too_small:
      return "the buffer is too small for the output; give a larger one";
    case errc::would_block:
      return "the send buffer is full; send again when there is room";
    case errc::bad_address:
      return "not an IP address; write dotted IPv4 or RFC 4291 IPv6";
    case errc::bad_endpoint:
      return "not an address and port; write IP:PORT or [IP6]:PORT";
    case errc::unsupported:
      return "not supported by this build; use another transport, family or algorithm";
    case errc::limit_reached:
      return "a documented limit is reached; remove something first";
    case errc::closed:
      return "the object was closed; make a new one";
    case errc::not_stun:
      return "no STUN header; treat the bytes as application data";
    case errc::truncated:
      return "fewer bytes than the STUN length field promises; drop the message";
    case errc::trailing_bytes:
      return "more bytes than the STUN length field promises; drop the message";
    case errc::malformed_message:
      return "an attribute runs past the end of the STUN message; drop the message";
    case errc::malformed_attribute:
      return "the attribute breaks its own format; treat it as absent or drop the message";
    case errc::no_such_attribute:
      return "the message has no such attribute; do without it";
    case errc::unknown_address_family:
      return "the address is neither IPv4 nor IPv6; treat the attribute as absent";
    case errc::no_integrity:
      return "the message has no integrity attribute; do not trust it";
    case errc::wrong_integrity:
      return "the message was signed with another key or was changed; check the credentials";
    case errc::wrong_fingerprint:
      return "FINGERPRINT does not match; treat the bytes as application data";
    case errc::text_too_long:
      return "the text is longer than RFC 8489 allows; shorten it";
    case errc::bad_text:
      return "the text is no UTF-8 or has characters that RFC 8265 forbids; use printable text";
    case errc::bad_uri:
      return "no STUN or TURN URI; write stun:host[:port] or turn:host[:port][?transport=udp|tcp]";
    case errc::timed_out:
      return "no answer in time; check the address, the server and the firewalls between";
    case errc::unreachable:
      return "the network says that nothing answers there; check the address and whether the server runs";
    case errc::server_refused:
      return "the server refused the request; see its error code";
    case errc::bad_response:
      return "the answer breaks the protocol; try another server";
    case errc::redirect_loop:
      return "the servers redirect to each other; try another server";
    case errc::bid_down:
      return "somebody weakened the password algorithms on the way; do not trust this network";
    case errc::unauthorized:
      return "the server refused the user name or password; check both";
    case errc::no_allocation:
      return "there is no allocation; call allocate() and wait for Allocated";
    case errc::no_permission:
      return "the peer is not permitted; call permit() and wait for PermissionGranted";
    case errc::bad_token:
      return "the access token was not made with this key for this server; check kid, key and server name";
    case errc::token_expired:
      return "the access token has expired; get a new one and call replace_credentials()";
    case errc::no_candidates:
      return "there are no candidates to pair; check the interfaces and the peer's candidates";
    case errc::no_consent:
      return "the peer's consent has expired or was never given; restart ICE";
    case errc::checks_failed:
      return "no pair works; see the report for each pair's cause";
    case errc::bad_ufrag:
      return "the ufrag is not 4 to 256 letters, digits, '+' and '/'; ask the peer for a valid one";
    case errc::bad_password:
      return "the ICE password is not 22 to 256 letters, digits, '+' and '/'; ask for a valid one";
    case errc::bad_candidate:
      return "the candidate breaks RFC 8839 or cannot be used here; skip it";
    case errc::wrong_generation:
      return "the candidate belongs to another ICE generation; skip it";
    case errc::no_such_socket:
      return "no such socket; add it first";
    case errc::bad_sdp:
      return "no session description by RFC 8866; check what the signalling delivered";
    case errc::name_not_resolved:
      return "DNS has no address for the name; check its spelling and the resolver";
  }
  return "unknown error";
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "icebreaker"; }
  std::string message(int code) const override { return message_of(static_cast<errc>(code)); }
};

}  // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

}  // namespace ice
