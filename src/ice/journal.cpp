#include "ice/journal.hpp"

#include <array>

namespace ice {

Journal::Journal(std::size_t capacity, TraceSink* sink, std::uint64_t source) noexcept
    : capacity_{capacity}, sink_{sink}, source_{source} {}

void Journal::note(TimePoint now, std::string_view what, const Endpoint& local, const Endpoint& remote,
                   std::uint32_t number) {
  trace(now, what, local, remote, number);
  if (capacity_ == 0) return;
  const HistoryEntry entry{now, what, local, remote, number};
  if (ring_.size() < capacity_) {
    ring_.push_back(entry);
    return;
  }
  ring_[oldest_] = entry;
  oldest_ = (oldest_ + 1) % capacity_;
}

void Journal::trace(TimePoint now, std::string_view what, const Endpoint& local, const Endpoint& remote,
                    std::uint32_t number) const {
  if (sink_ == nullptr) return;
  const std::array fields{TraceField{"local", local}, TraceField{"remote", remote},
                          TraceField{"number", std::uint64_t{number}}};
  sink_->event({now, what, source_, fields});
}

std::vector<HistoryEntry> Journal::entries() const {
  std::vector<HistoryEntry> all;
  all.reserve(ring_.size());
  for (std::size_t i = 0; i < ring_.size(); ++i) all.push_back(ring_[(oldest_ + i) % ring_.size()]);
  return all;
}

}  // namespace ice
