#include "ice/base/random.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "support/allocations.hpp"

namespace ice {
namespace {

TEST(SeededRandom, GivesTheSameNumbersOnEveryMachine) {
  // xoshiro256** from the state that splitmix64 gives for 1234567, computed apart from this code.
  SeededRandom random{1234567};
  EXPECT_EQ(random.next(), 0x30a3a1c363600467u);
  EXPECT_EQ(random.next(), 0x19405f0f579929cau);
  EXPECT_EQ(random.next(), 0x115beaac046ddbd9u);
  EXPECT_EQ(random.next(), 0xeb17caf48f27d7f6u);
}

TEST(SeededRandom, DiffersFromSeedToSeed) {
  std::set<std::uint64_t> first;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) first.insert(SeededRandom{seed}.next());
  EXPECT_EQ(first.size(), 1000u);
}

TEST(SeededRandom, FillsEveryLengthWithTheSameBytes) {
  std::array<std::uint8_t, 32> all{};
  SeededRandom{7}.fill(all);
  for (std::size_t size = 0; size <= all.size(); ++size) {
    std::vector<std::uint8_t> some(size);
    SeededRandom{7}.fill(some);
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << size;
  }
}

/// Gives out the numbers it was given.
class Scripted final : public RandomSource {
 public:
  explicit Scripted(std::vector<std::uint64_t> numbers) : numbers_{std::move(numbers)} {}
  void fill(MutableBytes out) noexcept override {
    ASSERT_EQ(out.size(), 8u);
    ASSERT_LT(used_, numbers_.size());
    for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(numbers_[used_] >> 8 * i & 0xff);
    ++used_;
  }
  std::size_t used() const { return used_; }

 private:
  std::vector<std::uint64_t> numbers_;
  std::size_t used_ = 0;
};

TEST(RandomSource, BelowDrawsAgainWhereADrawWouldFavourSmallNumbers) {
  // 2^64 = 3k + 1: one number is surplus, 0.
  Scripted three{{0, 1}};
  EXPECT_EQ(three.below(3), 1u);
  EXPECT_EQ(three.used(), 2u);

  // Of 2^63 + 1, 2^63 - 1 numbers are surplus.
  const std::uint64_t half = std::uint64_t{1} << 63;
  Scripted large{{0, half - 2, half - 1}};
  EXPECT_EQ(large.below(half + 1), half - 1);
  EXPECT_EQ(large.used(), 3u);

  // A power of two has no surplus.
  Scripted even{{0}};
  EXPECT_EQ(even.below(8), 0u);
}

TEST(RandomSource, BelowReachesEveryNumberAndNoOther) {
  SeededRandom random{3};
  std::array<int, 6> seen{};
  for (int i = 0; i < 6000; ++i) {
    const std::uint64_t number = random.below(6);
    ASSERT_LT(number, 6u);
    ++seen[number];
  }
  for (const int count : seen) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(random.below(1), 0u);
}

TEST(CryptoRandom, RepeatsNothing) {
  CryptoRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10000; ++i) seen.insert(random.next());
  EXPECT_EQ(seen.size(), 10000u);
}

TEST(CryptoRandom, FillsMoreThanItsPool) {
  CryptoRandom random;
  std::vector<std::uint8_t> bytes(5000);
  random.fill(bytes);
  std::array<int, 256> seen{};
  for (const std::uint8_t byte : bytes) ++seen[byte];
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](int count) { return count < 100; }));  // 20 each
}

TEST(CryptoRandom, WipesWhatItHasGivenOut) {
  CryptoRandom random;
  std::array<std::uint8_t, 16> taken;
  random.fill(taken);
  const Bytes memory{reinterpret_cast<const std::uint8_t*>(&random), sizeof random};
  EXPECT_EQ(std::search(memory.begin(), memory.end(), taken.begin(), taken.end()), memory.end());
}

TEST(CryptoRandom, AllocatesNothing) {
  CryptoRandom random;
  const test::Allocations allocations;
  for (int i = 0; i < 1000; ++i) random.next();
  EXPECT_EQ(allocations.count(), 0u);
}

/// What a child process draws from `random` and `other`, and what its own child draws.
std::vector<std::uint64_t> numbers_of_descendants(CryptoRandom& random, CryptoRandom& other) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (fork() == 0) {
      const std::uint64_t mine[] = {random.next(), other.next()};
      _exit(write(ends[1], mine, sizeof mine) == sizeof mine ? 0 : 1);
    }
    int status = 1;
    wait(&status);
    const std::uint64_t mine[] = {random.next(), other.next()};
    _exit(status == 0 && write(ends[1], mine, sizeof mine) == sizeof mine ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  std::vector<std::uint64_t> numbers(4);
  EXPECT_EQ(read(ends[0], numbers.data(), 32), 32);
  close(ends[0]);
  close(ends[1]);
  return numbers;
}

TEST(CryptoRandom, AChildProcessNeverRepeatsItsParent) {
  CryptoRandom random;
  CryptoRandom other;
  random.next();  // both have a half used pool, which the children inherit
  other.next();
  std::set<std::uint64_t> seen;
  std::size_t drawn = 0;
  for (int round = 0; round < 3; ++round) {
    for (const std::uint64_t number : numbers_of_descendants(random, other)) seen.insert(number);
    seen.insert(random.next());
    seen.insert(other.next());
    drawn += 6;
  }
  EXPECT_EQ(seen.size(), drawn);
}

}  // namespace
}  // namespace ice
