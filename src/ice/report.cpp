#include "ice/report.hpp"

namespace ice {

std::string_view to_string(Role role) noexcept { return role == Role::controlling ? "controlling" : "controlled"; }

std::string_view to_string(AgentState state) noexcept {
  switch (state) {
    case AgentState::idle:
      return "idle";
    case AgentState::gathering:
      return "gathering";
    case AgentState::checking:
      return "checking";
    case AgentState::connected:
      return "connected";
    case AgentState::disconnected:
      return "disconnected";
    case AgentState::failed:
      return "failed";
    case AgentState::closed:
      return "closed";
  }
  return "";
}

std::string_view to_string(PairState state) noexcept {
  switch (state) {
    case PairState::frozen:
      return "frozen";
    case PairState::waiting:
      return "waiting";
    case PairState::in_progress:
      return "in-progress";
    case PairState::succeeded:
      return "succeeded";
    case PairState::failed:
      return "failed";
  }
  return "";
}

std::string_view to_string(GenerationEnd end) noexcept {
  switch (end) {
    case GenerationEnd::restarted:
      return "restarted";
    case GenerationEnd::restarted_by_peer:
      return "restarted-by-peer";
    case GenerationEnd::fell_back:
      return "fell-back";
  }
  return "";
}

std::string_view to_string(Cause cause) noexcept {
  switch (cause) {
    case Cause::none:
      return "none";
    case Cause::no_response:
      return "no-response";
    case Cause::error_response:
      return "error-response";
    case Cause::unauthenticated:
      return "unauthenticated";
    case Cause::asymmetric_response:
      return "asymmetric-response";
    case Cause::bad_response:
      return "bad-response";
    case Cause::superseded:
      return "superseded";
    case Cause::evicted:
      return "evicted";
    case Cause::socket_gone:
      return "socket-gone";
    case Cause::relay_lost:
      return "relay-lost";
    case Cause::permission_refused:
      return "permission-refused";
    case Cause::wrong_credentials:
      return "wrong-credentials";
    case Cause::quota_reached:
      return "quota-reached";
    case Cause::no_capacity:
      return "no-capacity";
    case Cause::unreachable:
      return "unreachable";
    case Cause::name_not_resolved:
      return "name-not-resolved";
    case Cause::unsupported:
      return "unsupported";
    case Cause::closed:
      return "closed";
    case Cause::no_local_candidates:
      return "no-local-candidates";
    case Cause::no_relay:
      return "no-relay";
    case Cause::no_remote_candidates:
      return "no-remote-candidates";
    case Cause::no_common_family:
      return "no-common-family";
    case Cause::checks_failed:
      return "checks-failed";
    case Cause::nomination_failed:
      return "nomination-failed";
    case Cause::consent_expired:
      return "consent-expired";
    case Cause::consent_revoked:
      return "consent-revoked";
  }
  return "";
}

}  // namespace ice
