#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/trace.hpp"
#include "ice/report.hpp"

namespace ice {

/// What an agent remembers of its life: a ring of entries for the report, and the same as trace events. The ring takes
/// memory as it fills, not before: most agents live without much to tell.
class Journal {
 public:
  Journal(std::size_t capacity, TraceSink* sink, std::uint64_t source) noexcept;

  /// `what` must be a literal.
  void note(TimePoint now, std::string_view what, const Endpoint& local, const Endpoint& remote,
            std::uint32_t number = 0);

  /// A trace event alone: for what happens too often to be remembered one by one.
  void trace(TimePoint now, std::string_view what, const Endpoint& local, const Endpoint& remote,
             std::uint32_t number = 0) const;

  /// Oldest first.
  std::vector<HistoryEntry> entries() const;

 private:
  std::size_t capacity_;
  TraceSink* sink_;
  std::uint64_t source_;
  std::size_t oldest_ = 0;
  std::vector<HistoryEntry> ring_;
};

}  // namespace ice
