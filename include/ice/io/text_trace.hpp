#pragma once

#include <string>

#include "ice/base/export.hpp"
#include "ice/base/trace.hpp"
#include "ice/io/trace_output.hpp"

namespace ice::io {

/// Trace for people: a line for each event and packet, with the seconds since the sink was made.
///
///        1.234567 ice-pair-selected #42 local=192.0.2.1:5000 remote=198.51.100.7:6000 number=0
///        1.236042 packet out local=192.0.2.1:5000 remote=198.51.100.7:6000 size=100
///
/// `#42` tells one machine from another. Text that is not printable ASCII is escaped as in C.
class ICE_API TextTrace final : public TraceSink {
 public:
  explicit TextTrace(TraceOutput output) : output_{std::move(output)} {}

  void event(const TraceEvent& event) noexcept override;
  void packet(const TracePacket& packet) noexcept override;

  TraceOutput& output() noexcept { return output_; }

 private:
  void begin(TimePoint at);
  void end();

  TraceOutput output_;
  std::string line_;
};

}  // namespace ice::io
