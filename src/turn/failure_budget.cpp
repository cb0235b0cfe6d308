#include "turn/failure_budget.hpp"

#include <algorithm>

#include "base/hash.hpp"

namespace ice::turn {

FailureBudget::FailureBudget(std::uint32_t at_once, std::uint32_t per_second, RandomSource& random)
    : rate_{TokenBucket::rate(at_once, per_second)}, seed_{random.next()}, table_(sets) {}

std::size_t FailureBudget::set_of(const Address& source) const noexcept {
  return static_cast<std::size_t>(mix(hash_of(source) ^ seed_)) & (sets - 1);
}

bool FailureBudget::spend(TimePoint now, const Address& source) noexcept {
  Set& set = table_[set_of(source)];
  auto entry = std::find_if(set.begin(), set.end(), [&](const Entry& e) { return e.source == source; });
  if (entry == set.end()) {
    entry = std::min_element(set.begin(), set.end(),
                             [](const Entry& a, const Entry& b) { return a.bucket.full_at() < b.bucket.full_at(); });
    *entry = {source, {}};
  }
  return entry->bucket.spend(now, rate_);
}

bool FailureBudget::empty(TimePoint now, const Address& source) const noexcept {
  const Set& set = table_[set_of(source)];
  const auto entry = std::find_if(set.begin(), set.end(), [&](const Entry& e) { return e.source == source; });
  return (entry != set.end() ? entry->bucket : TokenBucket{}).empty(now, rate_);
}

}  // namespace ice::turn
