#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/source.hpp"
#include "ice/base/address.hpp"
#include "ice/base/random.hpp"
#include "turn/token_bucket.hpp"

namespace ice::turn {

/// How many more answers each source gets to requests that prove nothing. The table has a fixed size. A source that
/// does not fit in pushes out the one of its set whose bucket is full first: whoever forges many sources to be rid of
/// an empty bucket has to send more than he wins.
class FailureBudget {
 public:
  FailureBudget(std::uint32_t at_once, std::uint32_t per_second, RandomSource& random);

  /// One answer more. False: there is none left.
  bool spend(TimePoint now, const Address& source) noexcept;
  bool empty(TimePoint now, const Address& source) const noexcept;

 private:
  static constexpr std::size_t sets = 1024;  // ours, a power of two; 4096 sources in 224 kB
  static constexpr std::size_t ways = 4;
  struct Entry {
    Address source;
    TokenBucket bucket;
  };
  using Set = std::array<Entry, ways>;

  std::size_t set_of(const Address& source) const noexcept;

  TokenBucket::Rate rate_;
  std::uint64_t seed_;  // so that nobody can choose whom he pushes out
  std::vector<Set> table_;
};

}  // namespace ice::turn
