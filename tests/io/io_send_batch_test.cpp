#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

#include "ice/io/driver.hpp"
#include "io/send_batch.hpp"
#include "support.hpp"
#include "support/allocations.hpp"
#include "toy_machine.hpp"

namespace ice::io {
namespace {

// ---- the batch itself

struct Batches : testing::Test {
  SendBatch batch;
  RawSocket from = RawSocket::udp();
  RawSocket to = RawSocket::udp();

  Transmit packet(std::string_view head, std::string_view body = {}, std::uint32_t socket = 1) const {
    return {SocketId{socket}, to.local(), bytes_of(head), bytes_of(body), 0, {}};
  }

  std::vector<std::string> arrived() {
    std::vector<std::string> all;
    while (auto one = to.receive()) all.push_back(*one);
    return all;
  }

  void send_all() {
    while (const std::size_t waiting = batch.next()) {
      const auto sent = batch.send_next(from.fd(), true);
      ASSERT_TRUE(sent);
      ASSERT_LE(*sent, waiting);
      batch.drop(*sent);
    }
  }
};

TEST_F(Batches, HeadsAreCopiedAndBodiesOnlyWhereTheyDoNotStay) {
  std::string head = "head ";
  std::string gone = "gone";
  const std::string stays = "stays";
  ASSERT_TRUE(batch.add(packet(head, gone), {}, false));
  ASSERT_TRUE(batch.add(packet(head, stays), {}, true));
  EXPECT_EQ(batch.packet(1).body.data(), bytes_of(stays).data());
  head = gone = "xxxxx";
  send_all();
  EXPECT_EQ(arrived(), (std::vector<std::string>{"head gone", "head stays"}));
}

TEST_F(Batches, PacketsOfEachSocketKeepTheirOrder) {
  for (const auto& [socket, text] : {std::pair{1U, "a1"}, {2U, "b1"}, {1U, "a2"}, {3U, "c1"}, {2U, "b2"}, {1U, "a3"}}) {
    ASSERT_TRUE(batch.add(packet(text, {}, socket), {}, false));
  }
  EXPECT_EQ(batch.next(), 3U);
  batch.drop(1);
  EXPECT_EQ(batch.next(), 2U) << "the same ones, until they are done with";
  EXPECT_EQ(text_of(batch.packet(0).head), "a2");
  send_all();
  EXPECT_EQ(arrived(), (std::vector<std::string>{"a2", "a3", "b1", "b2", "c1"}));
  EXPECT_TRUE(batch.empty());
}

TEST_F(Batches, GoOnlyAsFarAsTheSocketIsToTreatThemAlike) {
  const auto add = [&](std::string_view text, Fragmentation fragmentation) {
    Transmit one = packet(text);
    one.ip.fragmentation = fragmentation;
    ASSERT_TRUE(batch.add(one, {}, false));
  };
  add("a1", Fragmentation::allowed);
  add("a2", Fragmentation::allowed);
  add("f1", Fragmentation::forbidden);
  add("a3", Fragmentation::allowed);
  EXPECT_EQ(batch.next(), 4U);
  for (const std::size_t alike : {2U, 1U, 1U}) {
    const auto sent = batch.send_next(from.fd(), true);
    ASSERT_TRUE(sent);
    EXPECT_EQ(*sent, alike);
    batch.drop(*sent);
  }
  EXPECT_EQ(arrived(), (std::vector<std::string>{"a1", "a2", "f1", "a3"}));
}

TEST_F(Batches, WhatIsCutArrivesAsItWasAdded) {
  const std::vector<std::string> texts{"same1", "same2", "same3", "end", "same4", "longer one", "", "x"};
  for (const std::string& text : texts)
    ASSERT_TRUE(batch.add(packet(text.substr(0, 2), text.substr(text.size() < 2 ? text.size() : 2)), {}, false));
  send_all();
  EXPECT_EQ(arrived(), texts);
}

TEST_F(Batches, OneDestinationDoesNotGetWhatIsForAnother) {
  RawSocket other = RawSocket::udp();
  Transmit there = packet("other");
  there.to = other.local();
  ASSERT_TRUE(batch.add(packet("mine1"), {}, false));
  ASSERT_TRUE(batch.add(there, {}, false));
  ASSERT_TRUE(batch.add(packet("mine2"), {}, false));
  send_all();
  EXPECT_EQ(arrived(), (std::vector<std::string>{"mine1", "mine2"}));
  EXPECT_EQ(other.receive(), "other");
}

TEST_F(Batches, AFullBatchRefusesAndIsGoodAgainWhenItIsEmpty) {
  const std::string large(40'000, 'l');
  ASSERT_TRUE(batch.add(packet({}, large), {}, false));
  EXPECT_FALSE(batch.add(packet({}, large), {}, false)) << "no room for its bytes";
  ASSERT_TRUE(batch.add(packet({}, large), {}, true)) << "which it does not need where they stay";
  for (std::size_t i = 2; i < SendBatch::capacity; ++i) ASSERT_TRUE(batch.add(packet("x"), {}, false));
  EXPECT_FALSE(batch.add(packet("x"), {}, false));
  batch.drop(batch.next());
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(batch.add(packet({}, large), {}, false));
}

// ---- in the driver

struct BatchedDriver : testing::Test {
  boost::asio::io_context loop;
  Driver<ToyMachine> driver{Context{loop.get_executor()}};
  SocketId socket = *driver.bind(loopback());
  Endpoint here = *driver.local_endpoint(socket);
  RawSocket peer = RawSocket::udp();

  // As many as wait together in the socket; the loop has not run yet.
  void burst(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) peer.send(here, text);
  }
  std::vector<std::string> answers(std::size_t count) {
    std::vector<std::string> all;
    EXPECT_TRUE(run_until(loop, [&] {
      while (auto one = peer.receive()) all.push_back(*one);
      return all.size() >= count;
    }));
    return all;
  }
};

TEST_F(BatchedDriver, ABurstIsAnsweredInItsOrderByForwardsAndByWhatIsPolled) {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i)
    texts.push_back((i % 3 == 0 ? "=" : ">") + std::to_string(i) + std::string(i % 5 == 0 ? 3 : 0, 'x'));
  burst(texts);
  EXPECT_EQ(answers(texts.size()), texts);
  EXPECT_EQ(driver.statistics().sent, texts.size());
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  EXPECT_EQ(driver.statistics().sent_bytes, bytes);
}

TEST_F(BatchedDriver, WhatTheApplicationSendsInBetweenKeepsItsPlace) {
  driver.on_data([&](const Received& received) {
    EXPECT_TRUE(driver.send([&](ToyMachine&, TimePoint, MutableBytes) -> result<Transmit> {
      return Transmit{socket, received.from, {}, received.data, 0, {}};
    }));
  });
  const std::vector<std::string> texts{">one", "two", "=three", "four", ">five"};
  burst(texts);
  EXPECT_EQ(answers(texts.size()), texts);
}

TEST_F(BatchedDriver, WhatWasSaidBeforeAClosingIsSent) {
  driver.on_data([&](const Received&) { driver.close(socket); });
  burst({">one", "=two", "close", ">never"});
  EXPECT_EQ(answers(2), (std::vector<std::string>{">one", "=two"}));
  loop.poll();
  EXPECT_EQ(peer.receive(), std::nullopt);
}

TEST_F(BatchedDriver, WhatWasSaidBeforeTheEndOfTheDriverIsSent) {
  std::optional<Driver<ToyMachine>> mortal{Context{loop.get_executor()}};
  here = *mortal->local_endpoint(*mortal->bind(loopback()));
  mortal->on_data([&](const Received&) { mortal.reset(); });
  burst({">one", "the end", ">never"});
  EXPECT_EQ(answers(1), std::vector<std::string>{">one"});
  loop.poll();
  EXPECT_EQ(peer.receive(), std::nullopt);
}

TEST_F(BatchedDriver, ThrowingHandlersLoseNothingOfWhatWasSaid) {
  driver.on_data([&](const Received&) { throw std::runtime_error{"the application's"}; });
  burst({">one", "throw", ">two"});
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_EQ(answers(1).at(0), ">one");
}

TEST_F(BatchedDriver, OneDestinationThatIsGoneDoesNotHarmTheOthers) {
  {
    RawSocket gone = RawSocket::udp();
    for (int i = 0; i < 3; ++i) gone.send(here, ">nobody reads it");
    burst({">one", ">two"});
    for (int i = 0; i < 3; ++i) gone.send(here, ">nobody reads it");
  }
  EXPECT_EQ(answers(2), (std::vector<std::string>{">one", ">two"}));
  ASSERT_TRUE(run_until(loop, [&] { return !driver.machine().socket_events_of<SocketUnreachable>().empty(); }));
  EXPECT_EQ(driver.statistics().send_errors, 0U) << "what ICMP said of one is no error of the next";
  burst({">three", ">four"});
  EXPECT_EQ(answers(2), (std::vector<std::string>{">three", ">four"}));
}

TEST_F(BatchedDriver, ABurstAllocatesNothing) {
  const std::vector<std::string> texts(16, ">again");
  burst(texts);
  ASSERT_EQ(answers(texts.size()).size(), texts.size());
  burst(texts);
  // Asio keeps the memory of its operations for the next ones while run() runs; so it is asked in one go.
  std::size_t count = ~std::size_t{0};
  int rounds = 0;
  std::optional<test::Allocations> allocations;
  driver.on_data([&](const Received&) {
    if (++rounds == 1) allocations.emplace();
    if (rounds == 2) {
      count = allocations->count();
      loop.stop();
    }
  });
  burst({"begin"});
  burst(texts);
  burst({"end"});
  loop.restart();
  loop.run();
  EXPECT_EQ(count, 0U);
}

}  // namespace
}  // namespace ice::io
