// What a relay costs: CPU time of the server for each packet it relays, ours beside coturn and beside loops of bare
// system calls, each in a process of its own, by turns in one run. Everything is in a network namespace.
//
// Target: at most half of the bare loop of recvfrom() and sendto() under load.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/load.hpp"
#include "relay/relay_process.hpp"

namespace ice::bench {
namespace {

constexpr int rounds = 31;
constexpr int windows_a_round = 64;
constexpr std::uint16_t coturn_port = 3478;
constexpr std::uint16_t our_port = 3479;

enum class Direction : std::uint8_t { to_peer, to_client };

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// One relay under one kind of load.
struct Contestant {
  std::string name;
  RelayProcess relay;
  std::unique_ptr<Load> load;
  std::vector<double> nanoseconds{};

  void round(Direction direction) {
    const Duration before = relay.cpu_time();
    int arrived = 0;
    for (int i = 0; i < windows_a_round; ++i)
      arrived += direction == Direction::to_peer ? load->to_peer() : load->to_client();
    if (arrived < windows_a_round * Load::window / 2) {
      std::fprintf(stderr, "relay_bench: %s lost most of it\n", name.c_str());
      std::exit(1);
    }
    nanoseconds.push_back(static_cast<double>((relay.cpu_time() - before).count()) / arrived);
  }
};

void relay(benchmark::State& state, Wrapping wrapping, Direction direction, std::size_t payload) {
  std::vector<Contestant> contestants;
  const auto with_load = [&] { return std::make_unique<Load>(wrapping, payload); };
  const auto add_bare = [&](const char* name, bool batched) {
    auto load = with_load();
    RelayProcess process = RelayProcess::bare(batched, overhead(wrapping), load->peer());
    load->use_bare(process.at());
    contestants.push_back({name, std::move(process), std::move(load)});
  };
  const auto add_server = [&](const char* name, RelayProcess process) {
    auto load = with_load();
    load->allocate(process.at());
    contestants.push_back({name, std::move(process), std::move(load)});
  };
  // The bare loops go one way; what they cost does not depend on which.
  add_bare("bare", false);
  add_bare("batched", true);
  if (auto coturn = RelayProcess::coturn(coturn_port)) add_server("coturn", std::move(*coturn));
  add_server("ours", RelayProcess::turn_server(ICE_BENCH_TURN_SERVER, our_port));

  for (auto _ : state) {
    for (int i = 0; i < rounds; ++i)
      for (Contestant& one : contestants)
        one.round(one.name == "bare" || one.name == "batched" ? Direction::to_peer : direction);
  }
  const double bare = median(contestants.front().nanoseconds);
  for (const Contestant& one : contestants) {
    state.counters[one.name + "_ns"] = median(one.nanoseconds);
    if (&one != &contestants.front()) state.counters[one.name + "/bare"] = median(one.nanoseconds) / bare;
  }
}

void add_benchmarks() {
  for (const auto direction : {Direction::to_peer, Direction::to_client}) {
    for (const auto wrapping : {Wrapping::channel, Wrapping::indication}) {
      for (const std::size_t payload : {std::size_t{1'200}, std::size_t{160}}) {
        const std::string name = std::string{"relay/"} + (direction == Direction::to_peer ? "to_peer" : "to_client") +
                                 (wrapping == Wrapping::channel ? "/channel/" : "/indication/") +
                                 std::to_string(payload);
        benchmark::RegisterBenchmark(name.c_str(), relay, wrapping, direction, payload)
            ->Iterations(1)
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

}  // namespace
}  // namespace ice::bench

int main(int argc, char** argv) {
  if (!ice::bench::enter_namespace()) {
    std::fputs("relay_bench: needs a network namespace of its own, which this system does not allow\n", stderr);
    return 1;
  }
  ice::bench::add_benchmarks();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
