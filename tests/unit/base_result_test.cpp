#include "ice/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace ice {
namespace {

result<int> half(int number) {
  if (number % 2 != 0) return fail(errc::invalid_argument);
  return number / 2;
}

result<void> check(bool good) {
  if (!good) return fail(errc::closed);
  return {};
}

TEST(Result, HoldsAValue) {
  const auto four = half(8);
  ASSERT_TRUE(four);
  EXPECT_EQ(*four, 4);
  EXPECT_EQ(four.value_or(7), 4);
}

TEST(Result, HoldsAnErrorInstead) {
  const auto none = half(7);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(), errc::invalid_argument);
  EXPECT_EQ(none.value_or(7), 7);
}

TEST(Result, OfVoidHoldsAnErrorOrNothing) {
  EXPECT_TRUE(check(true));
  ASSERT_FALSE(check(false));
  EXPECT_EQ(check(false).error(), errc::closed);
}

TEST(Result, MovesWhatCannotBeCopied) {
  result<std::unique_ptr<int>> made{std::make_unique<int>(3)};
  const std::unique_ptr<int> taken = *std::move(made);
  EXPECT_EQ(*taken, 3);
}

TEST(Result, PassesAnErrorOn) {
  const auto text = [](int number) -> result<std::string> {
    const auto h = half(number);
    if (!h) return fail(h.error());
    return std::to_string(*h);
  };
  EXPECT_EQ(*text(4), "2");
  EXPECT_EQ(text(3).error(), errc::invalid_argument);
}

#ifndef NDEBUG
TEST(ResultDeathTest, ReadingTheWrongHalfIsABrokenPrecondition) {
  EXPECT_DEATH(static_cast<void>(*half(7)), "has_value");
  EXPECT_DEATH(static_cast<void>(half(8).error()), "has_value");
}
#endif

}  // namespace
}  // namespace ice
