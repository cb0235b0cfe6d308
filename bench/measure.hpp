#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <vector>

namespace ice::bench {

/// Ends the bench where what it measures does not work.
inline void require(bool held) {
  if (!held) std::abort();
}

/// Of any number of values, but none.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace ice::bench
