#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ice/io/agent.hpp"
#include "support.hpp"

namespace ice::io {

/// 127.0.0.1 alone, so that a test says nothing outside its host.
inline result<std::vector<InterfaceAddress>> loopback_addresses() {
  InterfaceAddress one;
  one.interface = "lo";
  one.index = 1;
  one.address = Address::loopback(Family::ipv4);
  one.prefix_length = 8;
  one.loopback = true;
  return std::vector{one};
}

inline AgentConfig loopback_config(Role role = Role::controlling) {
  AgentConfig config;
  config.role = role;
  config.allow_loopback = true;
  config.addresses = &loopback_addresses;
  return config;
}

/// Two agents on one loop, and perfect signalling between them.
struct AgentPair : testing::Test {
  boost::asio::io_context loop;
  Context context{loop.get_executor()};
  std::unique_ptr<Agent> a = std::make_unique<Agent>(context, loopback_config());
  std::unique_ptr<Agent> b = std::make_unique<Agent>(context, loopback_config(Role::controlled));

  /// Candidates of `from` reach `to` as they come.
  static void trickle(Agent& from, std::unique_ptr<Agent>& to) {
    from.on_candidate([&to](const Candidate& candidate) { EXPECT_TRUE(!to || to->add_remote_candidate(candidate)); });
    from.on_gathering_done([&to] {
      if (to) to->end_of_remote_candidates();
    });
  }

  void signal() {
    trickle(*a, b);
    trickle(*b, a);
    EXPECT_TRUE(a->set_remote(b->local_description()));
    EXPECT_TRUE(b->set_remote(a->local_description()));
  }

  void connect() {
    signal();
    ASSERT_TRUE(
        run_until(loop, [&] { return a->state() == AgentState::connected && b->state() == AgentState::connected; }));
  }
};

}  // namespace ice::io
