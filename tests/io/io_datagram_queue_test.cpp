#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "ice/base/random.hpp"
#include "io/datagram_queue.hpp"
#include "support/allocations.hpp"

namespace ice::io::detail {
namespace {

std::string pop(DatagramQueue& queue, std::size_t room = 100) {
  std::string out(room, '\0');
  const std::size_t size = queue.pop({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  out.resize(std::min(size, room));
  return out;
}

TEST(DatagramQueue, GivesDatagramsInOrderWholeAndEmptyOnesToo) {
  DatagramQueue queue{1000};
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.push(bytes_of("one")));
  EXPECT_TRUE(queue.push(bytes_of("")));
  EXPECT_TRUE(queue.push(bytes_of("three")));
  EXPECT_EQ(pop(queue), "one");
  EXPECT_EQ(pop(queue), "");
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(pop(queue), "three");
  EXPECT_TRUE(queue.empty());
}

TEST(DatagramQueue, CutsOneThatIsTooLargeForItsReceiverAndSaysItsSize) {
  DatagramQueue queue{1000};
  EXPECT_TRUE(queue.push(bytes_of("0123456789")));
  EXPECT_TRUE(queue.push(bytes_of("next")));
  std::uint8_t out[4];
  EXPECT_EQ(queue.pop(out), 10U);
  EXPECT_EQ(text_of(out), "0123");
  EXPECT_EQ(pop(queue), "next");
}

TEST(DatagramQueue, TakesNoMoreThanItsLimit) {
  DatagramQueue queue{20};
  EXPECT_FALSE(queue.push(std::vector<std::uint8_t>(17)));
  EXPECT_TRUE(queue.push(std::vector<std::uint8_t>(16)));
  EXPECT_FALSE(queue.push({}));
  pop(queue);
  EXPECT_TRUE(queue.push({}));
  DatagramQueue none{0};
  EXPECT_FALSE(none.push({}));
}

TEST(DatagramQueue, AgreesWithAModelWhateverItsFill) {
  SeededRandom random{7};
  DatagramQueue queue{10'000};
  std::deque<std::string> model;
  std::size_t used = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (random.below(100) < 52) {
      std::string one(static_cast<std::size_t>(random.below(1500)), static_cast<char>('a' + random.below(26)));
      const bool fits = used + one.size() + DatagramQueue::overhead <= 10'000;
      ASSERT_EQ(queue.push(bytes_of(one)), fits);
      if (!fits) continue;
      used += one.size() + DatagramQueue::overhead;
      model.push_back(std::move(one));
    } else if (!model.empty()) {
      ASSERT_EQ(pop(queue, 1500), model.front());
      used -= model.front().size() + DatagramQueue::overhead;
      model.pop_front();
    }
    ASSERT_EQ(queue.empty(), model.empty());
  }
}

TEST(DatagramQueue, AllocatesNothingOnceItHasGrown) {
  DatagramQueue queue{10'000};
  const std::vector<std::uint8_t> datagram(1200);
  std::vector<std::uint8_t> out(1500);
  while (queue.push(datagram)) {
  }
  const test::Allocations allocations;
  for (int i = 0; i < 100; ++i) {
    queue.pop(out);
    ASSERT_TRUE(queue.push(datagram));
  }
  EXPECT_EQ(allocations.count(), 0U);
}

}  // namespace
}  // namespace ice::io::detail
