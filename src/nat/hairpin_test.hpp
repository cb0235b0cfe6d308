#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "ice/base/random.hpp"
#include "ice/nat/behavior.hpp"
#include "ice/stun/transaction.hpp"
#include "nat/path_quality.hpp"
#include "nat/questions.hpp"

namespace ice::nat {

/// The hairpinning test (RFC 5780 §3.4): two ports send Binding requests to each other's external endpoint. Each opens
/// its own filter for the other's by that, if their mappings are endpoint-independent.
///
/// As with filters, silence counts if the server hears a port before and after it, twice.
class HairpinTest {
 public:
  struct End {
    Role role = Role::none;
    SocketId socket{};
    Endpoint local{};
    Endpoint mapped{};
  };

  explicit HairpinTest(RandomSource& random) noexcept : random_{&random} {}

  /// A port that `primary` has seen. The test begins with the second one, unless nothing is translated.
  void ready(const Endpoint& primary, const End& end);
  /// For Test::hairpin_control.
  void take(const Answer& answer);
  bool done() const noexcept { return !control_open_ && !running(); }

  /// Whether this is one of its requests, come back.
  bool handle_datagram(const Datagram& in);
  void handle_timeout(TimePoint now, Questions& questions);
  std::optional<TimePoint> next_timeout() const noexcept;
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  void stop() noexcept;
  void lose(SocketId socket) noexcept;

  Judged<Hairpinning> judge(Mapping mapping, Filtering filtering, const PathQuality& quality) const noexcept;

 private:
  static constexpr unsigned rounds = 2;

  void begin_round();
  bool running() const noexcept;

  RandomSource* random_;
  Endpoint primary_{};
  std::array<std::optional<End>, 2> ends_;
  std::array<std::optional<stun::Transaction>, 2> requests_;  // from the end of this place to the other one
  unsigned round_ = 0;
  bool control_open_ = false;
  bool moved_ = false;
  bool lost_ = false;  // one of the two sockets
  Hairpinning seen_{};
  unsigned silent_ = 0;       // transmissions between two questions that were answered
  unsigned unconfirmed_ = 0;  // the same, before the second of these
};

}  // namespace ice::nat
