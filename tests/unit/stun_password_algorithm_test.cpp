#include "ice/stun/password_algorithm.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "support/stun_vectors.hpp"

namespace ice::stun {
namespace {

using test::from_hex;

TEST(StunPasswordAlgorithms, AreReadInTheirOrder) {
  const auto wire = from_hex("8000 0003 aabbcc00  0002 0000  0001 0000");
  const auto list = PasswordAlgorithms::parse(wire);
  ASSERT_TRUE(list);
  std::vector<unsigned> numbers;
  for (const PasswordAlgorithmEntry entry : *list) numbers.push_back(static_cast<unsigned>(entry.algorithm));
  EXPECT_EQ(numbers, (std::vector<unsigned>{0x8000, 2, 1}));
  EXPECT_EQ((*list->begin()).parameters.size(), 3U);
  EXPECT_EQ(list->first_supported(), PasswordAlgorithm::sha256);
}

TEST(StunPasswordAlgorithms, RefuseEntriesThatRunPastTheEnd) {
  for (const std::string_view wrong : {"", "00", "0001", "000100", "00010001", "0002 0000 0001", "0002 0005 aabbccdd"})
    EXPECT_EQ(PasswordAlgorithms::parse(from_hex(wrong)).error(), errc::malformed_attribute) << wrong;
}

// The padding of the last entry may be left to the attribute.
TEST(StunPasswordAlgorithms, TheLastEntryNeedsNoPadding) {
  const auto wire = from_hex("0002 0000  8000 0001 aa");
  const auto list = PasswordAlgorithms::parse(wire);
  ASSERT_TRUE(list);
  EXPECT_EQ(std::distance(list->begin(), list->end()), 2);
}

TEST(StunPasswordAlgorithms, CompareByContentAndNotByPadding) {
  const auto zeros = from_hex("8000 0001 aa000000");
  const auto others = from_hex("8000 0001 aa112233");
  const auto different = from_hex("8000 0001 ab000000");
  const auto longer = from_hex("8000 0001 aa000000 0001 0000");
  EXPECT_EQ(*PasswordAlgorithms::parse(zeros), *PasswordAlgorithms::parse(others));
  EXPECT_FALSE(*PasswordAlgorithms::parse(zeros) == *PasswordAlgorithms::parse(different));
  EXPECT_FALSE(*PasswordAlgorithms::parse(zeros) == *PasswordAlgorithms::parse(longer));
}

TEST(StunPasswordAlgorithms, OfUnknownOnesNoneIsSupported) {
  const auto wire = from_hex("8000 0000 7777 0000");
  const auto list = PasswordAlgorithms::parse(wire);
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->first_supported());
  EXPECT_FALSE(list->contains({PasswordAlgorithm::md5}));
  EXPECT_TRUE(list->contains({PasswordAlgorithm{0x7777}}));
  const std::vector<std::uint8_t> parameters = {1};
  EXPECT_FALSE(list->contains({PasswordAlgorithm{0x7777}, parameters}));
}

TEST(StunPasswordAlgorithms, OursPreferTheStrongerOne) {
  const PasswordAlgorithms ours = PasswordAlgorithms::sha256_and_md5();
  EXPECT_EQ((*ours.begin()).algorithm, PasswordAlgorithm::sha256);
  EXPECT_TRUE(ours.contains({PasswordAlgorithm::md5}));
  EXPECT_FALSE(ours.empty());
  EXPECT_TRUE(PasswordAlgorithms{}.empty());
}

}  // namespace
}  // namespace ice::stun
