#include "ice/base/pacer.hpp"

#include <gtest/gtest.h>

namespace ice {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1s};

TEST(Pacer, GivesTheFirstSlotAtOnceAndTheNextAnIntervalLater) {  // RFC 8445 §14.2
  Pacer pacer;
  EXPECT_EQ(pacer.reserve(start, 50ms), start);
  EXPECT_EQ(pacer.reserve(start, 50ms), start + 50ms);
  EXPECT_EQ(pacer.reserve(start + 1ms, 50ms), start + 100ms);
}

TEST(Pacer, SavesUpNoSlotsWhileNobodyAsks) {
  Pacer pacer;
  EXPECT_EQ(pacer.reserve(start, 50ms), start);
  EXPECT_EQ(pacer.reserve(start + 10s, 50ms), start + 10s);
  EXPECT_EQ(pacer.reserve(start + 10s, 50ms), start + 10s + 50ms);
}

TEST(Pacer, KeepsTheDistanceThatTheHolderOfTheSlotBeforeAskedFor) {
  Pacer pacer;
  EXPECT_EQ(pacer.reserve(start, 5ms), start);
  EXPECT_EQ(pacer.reserve(start, 50ms), start + 5ms);
  EXPECT_EQ(pacer.reserve(start, 5ms), start + 55ms);
}

TEST(Pacer, WithoutAnIntervalEverySlotIsNow) {
  Pacer pacer;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pacer.reserve(start, 0ms), start);
}

}  // namespace
}  // namespace ice
