#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent_pair.hpp"
#include "support/allocations.hpp"

namespace ice::io {
namespace {

using namespace std::chrono_literals;
using boost::asio::awaitable;
using boost::asio::use_awaitable;
using boost::system::error_code;
using testing::ElementsAre;

struct AgentData : AgentPair {
  std::array<std::uint8_t, 1500> buffer{};
  struct Result {
    error_code error;
    std::size_t size = 0;
  };

  Result receive(Agent& agent, MutableBytes into) {
    std::optional<Result> result;
    agent.async_receive(into, [&](const error_code& error, std::size_t size) { result = Result{error, size}; });
    EXPECT_FALSE(result) << "completed inside the initiating call";
    EXPECT_TRUE(run_until(loop, [&] { return result.has_value(); }));
    return result.value_or(Result{});
  }

  std::string receive_text(Agent& agent) {
    const Result result = receive(agent, buffer);
    EXPECT_FALSE(result.error) << result.error.message();
    return std::string{text_of(Bytes{buffer}.first(result.size))};
  }

  // Runs the loop until `agent` has read so many datagrams more of its peer.
  void arrive(Agent& from, std::initializer_list<std::string_view> texts, Agent& at) {
    const std::uint64_t before = at.statistics().received;
    for (const std::string_view text : texts) EXPECT_TRUE(from.send(text));
    ASSERT_TRUE(run_until(loop, [&] { return at.statistics().received >= before + texts.size(); }));
  }
};

TEST_F(AgentData, NothingIsSentBeforeThereIsAPair) { EXPECT_EQ(a->send("hello").error(), errc::no_consent); }

TEST_F(AgentData, WhatCameWhileNobodyReceivedIsKeptInOrder) {
  connect();
  arrive(*b, {"one", "", "three"}, *a);
  EXPECT_EQ(receive_text(*a), "one");
  EXPECT_EQ(receive_text(*a), "");
  EXPECT_EQ(receive_text(*a), "three");
  EXPECT_EQ(a->unreceived(), 0U);
}

TEST_F(AgentData, SeveralReceivesAreServedInTheirOrder) {
  connect();
  std::vector<std::string> texts;
  std::array<std::array<std::uint8_t, 10>, 3> rooms{};
  for (auto& room : rooms) {
    a->async_receive(
        room, [&](const error_code&, std::size_t size) { texts.emplace_back(text_of(Bytes{room}.first(size))); });
  }
  arrive(*b, {"one", "two", "three"}, *a);
  ASSERT_TRUE(run_until(loop, [&] { return texts.size() == 3; }));
  EXPECT_THAT(texts, ElementsAre("one", "two", "three"));
}

TEST_F(AgentData, WhatDoesNotFitItsBufferIsCutAndToldSo) {
  connect();
  std::array<std::uint8_t, 4> small{};
  arrive(*b, {"kept, then cut"}, *a);
  Result result = receive(*a, small);
  EXPECT_EQ(result.error, boost::asio::error::message_size);
  EXPECT_EQ(result.size, 4U);
  EXPECT_EQ(text_of(small), "kept");

  std::optional<Result> waited;
  a->async_receive(small, [&](const error_code& error, std::size_t size) { waited = Result{error, size}; });
  arrive(*b, {"cut on its way in"}, *a);
  ASSERT_TRUE(run_until(loop, [&] { return waited.has_value(); }));
  EXPECT_EQ(waited->error, boost::asio::error::message_size);
  EXPECT_EQ(text_of(small), "cut ");
}

TEST_F(AgentData, ABoundedQueueDropsTheNewestAndCountsThem) {
  AgentConfig config = loopback_config();
  config.receive_queue = 2 * (4 + 3);
  a = std::make_unique<Agent>(context, config);
  connect();
  arrive(*b, {"one", "two", "lost", "lost too"}, *a);
  EXPECT_EQ(a->unreceived(), 2U);
  EXPECT_EQ(receive_text(*a), "one");
  arrive(*b, {"six"}, *a);
  EXPECT_EQ(receive_text(*a), "two");
  EXPECT_EQ(receive_text(*a), "six");
}

TEST_F(AgentData, AHandlerGetsEachDatagramAndTheQueueNone) {
  connect();
  arrive(*b, {"before"}, *a);
  std::vector<std::string> texts;
  a->on_data([&](Bytes data) { texts.emplace_back(text_of(data)); });
  arrive(*b, {"one", "two"}, *a);
  EXPECT_THAT(texts, ElementsAre("one", "two"));
  EXPECT_EQ(receive_text(*a), "before");
}

TEST_F(AgentData, WhatIsKeptCanBeReceivedAfterTheEnd) {
  connect();
  arrive(*b, {"last words"}, *a);
  a->close();
  EXPECT_EQ(receive_text(*a), "last words");
  EXPECT_EQ(receive(*a, buffer).error, Cause::closed);
}

TEST_F(AgentData, ALargeDatagramTravelsWhole) {
  connect();
  const std::string large(60'000, 'x');
  std::vector<std::uint8_t> room(65'536);
  arrive(*b, {large}, *a);
  const Result result = receive(*a, room);
  EXPECT_FALSE(result.error);
  EXPECT_EQ(text_of(Bytes{room}.first(result.size)), large);
}

// No allocation for a datagram: two agents throw a ball to and fro, and operator new is counted once all is warm.
struct AgentAllocations : AgentData {
  static constexpr int warm_up = 200;
  static constexpr int rounds = 1'000;
  std::optional<test::Allocations> allocations;
  std::optional<std::size_t> count;
  int caught = 0;
  boost::asio::steady_timer deadline{loop, 30s};

  void caught_one() {
    if (++caught == warm_up) allocations.emplace();
    if (caught < warm_up + rounds) return;
    count = allocations->count();
    loop.stop();
  }

  // Asio keeps the memory of its operations for the next ones while run() runs; run_one() forgets it each time.
  void play() {
    deadline.async_wait([&](const error_code& error) {
      if (!error) loop.stop();
    });
    EXPECT_TRUE(a->send("ball"));
    loop.restart();
    loop.run();
    deadline.cancel();
    ASSERT_TRUE(count) << "the ball was lost after " << caught;
    EXPECT_EQ(*count, 0U);
  }
};

TEST_F(AgentAllocations, SendAndOnDataAllocateNothing) {
  connect();
  b->on_data([&](Bytes ball) { EXPECT_TRUE(b->send(ball)); });
  a->on_data([&](Bytes ball) {
    EXPECT_TRUE(a->send(ball));
    caught_one();
  });
  play();
}

TEST_F(AgentAllocations, CoroutinesThatReceiveAllocateNothing) {
  connect();
  const auto player = [this](Agent& agent, bool counts) -> awaitable<void> {
    std::array<std::uint8_t, 100> ball{};
    for (;;) {
      const std::size_t size = co_await agent.async_receive(ball, use_awaitable);
      EXPECT_TRUE(agent.send(Bytes{ball}.first(size)));
      if (counts) caught_one();
    }
  };
  const auto ended = [](const std::exception_ptr&) {};
  boost::asio::co_spawn(loop, player(*a, true), ended);
  boost::asio::co_spawn(loop, player(*b, false), ended);
  play();
  a.reset();
  b.reset();
  loop.restart();
  loop.run();  // the coroutines end
}

TEST_F(AgentAllocations, CallbacksThatReceiveAllocateNothing) {
  connect();
  struct Player {
    Agent& agent;
    AgentAllocations* counts;
    std::array<std::uint8_t, 100> ball{};
    void receive() {
      agent.async_receive(ball, [this](const error_code& error, std::size_t size) {
        if (error) return;
        EXPECT_TRUE(agent.send(Bytes{ball}.first(size)));
        if (counts != nullptr) counts->caught_one();
        receive();
      });
    }
  };
  Player at_a{*a, this};
  Player at_b{*b, nullptr};
  at_a.receive();
  at_b.receive();
  play();
}

}  // namespace
}  // namespace ice::io
