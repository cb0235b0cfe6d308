#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "ice/base/bytes.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/base/time.hpp"

namespace ice::io {

/// Where a trace sink writes, and how it tells the time. A sink never throws: what cannot be written is counted, and
/// the program goes on. A file costs the strand little; a pipe that nobody reads would block it.
class ICE_API TraceOutput {
 public:
  /// A stream of the application, which must outlive the sink. It is flushed when the sink ends.
  TraceOutput(std::ostream& stream);

  /// A file of its own, made anew. What is written reaches the system at once, since what happened before a process was
  /// killed is the interesting part. The error is the system's.
  static result<TraceOutput> open(const std::string& path);

  ~TraceOutput();
  TraceOutput(TraceOutput&&) noexcept;
  TraceOutput& operator=(TraceOutput&&) = delete;

  void write(Bytes bytes) noexcept;
  void write(std::string_view text) noexcept { write(bytes_of(text)); }
  void flush() noexcept;

  /// Something could not even be put into words.
  void lost() noexcept { ++failures_; }

  /// What was lost. A write that failed may have left half of its bytes.
  std::uint64_t failures() const noexcept { return failures_; }

  /// The time since 1970-01-01 UTC at a moment of the machines' clock, by the system's clock as it was when the
  /// output was made: a trace has no jumps.
  Duration since_epoch(TimePoint at) const noexcept { return at.time_since_epoch() + epoch_offset_; }
  /// The time since the output was made.
  Duration since_start(TimePoint at) const noexcept { return at - start_; }

 private:
  TraceOutput(std::unique_ptr<std::ostream> owned, std::ostream* stream);

  std::unique_ptr<std::ostream> owned_;
  std::ostream* stream_;
  TimePoint start_;
  Duration epoch_offset_;
  std::uint64_t failures_ = 0;
};

}  // namespace ice::io
