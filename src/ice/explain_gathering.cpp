// What a side can find out about itself: its addresses, its servers, and whether UDP leaves its network.

#include <algorithm>

#include "ice/explain_view.hpp"

namespace ice {
namespace {

using namespace confidence;

bool answered_by(const ReportView& side, const Endpoint& server) {
  const auto& servers = side.report().servers;
  return std::any_of(servers.begin(), servers.end(),
                     [&](const ServerReport& each) { return each.server == server && each.responses > 0; });
}

bool silent_to(const ReportView& side, const Endpoint& server) {
  const auto& servers = side.report().servers;
  return std::any_of(servers.begin(), servers.end(),
                     [&](const ServerReport& each) { return each.server == server && ReportView::silent(each); });
}

bool is_public(const ReportView& side) {
  const auto& sockets = side.report().sockets;
  return std::any_of(sockets.begin(), sockets.end(), [](const SocketReport& socket) {
    const Address& address = socket.local.address;
    return socket.usable && !address.is_private() && !address.is_loopback() && !address.is_link_local();
  });
}

/// The servers that were asked over UDP, none of which answered; empty where anything at all came over UDP.
std::vector<const ServerReport*> silent_over_udp(const ReportView& side) {
  std::vector<const ServerReport*> silent;
  if (side.udp_heard()) return silent;
  for (const ServerReport& server : side.report().servers)
    if (!is_stream(server.transport) && ReportView::silent(server)) silent.push_back(&server);
  return silent;
}

std::size_t addresses_of(const std::vector<const ServerReport*>& servers) {
  std::set<Address> all;
  for (const ServerReport* server : servers) all.insert(server->server.address);
  return all.size();
}

unsigned udp_blocked(const ReportView& side, const ReportView* other, const std::vector<const ServerReport*>& silent) {
  if (silent.empty()) return 0;
  if (side.connected_before()) return faint;  // it was open before
  const auto& servers = side.report().servers;
  const bool stream_answered = std::any_of(servers.begin(), servers.end(), [](const ServerReport& server) {
    return is_stream(server.transport) && server.responses > 0;
  });
  if (stream_answered) return proven;
  const auto any = [&](auto&& holds) { return std::any_of(silent.begin(), silent.end(), holds); };
  if (other != nullptr && any([&](const ServerReport* server) { return answered_by(*other, server->server); }))
    return proven;
  if (other != nullptr && any([&](const ServerReport* server) { return silent_to(*other, server->server); }))
    return weak;
  if (any([](const ServerReport* server) { return server->unreachable > 0; })) return strong + 1;
  return addresses_of(silent) > 1 ? strong - 3 : fair + 5;
}

void explain_udp(const ReportView& side, const ReportView* other, Findings& findings) {
  const auto silent = silent_over_udp(side);
  const unsigned sure = udp_blocked(side, other, silent);
  if (sure == 0) return;
  std::vector<Evidence> evidence;
  for (const ServerReport* server : silent)
    evidence.push_back(side.evidence(Fact::server_silent, *server, server->requests));
  for (const ReportView* view : {&side, other}) {
    if (view == nullptr) continue;
    for (const ServerReport& server : view->report().servers)
      if (server.responses > 0) evidence.push_back(view->evidence(Fact::server_answered, server, server.responses));
  }
  findings.add(RootCause::udp_blocked, side.party(), sure, std::move(evidence));
}

/// Without a STUN server only a host that has a public address, or a relay, is found by the peer.
bool needs_stun(const ReportView& side) { return side.mappings().empty() && !is_public(side) && !side.relay_up(); }

unsigned stun_unreachable(const ReportView& side, const ReportView* other, const ServerReport& server) {
  if (!needs_stun(side) || side.connected_before()) return faint;
  if (other == nullptr) return addresses_of(silent_over_udp(side)) > 1 ? likely : likely + 4;
  if (silent_to(*other, server.server)) return strong;
  if (answered_by(*other, server.server)) return possible;
  return likely;
}

/// A relay would have carried the call whatever the NATs do, unless there was one.
unsigned relay_missing(const ReportView& side, const ReportView* other) {
  const bool there = side.relay_up() || (other != nullptr && other->relay_up());
  if (there || side.connected_before()) return faint;
  return strong;
}

RootCause credentials_cause(const ReportView& side, const ServerReport& server) {
  const auto now = side.report().unix_time;
  const bool time_is_over = now && server.login_expires && *server.login_expires <= *now;
  return time_is_over || server.losses > 0 ? RootCause::turn_credentials_expired : RootCause::turn_credentials_refused;
}

std::optional<RootCause> turn_cause(const ReportView& side, const ServerReport& server) {
  if (server.relayed && server.cause == Cause::none) return std::nullopt;
  switch (server.cause) {
    case Cause::wrong_credentials:
    case Cause::unauthenticated:
      return credentials_cause(side, server);
    case Cause::quota_reached:
    case Cause::no_capacity:
    case Cause::error_response:
    case Cause::bad_response:
      return RootCause::turn_refused;
    case Cause::no_response:
    case Cause::unreachable:
      return RootCause::turn_unreachable;
    default:
      if (ReportView::silent(server)) return RootCause::turn_unreachable;
      return std::nullopt;
  }
}

void explain_turn(const ReportView& side, const ReportView* other, const ServerReport& server, Findings& findings) {
  const auto cause = turn_cause(side, server);
  if (!cause) return;
  unsigned sure = relay_missing(side, other);
  // Where nothing over UDP is answered the server need not be the reason; the peer may have reached it.
  if (*cause == RootCause::turn_unreachable && !is_stream(server.transport) && sure > possible) {
    if (other != nullptr && answered_by(*other, server.server)) sure = possible;
    if (findings.confidence_of(RootCause::udp_blocked) > likely &&
        !(other != nullptr && silent_to(*other, server.server)))
      sure = possible;
  }
  const bool silent = *cause == RootCause::turn_unreachable;
  findings.add(*cause, side.party(), sure,
               {silent ? side.evidence(Fact::server_silent, server, server.requests)
                       : side.evidence(Fact::server_refused, server, server.error_code)});
}

void explain_name(const ReportView& side, const ReportView* other, const ServerReport& server, Findings& findings) {
  const unsigned sure = ReportView::is_turn(server) ? relay_missing(side, other) : needs_stun(side) ? strong : faint;
  Evidence evidence = side.evidence(Fact::name_unresolved);
  evidence.detail = server.uri;
  findings.add(RootCause::server_name_unresolved, side.party(), sure, {std::move(evidence)});
}

void explain_addresses(const ReportView& side, Findings& findings) {
  const ConnectivityReport& report = side.report();
  if (!report.local_candidates.empty() || !report.gathering_started || report.relay_only) return;
  if (report.sockets.empty()) {
    findings.add(RootCause::no_local_address, side.party(), proven + 2, {side.evidence(Fact::candidates_told)});
    return;
  }
  for (const SocketReport& socket : report.sockets) {
    if (!socket.removed)
      findings.add(RootCause::no_local_address, side.party(), proven + 2,
                   {side.evidence(Fact::candidates_told, socket.local)});
  }
}

// A server relays to no private address (RFC 8656 §21.1.6 leaves it the choice), which every peer behind a NAT has too:
// what counts is that nothing else was permitted either.
void explain_permissions(const ReportView& side, Findings& findings) {
  std::vector<Evidence> refused;
  for (const PairReport& pair : side.report().pairs) {
    if (pair.local_type != CandidateType::relayed || pair.remote.address.is_private()) continue;
    if (pair.cause != Cause::permission_refused) return;
    refused.push_back(side.evidence(Fact::server_refused, pair.base, pair.remote, pair.error_code));
  }
  if (!refused.empty()) findings.add(RootCause::turn_refused, side.party(), strong - 2, std::move(refused));
}

}  // namespace

void explain_gathering(const ReportView& side, const ReportView* other, Findings& findings) {
  explain_addresses(side, findings);
  explain_udp(side, other, findings);
  for (const ServerReport& server : side.report().servers) {
    if (server.cause == Cause::name_not_resolved) {
      explain_name(side, other, server, findings);
    } else if (ReportView::is_turn(server)) {
      explain_turn(side, other, server, findings);
    } else if (ReportView::silent(server)) {
      findings.add(RootCause::stun_unreachable, side.party(), stun_unreachable(side, other, server),
                   {side.evidence(Fact::server_silent, server, server.requests)});
    }
  }
  explain_permissions(side, findings);
}

}  // namespace ice
