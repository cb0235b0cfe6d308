#include "turn/reservations.hpp"

#include <algorithm>

namespace ice::turn {

template <class Which>
std::optional<Reservation> Reservations::take_first(Which which) noexcept {
  const auto found = std::find_if(all_.begin(), all_.end(), which);
  if (found == all_.end()) return std::nullopt;
  const Reservation taken = *found;
  all_.erase(found);
  return taken;
}

const Reservation* Reservations::find(const ReservationToken& token) const noexcept {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Reservation& r) { return r.token == token; });
  return found == all_.end() ? nullptr : &*found;
}

std::optional<Reservation> Reservations::take(const ReservationToken& token) noexcept {
  return take_first([&](const Reservation& r) { return r.token == token; });
}

std::optional<Reservation> Reservations::take(SocketId socket) noexcept {
  return take_first([&](const Reservation& r) { return r.socket == socket; });
}

std::optional<Reservation> Reservations::take_of(const UserId& user) noexcept {
  return take_first([&](const Reservation& r) { return r.account->user == user; });
}

std::optional<Reservation> Reservations::take_any() noexcept {
  return take_first([](const Reservation&) { return true; });
}

std::optional<Reservation> Reservations::take_expired(TimePoint now) noexcept {
  return take_first([&](const Reservation& r) { return r.expires <= now; });
}

std::optional<TimePoint> Reservations::next_to_expire() const noexcept {
  if (all_.empty()) return std::nullopt;
  return all_.front().expires;
}

}  // namespace ice::turn
