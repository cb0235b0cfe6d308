#include "ice/sim/network.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "sim/host_state.hpp"
#include "sim/world.hpp"

namespace ice::sim {
namespace {

/// Time that stands still for this many events is a loop without delay, in a machine or in a test.
[[maybe_unused]] constexpr std::uint64_t most_events_at_once = 10'000'000;

Address router_address(Family family) noexcept {
  return family == Family::ipv6 ? Address::v6({0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 0, 8})
                                : Address::v4(192, 0, 0, 8);
}

}  // namespace

Network::State::State(Network& network, std::uint64_t seed_) : self{network}, seed{seed_}, master{seed_} {
  realms.push_back(std::make_unique<Realm>(std::make_unique<Realm::State>(*this, "internet")));
  sockets.emplace_back();  // no socket has the id that a SocketId has when nobody set it
}

Network::State::~State() {
  sockets.clear();  // streams have timers
  closed.clear();
}

bool Network::State::step() {
  if (queue.empty()) return false;
  const Event event = queue.pop();
  assert(event.at >= now);
  if (event.at > now) {
    now = event.at;
    events_at_now_ = 0;
  }
  ++events_at_now_;
  assert(events_at_now_ < most_events_at_once);
  happen(event);
  closed.clear();
  if (capture) capture->flush();
  return true;
}

void Network::State::happen(const Event& event) {
  switch (event.kind) {
    case Event::Kind::into_realm:
      return event.attachment->entered_realm(packets.adopt(event.packet));
    case Event::Kind::at_device:
      return event.attachment->arrived(packets.adopt(event.packet));
    case Event::Kind::timer:
      return look_at_timer(event);
    case Event::Kind::script: {
      const std::function<void()> what = std::exchange(scripts_[event.index], nullptr);
      free_scripts_.push_back(event.index);
      return what();
    }
  }
}

void Network::State::schedule(TimePoint when, std::function<void()> what) {
  std::uint32_t index = 0;
  if (free_scripts_.empty()) {
    index = static_cast<std::uint32_t>(scripts_.size());
    scripts_.push_back(std::move(what));
  } else {
    index = free_scripts_.back();
    free_scripts_.pop_back();
    scripts_[index] = std::move(what);
  }
  queue.push({.at = std::max(when, now), .index = index, .kind = Event::Kind::script});
}

void Network::State::drop(PacketPtr packet, Drop why, const Attachment& at, Counters* local) {
  ++counters.dropped[static_cast<std::size_t>(why)];
  if (local != nullptr) ++local->dropped[static_cast<std::size_t>(why)];
  if (capture) capture->dropped(at, now, *packet, why);
}

PacketPtr Network::State::icmp_about(const Packet& about, const IcmpKind& kind, std::uint32_t mtu) {
  if (about.protocol == Protocol::icmp) return {};
  const Family family = about.from.address.family();
  PacketPtr icmp = packets.take();
  icmp->protocol = Protocol::icmp;
  icmp->from = {router_address(family), 0};
  icmp->to = {about.from.address, 0};
  icmp->icmp = {.protocol = about.protocol,
                .from = about.from,
                .to = about.to,
                .type = family == Family::ipv6 ? kind.v6_type : kind.v4_type,
                .code = family == Family::ipv6 ? kind.v6_code : kind.v4_code,
                .mtu = mtu};
  return icmp;
}

std::uint32_t Network::State::add_timer(Host::State& host, std::function<void()> expired) {
  std::uint32_t id = 0;
  if (free_timers_.empty()) {
    id = static_cast<std::uint32_t>(timers_.size());
    timers_.emplace_back();
  } else {
    id = free_timers_.back();
    free_timers_.pop_back();
  }
  TimerSlot& slot = timers_[id];
  slot.expired = std::move(expired);
  slot.host = &host;
  slot.queued = TimePoint::max();
  slot.set = false;
  return id;
}

void Network::State::set_timer(std::uint32_t id, std::optional<TimePoint> when) {
  TimerSlot& slot = timers_[id];
  slot.set = when.has_value();
  if (!slot.set) return;
  slot.deadline = std::max(*when, now);
  // A deadline that moved away is found when the event of the old one comes; so a timer that is pushed back with every
  // packet costs nothing.
  if (slot.deadline >= slot.queued) return;
  slot.queued = slot.deadline;
  queue.push({.at = slot.deadline, .index = id, .generation = slot.generation, .kind = Event::Kind::timer});
}

void Network::State::remove_timer(std::uint32_t id) {
  ++timers_[id].generation;
  timers_[id].expired = nullptr;
  timers_[id].set = false;
  free_timers_.push_back(id);
}

void Network::State::look_at_timer(const Event& event) {
  TimerSlot& slot = timers_[event.index];
  if (slot.generation != event.generation || slot.queued != event.at) return;
  slot.queued = TimePoint::max();
  if (!slot.set) return;
  if (slot.deadline > now) return set_timer(event.index, slot.deadline);
  slot.set = false;
  if (!slot.host->alive) return;
  const auto expired = slot.expired;  // a copy, since the call may add timers or end this one
  expired();
}

Network::Network(std::uint64_t seed) : state_{std::make_unique<State>(*this, seed)} {}
Network::~Network() = default;

std::uint64_t Network::seed() const noexcept { return state_->seed; }
TimePoint Network::now() const noexcept { return state_->now; }
Realm& Network::internet() noexcept { return *state_->realms.front(); }

Realm& Network::add_realm(std::string name) {
  state_->realms.push_back(std::make_unique<Realm>(std::make_unique<Realm::State>(*state_, std::move(name))));
  return *state_->realms.back();
}

SeededRandom Network::make_random() { return state_->make_random(); }

void Network::schedule(TimePoint when, std::function<void()> what) { state_->schedule(when, std::move(what)); }

bool Network::step() { return state_->step(); }

void Network::run_until(TimePoint when) {
  while (!state_->queue.empty() && state_->queue.next_time() <= when) state_->step();
  state_->now = std::max(state_->now, when);
}

bool Network::run_until(const std::function<bool()>& done, TimePoint limit) {
  while (!done()) {
    if (state_->queue.empty() || state_->queue.next_time() > limit) {
      state_->now = std::max(state_->now, limit);
      return false;
    }
    state_->step();
  }
  return true;
}

bool Network::run_until_idle(TimePoint limit) {
  while (!state_->queue.empty() && state_->queue.next_time() <= limit) state_->step();
  return state_->queue.empty();
}

const Counters& Network::counters() const noexcept { return state_->counters; }

void Network::capture(std::vector<std::uint8_t>* log) {
  state_->capture.reset();
  if (log != nullptr) state_->capture.emplace(*log);
}

Timer::Timer(Host& host, std::function<void()> expired)
    : network_{host.network().state()}, id_{network_.add_timer(host.state(), std::move(expired))} {}
Timer::~Timer() { network_.remove_timer(id_); }
void Timer::set(std::optional<TimePoint> when) { network_.set_timer(id_, when); }

}  // namespace ice::sim
