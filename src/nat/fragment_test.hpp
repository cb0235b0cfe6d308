#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ice/nat/behavior.hpp"
#include "nat/path_quality.hpp"
#include "nat/questions.hpp"

namespace ice::nat {

/// Whether a request that fills a whole datagram of ours gets to the server, and its answer back (RFC 5780 §3.5). With
/// its headers it is longer than the 1500 bytes of an Ethernet, and travels in fragments there. Two ports ask, one
/// after the other, and a plain question between tells a filter from an outage.
class FragmentTest {
 public:
  struct Asker {
    Role role = Role::none;
    SocketId socket{};
  };

  /// `room` is what a request has left for PADDING. Askers without a role are not there.
  void begin(Questions& questions, const Endpoint& primary, std::uint16_t room, const std::array<Asker, 2>& askers);
  /// For Test::fragments and Test::fragments_control.
  void take(Questions& questions, const Answer& answer);

  bool begun() const noexcept { return begun_; }
  bool done() const noexcept { return open_ == 0; }
  Judged<Fragments> judge(const PathQuality& quality) const noexcept;

 private:
  static constexpr unsigned most_beside_padding = 200;  // in an answer: addresses and SOFTWARE

  void ask_next(Questions& questions);

  Endpoint primary_{};
  std::uint16_t room_ = 0;
  std::array<Asker, 2> askers_{};
  std::size_t next_ = 0;
  std::size_t open_ = 0;
  bool begun_ = false;
  bool refused_ = false;
  bool passed_ = false;
  bool echoed_ = false;  // the answer was as long
  unsigned silent_ = 0;
  unsigned unconfirmed_ = 0;
};

}  // namespace ice::nat
