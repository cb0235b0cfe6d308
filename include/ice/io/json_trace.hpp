#pragma once

#include <string>

#include "ice/base/export.hpp"
#include "ice/base/trace.hpp"
#include "ice/io/trace_output.hpp"

namespace ice::io {

/// Trace for programs: one JSON object (RFC 8259) a line.
///
///     {"event":"ice-pair-selected","time":1764000000.123456,"source":"42","local":"192.0.2.1:5000",…}
///     {"event":"packet","time":…,"direction":"out","local":"192.0.2.1:5000","remote":…,"size":100}
///
/// `time` is in seconds since 1970 UTC. Endpoints are texts, "" for none; durations are numbers of seconds; errors are
/// texts such as "icebreaker:17". `source` is a text, since readers of JSON round large numbers.
class ICE_API JsonLinesTrace final : public TraceSink {
 public:
  explicit JsonLinesTrace(TraceOutput output) : output_{std::move(output)} {}

  void event(const TraceEvent& event) noexcept override;
  void packet(const TracePacket& packet) noexcept override;

  TraceOutput& output() noexcept { return output_; }

 private:
  TraceOutput output_;
  std::string line_;
};

}  // namespace ice::io
