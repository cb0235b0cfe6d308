// No heap allocation per datagram, in or out (docs: the bounds of the design): memory grows only when a candidate or a
// pair is added.

#include <gtest/gtest.h>

#include "support/allocations.hpp"
#include "support/lone_agent.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::Allocations;
using test::controlled_config;
using test::endpoint;
using test::LoneAgent;

constexpr std::string_view remote = "198.51.100.1:6000";

struct Outlet {
  std::size_t packets = 0;
  void transmit(const Transmit&) { ++packets; }
  void event(const AgentEvent&) {}
  void request(const SocketRequest&) {}
};

class AgentAllocation : public ::testing::Test {
 protected:
  Received receive(Bytes bytes) {
    const Received received = lone.agent().handle_datagram(lone.now, {LoneAgent::socket, from, bytes, {}}, scratch);
    drain(lone.agent(), lone.now, scratch, outlet);
    return received;
  }

  LoneAgent lone{controlled_config()};
  const Endpoint from = endpoint(remote);
  std::array<std::uint8_t, scratch_size> scratch{};
  Outlet outlet;
};

TEST_F(AgentAllocation, DataComesAndGoesWithoutOne) {
  lone.connect(remote);
  lone.check(remote);
  const std::array<std::uint8_t, 1200> payload{1};
  std::size_t received = 0;
  const Allocations allocations;
  for (int i = 0; i < 1000; ++i) {
    if (lone.agent().wrap(lone.now, ComponentId{1}, payload, scratch)) ++outlet.packets;
    if (receive(payload).verdict == Verdict::application_data) ++received;
  }
  EXPECT_EQ(allocations.count(), 0U);
  EXPECT_EQ(received, 1000U);
  EXPECT_EQ(outlet.packets, 1000U);
}

TEST_F(AgentAllocation, DataComesAndGoesWithoutOneDuringARestartToo) {
  lone.connect(remote);
  lone.check(remote);
  const test::Packet late = lone.make_check();
  lone.restart();
  const std::array<std::uint8_t, 1200> payload{1};
  std::size_t done = 0;
  const Allocations allocations;
  for (int i = 0; i < 100; ++i) {
    if (lone.agent().wrap(lone.now, ComponentId{1}, payload, scratch)) ++done;
    if (receive(payload).verdict == Verdict::application_data) ++done;
    if (receive(late.bytes()).forward) ++done;
  }
  EXPECT_EQ(allocations.count(), 0U);
  EXPECT_EQ(done, 300U);
}

TEST_F(AgentAllocation, ChecksOfThePeerAreAnsweredWithoutOne) {
  lone.connect(remote);
  const test::Packet check = lone.make_check();
  receive(check.bytes());
  const Allocations allocations;
  std::size_t answers = 0;
  for (int i = 0; i < 100; ++i)
    if (receive(check.bytes()).forward) ++answers;
  EXPECT_EQ(allocations.count(), 0U);
  EXPECT_EQ(answers, 100U);
}

TEST_F(AgentAllocation, ConsentIsKeptWithoutOne) {
  lone.connect(remote);
  for (int i = 0; i < 20; ++i) {
    const auto next = lone.agent().next_timeout();
    ASSERT_TRUE(next);
    lone.now = *next;
    std::optional<Transmit> request;
    {
      const Allocations allocations;
      lone.agent().handle_timeout(lone.now);
      request = lone.agent().poll_transmit(lone.now, scratch);
      EXPECT_EQ(allocations.count(), 0U);
    }
    ASSERT_TRUE(request);
    const LoneAgent::Sent sent{lone.now, test::Packet{*request}};
    const test::Packet answer = LoneAgent::success_for(sent, "192.0.2.1:5000");
    const Allocations allocations;
    receive(answer.bytes());
    EXPECT_EQ(allocations.count(), 0U);
  }
  EXPECT_EQ(lone.state(), AgentState::connected);
}

TEST_F(AgentAllocation, StrangersCostNone) {
  lone.connect(remote);
  const test::Packet stranger = lone.make_check({.to_ufrag = "stranger"});
  const test::Packet forged = lone.make_check({.password = "notThePasswordOfAnybody12"});
  const test::Packet response = test::success_response(stun::TransactionId{});
  std::vector<std::uint8_t> malformed = lone.make_check().bytes();
  malformed[3] = 4;
  const std::array<std::uint8_t, 8> data{9};
  const Endpoint stranger_at = endpoint("203.0.113.9:9");
  const Allocations allocations;
  for (int i = 0; i < 100; ++i)
    for (const Bytes bytes :
         {Bytes{stranger.bytes()}, Bytes{forged.bytes()}, Bytes{response.bytes()}, Bytes{malformed}, Bytes{data}})
      lone.agent().handle_datagram(lone.now, {LoneAgent::socket, stranger_at, bytes, {}}, scratch);
  EXPECT_EQ(allocations.count(), 0U);
}

}  // namespace
}  // namespace ice
