#include "stun/srv_order.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <tuple>

namespace ice::stun {

void order_srv(std::vector<SrvRecord>& records, RandomSource& random) {
  // Those of weight 0 stand first among equals: so they are drawn, though seldom.
  std::stable_sort(records.begin(), records.end(), [](const SrvRecord& a, const SrvRecord& b) {
    return std::tuple{a.priority, a.weight != 0} < std::tuple{b.priority, b.weight != 0};
  });
  for (auto next = records.begin(); next != records.end(); ++next) {
    const auto end =
        std::find_if(next, records.end(), [&](const SrvRecord& record) { return record.priority != next->priority; });
    const auto add = [](std::uint64_t sum, const SrvRecord& record) { return sum + record.weight; };
    const std::uint64_t drawn = random.below(std::accumulate(next, end, std::uint64_t{0}, add) + 1);
    std::uint64_t running = 0;
    const auto chosen =
        std::find_if(next, end, [&](const SrvRecord& record) { return (running += record.weight) >= drawn; });
    std::rotate(next, chosen, chosen + 1);  // the others keep their order
  }
}

}  // namespace ice::stun
