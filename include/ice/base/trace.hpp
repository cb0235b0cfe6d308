#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>
#include <variant>

#include "ice/base/bytes.hpp"
#include "ice/base/datagram.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/time.hpp"

namespace ice {

/// One named value of a trace event. Views are valid for the call of the sink alone.
struct TraceField {
  std::string_view name;
  std::variant<std::int64_t, std::uint64_t, bool, std::string_view, Endpoint, Duration, std::error_code> value;
};

/// Something that a machine did or noticed. `name` is a kebab-case word that belongs to the machine's floor
/// ("ice-check-sent", "stun-malformed") and never changes its meaning; `source` tells which machine of a kind.
/// No secret is ever in one: no password, no key.
struct TraceEvent {
  TimePoint at;
  std::string_view name;
  std::uint64_t source = 0;
  std::span<const TraceField> fields;
};

/// A packet as it passed a machine.
struct TracePacket {
  enum class Direction : std::uint8_t { in, out };
  TimePoint at;
  Direction direction;
  SocketId socket;
  Endpoint local;
  Endpoint remote;
  Bytes head;
  Bytes body;
};

/// Where trace goes. Sinks are called on the strand of the machine and must not call back into it. Text, JSON lines
/// and pcapng are sinks of the io floor; evidence in a report needs none.
class ICE_API TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void event(const TraceEvent& event) noexcept = 0;
  virtual void packet(const TracePacket&) noexcept {}

 protected:
  TraceSink() = default;
  TraceSink(const TraceSink&) = default;
  TraceSink& operator=(const TraceSink&) = default;
};

}  // namespace ice
