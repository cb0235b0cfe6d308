#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>
#include <thread>

#include "agent_pair.hpp"
#include "dns_server.hpp"
#include "ice/stun/header.hpp"
#include "io/context_state.hpp"

namespace ice::io {
namespace {

using namespace std::chrono_literals;
using boost::asio::awaitable;
using boost::asio::use_awaitable;
using boost::system::error_code;
using testing::ElementsAre;

struct AgentLife : AgentPair {
  const error_code aborted = boost::asio::error::operation_aborted;
  std::array<std::uint8_t, 1500> buffer{};
  std::vector<error_code> errors;

  // Begins a connect and a receive of `agent` that write what they come to.
  void wait_for(Agent& agent) {
    agent.async_connect([this](const error_code& error, const SelectedPair&) { errors.push_back(error); });
    agent.async_receive(buffer, [this](const error_code& error, std::size_t) { errors.push_back(error); });
  }

  bool ended(std::size_t count) {
    return run_until(loop, [&] { return errors.size() >= count; });
  }
};

TEST_F(AgentLife, OneThatNeverRanIsDestroyedWithoutAWord) {
  wait_for(*a);
  a.reset();
  EXPECT_TRUE(errors.empty()) << "completed inside the destructor";
  ASSERT_TRUE(ended(2));
  EXPECT_THAT(errors, ElementsAre(aborted, aborted));
}

TEST_F(AgentLife, DestructionAtEveryStepAbortsWhatIsPending) {
  // However far two agents have come, one of them dies and takes nothing along.
  for (int steps = 0; steps < 60; ++steps) {
    errors.clear();
    a = std::make_unique<Agent>(context, loopback_config());
    b = std::make_unique<Agent>(context, loopback_config(Role::controlled));
    signal();
    wait_for(*a);
    for (int i = 0; i < steps; ++i) loop.poll_one();
    a.reset();
    ASSERT_TRUE(ended(2)) << steps;
    EXPECT_EQ(errors[1], aborted) << steps;
    EXPECT_TRUE(errors[0] == aborted || !errors[0]) << steps;
  }
}

TEST_F(AgentLife, NothingIsLeftInTheLoop) {
  connect();
  a.reset();
  b.reset();
  loop.run();  // returns
}

TEST_F(AgentLife, AClosedAgentIsNoWorkAndAnswersForItself) {
  connect();
  wait_for(*a);
  ASSERT_TRUE(ended(1));  // the connect
  b.reset();
  a->close();
  a->close();
  EXPECT_EQ(errors.size(), 1U);
  loop.run();  // returns: nothing is open
  EXPECT_THAT(errors, ElementsAre(error_code{}, aborted));
  wait_for(*a);
  ASSERT_TRUE(ended(4));
  EXPECT_EQ(errors[2], Cause::closed);
  EXPECT_EQ(errors[3], Cause::closed);
  EXPECT_EQ(a->send("hello").error(), errc::no_consent);
  EXPECT_EQ(a->report().state, AgentState::closed);
  EXPECT_EQ(a->set_remote(a->local_description()).error(), errc::closed);
  a->refresh_addresses();
}

TEST_F(AgentLife, EveryHandlerMayDestroyTheAgent) {
  int called = 0;
  const auto die = [&](std::unique_ptr<Agent>& agent) {
    ++called;
    agent.reset();
  };
  a->on_candidate([&](const Candidate&) { die(a); });
  ASSERT_TRUE(run_until(loop, [&] { return called == 1; }));

  a = std::make_unique<Agent>(context, loopback_config());
  a->on_gathering_done([&] { die(a); });
  ASSERT_TRUE(run_until(loop, [&] { return called == 2; }));

  a = std::make_unique<Agent>(context, loopback_config());
  a->on_event([&](const AgentEvent&) { die(a); });
  ASSERT_TRUE(run_until(loop, [&] { return called == 3; }));

  a = std::make_unique<Agent>(context, loopback_config());
  a->on_state([&](AgentState state, Cause) {
    if (state == AgentState::connected) die(a);
  });
  signal();
  ASSERT_TRUE(run_until(loop, [&] { return called == 4; }));

  a = std::make_unique<Agent>(context, loopback_config());
  b = std::make_unique<Agent>(context, loopback_config(Role::controlled));
  a->on_data([&](Bytes data) {
    EXPECT_EQ(text_of(data), "die");
    die(a);
  });
  connect();
  EXPECT_TRUE(b->send("die"));
  EXPECT_TRUE(b->send("too late"));
  ASSERT_TRUE(run_until(loop, [&] { return called == 5; }));
  loop.poll();

  a = std::make_unique<Agent>(context, loopback_config());
  a->async_connect([&](const error_code& error, const SelectedPair&) {
    EXPECT_EQ(error, aborted);
    die(a);
  });
  a->close();
  ASSERT_TRUE(run_until(loop, [&] { return called == 6; }));
}

TEST_F(AgentLife, WhatAHandlerThrowsComesOutOfTheLoopAndTheAgentGoesOn) {
  bool thrown = false;
  a->on_candidate([&](const Candidate&) {
    if (!std::exchange(thrown, true)) throw std::runtime_error{"no"};
  });
  bool done = false;
  a->on_gathering_done([&] { done = true; });
  EXPECT_THROW(
      {
        while (!thrown) loop.run_one();
      },
      std::runtime_error);
  EXPECT_TRUE(run_until(loop, [&] { return done; }));
}

TEST_F(AgentLife, OneOperationMayBeCancelledAndTheOthersWaitOn) {
  connect();
  boost::asio::cancellation_signal stop;
  a->async_receive(buffer, boost::asio::bind_cancellation_slot(
                               stop.slot(), [&](const error_code& error, std::size_t) { errors.push_back(error); }));
  std::array<std::uint8_t, 100> second{};
  std::size_t received = 0;
  a->async_receive(second, [&](const error_code& error, std::size_t size) {
    EXPECT_FALSE(error);
    received = size;
  });
  stop.emit(boost::asio::cancellation_type::total);
  EXPECT_TRUE(errors.empty()) << "completed inside emit()";
  ASSERT_TRUE(ended(1));
  EXPECT_EQ(errors[0], aborted);
  EXPECT_TRUE(b->send("hello"));
  ASSERT_TRUE(run_until(loop, [&] { return received == 5; }));
  EXPECT_EQ(buffer[0], 0) << "a cancelled receive has let go of its buffer";
  stop.emit(boost::asio::cancellation_type::total);  // too late
  loop.poll();
  EXPECT_EQ(errors.size(), 1U);
}

TEST_F(AgentLife, ACancellationThatMeetsTheDatagramLosesNothing) {
  // The datagram has completed the receive when the cancellation comes: the handler gets the datagram.
  connect();
  boost::asio::cancellation_signal stop;
  std::optional<std::pair<error_code, std::size_t>> result;
  a->async_receive(buffer,
                   boost::asio::bind_cancellation_slot(
                       stop.slot(), [&](const error_code& error, std::size_t size) { result.emplace(error, size); }));
  EXPECT_TRUE(b->send("hello"));
  ASSERT_TRUE(run_until(loop, [&] { return buffer[0] == 'h'; }));
  EXPECT_FALSE(result);
  stop.emit(boost::asio::cancellation_type::total);
  ASSERT_TRUE(run_until(loop, [&] { return result.has_value(); }));
  EXPECT_FALSE(result->first);
  EXPECT_EQ(result->second, 5U);
}

TEST_F(AgentLife, ATimerMayEndTheWaitOfACoroutine) {
  using namespace boost::asio::experimental::awaitable_operators;
  bool done = false;
  boost::asio::co_spawn(
      loop,
      [](Agent& agent) -> awaitable<void> {
        boost::asio::steady_timer patience{co_await boost::asio::this_coro::executor, 1ms};
        const auto first = co_await (agent.async_connect(use_awaitable) || patience.async_wait(use_awaitable));
        EXPECT_EQ(first.index(), 1U) << "nobody signals, so the timer is first";
      }(*a),
      [&](const std::exception_ptr& thrown) { done = !thrown; });
  EXPECT_TRUE(run_until(loop, [&] { return done; }));
}

TEST_F(AgentLife, ACoroutineThatOwnsItsAgentMayDieWithTheLoop) {
  const auto witness = std::make_shared<int>();
  auto other = std::make_unique<boost::asio::io_context>();
  for (const bool connects : {true, false}) {
    boost::asio::co_spawn(
        *other,
        [](boost::asio::io_context& in, std::shared_ptr<int>, bool connecting) -> awaitable<void> {
          Agent own{in.get_executor(), loopback_config()};
          std::array<std::uint8_t, 8> room{};
          own.on_data([](Bytes) {});
          if (connecting) co_await own.async_connect(use_awaitable);
          co_await own.async_receive(room, use_awaitable);
        }(*other, witness, connects),
        boost::asio::detached);
  }
  other->poll();
  EXPECT_EQ(witness.use_count(), 3);
  other.reset();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(AgentLife, ACompletionRunsOnTheExecutorOfItsHandler) {
  boost::asio::io_context other;
  bool called = false;
  a->async_connect(
      boost::asio::bind_executor(other.get_executor(), [&](const error_code&, const SelectedPair&) { called = true; }));
  connect();
  loop.poll();
  EXPECT_FALSE(called);
  other.run_one();  // had work all the time, so it would not have returned before
  EXPECT_TRUE(called);
}

TEST_F(AgentLife, ALoopOfManyThreadsIsNoRace) {
  // Each agent has a strand of its own, and the application a third: ThreadSanitizer sees any race.
  boost::asio::io_context own;
  boost::asio::steady_timer deadline{own, 30s};
  deadline.async_wait([&](const error_code& error) {
    if (!error) own.stop();
  });
  Agent one{own.get_executor(), loopback_config()};
  Agent other{own.get_executor(), loopback_config(Role::controlled)};
  constexpr int rounds = 200;
  const auto play = [](Agent& agent, bool serves) -> awaitable<int> {
    std::array<std::uint8_t, 100> ball{};
    co_await agent.async_connect(use_awaitable);
    int caught = 0;
    EXPECT_TRUE(!serves || agent.send("ball"));
    while (++caught < rounds) {
      const std::size_t size = co_await agent.async_receive(ball, use_awaitable);
      EXPECT_TRUE(agent.send(Bytes{ball}.first(size)));
    }
    co_return caught;
  };
  // What one strand says reaches the other by a post, as it would through signalling.
  one.on_candidate([&](const Candidate& candidate) {
    boost::asio::post(other.get_executor(), [&, candidate] { EXPECT_TRUE(other.add_remote_candidate(candidate)); });
  });
  other.on_candidate([&](const Candidate& candidate) {
    boost::asio::post(one.get_executor(), [&, candidate] { EXPECT_TRUE(one.add_remote_candidate(candidate)); });
  });
  EXPECT_TRUE(one.set_remote(other.local_description()));
  EXPECT_TRUE(other.set_remote(one.local_description()));
  std::atomic<int> finished{0};
  const auto count = [&](const std::exception_ptr& thrown, int caught) {
    EXPECT_FALSE(thrown);
    EXPECT_EQ(caught, rounds);
    if (++finished == 2) own.stop();
  };
  boost::asio::co_spawn(one.get_executor(), play(one, true), count);
  boost::asio::co_spawn(other.get_executor(), play(other, false), count);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { own.run(); });
  threads.clear();
  EXPECT_EQ(finished, 2);
}

TEST_F(AgentLife, ANameThatCannotBeResolvedIsInTheReportAndDelaysNothing) {
  DnsServer dns{loop};
  context.state()->dns_settings.servers = dns.text();
  dns.mood = DnsServer::Mood::silent;
  AgentConfig config = loopback_config();
  config.servers = {*stun::Uri::parse("stun:silent.test"), *stun::Uri::parse("stun:[::1]:9")};
  a = std::make_unique<Agent>(context, config);
  connect();  // while the name server says nothing
  EXPECT_GT(dns.udp_questions, 0);

  dns.mood = DnsServer::Mood::helpful;
  config.servers = {*stun::Uri::parse("stun:nobody.test")};
  a = std::make_unique<Agent>(context, config);
  bool done = false;
  a->on_gathering_done([&] { done = true; });
  ASSERT_TRUE(run_until(loop, [&] { return done; }));
  const auto report = a->report();
  ASSERT_EQ(report.servers.size(), 1U);
  EXPECT_EQ(report.servers[0].uri, "stun:nobody.test");
  EXPECT_EQ(report.servers[0].cause, Cause::name_not_resolved);
}

TEST_F(AgentLife, AServerIsFoundByItsName) {
  DnsServer dns{loop};
  context.state()->dns_settings.servers = dns.text();
  dns.add("stun.test", "127.0.0.1");
  RawSocket server = RawSocket::udp();
  AgentConfig config = loopback_config();
  config.servers = {*stun::Uri::parse("stun:stun.test:" + std::to_string(server.local().port))};
  a = std::make_unique<Agent>(context, config);
  std::optional<std::string> question;
  ASSERT_TRUE(run_until(loop, [&] { return (question = server.receive()).has_value(); }));
  EXPECT_TRUE(stun::is_stun(bytes_of(*question)));
}

TEST_F(AgentLife, AServerIsFoundByTheServicesOfItsDomain) {
  DnsServer dns{loop};
  context.state()->dns_settings.servers = dns.text();
  RawSocket server = RawSocket::udp();
  dns.add("_stun._udp.ice.test", stun::SrvRecord{0, 0, server.local().port, "host.ice.test"});
  dns.add("host.ice.test", "127.0.0.1");
  AgentConfig config = loopback_config();
  config.servers = {*stun::Uri::parse("stun:ice.test")};
  a = std::make_unique<Agent>(context, config);
  std::optional<std::string> question;
  ASSERT_TRUE(run_until(loop, [&] { return (question = server.receive()).has_value(); }));
  EXPECT_TRUE(stun::is_stun(bytes_of(*question)));
}

TEST_F(AgentLife, AProcessWithoutDescriptorsSaysSo) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  AgentConfig config = loopback_config();
  config.servers = {*stun::Uri::parse("stun:stun.test")};  // resolving it needs descriptors, too
  context.state()->dns_settings = {"127.0.0.1:9", 1ms, 1};
  a = std::make_unique<Agent>(context, config);
  bool done = false;
  a->on_gathering_done([&] { done = true; });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_TRUE(run_until(loop, [&] { return done; }));
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  const auto report = a->report();
  ASSERT_EQ(report.sockets.size(), 1U);
  EXPECT_EQ(report.sockets[0].why_removed, std::errc::too_many_files_open);
  EXPECT_EQ(report.servers.at(0).cause, Cause::name_not_resolved);
}

}  // namespace
}  // namespace ice::io
