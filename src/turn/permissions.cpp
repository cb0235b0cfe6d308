#include "turn/permissions.hpp"

#include <algorithm>

namespace ice::turn {
namespace {

constexpr auto before = [](const Permission& permission, const Address& address) {
  return permission.address < address;
};

}  // namespace

const Permission* Permissions::find(TimePoint now, const Address& address) const noexcept {
  const auto found = std::lower_bound(all_.begin(), all_.end(), address, before);
  return found != all_.end() && found->address == address && found->expires > now ? &*found : nullptr;
}

bool Permissions::install(TimePoint now, const Address& address, Reach reach) {
  clear_expired(now);
  const auto at = std::lower_bound(all_.begin(), all_.end(), address, before);
  const bool known = at != all_.end() && at->address == address;
  const Permission permission{address, now + permission_lifetime, reach};
  if (known) {
    *at = permission;
  } else {
    all_.insert(at, permission);
  }
  return !known;
}

void Permissions::clear_expired(TimePoint now) noexcept {
  std::erase_if(all_, [&](const Permission& permission) { return permission.expires <= now; });
}

}  // namespace ice::turn
