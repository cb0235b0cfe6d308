#include "stun/srv_order.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace ice::stun {
namespace {

using testing::ElementsAre;

std::vector<std::string> targets(const std::vector<SrvRecord>& records) {
  std::vector<std::string> all;
  for (const SrvRecord& record : records) all.push_back(record.target);
  return all;
}

/// How often each target comes first.
std::map<std::string, int> firsts(const std::vector<SrvRecord>& records, int times) {
  SeededRandom random{1};
  std::map<std::string, int> count;
  for (int i = 0; i < times; ++i) {
    auto copy = records;
    order_srv(copy, random);
    ++count[copy.front().target];
  }
  return count;
}

TEST(SrvOrder, IsByPriorityLowestFirst) {
  std::vector<SrvRecord> records{{20, 0, 1, "c"}, {0, 0, 1, "a"}, {65535, 65535, 1, "d"}, {10, 9, 1, "b"}};
  SeededRandom random{1};
  order_srv(records, random);
  EXPECT_THAT(targets(records), ElementsAre("a", "b", "c", "d"));
}

TEST(SrvOrder, IsByWeightAtRandomWithinAPriority) {
  const auto count = firsts({{0, 10, 1, "seldom"}, {0, 30, 1, "often"}}, 4'000);
  EXPECT_NEAR(count.at("often"), 3'000, 150);  // five standard deviations
}

TEST(SrvOrder, AWeightOfZeroIsDrawnSeldomButIsDrawn) {
  // RFC 2782: 0 of 0 to 9 is drawn, inclusive.
  const auto count = firsts({{0, 9, 1, "heavy"}, {0, 0, 1, "zero"}}, 4'000);
  EXPECT_NEAR(count.at("zero"), 400, 100);
}

TEST(SrvOrder, OnlyZerosAreLeftInTheOrderTheyCame) {
  std::vector<SrvRecord> records{{0, 0, 1, "a"}, {0, 0, 1, "b"}, {0, 0, 1, "c"}};
  SeededRandom random{1};
  order_srv(records, random);
  EXPECT_THAT(targets(records), ElementsAre("a", "b", "c"));
}

TEST(SrvOrder, LosesNothing) {
  SeededRandom random{7};
  for (int round = 0; round < 200; ++round) {
    std::vector<SrvRecord> records(random.below(20));
    for (SrvRecord& record : records) {
      record.priority = static_cast<std::uint16_t>(random.below(3));
      record.weight = static_cast<std::uint16_t>(random.below(4) * 21'845);
      record.target = std::to_string(random.next());
    }
    auto ordered = records;
    order_srv(ordered, random);
    EXPECT_THAT(ordered, testing::UnorderedElementsAreArray(records));
    EXPECT_TRUE(std::is_sorted(ordered.begin(), ordered.end(),
                               [](const SrvRecord& a, const SrvRecord& b) { return a.priority < b.priority; }));
  }
}

TEST(SrvOrder, IsTheSameForTheSameSeed) {
  const auto ordered = [](std::uint64_t seed) {
    std::vector<SrvRecord> records;
    for (std::uint16_t i = 0; i < 20; ++i) records.push_back({0, 10, i, std::to_string(i)});
    SeededRandom random{seed};
    order_srv(records, random);
    return targets(records);
  };
  EXPECT_EQ(ordered(3), ordered(3));
  EXPECT_NE(ordered(3), ordered(4));
}

}  // namespace
}  // namespace ice::stun
