#include "base/crc32.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/crypto.hpp"

namespace ice::crypto {
namespace {

/// The definition, bit by bit (ITU-T V.42 §8.1.1.6.2).
std::uint32_t crc32_by_definition(Bytes data) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

TEST(Crc32, GivesTheKnownValues) {
  EXPECT_EQ(crc32({}), 0x00000000u);
  EXPECT_EQ(crc32(bytes_of("a")), 0xe8b7be43u);
  EXPECT_EQ(crc32(bytes_of("123456789")), 0xcbf43926u);
  EXPECT_EQ(crc32(bytes_of("The quick brown fox jumps over the lazy dog")), 0x414fa339u);
  EXPECT_EQ(crc32(std::vector<std::uint8_t>(32, 0x00)), 0x190a55adu);
  EXPECT_EQ(crc32(std::vector<std::uint8_t>(32, 0xff)), 0xff6cab0bu);
}

TEST(Crc32, EachWayGivesTheDefinitionForEveryLengthAndAlignment) {
  std::vector<std::uint8_t> memory(700);
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::uint8_t>(i * i * 31 + i * 7 + 3);
  for (std::size_t offset = 0; offset < 17; ++offset) {
    for (std::size_t size = 0; size <= 300; ++size) {
      // A copy of exactly that size, so that a read past the end is found by AddressSanitizer.
      std::vector<std::uint8_t> copy(offset + size);
      std::copy_n(memory.begin() + static_cast<std::ptrdiff_t>(size), offset + size, copy.begin());
      const Bytes data = Bytes{copy}.subspan(offset);
      const std::uint32_t expected = crc32_by_definition(data);
      ASSERT_EQ(crc32_by_table(data), expected) << offset << ' ' << size;
      ASSERT_EQ(crc32(data), expected) << offset << ' ' << size;
      if (size >= 16 && can_fold_crc32()) {
        ASSERT_EQ(crc32_by_folding(data), expected) << offset << ' ' << size;
      }
    }
  }
}

TEST(Crc32, SeesEverySingleBit) {
  std::vector<std::uint8_t> data(100, 0x5a);
  const std::uint32_t before = crc32(data);
  for (std::size_t bit = 0; bit < data.size() * 8; ++bit) {
    data[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    EXPECT_NE(crc32(data), before) << bit;
    data[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
  }
}

}  // namespace
}  // namespace ice::crypto
