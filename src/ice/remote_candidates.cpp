#include "ice/remote_candidates.hpp"

#include <algorithm>

#include "base/reachable.hpp"

namespace ice {
namespace {

constexpr std::size_t max_foundation = 32;  // RFC 8839 §5.1

/// One host has one spelling, and a scope id means something on its own host alone.
Endpoint told(const Endpoint& endpoint) noexcept {
  return {endpoint.address.canonical().without_scope(), endpoint.port};
}

}  // namespace

RemoteCandidates::RemoteCandidates(bool allow_loopback, const AgentLimits& limits) noexcept
    : allow_loopback_{allow_loopback}, limit_{limits.remote_candidates}, peer_reflexive_limit_{limits.peer_reflexive} {}

std::optional<RemoteIndex> RemoteCandidates::find(ComponentId component, const Endpoint& endpoint) const noexcept {
  for (RemoteIndex i = 0; i < candidates_.size(); ++i)
    if (candidates_[i].candidate.endpoint == endpoint && candidates_[i].candidate.component == component) return i;
  return std::nullopt;
}

bool RemoteCandidates::is_signalled(const Candidate& candidate) const noexcept {
  const auto known = find(candidate.component, told(candidate.endpoint));
  return known && candidates_[*known].signalled;
}

std::uint16_t RemoteCandidates::foundation_number(const std::string& foundation) const noexcept {
  std::uint16_t next = 1;
  for (const RemoteCandidate& known : candidates_) {
    if (known.candidate.foundation == foundation && known.signalled) return known.foundation;
    next = std::max(next, static_cast<std::uint16_t>(known.foundation + 1));
  }
  return next;
}

result<RemoteCandidates::Added> RemoteCandidates::add_signalled(TimePoint now, const Candidate& candidate) {
  // A name in place of an address would have to be resolved by multicast, which no floor does yet.
  if (candidate.transport != Transport::udp || !candidate.name.empty()) return fail(errc::unsupported);
  const Address& address = candidate.endpoint.address;
  // A loopback address would have this host send checks to itself on behalf of somebody else.
  if (!is_reachable(candidate.endpoint) || (address.is_loopback() && !allow_loopback_) || candidate.priority == 0 ||
      candidate.priority > max_priority || candidate.component != ComponentId{1} ||
      !is_ice_text(candidate.foundation, 1, max_foundation))
    return fail(errc::bad_candidate);

  Candidate kept = candidate;
  kept.endpoint = told(candidate.endpoint);
  if (const auto known = find(kept.component, kept.endpoint)) {
    RemoteCandidate& old = candidates_[*known];
    if (!old.signalled) {
      if (candidates_.size() - peer_reflexive_ >= limit_) return fail(errc::limit_reached);
      --peer_reflexive_;
      old.foundation = foundation_number(kept.foundation);
      old.signalled = now;
      old.candidate = std::move(kept);
    }
    return Added{*known, false};
  }
  if (candidates_.size() - peer_reflexive_ >= limit_) return fail(errc::limit_reached);
  const std::uint16_t foundation = foundation_number(kept.foundation);
  candidates_.push_back({std::move(kept), foundation, now, std::nullopt});
  return Added{static_cast<RemoteIndex>(candidates_.size() - 1), true};
}

std::optional<RemoteIndex> RemoteCandidates::find_or_discover(TimePoint now, ComponentId component,
                                                              const Endpoint& source, std::uint32_t priority) {
  if (const auto known = find(component, told(source))) return known;
  if (peer_reflexive_ >= peer_reflexive_limit_) return std::nullopt;
  ++peer_reflexive_;
  Candidate candidate;
  candidate.component = component;
  candidate.priority = priority;
  candidate.endpoint = told(source);
  candidate.type = CandidateType::peer_reflexive;
  // "An arbitrary value, different from the foundations of all other remote candidates" (RFC 8445 §7.3.1.3): the
  // number is; the text stays empty, since nobody is told.
  std::uint16_t foundation = 1;
  for (const RemoteCandidate& known : candidates_)
    foundation = std::max(foundation, static_cast<std::uint16_t>(known.foundation + 1));
  candidates_.push_back({std::move(candidate), foundation, std::nullopt, now});
  return static_cast<RemoteIndex>(candidates_.size() - 1);
}

}  // namespace ice
