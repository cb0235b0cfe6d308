// The relay server without sockets: nanoseconds for one datagram each way, and the memory of an idle allocation.
// "allocations" counts operator new over all rounds. A hundred other allocations with ten channels each stand around.

#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "support/allocations.hpp"
#include "support/turn_server_rig.hpp"

namespace ice::turn {
namespace {

using stun::Builder;
using test::endpoint;
using test::TurnServerRig;
using test::TurnTestClient;
namespace attr = stun::attr;

const Endpoint bound_peer = endpoint("203.0.113.77:5000");
const Endpoint other_peer = endpoint("203.0.113.78:5000");

ServerConfig without_quotas() {
  ServerConfig config;
  config.limits.allocations_per_user = config.limits.allocations_per_source = config.limits.allocations;
  config.limits.failures_at_once = 1'000'000;
  return config;
}

Endpoint client_number(std::size_t i) {
  return {Address::v4(198, 51, 100, static_cast<std::uint8_t>(i >> 8)), static_cast<std::uint16_t>(1024 + (i & 0xFF))};
}

/// Alice, with a channel to a peer, a permission for another, and a channel to Bob's relayed address.
struct World {
  World() {
    for (std::size_t i = 0; i < 100; ++i) {
      TurnTestClient one{rig, client_number(i)};
      one.allocated();
      for (std::uint16_t n = 0; n < 10; ++n)
        one.bind(static_cast<std::uint16_t>(0x4000 + n), {bound_peer.address, static_cast<std::uint16_t>(6000 + n)});
    }
    relayed = alice.allocated();
    const Endpoint bobs = bob.allocated();
    alice.bind(0x4000, bound_peer);
    alice.permit(other_peer);
    alice.bind(0x4001, bobs);
    bob.bind(0x4001, relayed);
    relay_socket = rig.relay_socket(relayed);
  }

  TurnServerRig rig{without_quotas()};
  TurnTestClient alice{rig, endpoint("203.0.113.9:40000")};
  TurnTestClient bob{rig, endpoint("203.0.113.10:40000")};
  Endpoint relayed;
  SocketId relay_socket{};
};

void relay(benchmark::State& state, World& world, SocketId socket, const Endpoint& from, Bytes packet) {
  std::array<std::uint8_t, scratch_size> scratch;
  const test::Allocations allocations;
  benchmark::IterationCount forwarded = 0;
  for (auto _ : state) {
    const Received received = world.rig.server.handle_datagram(world.rig.now, {socket, from, packet, {}}, scratch);
    forwarded += received.verdict == Verdict::forward ? 1 : 0;
  }
  if (forwarded != state.iterations()) state.SkipWithError("not all was relayed");
  state.counters["allocations"] = static_cast<double>(allocations.count());
}

std::vector<std::uint8_t> channel_data(std::uint16_t channel, std::size_t size) {
  std::vector<std::uint8_t> packet(4 + size);
  stun::wire::store_u16(packet.data(), channel);
  stun::wire::store_u16(packet.data() + 2, static_cast<std::uint16_t>(size));
  return packet;
}

void channel_data_to_peer(benchmark::State& state) {
  World world;
  relay(state, world, world.alice.socket, world.alice.from,
        channel_data(0x4000, static_cast<std::size_t>(state.range())));
}
BENCHMARK(channel_data_to_peer)->Arg(160)->Arg(1200);

void send_indication_to_peer(benchmark::State& state) {
  World world;
  const std::vector<std::uint8_t> data(static_cast<std::size_t>(state.range()));
  const test::Packet packet = test::stun_message(
      stun::Class::indication, {{1}},
      [&](Builder& b) { b.add<attr::XorPeerAddress>(other_peer).add<attr::Data>(data); }, stun::Method::send);
  relay(state, world, world.alice.socket, world.alice.from, packet.bytes());
}
BENCHMARK(send_indication_to_peer)->Arg(160)->Arg(1200);

void peer_to_channel(benchmark::State& state) {
  World world;
  const std::vector<std::uint8_t> data(static_cast<std::size_t>(state.range()));
  relay(state, world, world.relay_socket, bound_peer, data);
}
BENCHMARK(peer_to_channel)->Arg(160)->Arg(1200);

void peer_to_data_indication(benchmark::State& state) {
  World world;
  const std::vector<std::uint8_t> data(static_cast<std::size_t>(state.range()));
  relay(state, world, world.relay_socket, other_peer, data);
}
BENCHMARK(peer_to_data_indication)->Arg(160)->Arg(1200);

void between_relays(benchmark::State& state) {
  World world;
  relay(state, world, world.alice.socket, world.alice.from,
        channel_data(0x4001, static_cast<std::size_t>(state.range())));
}
BENCHMARK(between_relays)->Arg(160)->Arg(1200);

void challenge_a_stranger(benchmark::State& state) {
  World world;
  const test::Packet packet = test::stun_message(
      stun::Class::request, {{1}}, [](Builder& b) { b.add<attr::RequestedTransport>(stun::IpProtocol::udp); },
      stun::Method::allocate);
  std::array<std::uint8_t, scratch_size> scratch;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        world.rig.server.handle_datagram(world.rig.now, {world.alice.socket, other_peer, packet.bytes(), {}}, scratch));
  }
}
BENCHMARK(challenge_a_stranger);

void refresh_an_allocation(benchmark::State& state) {
  World world;
  const test::Packet packet = world.alice.request(stun::Method::refresh, [](Builder&) {});
  std::array<std::uint8_t, scratch_size> scratch;
  for (auto _ : state) {
    benchmark::DoNotOptimize(world.rig.server.handle_datagram(
        world.rig.now, {world.alice.socket, world.alice.from, packet.bytes(), {}}, scratch));
  }
}
BENCHMARK(refresh_an_allocation);

/// What an allocation with two permissions and a channel holds, the indexes that lead to it included.
void memory_of_an_idle_allocation(benchmark::State& state) {
  constexpr std::size_t count = 2000;
  double bytes = 0;
  for (auto _ : state) {
    TurnServerRig rig{without_quotas()};
    const test::Allocations allocations;
    for (std::size_t i = 0; i < count; ++i) {
      TurnTestClient one{rig, client_number(i)};
      one.allocated();
      one.bind(0x4000, bound_peer);
      one.permit(other_peer);
      rig.forget();
    }
    bytes = static_cast<double>(allocations.held()) / count;
  }
  state.counters["bytes"] = bytes;
}
BENCHMARK(memory_of_an_idle_allocation)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ice::turn
