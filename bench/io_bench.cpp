// What a datagram costs between two connected io agents, beside what the bare system calls cost in the same run. One
// thread, loopback, 1,200 bytes.

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <vector>

#include "ice/io/agent.hpp"
#include "measure.hpp"

namespace ice::io {
namespace {

using bench::median;
using bench::require;

constexpr std::size_t datagram_size = 1'200;
constexpr int rounds = 51;
constexpr int datagrams_a_round = 1'024;

/// Two bound sockets, and nothing of this library.
class BarePair {
 public:
  BarePair() {
    for (int& fd : fds_) {
      fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      require(fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&loopback_), sizeof loopback_) == 0);
    }
    socklen_t size = sizeof to_;
    require(::getsockname(fds_[1], reinterpret_cast<sockaddr*>(&to_), &size) == 0);
  }
  ~BarePair() {
    for (const int fd : fds_) ::close(fd);
  }
  BarePair(const BarePair&) = delete;
  BarePair& operator=(const BarePair&) = delete;

  void move(int burst) {
    for (int i = 0; i < burst; ++i) {
      require(::sendto(fds_[0], out_.data(), out_.size(), 0, reinterpret_cast<const sockaddr*>(&to_), sizeof to_) > 0);
    }
    for (int i = 0; i < burst; ++i) {
      sockaddr_in from{};
      socklen_t size = sizeof from;
      require(::recvfrom(fds_[1], in_.data(), in_.size(), 0, reinterpret_cast<sockaddr*>(&from), &size) > 0);
    }
  }

 private:
  static constexpr sockaddr_in loopback_{AF_INET, 0, {0x0100007f}, {}};
  std::array<int, 2> fds_{};
  sockaddr_in to_{};
  std::array<std::uint8_t, datagram_size> out_{};
  std::array<std::uint8_t, 1'500> in_{};
};

class AgentPair {
 public:
  AgentPair() {
    from_.on_candidate([&](const Candidate& one) { require(to_.add_remote_candidate(one).has_value()); });
    to_.on_candidate([&](const Candidate& one) { require(from_.add_remote_candidate(one).has_value()); });
    to_.on_data([&](Bytes data) {
      require(data.size() == datagram_size);
      ++arrived_;
    });
    require(from_.set_remote(to_.local_description()).has_value());
    require(to_.set_remote(from_.local_description()).has_value());
    while (from_.state() != AgentState::connected || to_.state() != AgentState::connected) loop_.run_one();
  }

  void move(int burst) {
    const int until = arrived_ + burst;
    for (int i = 0; i < burst; ++i) require(from_.send(Bytes{out_}).has_value());
    while (arrived_ < until) loop_.poll();
  }

 private:
  static AgentConfig config(Role role) {
    AgentConfig made;
    made.role = role;
    made.allow_loopback = true;
    made.addresses = []() -> result<std::vector<InterfaceAddress>> {
      InterfaceAddress loopback;
      loopback.address = Address::loopback(Family::ipv4);
      loopback.loopback = true;
      return std::vector{loopback};
    };
    return made;
  }

  boost::asio::io_context loop_{1};
  Context context_{loop_.get_executor()};
  Agent from_{context_, config(Role::controlling)};
  Agent to_{context_, config(Role::controlled)};
  std::array<std::uint8_t, datagram_size> out_{};
  int arrived_ = 0;
};

template <class Pair>
double nanoseconds_a_datagram(Pair& pair, int burst) {
  const auto begun = std::chrono::steady_clock::now();
  for (int moved = 0; moved < datagrams_a_round; moved += burst) pair.move(burst);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begun;
  return took.count() / datagrams_a_round;
}

/// Rounds of both by turns, so that what else the machine does falls on both. Target: ratio at most 1.10.
void datagrams(benchmark::State& state) {
  const auto burst = static_cast<int>(state.range(0));
  BarePair bare;
  AgentPair agents;
  for (auto _ : state) {
    std::vector<double> of_bare;
    std::vector<double> of_agents;
    for (int round = 0; round < rounds; ++round) {
      of_bare.push_back(nanoseconds_a_datagram(bare, burst));
      of_agents.push_back(nanoseconds_a_datagram(agents, burst));
    }
    state.counters["bare_ns"] = median(of_bare);
    state.counters["agents_ns"] = median(of_agents);
    state.counters["ratio"] = median(of_agents) / median(of_bare);
  }
}
BENCHMARK(datagrams)->ArgName("burst")->Arg(1)->Arg(4)->Arg(16)->Arg(64)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ice::io
