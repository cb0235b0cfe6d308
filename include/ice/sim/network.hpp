#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ice/base/export.hpp"
#include "ice/base/random.hpp"
#include "ice/base/time.hpp"
#include "ice/sim/counters.hpp"
#include "ice/sim/host.hpp"
#include "ice/sim/nat.hpp"
#include "ice/sim/realm.hpp"

namespace ice::sim {

/// A network in virtual time. Everything that happens in it follows from what was built and from one seed, so that a
/// run replays exactly: events are ordered by time and by the order in which they were caused, and each link and NAT
/// has a random source of its own, so that one more packet here changes no luck there.
///
/// The network owns its realms, hosts and NATs and must outlive every Node and Timer on it. Not thread-safe; distinct
/// networks are independent.
class ICE_API Network {
 public:
  explicit Network(std::uint64_t seed);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  std::uint64_t seed() const noexcept;
  TimePoint now() const noexcept;  ///< starts at zero

  /// The outermost realm, in which public addresses are.
  Realm& internet() noexcept;

  /// A realm that no NAT leads out of, for a second network between hosts that have an interface in it.
  Realm& add_realm(std::string name);

  /// A random source that follows from the seed and from how many were asked for before: for machines and for tests.
  SeededRandom make_random();

  /// Calls `what` at `when`, or now if that has passed, after everything already due then.
  void schedule(TimePoint when, std::function<void()> what);

  /// Lets the next thing happen; false if there is none.
  bool step();

  /// Lets everything happen that is due until `when`, which then is now.
  void run_until(TimePoint when);
  void run_for(Duration duration) { run_until(now() + duration); }

  /// Runs until `done()` holds, asked after each step, or until `limit` is now. Whether `done()` held.
  bool run_until(const std::function<bool()>& done, TimePoint limit);

  /// Runs until nothing is left to happen. Machines with periodic timers never get there; give a limit to be safe.
  /// Whether it became idle.
  bool run_until_idle(TimePoint limit);

  const Counters& counters() const noexcept;

  /// Writes every packet from now on to `log` as pcapng: one interface for each end of a link, virtual nanoseconds,
  /// packets as they were there, and on those that were dropped a comment that says why. `log` must outlive the
  /// network, or be taken away with nullptr.
  void capture(std::vector<std::uint8_t>* log);

  struct State;
  State& state() noexcept { return *state_; }  ///< internal

 private:
  std::unique_ptr<State> state_;
};

/// One timer on a host; a dead host's timers stand still.
class ICE_API Timer {
 public:
  /// `expired` is called from the running network.
  Timer(Host& host, std::function<void()> expired);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Sets it to one moment, which may be past (then as soon as possible), or to never.
  void set(std::optional<TimePoint> when);

 private:
  Network::State& network_;
  std::uint32_t id_;
};

}  // namespace ice::sim
