#include "ice/io/agent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <exception>
#include <filesystem>
#include <future>

#include "agent_pair.hpp"
#include "ice/io/stun_server.hpp"
#include "ice/sdp/candidate.hpp"
#include "ice/sdp/description.hpp"

namespace ice::io {
namespace {

using namespace std::chrono_literals;
using boost::asio::awaitable;
using boost::asio::use_awaitable;
using boost::system::error_code;
using testing::ElementsAre;

struct AgentTest : AgentPair {
  // Runs a coroutine to its end; what it throws fails the test.
  void run(awaitable<void> coroutine) {
    std::optional<std::exception_ptr> ended;
    boost::asio::co_spawn(loop, std::move(coroutine), [&](std::exception_ptr thrown) { ended = thrown; });
    ASSERT_TRUE(run_until(loop, [&] { return ended.has_value(); }));
    if (*ended) std::rethrow_exception(*ended);
  }
};

std::string text_in(const std::array<std::uint8_t, 1500>& buffer, std::size_t size) {
  return std::string{text_of(Bytes{buffer}.first(size))};
}

TEST_F(AgentTest, TwoAgentsConnectAndTalkInCoroutines) {
  signal();
  run([](Agent& one, Agent& other) -> awaitable<void> {
    const SelectedPair at_one = co_await one.async_connect(use_awaitable);
    const SelectedPair at_other = co_await other.async_connect(use_awaitable);
    EXPECT_EQ(at_one.local.endpoint, at_other.remote.endpoint);
    EXPECT_EQ(at_one.remote.endpoint, at_other.local.endpoint);
    EXPECT_TRUE(one.send("hello"));
    std::array<std::uint8_t, 1500> buffer{};
    std::size_t size = co_await other.async_receive(buffer, use_awaitable);
    EXPECT_EQ(text_in(buffer, size), "hello");
    EXPECT_TRUE(other.send("and to you"));
    size = co_await one.async_receive(boost::asio::buffer(buffer), use_awaitable);
    EXPECT_EQ(text_in(buffer, size), "and to you");
  }(*a, *b));
  EXPECT_EQ(a->role(), Role::controlling);
  ASSERT_TRUE(a->selected());
  EXPECT_EQ(a->selected()->remote.type, CandidateType::host);
}

TEST_F(AgentTest, TwoAgentsConnectAndTalkWithCallbacks) {
  std::vector<std::string> said;
  b->on_data([&](Bytes data) { said.emplace_back(text_of(data)); });
  a->on_state([&](AgentState state, Cause) { EXPECT_TRUE(state != AgentState::connected || a->send("hello")); });
  connect();
  ASSERT_TRUE(run_until(loop, [&] { return !said.empty(); }));
  EXPECT_THAT(said, ElementsAre("hello"));
}

TEST_F(AgentTest, WholeDescriptionsAsSdpDoWithoutTrickle) {
  int done = 0;
  a->on_gathering_done([&] { ++done; });
  b->on_gathering_done([&] { ++done; });
  ASSERT_TRUE(run_until(loop, [&] { return done == 2; }));
  EXPECT_TRUE(a->local_description().streams.at(0).end_of_candidates);
  EXPECT_TRUE(b->set_remote(sdp::format(a->local_description())));
  EXPECT_TRUE(a->set_remote(sdp::format(b->local_description())));
  EXPECT_TRUE(run_until(loop, [&] { return a->selected() && b->selected(); }));
}

TEST_F(AgentTest, CandidatesTrickleAsLines) {
  a->on_candidate([&](const Candidate& one) { EXPECT_TRUE(b->add_remote_candidate(sdp::format(one))); });
  EXPECT_TRUE(b->set_remote(sdp::format(a->local_description())));
  EXPECT_TRUE(a->set_remote(sdp::format(b->local_description())));
  EXPECT_TRUE(run_until(loop, [&] { return a->selected() && b->selected(); }));
}

TEST_F(AgentTest, WhatSignallingBringsWrongIsRefusedAndTheAgentGoesOn) {
  EXPECT_EQ(a->set_remote("no sdp").error(), errc::bad_sdp);
  EXPECT_EQ(a->set_remote("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n").error(), errc::bad_ufrag);
  EXPECT_EQ(a->add_remote_candidate("candidate:nonsense").error(), errc::bad_candidate);
  connect();
  Description half = b->local_description();
  half.ufrag = "another";
  EXPECT_EQ(a->set_remote(half).error(), errc::wrong_generation);
}

TEST_F(AgentTest, FuturesAndDeferredOperationsWorkToo) {
  auto pair = a->async_connect(boost::asio::use_future);
  auto deferred = b->async_connect(boost::asio::deferred);
  bool done = false;
  connect();
  std::move(deferred)([&](const error_code& error, const SelectedPair&) { done = !error; });
  EXPECT_FALSE(done) << "completed inside the initiating call";
  ASSERT_TRUE(run_until(loop, [&] { return done && pair.wait_for(0s) == std::future_status::ready; }));
  EXPECT_EQ(pair.get().remote.endpoint, b->selected()->local.endpoint);
}

TEST_F(AgentTest, ADeferredOperationOfAnAgentThatIsGoneIsAborted) {
  auto connecting = a->async_connect(boost::asio::deferred);
  std::array<std::uint8_t, 8> buffer{};
  auto receiving = a->async_receive(buffer, boost::asio::deferred);
  a.reset();
  std::vector<error_code> errors;
  std::move(connecting)([&](const error_code& error, const SelectedPair&) { errors.push_back(error); });
  std::move(receiving)([&](const error_code& error, std::size_t) { errors.push_back(error); });
  ASSERT_TRUE(run_until(loop, [&] { return errors.size() == 2; }));
  EXPECT_THAT(errors, testing::Each(error_code{boost::asio::error::operation_aborted}));
}

TEST_F(AgentTest, ItTellsCandidatesStatesAndEverythingElseInOrder) {
  std::vector<std::string> told;
  a->on_candidate([&](const Candidate& one) { told.push_back("candidate " + std::string{to_string(one.type)}); });
  a->on_gathering_done([&] { told.emplace_back("done"); });
  a->on_state([&](AgentState state, Cause) { told.emplace_back(to_string(state)); });
  std::size_t events = 0;
  a->on_event([&](const AgentEvent&) { ++events; });
  EXPECT_TRUE(run_until(loop, [&] { return told.size() >= 3; }));
  EXPECT_THAT(told, ElementsAre("gathering", "candidate host", "done"));
  EXPECT_EQ(events, told.size());
}

TEST_F(AgentTest, NoHandlerRunsInsideACallOfTheApplication) {
  bool inside = false;
  int calls = 0;
  const auto seen = [&] {
    EXPECT_FALSE(inside);
    ++calls;
  };
  a->on_state([&](AgentState, Cause) { seen(); });
  a->on_event([&](const AgentEvent&) { seen(); });
  inside = true;
  EXPECT_TRUE(a->set_remote(b->local_description()));  // gathering or checking begins
  a->refresh_addresses();                              // candidates
  a->close();                                          // closed
  inside = false;
  loop.poll();
  EXPECT_GE(calls, 6);
  EXPECT_EQ(a->state(), AgentState::closed);
}

TEST_F(AgentTest, AStunServerGivesAServerReflexiveCandidate) {
  // The server sees 127.0.0.1, as the host candidate is; what the address looked like from there is in the report.
  StunServer server{context};
  const Endpoint at = loopback();
  const auto bound = server.listen({&at, 1});
  ASSERT_TRUE(bound);
  AgentConfig config = loopback_config();
  config.servers.push_back(*stun::Uri::parse("stun:" + bound->primary[0].to_string()));
  Agent agent{context, config};
  bool done = false;
  agent.on_gathering_done([&] { done = true; });
  ASSERT_TRUE(run_until(loop, [&] { return done; }));
  const auto report = agent.report();
  ASSERT_EQ(report.servers.size(), 1U);
  EXPECT_EQ(report.servers[0].mapped, report.servers[0].local);
  EXPECT_EQ(report.servers[0].cause, Cause::none);
  EXPECT_EQ(server.counters().successes, 1U);
}

TEST_F(AgentTest, APeerOfAnotherFamilyFailsWithTheCause) {
  AgentConfig config = loopback_config();
  config.patience = 1ms;
  Agent agent{loop.get_executor(), config};
  Description other = b->local_description();
  other.streams.at(0).candidates = {*sdp::parse_candidate("candidate:1 1 udp 1000 2001:db8::1 9 typ host")};
  other.streams[0].end_of_candidates = true;
  std::optional<error_code> failed;
  agent.async_connect([&](const error_code& error, const SelectedPair&) { failed = error; });
  EXPECT_TRUE(agent.set_remote(other));
  ASSERT_TRUE(run_until(loop, [&] { return failed.has_value(); }));
  EXPECT_EQ(*failed, Cause::no_common_family);
  EXPECT_THAT(failed->message(), testing::StartsWith("no-common-family: "));
  EXPECT_EQ(agent.report().cause, Cause::no_common_family);

  // Whoever comes later is told the same.
  std::array<std::uint8_t, 8> buffer{};
  std::vector<error_code> later;
  agent.async_connect([&](const error_code& error, const SelectedPair&) { later.push_back(error); });
  agent.async_receive(buffer, [&](const error_code& error, std::size_t) { later.push_back(error); });
  ASSERT_TRUE(run_until(loop, [&] { return later.size() == 2; }));
  EXPECT_THAT(later, ElementsAre(*failed, *failed));
  EXPECT_EQ(agent.send("hello").error(), errc::no_consent);
}

TEST_F(AgentTest, AWrongPasswordIsSeenInTheReportsOfBothSides) {
  Description wrong = b->local_description();
  wrong.password.assign(24, 'x');
  trickle(*a, b);
  trickle(*b, a);
  EXPECT_TRUE(a->set_remote(wrong));
  ASSERT_TRUE(run_until(loop, [&] {
    const auto report = a->report();
    return !report.pairs.empty() && report.pairs[0].unauthenticated > 0;
  }));
  EXPECT_GT(b->report().ignored.unauthenticated, 0U);
  EXPECT_FALSE(a->selected());
}

TEST_F(AgentTest, AnAddressThatGoesAwayDisconnects) {
  bool here = true;
  AgentConfig config = loopback_config();
  config.addresses = [&]() -> result<std::vector<InterfaceAddress>> {
    if (here) return loopback_addresses();
    return std::vector<InterfaceAddress>{};
  };
  a = std::make_unique<Agent>(context, config);
  connect();
  std::optional<error_code> ended;
  std::array<std::uint8_t, 8> buffer{};
  a->async_receive(buffer, [&](const error_code& error, std::size_t) { ended = error; });
  here = false;
  a->refresh_addresses();
  ASSERT_TRUE(run_until(loop, [&] { return ended.has_value(); }));
  EXPECT_EQ(*ended, Cause::socket_gone);
  EXPECT_EQ(a->state(), AgentState::disconnected);
  EXPECT_EQ(a->report().sockets.at(0).why_removed, std::errc::address_not_available);
}

TEST_F(AgentTest, AnAddressThatIsDeprecatedBesideABetterOneKeepsTheCallThatIsOnIt) {
  bool better = false;
  AgentConfig config = loopback_config();
  config.addresses = [&]() -> result<std::vector<InterfaceAddress>> {
    auto all = loopback_addresses();
    if (better) {
      all->push_back(all->front());
      all->front().deprecated = true;
      all->back().address = Address::v4(127, 0, 0, 2);
    }
    EXPECT_EQ(host_candidate_addresses(*all, true).size(), 1U);
    return all;
  };
  a = std::make_unique<Agent>(context, config);
  connect();
  better = true;
  a->refresh_addresses();
  EXPECT_EQ(a->state(), AgentState::connected);
  EXPECT_EQ(a->report().sockets.at(0).removed, std::nullopt);
}

TEST_F(AgentTest, AnAddressThatAppearsIsUsed) {
  bool here = false;
  AgentConfig config = loopback_config();
  config.addresses = [&]() -> result<std::vector<InterfaceAddress>> {
    if (here) return loopback_addresses();
    return std::vector<InterfaceAddress>{};
  };
  a = std::make_unique<Agent>(context, config);
  bool done = false;
  a->on_gathering_done([&] { done = true; });
  ASSERT_TRUE(run_until(loop, [&] { return done; }));
  here = true;
  a->refresh_addresses();
  a->refresh_addresses();
  EXPECT_EQ(a->report().sockets.size(), 1U);
  connect();
}

TEST_F(AgentTest, AnAddressThatCannotBeBoundIsInTheReport) {
  AgentConfig config = loopback_config();
  config.addresses = []() -> result<std::vector<InterfaceAddress>> {
    auto all = loopback_addresses();
    all->push_back(all->front());
    all->back().address = Address::v4(192, 0, 2, 1);  // nobody's
    all->back().loopback = false;
    return all;
  };
  Agent agent{context, config};
  bool done = false;
  agent.on_gathering_done([&] { done = true; });
  ASSERT_TRUE(run_until(loop, [&] { return done; }));
  const auto sockets = agent.report().sockets;
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_TRUE(sockets[0].usable);
  EXPECT_FALSE(sockets[1].usable);
  EXPECT_EQ(sockets[1].local.address, Address::v4(192, 0, 2, 1));
  EXPECT_EQ(sockets[1].why_removed, std::errc::address_not_available);
}

TEST_F(AgentTest, AHostThatDoesNotTellItsAddressesIsInTheReport) {
  AgentConfig config = loopback_config();
  config.patience = 1ms;
  config.addresses = []() -> result<std::vector<InterfaceAddress>> {
    return fail(std::make_error_code(std::errc::too_many_files_open));
  };
  Agent agent{context, config};
  std::optional<error_code> failed;
  agent.async_connect([&](const error_code& error, const SelectedPair&) { failed = error; });
  EXPECT_TRUE(agent.set_remote(b->local_description()));
  ASSERT_TRUE(run_until(loop, [&] { return failed.has_value(); }));
  EXPECT_EQ(*failed, Cause::no_local_candidates);
  EXPECT_EQ(agent.report().sockets.at(0).why_removed, std::errc::too_many_files_open);
}

TEST_F(AgentTest, PortsAreChosenFromTheRangeAndExhaustionIsInTheReport) {
  RawSocket taken = RawSocket::udp();
  const std::uint16_t port = taken.local().port;
  AgentConfig config = loopback_config();
  config.ports = {port, port};
  Agent agent{context, config};
  bool done = false;
  agent.on_gathering_done([&] { done = true; });
  ASSERT_TRUE(run_until(loop, [&] { return done; }));
  EXPECT_EQ(agent.report().sockets.at(0).why_removed, std::errc::address_in_use);
}

TEST_F(AgentTest, NobodyStartsAThread) {
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator{"/proc/self/task"}, std::filesystem::directory_iterator{});
  };
  const auto before = threads();
  connect();
  EXPECT_EQ(threads(), before);
}

TEST_F(AgentTest, AnAgentMayHaveAContextOfItsOwnAndBeMoved) {
  Agent one{loop.get_executor(), loopback_config()};
  Agent other{loop.get_executor(), loopback_config(Role::controlled)};
  Agent moved{std::move(one)};
  EXPECT_TRUE(moved.set_remote(other.local_description()));
  EXPECT_TRUE(other.set_remote(moved.local_description()));
  moved.on_candidate([&](const Candidate& candidate) { EXPECT_TRUE(other.add_remote_candidate(candidate)); });
  EXPECT_TRUE(run_until(loop, [&] { return moved.selected() && other.selected(); }));
  other = Agent{loop.get_executor(), loopback_config()};
  EXPECT_FALSE(other.selected());
}

}  // namespace
}  // namespace ice::io
