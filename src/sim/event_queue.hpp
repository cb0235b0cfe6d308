#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <vector>

#include "ice/base/time.hpp"
#include "sim/packet.hpp"

namespace ice::sim {

class Attachment;

/// Something that will happen.
struct Event {
  enum class Kind : std::uint8_t {
    into_realm,  ///< `packet` has crossed the egress link of `attachment`
    at_device,   ///< `packet` has crossed the ingress link of `attachment`
    timer,       ///< `index` and `generation` of a timer
    script,      ///< `index` of a scheduled function
  };
  TimePoint at;
  std::uint64_t order = 0;
  Attachment* attachment = nullptr;
  Packet* packet = nullptr;
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  Kind kind = Kind::script;
};

/// Events by time, and those of one time in the order in which they were put in: a total order, so a run replays.
class EventQueue {
 public:
  void push(Event event) {
    event.order = next_order_++;
    heap_.push_back(event);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  bool empty() const noexcept { return heap_.empty(); }
  TimePoint next_time() const noexcept { return heap_.front().at; }
  Event pop() {
    assert(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event event = heap_.back();
    heap_.pop_back();
    return event;
  }

 private:
  static bool later(const Event& a, const Event& b) noexcept { return a.at != b.at ? a.at > b.at : a.order > b.order; }

  std::vector<Event> heap_;
  std::uint64_t next_order_ = 0;
};

}  // namespace ice::sim
