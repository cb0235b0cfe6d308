#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/local_candidates.hpp"

namespace ice {

/// What authenticated checks told before the peer's description was known: they are answered at once, the rest is kept
/// until it can be acted on (RFC 8445 §7.3).
class EarlyChecks {
 public:
  struct Check {
    BaseIndex base;
    Endpoint source;
    std::string remote_ufrag;
    std::uint32_t priority;
    bool nominates;
  };

  explicit EarlyChecks(std::size_t limit) noexcept : limit_{limit} {}

  /// The last word of a source counts, but a nomination is not taken back. False where the bound is reached.
  bool keep(Check check) {
    const auto known = std::find_if(checks_.begin(), checks_.end(), [&](const Check& other) {
      return other.base == check.base && other.source == check.source && other.remote_ufrag == check.remote_ufrag;
    });
    if (known != checks_.end()) {
      check.nominates = check.nominates || known->nominates;
      *known = std::move(check);
      return true;
    }
    if (checks_.size() >= limit_) return false;
    checks_.push_back(std::move(check));
    return true;
  }

  /// All of them, in the order in which their sources appeared; none is left.
  std::vector<Check> take() noexcept { return std::move(checks_); }

 private:
  std::size_t limit_;
  std::vector<Check> checks_;
};

}  // namespace ice
