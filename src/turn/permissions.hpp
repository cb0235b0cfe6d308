#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/time.hpp"
#include "turn/peer_policy.hpp"

namespace ice::turn {

/// RFC 8656 §9: "MUST be 300 seconds".
inline constexpr std::chrono::seconds permission_lifetime{300};

struct Permission {
  Address address;
  TimePoint expires;
  Reach reach;  ///< what the policy said when it was made; never forbidden
};

/// The permissions of one relayed transport address (RFC 8656 §9), in the order of their addresses. One that has
/// expired is as good as none, and is cleared away when another one is made.
class Permissions {
 public:
  const Permission* find(TimePoint now, const Address& address) const noexcept;

  /// Makes one or refreshes it. True if there was none.
  bool install(TimePoint now, const Address& address, Reach reach);
  void clear_expired(TimePoint now) noexcept;

  std::size_t size() const noexcept { return all_.size(); }

 private:
  std::vector<Permission> all_;
};

}  // namespace ice::turn
