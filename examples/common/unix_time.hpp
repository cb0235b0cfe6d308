#pragma once

#include <chrono>

namespace ice::programs {

/// By the clock of this host.
inline std::chrono::seconds unix_time() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace ice::programs
