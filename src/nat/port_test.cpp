#include "nat/port_test.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <numeric>

namespace ice::nat {
namespace {

constexpr std::size_t least_samples = 4;      // ours
constexpr std::int32_t most_sequential = 32;  // ours: a longer way from one to the next is no step

}  // namespace

JudgedPorts judge_ports(const std::vector<PortSample>& samples) {
  if (samples.size() < least_samples) return {{.doubt = Doubt::too_few_answers}};
  const auto preserved = static_cast<std::size_t>(
      std::count_if(samples.begin(), samples.end(), [](const PortSample& s) { return s.internal == s.external; }));
  if (preserved == samples.size()) return {{PortAllocation::preserving, Confidence::high, Doubt::no_doubt}};
  // One port that somebody else holds already is no contradiction (RFC 4787 §4.2.1).
  if (preserved > samples.size() / 2) return {{PortAllocation::preserving, Confidence::medium, Doubt::no_doubt}};
  if (preserved > 0) return {{.doubt = Doubt::disagreement}};

  std::vector<std::int32_t> ways;
  for (auto next = std::next(samples.begin()); next != samples.end(); ++next)
    ways.push_back(static_cast<std::int32_t>(next->external) - std::prev(next)->external);
  std::vector<std::int32_t> steps;
  const std::int32_t sign = std::count_if(ways.begin(), ways.end(), [](std::int32_t w) { return w > 0; }) * 2 >=
                                    static_cast<std::ptrdiff_t>(ways.size())
                                ? 1
                                : -1;
  for (const std::int32_t way : ways)
    if (way * sign > 0 && way * sign <= most_sequential) steps.push_back(way * sign);

  // One break is where the range ends and begins again, or where somebody else took many.
  if (steps.size() + 1 >= ways.size()) {
    const std::int32_t step = std::accumulate(steps.begin(), steps.end(), 0, std::gcd<std::int32_t, std::int32_t>);
    return {{PortAllocation::sequential, steps.size() == ways.size() ? Confidence::high : Confidence::medium,
             Doubt::no_doubt},
            step * sign};
  }
  // Ports that go one way in larger steps may be those of a busy NAT that counts.
  const bool one_way = std::all_of(ways.begin(), ways.end(), [&](std::int32_t way) { return way * sign > 0; });
  if (!steps.empty() || one_way) return {{.doubt = Doubt::disagreement}};
  return {{PortAllocation::random, Confidence::high, Doubt::no_doubt}};
}

}  // namespace ice::nat
