#pragma once

#include <initializer_list>
#include <string_view>

#include "ice/base/trace.hpp"

namespace ice::stun {

/// Tells the sink, if there is one. `name` begins with "stun-".
inline void trace(TraceSink* sink, TimePoint now, std::string_view name, std::initializer_list<TraceField> fields) {
  if (sink != nullptr) sink->event({.at = now, .name = name, .fields = {fields.begin(), fields.size()}});
}

}  // namespace ice::stun
