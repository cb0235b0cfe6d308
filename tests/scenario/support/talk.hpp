#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "scenario/support/call.hpp"

namespace ice::test {

using namespace std::chrono_literals;

/// A call in which both talk all the time, a text every 20 ms, and count what arrives.
class Talk {
 public:
  explicit Talk(const Call::Config& config) : call{config} {
    call.start();
    EXPECT_TRUE(call.run_until_connected(20s));
  }

  void talk_for(Duration time) {
    for (const TimePoint end = call.network.now() + time; call.network.now() < end;) {
      for (const int side : {0, 1}) {
        if (call.send(side, "text " + std::to_string(sent_[static_cast<std::size_t>(side)])))
          ++sent_[static_cast<std::size_t>(side)];
        else
          ++refused_;
      }
      call.network.run_for(20ms);
    }
  }

  /// Nothing was refused, lost or doubled, on links that lose nothing.
  void expect_all_arrived() {
    call.network.run_for(1s);
    EXPECT_EQ(refused_, 0U);
    for (const int side : {0, 1}) {
      const auto& received = call[1 - side].received;
      EXPECT_EQ(received.size(), sent_[static_cast<std::size_t>(side)]) << "from side " << side;
      for (std::size_t i = 0; i < received.size(); ++i) ASSERT_EQ(received[i], "text " + std::to_string(i));
    }
  }

  void expect_restarted(std::uint32_t times) {
    for (const int side : {0, 1}) {
      const auto report = call.agent(side).report();
      EXPECT_EQ(report.state, AgentState::connected);
      EXPECT_EQ(report.restarts, times) << "side " << side;
      EXPECT_EQ(report.remote_ufrag, call.agent(1 - side).report().local_ufrag);
      EXPECT_EQ(report.ignored.unauthenticated, 0U);
    }
    EXPECT_TRUE(call.same_pair());
  }

  Call call;

 private:
  std::array<std::size_t, 2> sent_{};
  std::size_t refused_ = 0;
};

}  // namespace ice::test
