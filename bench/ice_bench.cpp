// What an agent costs: to connect, to exist, and for each packet of data. Sockets are the system's own and everything
// is one thread, so that the figures are of this library and the kernel, not of a driver.

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "ice/agent.hpp"
#include "ice/base/pacer.hpp"
#include "ice/base/random.hpp"

namespace {

// Bytes that were asked of operator new and not given back: what an agent holds.
std::atomic<std::int64_t> bytes_held{0};

constexpr std::size_t header = alignof(std::max_align_t);

}  // namespace

void* operator new(std::size_t size) {
  void* block = std::malloc(size + header);
  if (block == nullptr) throw std::bad_alloc{};
  *static_cast<std::size_t*>(block) = size;
  bytes_held.fetch_add(static_cast<std::int64_t>(size), std::memory_order_relaxed);
  return static_cast<char*>(block) + header;
}
void operator delete(void* given) noexcept {
  if (given == nullptr) return;
  void* block = static_cast<char*>(given) - header;
  bytes_held.fetch_sub(static_cast<std::int64_t>(*static_cast<std::size_t*>(block)), std::memory_order_relaxed);
  std::free(block);
}
void operator delete(void* given, std::size_t) noexcept { operator delete(given); }

namespace ice {
namespace {

using namespace std::chrono_literals;

TimePoint clock_now() { return TimePoint{std::chrono::steady_clock::now().time_since_epoch()}; }

sockaddr_in to_sockaddr(const Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  std::copy(endpoint.address.bytes().begin(), endpoint.address.bytes().end(),
            reinterpret_cast<std::uint8_t*>(&address.sin_addr));
  return address;
}

Endpoint to_endpoint(const sockaddr_in& address) {
  std::array<std::uint8_t, 4> bytes;
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&address.sin_addr), bytes.size(), bytes.begin());
  return {Address::v4(bytes), ntohs(address.sin_port)};
}

class UdpSocket {
 public:
  UdpSocket() : fd_{socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {
    sockaddr_in address = to_sockaddr({Address::loopback(Family::ipv4), 0});
    socklen_t size = sizeof address;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      std::abort();
    local_ = to_endpoint(address);
  }
  ~UdpSocket() { close(fd_); }
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  const Endpoint& local() const { return local_; }
  int fd() const { return fd_; }

  void send(const Endpoint& to, Bytes bytes) const {
    const sockaddr_in address = to_sockaddr(to);
    benchmark::DoNotOptimize(
        sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  }
  /// Nothing where nothing is there.
  std::optional<Bytes> receive(MutableBytes buffer, Endpoint& from) const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    const ssize_t got = recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&address), &size);
    if (got < 0) return std::nullopt;
    from = to_endpoint(address);
    return Bytes{buffer.data(), static_cast<std::size_t>(got)};
  }

 private:
  int fd_;
  Endpoint local_;
};

/// An agent on one loopback socket.
struct Peer {
  Peer(Role role, std::chrono::milliseconds pacing, RandomSource& random) {
    AgentConfig config;
    config.role = role;
    config.pacing = pacing;
    config.allow_loopback = true;
    agent = std::make_unique<Agent>(std::move(config), Environment{random, pacer, nullptr});
    if (!agent->add_socket(clock_now(), {SocketId{1}, socket.local(), "lo", ComponentId{1}})) std::abort();
    agent->gather(clock_now());
    settle();
  }

  void transmit(const Transmit& out) const { socket.send(out.to, out.head); }
  void event(const AgentEvent& happened) {
    if (const auto* changed = std::get_if<StateChanged>(&happened))
      connected = connected || changed->state == AgentState::connected;
  }
  void request(const SocketRequest&) {}

  void settle() { timeout = drain(*agent, clock_now(), scratch, *this); }
  /// Whether there was something to read.
  bool read() {
    Endpoint from;
    const auto datagram = socket.receive(buffer, from);
    if (!datagram) return false;
    const Received received = agent->handle_datagram(clock_now(), {SocketId{1}, from, *datagram, {}}, scratch);
    if (received.forward) transmit(*received.forward);
    settle();
    return true;
  }
  void expire() {
    const TimePoint now = clock_now();
    if (!timeout || *timeout > now) return;
    agent->handle_timeout(now);
    settle();
  }

  UdpSocket socket;
  Pacer pacer;
  std::unique_ptr<Agent> agent;
  std::optional<TimePoint> timeout;
  bool connected = false;
  std::array<std::uint8_t, scratch_size> scratch{};
  std::array<std::uint8_t, 2048> buffer{};
};

struct Connection {
  explicit Connection(std::chrono::milliseconds pacing)
      : caller{Role::controlling, pacing, random}, callee{Role::controlled, pacing, random} {}

  /// From the credentials to both connected.
  void connect() {
    for (auto [to, from] : {std::pair{&callee, &caller}, std::pair{&caller, &callee}}) {
      if (!to->agent->set_remote_description(clock_now(), from->agent->local_description())) std::abort();
      to->settle();
    }
    while (!caller.connected || !callee.connected) {
      if (caller.read() | callee.read()) continue;
      wait();
      caller.expire();
      callee.expire();
    }
  }

  void wait() {
    std::optional<TimePoint> next = caller.timeout;
    if (callee.timeout && (!next || *callee.timeout < *next)) next = callee.timeout;
    std::array fds{pollfd{caller.socket.fd(), POLLIN, 0}, pollfd{callee.socket.fd(), POLLIN, 0}};
    timespec span{};
    if (next) {
      const auto left = std::max(Duration::zero(), *next - clock_now());
      span = {std::chrono::duration_cast<std::chrono::seconds>(left).count(), (left % 1s).count()};
    }
    ppoll(fds.data(), fds.size(), next ? &span : nullptr, nullptr);
  }

  CryptoRandom random;
  Peer caller;
  Peer callee;
};

void Connect(benchmark::State& state) {
  const std::chrono::milliseconds pacing{state.range(0)};
  for (auto _ : state) {
    state.PauseTiming();
    auto connection = std::make_unique<Connection>(pacing);
    state.ResumeTiming();
    connection->connect();
    state.PauseTiming();
    connection.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(Connect)->ArgName("pacing_ms")->Arg(0)->Arg(5)->Unit(benchmark::kMillisecond)->UseRealTime();

// An agent that has gathered its one host candidate and waits for its peer.
void Memory(benchmark::State& state) {
  constexpr std::size_t agents = 1000;
  CryptoRandom random;
  Pacer pacer;
  std::int64_t held = 0;
  for (auto _ : state) {
    const std::int64_t before = bytes_held.load();
    std::vector<std::unique_ptr<Agent>> all;
    all.reserve(agents);
    const std::int64_t own = bytes_held.load() - before;
    for (std::size_t i = 0; i < agents; ++i) {
      auto& agent = *all.emplace_back(std::make_unique<Agent>(AgentConfig{}, Environment{random, pacer, nullptr}));
      const Endpoint local{Address::v4(192, 0, 2, 1), static_cast<std::uint16_t>(1024 + i)};
      if (!agent.add_socket(TimePoint{}, {SocketId{1}, local, "eth0", ComponentId{1}})) std::abort();
      agent.gather(TimePoint{});
      while (agent.poll_event()) {
      }
    }
    held = bytes_held.load() - before - own;
  }
  state.counters["bytes_per_agent"] = static_cast<double>(held) / agents;
}
BENCHMARK(Memory)->Iterations(3)->Unit(benchmark::kMillisecond);

constexpr std::size_t packet_size = 1200;

// A 1,200-byte packet there, without any agent: one sendto, one recvfrom.
void DataBare(benchmark::State& state) {
  UdpSocket a;
  UdpSocket b;
  const std::vector<std::uint8_t> payload(packet_size, 0x80);
  std::array<std::uint8_t, 2048> buffer{};
  Endpoint from;
  for (auto _ : state) {
    a.send(b.local(), payload);
    if (!b.receive(buffer, from)) std::abort();
    benchmark::DoNotOptimize(from);
  }
}
BENCHMARK(DataBare);

// The same packet through a connected pair: wrap, send, receive, handle, drain.
void DataThroughPair(benchmark::State& state) {
  Connection connection{0ms};
  connection.connect();
  Peer& a = connection.caller;
  Peer& b = connection.callee;
  while (a.read() | b.read()) {
  }
  const std::vector<std::uint8_t> payload(packet_size, 0x80);
  const TimePoint now = clock_now();
  std::uint64_t arrived = 0;
  for (auto _ : state) {
    const auto packet = a.agent->wrap(now, ComponentId{1}, payload, a.scratch);
    if (!packet) std::abort();
    a.socket.send(packet->to, packet->body);
    Endpoint from;
    const auto datagram = b.socket.receive(b.buffer, from);
    if (!datagram) std::abort();
    const Received received = b.agent->handle_datagram(now, {SocketId{1}, from, *datagram, {}}, b.scratch);
    arrived += received.verdict == Verdict::application_data;
    b.timeout = drain(*b.agent, now, b.scratch, b);
  }
  if (arrived != static_cast<std::uint64_t>(state.iterations())) std::abort();
}
BENCHMARK(DataThroughPair);

// What wrap() and handle_datagram() add, without the kernel.
void DataCodeAlone(benchmark::State& state) {
  Connection connection{0ms};
  connection.connect();
  Peer& a = connection.caller;
  Peer& b = connection.callee;
  const std::vector<std::uint8_t> payload(packet_size, 0x80);
  const TimePoint now = clock_now();
  for (auto _ : state) {
    benchmark::DoNotOptimize(a.agent->wrap(now, ComponentId{1}, payload, a.scratch));
    const Received received = b.agent->handle_datagram(now, {SocketId{1}, a.socket.local(), payload, {}}, b.scratch);
    benchmark::DoNotOptimize(received);
    b.timeout = drain(*b.agent, now, b.scratch, b);
  }
}
BENCHMARK(DataCodeAlone);

}  // namespace
}  // namespace ice
