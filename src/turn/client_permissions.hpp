#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/result.hpp"
#include "ice/base/time.hpp"
#include "turn/client_requests.hpp"

namespace ice::turn {

/// One address that the owner wants to be permitted (RFC 8656 §9).
struct ClientPermission {
  Address peer;
  RequestId request = RequestId::none;  // rides on this one
  bool due = true;                      // to be asked for with the next request
  bool alone = false;                   // a request for several was refused: which of them is at fault?
  bool told = false;                    // that it was granted, on this allocation
  bool forgotten = false;               // stays only until the request is over, whose retransmissions must be the same
  TimePoint refresh_at = TimePoint::max();
  TimePoint expires = TimePoint::min();
};

/// The permissions of an allocation: who is wanted, what the server has granted, what is to be asked for.
class ClientPermissions {
 public:
  /// Wants the address. False if there is no room for it. `due`: CreatePermission shall ask for it; else something
  /// else does.
  bool add(const Address& peer, bool due);
  void forget(const Address& peer) noexcept;
  void clear() noexcept { permissions_.clear(); }

  /// The allocation is another one: everything is to be asked for anew.
  void reset() noexcept;

  /// The addresses of the next request get its id. False if there is nothing to ask for.
  bool has_due() const noexcept;
  void board(TimePoint now, RequestId request) noexcept;
  /// Calls `use` with every address that rides on it, in an order that never changes.
  template <class F>
  void each_of(RequestId request, F use) const {
    for (const ClientPermission& permission : permissions_)
      if (permission.request == request) use(permission.peer);
  }

  /// The request is over, and was granted: those whom the owner has not been told of get `tell`.
  template <class F>
  void granted(TimePoint now, RequestId request, F tell) {
    for (ClientPermission& permission : permissions_) {
      if (permission.request != request) continue;
      permission.request = RequestId::none;
      grant(now, permission, tell);
    }
    drop_forgotten();
  }
  /// ChannelBind has granted it (RFC 8656 §12.3). A request that it rides on goes on: its retransmissions must be the
  /// same (RFC 8489 §6.2.1).
  template <class F>
  void granted(TimePoint now, const Address& peer, F tell) {
    if (ClientPermission* const permission = find(peer)) grant(now, *permission, tell);
  }
  /// It was refused. Where several rode on it each is asked for alone; one that was alone is forgotten, and `tell` gets
  /// it.
  template <class F>
  void refused(RequestId request, F tell) {
    if (const std::optional<Address> peer = take_refused(request)) tell(*peer);
  }
  /// Forgets those of a family that the allocation does not have; `tell` gets each.
  template <class F>
  void drop_family(Family family, F tell) {
    for (const ClientPermission& permission : permissions_)
      if (permission.peer.family() == family) tell(permission.peer);
    std::erase_if(permissions_, [&](const ClientPermission& p) { return p.peer.family() == family; });
  }
  /// Somebody else was to ask for it, and has failed.
  void make_due_unless_active(TimePoint now, const Address& peer) noexcept;

  bool wanted(const Address& peer) const noexcept;
  bool active(TimePoint now, const Address& peer) const noexcept;
  /// It is, or is being asked for: the server may know of it before we know that.
  bool may_send(TimePoint now, const Address& peer) const noexcept;
  std::size_t count(TimePoint now) const noexcept;

  void handle_timeout(TimePoint now) noexcept;
  std::optional<TimePoint> next_timeout() const noexcept;

 private:
  template <class F>
  void grant(TimePoint now, ClientPermission& permission, F tell) {
    if (mark_granted(now, permission)) tell(permission.peer);
  }
  static bool mark_granted(TimePoint now, ClientPermission& permission) noexcept;
  std::optional<Address> take_refused(RequestId request);
  void drop_forgotten() noexcept;
  ClientPermission* find(const Address& peer) noexcept;
  const ClientPermission* find(const Address& peer) const noexcept;

  std::vector<ClientPermission> permissions_;
};

}  // namespace ice::turn
