#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "turn/server_allocation.hpp"

namespace ice::turn {

/// RFC 8656 §7.2: "at least 30 seconds".
inline constexpr std::chrono::seconds reservation_lifetime{30};

/// A port next to an even one, kept for whoever brings the token (RFC 8656 §7.2).
struct Reservation {
  ReservationToken token{};
  SocketId socket{};
  Endpoint local;
  Account* account = nullptr;
  TimePoint expires;
};

class Reservations {
 public:
  void add(const Reservation& reservation) { all_.push_back(reservation); }
  const Reservation* find(const ReservationToken& token) const noexcept;
  std::optional<Reservation> take(const ReservationToken& token) noexcept;
  std::optional<Reservation> take(SocketId socket) noexcept;
  std::optional<Reservation> take_of(const UserId& user) noexcept;
  std::optional<Reservation> take_any() noexcept;
  /// One that has expired by now, oldest first.
  std::optional<Reservation> take_expired(TimePoint now) noexcept;
  std::optional<TimePoint> next_to_expire() const noexcept;
  std::size_t size() const noexcept { return all_.size(); }

 private:
  template <class Which>
  std::optional<Reservation> take_first(Which which) noexcept;

  std::vector<Reservation> all_;  // all last equally long, so they are in the order of their ends
};

}  // namespace ice::turn
