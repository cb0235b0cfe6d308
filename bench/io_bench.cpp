// What a datagram costs between two connected io agents, and on its way through a relay, beside what the bare system
// calls cost in the same run. One thread, loopback.

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "ice/io/agent.hpp"

namespace ice::io {
namespace {

constexpr std::size_t datagram_size = 1'200;
constexpr int rounds = 51;
constexpr int datagrams_a_round = 1'024;

void require(bool held) {
  if (!held) std::abort();
}

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

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
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

// A relay, between a sender and a sink that cost it nothing: the clock runs while it moves what waits.

class Ends {
 public:
  explicit Ends(std::size_t size) : out_(size), from_{bind()}, to_{bind()} {}
  ~Ends() { ::close(from_), ::close(to_); }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

  static int bind() {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    constexpr sockaddr_in loopback{AF_INET, 0, {0x0100007f}, {}};
    require(fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback) == 0);
    return fd;
  }
  static sockaddr_in address_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    require(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return address;
  }
  sockaddr_in sink() const { return address_of(to_); }

  void send(const sockaddr_in& relay, int count) {
    for (int i = 0; i < count; ++i) {
      require(::sendto(from_, out_.data(), out_.size(), 0, reinterpret_cast<const sockaddr*>(&relay), sizeof relay) >
              0);
    }
  }
  void receive(int count) {
    std::array<std::uint8_t, 1'500> in;
    for (int i = 0; i < count; ++i) require(::recv(to_, in.data(), in.size(), 0) == static_cast<ssize_t>(out_.size()));
  }

 private:
  std::vector<std::uint8_t> out_;
  int from_;
  int to_;
};

/// recvfrom, sendto, one by one.
class BareRelay {
 public:
  explicit BareRelay(const sockaddr_in& sink) : sink_{sink} {}
  ~BareRelay() { ::close(fd_); }
  BareRelay(const BareRelay&) = delete;
  BareRelay& operator=(const BareRelay&) = delete;

  sockaddr_in address() const { return Ends::address_of(fd_); }
  void move(int) {
    for (;;) {
      sockaddr_in from{};
      socklen_t from_size = sizeof from;
      const ssize_t size =
          ::recvfrom(fd_, buffer_.data(), buffer_.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
      if (size < 0) return;
      require(::sendto(fd_, buffer_.data(), static_cast<std::size_t>(size), 0,
                       reinterpret_cast<const sockaddr*>(&sink_), sizeof sink_) == size);
    }
  }

 private:
  sockaddr_in sink_;
  int fd_ = Ends::bind();
  std::array<std::uint8_t, 1'500> buffer_{};
};

/// The driver alone: a machine that sends on whatever comes.
struct Forwarder {
  struct Event {};
  Endpoint sink;

  Received handle_datagram(TimePoint, const Datagram& in, MutableBytes) {
    return {.verdict = Verdict::forward, .forward = Transmit{in.socket, sink, {}, in.payload, 0, {}}};
  }
  void handle_timeout(TimePoint) {}
  std::optional<Transmit> poll_transmit(TimePoint, MutableBytes) { return std::nullopt; }
  std::optional<Event> poll_event() { return std::nullopt; }
  std::optional<TimePoint> next_timeout() const { return std::nullopt; }
};

Endpoint endpoint_of(const sockaddr_in& address) { return {Address::loopback(Family::ipv4), ntohs(address.sin_port)}; }
sockaddr_in address_of(const Endpoint& endpoint) { return {AF_INET, htons(endpoint.port), {0x0100007f}, {}}; }

class DriverRelay {
 public:
  explicit DriverRelay(const sockaddr_in& sink) : driver_{Context{loop_.get_executor()}, Forwarder{endpoint_of(sink)}} {
    address_ = address_of(*driver_.local_endpoint(*driver_.bind({Address::loopback(Family::ipv4), 0})));
  }
  sockaddr_in address() const { return address_; }
  void move(int count) {
    for (const auto until = driver_.statistics().sent + static_cast<std::uint64_t>(count);
         driver_.statistics().sent < until;) {
      loop_.poll();
    }
  }

 private:
  boost::asio::io_context loop_{1};
  Driver<Forwarder> driver_;
  sockaddr_in address_{};
};

template <class Relay>
double nanoseconds_a_relayed(Relay& relay, Ends& ends, int burst) {
  std::chrono::duration<double, std::nano> took{0};
  for (int moved = 0; moved < datagrams_a_round; moved += burst) {
    ends.send(relay.address(), burst);
    const auto begun = std::chrono::steady_clock::now();
    relay.move(burst);
    took += std::chrono::steady_clock::now() - begun;
    ends.receive(burst);
  }
  return took.count() / datagrams_a_round;
}

/// Target: ratio at most 0.5 under load, which is the larger burst.
void relayed(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const auto burst = static_cast<int>(state.range(1));
  Ends ends{size};
  BareRelay bare{ends.sink()};
  DriverRelay driver{ends.sink()};
  for (auto _ : state) {
    std::vector<double> of_bare;
    std::vector<double> of_driver;
    for (int round = 0; round < rounds; ++round) {
      of_bare.push_back(nanoseconds_a_relayed(bare, ends, burst));
      of_driver.push_back(nanoseconds_a_relayed(driver, ends, burst));
    }
    state.counters["bare_ns"] = median(of_bare);
    state.counters["driver_ns"] = median(of_driver);
    state.counters["driver_ratio"] = median(of_driver) / median(of_bare);
  }
}
BENCHMARK(relayed)
    ->ArgNames({"size", "burst"})
    ->ArgsProduct({{160, 1'200}, {1, 64}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ice::io
