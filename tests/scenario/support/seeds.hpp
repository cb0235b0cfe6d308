#pragma once

#include <cstdint>
#include <cstdlib>

namespace ice::test {

/// A number from the environment, to run more seeds of a test, or other ones.
inline std::uint64_t environment_or(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}

}  // namespace ice::test
