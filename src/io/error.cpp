#include "ice/io/error.hpp"

#include <string>

namespace ice::io {
namespace {

const char* advice(Cause cause) noexcept {
  switch (cause) {
    case Cause::none:
      return "nothing is wrong";
    case Cause::no_response:
      return "every request stayed unanswered; look for a firewall or a wrong address";
    case Cause::error_response:
      return "an error response came that cannot be repaired; see its code in the report";
    case Cause::unauthenticated:
      return "answers came, none with the right password; check that both sides have each other's credentials";
    case Cause::asymmetric_response:
      return "the answer came from another address than was asked; look for a broken NAT";
    case Cause::bad_response:
      return "the answer breaks the protocol; look at what answers there";
    case Cause::superseded:
      return "another pair was nominated first";
    case Cause::evicted:
      return "a better pair took its place; fewer candidates or a larger limit would keep it";
    case Cause::socket_gone:
      return "its socket was removed, as when an interface goes down; restart ICE";
    case Cause::relay_lost:
      return "the TURN server restarted or is dead; restart ICE";
    case Cause::permission_refused:
      return "the TURN server does not relay to this peer; see its policy";
    case Cause::wrong_credentials:
      return "the TURN server does not take the user name and password; get new ones";
    case Cause::quota_reached:
      return "the user has as many allocations as the TURN server lets it; close some or raise the quota";
    case Cause::no_capacity:
      return "the TURN server has no relayed address left; use another one";
    case Cause::unreachable:
      return "there is no way to the server, or it closed the connection; check its address and port";
    case Cause::name_not_resolved:
      return "DNS has no address for the server; check its spelling and the resolver";
    case Cause::unsupported:
      return "STUN over TLS or DTLS reveals no candidate; use stun: in place of stuns:";
    case Cause::closed:
      return "the agent was closed";
    case Cause::no_local_candidates:
      return "this host offered no usable address; see the sockets of the report";
    case Cause::no_relay:
      return "only relayed candidates were wanted, and no server gave one; see the servers of the report";
    case Cause::no_remote_candidates:
      return "the peer never told a candidate; check the signalling";
    case Cause::no_common_family:
      return "one side has IPv4 alone and the other IPv6 alone; a relay with both would help";
    case Cause::checks_failed:
      return "pairs were tried and none worked; see the report for each pair's cause";
    case Cause::nomination_failed:
      return "a pair worked and its nomination did not; try again";
    case Cause::consent_expired:
      return "nothing authentic was heard from the peer for 30 s; restart ICE";
    case Cause::consent_revoked:
      return "the peer does not want to receive any more";
  }
  return "unknown cause";
}

class CauseCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "ice"; }
  std::string message(int value) const override {
    const auto cause = static_cast<Cause>(value);
    return std::string{to_string(cause)} + ": " + advice(cause);
  }
};

}  // namespace

const std::error_category& cause_category() noexcept {
  static const CauseCategory category;
  return category;
}

}  // namespace ice::io
