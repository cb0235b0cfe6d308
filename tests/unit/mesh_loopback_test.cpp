// Which addresses a mesh makes candidates of: the way to signalling tells.

#include <gtest/gtest.h>

#include <variant>

#include "ice/base/random.hpp"
#include "mesh_demo/mesh.hpp"

namespace ice::mesh {
namespace {

/// The configuration of calls once signalling is connected from `local`.
CallConfig calls_after_connecting_from(const char* local) {
  SeededRandom random{1};
  Pacer pacer;
  MeshConfig config{.server = *Endpoint::parse("0.0.0.0:9000"), .room = "room", .name = "a"};
  config.call.addresses = {{*Address::parse("192.0.2.1"), "eth0"}};
  config.loopback_addresses = {{*Address::parse("127.0.0.1"), "lo"}, {*Address::parse("192.0.2.1"), "eth0"}};
  Mesh mesh{std::move(config), Environment{random, pacer}};
  const TimePoint now{};
  mesh.join(now);
  const auto request = mesh.poll_socket();
  EXPECT_TRUE(request && std::holds_alternative<OpenSocket>(*request));
  mesh.handle_socket(now, SocketOpened{std::get<OpenSocket>(*request).ticket, SocketId{1}, *Endpoint::parse(local)});
  return mesh.config().call;
}

TEST(MeshLoopback, IsUsedWhereSignallingIsReachedOverItWhateverAddressWasAskedFor) {
  for (const char* local : {"127.0.0.1:40000", "[::1]:40000", "[::ffff:127.0.0.1]:40000"}) {
    const CallConfig calls = calls_after_connecting_from(local);
    EXPECT_TRUE(calls.agent.allow_loopback) << local;
    EXPECT_EQ(calls.addresses.size(), 2U) << local;
  }
}

TEST(MeshLoopback, IsNotUsedElsewhere) {
  const CallConfig calls = calls_after_connecting_from("192.0.2.1:40000");
  EXPECT_FALSE(calls.agent.allow_loopback);
  EXPECT_EQ(calls.addresses.size(), 1U);
}

}  // namespace
}  // namespace ice::mesh
