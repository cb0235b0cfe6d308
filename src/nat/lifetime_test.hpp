#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "ice/base/time.hpp"
#include "ice/nat/behavior.hpp"
#include "nat/path_quality.hpp"
#include "nat/questions.hpp"

namespace ice::nat {

/// How long a mapping that nothing is sent through lives (RFC 5780 §4.6): a port X is seen by the server and then left
/// alone; later another one, Y, asks the server to answer to X (RESPONSE-PORT). What arrives there shows that the
/// mapping lives, and its filter.
///
/// Several ports X wait at once, each for another time, which divides the search by as many parts in each round as a
/// binary one does by two. When one is dead those that wait for longer need not.
class LifetimeTest {
 public:
  static constexpr Duration longest = std::chrono::seconds{320};   ///< ours: more than RFC 4787 REQ-5's five minutes
  static constexpr Duration resolution = std::chrono::seconds{1};  ///< ours; and a 32nd of the lifetime

  struct Port {
    Role role = Role::none;
    SocketId socket{};
  };

  /// `asker` is Y. At least one of `ports`.
  void begin(Questions& questions, const Endpoint& primary, const Port& asker, const std::vector<Port>& ports);
  /// For Test::lifetime_refresh, Test::lifetime and Test::lifetime_control.
  void take(TimePoint now, Questions& questions, const Answer& answer);
  void handle_timeout(TimePoint now, Questions& questions);
  std::optional<TimePoint> next_timeout() const noexcept;
  bool done() const noexcept { return stage_ == Stage::done; }
  bool begun() const noexcept { return stage_ != Stage::idle; }

  /// The longest time after which a mapping was alive.
  Judged<Duration> judge(const PathQuality& quality) const noexcept;
  /// The shortest one after which it was dead, if any was.
  std::optional<Duration> dead() const noexcept { return dead_; }

 private:
  enum class Stage : std::uint8_t { idle, support, search, done };
  enum class Phase : std::uint8_t { over, refreshing, waiting, asked, controlled };

  struct Trial {
    Port port{};
    Phase phase = Phase::over;
    Endpoint mapped{};
    TimePoint since{};
    Duration idle{};
    unsigned silent = 0;
    unsigned unconfirmed = 0;
    unsigned attempts = 0;
  };

  void begin_trial(Questions& questions, Trial& trial, Duration idle);
  void begin_round(Questions& questions);
  void put(Questions& questions, Test test, const Trial& trial);
  void take_refresh(TimePoint now, Questions& questions, Trial& trial, const Answer& answer);
  void take_lifetime(Questions& questions, Trial& trial, const Answer& answer);
  void take_control(Questions& questions, Trial& trial, const Answer& answer);
  void found(Trial& trial, bool alive);
  void advance(Questions& questions);
  void end(Doubt doubt) noexcept;

  static constexpr unsigned most_attempts = 4;     // ours
  static constexpr unsigned most_lost_rounds = 2;  // ours: rounds that brought nothing

  Stage stage_ = Stage::idle;
  Endpoint primary_{};
  Port asker_{};
  std::vector<Trial> trials_;
  Duration alive_{};
  std::optional<Duration> dead_{};
  bool learned_ = false;  // something, in this round
  unsigned lost_rounds_ = 0;
  Doubt doubt_ = Doubt::not_asked;
};

}  // namespace ice::nat
