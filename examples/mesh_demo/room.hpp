#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "ice/base/datagram.hpp"
#include "mesh_demo/message.hpp"

namespace ice::mesh {

/// Who is in a room, in the order they came, and the connection of each.
class Room {
 public:
  struct Seat {
    Member member;
    SocketId socket{};
  };

  bool full() const noexcept { return seats_.size() >= most_peers; }
  bool empty() const noexcept { return seats_.empty(); }
  const std::vector<Seat>& seats() const noexcept { return seats_; }

  /// The seat of somebody of this name, of this id; null for nobody. Valid until the next enter() or leave().
  const Seat* find(std::string_view name) const noexcept {
    return find_if([&](const Seat& seat) { return seat.member.name == name; });
  }
  const Seat* find(std::uint64_t id) const noexcept {
    return find_if([&](const Seat& seat) { return seat.member.id == id; });
  }

  /// The room must not be full, and the name not taken.
  void enter(Seat seat) { seats_.push_back(std::move(seat)); }
  void leave(std::uint64_t id) {
    std::erase_if(seats_, [&](const Seat& seat) { return seat.member.id == id; });
  }

 private:
  template <class Wanted>
  const Seat* find_if(Wanted wanted) const noexcept {
    const auto found = std::find_if(seats_.begin(), seats_.end(), wanted);
    return found == seats_.end() ? nullptr : &*found;
  }

  std::vector<Seat> seats_;
};

}  // namespace ice::mesh
