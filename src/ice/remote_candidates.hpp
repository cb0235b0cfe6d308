#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ice/agent.hpp"
#include "ice/base/result.hpp"
#include "ice/candidate.hpp"

namespace ice {

/// Index of a candidate in RemoteCandidates::all(), stable for the agent's life.
using RemoteIndex = std::uint16_t;

struct RemoteCandidate {
  Candidate candidate;
  std::uint16_t foundation = 0;  // equal numbers for equal foundations
  std::optional<TimePoint> signalled{};
  std::optional<TimePoint> discovered{};
};

/// The candidates of the peer, signalled and discovered.
class RemoteCandidates {
 public:
  RemoteCandidates(bool allow_loopback, const AgentLimits& limits) noexcept;

  struct Added {
    RemoteIndex index;
    bool fresh;  // false: it was known, and is now known better
  };
  /// A candidate from signalling. One that a check has already revealed keeps its place and takes the signalled type,
  /// foundation and priority (RFC 8445 §7.3.1.3, RFC 8838 §11). errc::unsupported, errc::bad_candidate,
  /// errc::limit_reached.
  result<Added> add_signalled(TimePoint now, const Candidate& candidate);

  /// It was signalled before.
  bool is_signalled(const Candidate& candidate) const noexcept;

  /// The candidate at the source of an authenticated check: known, or a new peer-reflexive one (RFC 8445 §7.3.1.3).
  /// None where the bound is reached.
  std::optional<RemoteIndex> find_or_discover(TimePoint now, ComponentId component, const Endpoint& source,
                                              std::uint32_t priority);

  const std::vector<RemoteCandidate>& all() const noexcept { return candidates_; }
  const RemoteCandidate& operator[](RemoteIndex index) const noexcept { return candidates_[index]; }

 private:
  std::optional<RemoteIndex> find(ComponentId component, const Endpoint& endpoint) const noexcept;
  std::uint16_t foundation_number(const std::string& foundation) const noexcept;

  bool allow_loopback_;
  std::size_t limit_;
  std::size_t peer_reflexive_limit_;
  std::size_t peer_reflexive_ = 0;
  std::vector<RemoteCandidate> candidates_;
};

}  // namespace ice
