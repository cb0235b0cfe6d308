#include "turn/client_permissions.hpp"

#include <algorithm>

#include "ice/turn/allocation.hpp"

namespace ice::turn {

namespace {

/// Those who are due so soon are refreshed with one that is due now: few requests for many peers. Ours.
constexpr Duration gathered_within = std::chrono::seconds{30};

bool is_active(const ClientPermission& permission, TimePoint now) noexcept {
  return !permission.forgotten && now < permission.expires;
}

}  // namespace

ClientPermission* ClientPermissions::find(const Address& peer) noexcept {
  const auto found =
      std::find_if(permissions_.begin(), permissions_.end(), [&](const ClientPermission& p) { return p.peer == peer; });
  return found == permissions_.end() ? nullptr : &*found;
}

const ClientPermission* ClientPermissions::find(const Address& peer) const noexcept {
  const auto found =
      std::find_if(permissions_.begin(), permissions_.end(), [&](const ClientPermission& p) { return p.peer == peer; });
  return found == permissions_.end() ? nullptr : &*found;
}

bool ClientPermissions::add(const Address& peer, bool due) {
  if (ClientPermission* const known = find(peer)) {
    known->forgotten = false;
    return true;
  }
  if (permissions_.size() == Allocation::most_permissions) return false;
  permissions_.push_back({.peer = peer, .due = due});
  return true;
}

void ClientPermissions::forget(const Address& peer) noexcept {
  ClientPermission* const permission = find(peer);
  if (permission == nullptr) return;
  permission->forgotten = true;
  drop_forgotten();
}

void ClientPermissions::drop_forgotten() noexcept {
  std::erase_if(permissions_, [](const ClientPermission& p) { return p.forgotten && p.request == RequestId::none; });
}

void ClientPermissions::reset() noexcept {
  for (ClientPermission& permission : permissions_) permission.request = RequestId::none;
  drop_forgotten();
  for (ClientPermission& permission : permissions_) {
    permission.due = true;
    permission.told = false;
    permission.refresh_at = TimePoint::max();
    permission.expires = TimePoint::min();
  }
}

bool ClientPermissions::has_due() const noexcept {
  return std::any_of(permissions_.begin(), permissions_.end(), [](const ClientPermission& p) { return p.due; });
}

void ClientPermissions::board(TimePoint now, RequestId request) noexcept {
  const auto first =
      std::find_if(permissions_.begin(), permissions_.end(), [](const ClientPermission& p) { return p.due; });
  const bool alone = first->alone;
  std::size_t aboard = 0;
  for (auto next = first; next != permissions_.end() && aboard < Allocation::most_peers_per_request; ++next) {
    const bool soon = next->request == RequestId::none && next->refresh_at - gathered_within <= now;
    if ((!next->due && !soon) || next->alone != alone) continue;
    next->due = false;
    next->request = request;
    ++aboard;
    if (alone) return;
  }
}

bool ClientPermissions::mark_granted(TimePoint now, ClientPermission& permission) noexcept {
  permission.due = false;
  permission.alone = permission.alone && permission.request != RequestId::none;
  // What was sent first may be answered last.
  permission.expires = std::max(permission.expires, now + Allocation::permission_lifetime);
  permission.refresh_at = permission.expires - Allocation::permission_lifetime + Allocation::permission_refresh;
  if (permission.told || permission.forgotten) return false;
  permission.told = true;
  return true;
}

std::optional<Address> ClientPermissions::take_refused(RequestId request) {
  const auto rides = [&](const ClientPermission& p) { return p.request == request; };
  const auto riders = std::count_if(permissions_.begin(), permissions_.end(), rides);
  std::optional<Address> refused;
  for (ClientPermission& permission : permissions_) {
    if (!rides(permission)) continue;
    permission.request = RequestId::none;
    permission.alone = true;
    permission.due = riders > 1;
    if (riders > 1) continue;
    if (!permission.forgotten) refused = permission.peer;
    permission.forgotten = true;
  }
  drop_forgotten();
  return refused;
}

void ClientPermissions::make_due_unless_active(TimePoint now, const Address& peer) noexcept {
  ClientPermission* const permission = find(peer);
  if (permission != nullptr && permission->request == RequestId::none && !is_active(*permission, now))
    permission->due = true;
}

bool ClientPermissions::wanted(const Address& peer) const noexcept {
  const ClientPermission* const permission = find(peer);
  return permission != nullptr && !permission->forgotten;
}

bool ClientPermissions::active(TimePoint now, const Address& peer) const noexcept {
  const ClientPermission* const permission = find(peer);
  return permission != nullptr && is_active(*permission, now);
}

bool ClientPermissions::may_send(TimePoint now, const Address& peer) const noexcept {
  const ClientPermission* const permission = find(peer);
  return permission != nullptr && !permission->forgotten &&
         (is_active(*permission, now) || permission->request != RequestId::none);
}

std::size_t ClientPermissions::count(TimePoint now) const noexcept {
  return static_cast<std::size_t>(std::count_if(permissions_.begin(), permissions_.end(),
                                                [&](const ClientPermission& p) { return is_active(p, now); }));
}

void ClientPermissions::handle_timeout(TimePoint now) noexcept {
  for (ClientPermission& permission : permissions_) {
    if (permission.request != RequestId::none || now < permission.refresh_at) continue;
    permission.due = true;
    permission.refresh_at = TimePoint::max();
  }
}

std::optional<TimePoint> ClientPermissions::next_timeout() const noexcept {
  std::optional<TimePoint> next;
  for (const ClientPermission& permission : permissions_)
    if (permission.request == RequestId::none && permission.refresh_at != TimePoint::max() &&
        (!next || permission.refresh_at < *next))
      next = permission.refresh_at;
  return next;
}

}  // namespace ice::turn
