// What a datagram costs on its way through a relay: the TURN server, and a driver that does nothing but forward, beside
// recvfrom and sendto one by one in the same run. CPU time of the relay alone, one thread, loopback.

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ice/base/pacer.hpp"
#include "ice/base/random.hpp"
#include "ice/io/driver.hpp"
#include "ice/io/turn_server.hpp"
#include "ice/turn/allocation.hpp"
#include "measure.hpp"

namespace ice::io {
namespace {

using bench::median;
using bench::require;

constexpr int rounds = 51;
constexpr int datagrams_a_round = 1'024;

double cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// A bound socket of the bench itself.
class Plain {
 public:
  Plain() {
    constexpr sockaddr_in loopback{AF_INET, 0, {0x0100007f}, {}};
    require(fd_ >= 0 && ::bind(fd_, reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback) == 0);
    sockaddr_in address{};
    socklen_t size = sizeof address;
    require(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    local_ = {Address::loopback(Family::ipv4), ntohs(address.sin_port)};
  }
  ~Plain() { ::close(fd_); }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  const Endpoint& local() const { return local_; }
  void send(const Endpoint& to, Bytes bytes) {
    const sockaddr_in address{AF_INET, htons(to.port), {0x0100007f}, {}};
    require(::sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            static_cast<ssize_t>(bytes.size()));
  }
  std::optional<Bytes> receive(Endpoint* from = nullptr) {
    sockaddr_in address{};
    socklen_t address_size = sizeof address;
    const ssize_t size =
        ::recvfrom(fd_, in_.data(), in_.size(), 0, reinterpret_cast<sockaddr*>(&address), &address_size);
    if (size < 0) return std::nullopt;
    if (from != nullptr) *from = {Address::loopback(Family::ipv4), ntohs(address.sin_port)};
    return Bytes{in_}.first(static_cast<std::size_t>(size));
  }

 private:
  int fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  Endpoint local_;
  std::array<std::uint8_t, 2'048> in_{};
};

/// Something to relay: who sends what, to whom, and where it comes out.
struct Flow {
  Plain* from;
  Endpoint relay;
  std::vector<std::uint8_t> bytes;
  Plain* to;
};

/// recvfrom, sendto, one by one.
class BareRelay {
 public:
  explicit BareRelay(const Endpoint& to) : to_{to} {}
  const Endpoint& address() const { return socket_.local(); }
  void move(int) {
    while (const auto datagram = socket_.receive(&from_)) socket_.send(to_, *datagram);
  }

 private:
  Plain socket_;
  Endpoint to_;
  Endpoint from_;
};

/// A machine that sends on whatever comes.
struct Forwarder {
  struct Event {};
  Endpoint to;

  Received handle_datagram(TimePoint, const Datagram& in, MutableBytes) {
    return {.verdict = Verdict::forward, .forward = Transmit{in.socket, to, {}, in.payload, 0, {}}};
  }
  void handle_timeout(TimePoint) {}
  std::optional<Transmit> poll_transmit(TimePoint, MutableBytes) { return std::nullopt; }
  std::optional<Event> poll_event() { return std::nullopt; }
  std::optional<TimePoint> next_timeout() const { return std::nullopt; }
};

/// Runs the loop until so many datagrams have left.
template <class Server>
void run_until_sent(boost::asio::io_context& loop, const Server& server, int count) {
  const std::uint64_t until = server.statistics().sent + static_cast<std::uint64_t>(count);
  while (server.statistics().sent < until) loop.poll();
}

class DriverRelay {
 public:
  explicit DriverRelay(const Endpoint& to) : driver_{Context{loop_.get_executor()}, Forwarder{to}} {
    address_ = *driver_.local_endpoint(*driver_.bind({Address::loopback(Family::ipv4), 0}));
  }
  const Endpoint& address() const { return address_; }
  void move(int count) { run_until_sent(loop_, driver_, count); }

 private:
  boost::asio::io_context loop_{1};
  Driver<Forwarder> driver_;
  Endpoint address_;
};

/// The TURN server, and clients of it on sockets of the bench.
class TurnRelay {
 public:
  TurnRelay() {
    require(server_.add_user("user", "password").has_value());
    const auto bound = server_.listen({.plain = {{Address::loopback(Family::ipv4), 0}}});
    require(bound.has_value());
    address_ = bound->plain.front();
  }

  void move(int count) { run_until_sent(loop_, server_, count); }

  /// A client, its allocation, and a channel to the peer where one is wanted.
  class Client {
   public:
    Client(TurnRelay& relay, const Endpoint& peer, bool channel)
        : relay_{relay}, peer_{peer}, allocation_{config(relay), {relay.random_, relay.pacer_, nullptr}} {
      require(allocation_.allocate(now()).has_value());
      settle([&] { return allocation_.relayed(Family::ipv4).port != 0; });
      if (channel) {
        require(allocation_.bind_channel(now(), peer).has_value());
        settle([&] { return allocation_.bound(now(), peer_); });
      } else {
        require(allocation_.permit(now(), peer.address).has_value());
        settle([&] { return allocation_.permitted(now(), peer_.address); });
      }
    }

    Plain& socket() { return socket_; }
    Endpoint relayed() const { return allocation_.relayed(Family::ipv4); }
    /// What carries `size` bytes to the peer.
    std::vector<std::uint8_t> wrap(std::size_t size) {
      const std::vector<std::uint8_t> payload(size);
      std::array<std::uint8_t, scratch_size> scratch;
      const auto packet = allocation_.wrap(now(), peer_, payload, scratch);
      require(packet.has_value());
      std::vector<std::uint8_t> bytes{packet->head.begin(), packet->head.end()};
      bytes.insert(bytes.end(), packet->body.begin(), packet->body.end());
      bytes.resize(bytes.size() + packet->padding);
      return bytes;
    }

   private:
    static constexpr SocketId the_socket{1};

    static turn::AllocationConfig config(const TurnRelay& relay) {
      turn::AllocationConfig made;
      made.server = relay.address_;
      made.socket = the_socket;
      made.login = *stun::Login::make("user", "password");
      return made;
    }

    template <class Done>
    void settle(Done done) {
      struct Outlet {
        Client& client;
        void transmit(const Transmit& packet) {
          std::vector<std::uint8_t> bytes{packet.head.begin(), packet.head.end()};
          bytes.insert(bytes.end(), packet.body.begin(), packet.body.end());
          client.socket_.send(packet.to, bytes);
        }
        void event(const turn::AllocationEvent&) {}
        void request(const SocketRequest&) {}
      } outlet{*this};
      std::array<std::uint8_t, scratch_size> scratch;
      while (!done()) {
        drain(allocation_, now(), scratch, outlet);
        relay_.loop_.poll();
        Endpoint from;
        while (const auto in = socket_.receive(&from)) {
          allocation_.handle_datagram(now(), {the_socket, from, *in, {}}, scratch);
          drain(allocation_, now(), scratch, outlet);
        }
      }
    }

    TurnRelay& relay_;
    Endpoint peer_;
    Plain socket_;
    turn::Allocation allocation_;
  };

  const Endpoint& address() const { return address_; }

 private:
  static turn::ServerConfig config() {
    turn::ServerConfig made;
    made.allow_peers = {*turn::AddressRange::parse("127.0.0.0/8")};
    return made;
  }

  boost::asio::io_context loop_{1};
  TurnServer server_{Context{loop_.get_executor()}, config()};
  CryptoRandom random_;
  Pacer pacer_;
  Endpoint address_;
};

/// CPU nanoseconds a datagram of one round: bursts that go round the flows, which the relay finds waiting.
template <class Relay>
double round_of(Relay& relay, std::vector<Flow>& flows, int burst) {
  double took = 0;
  std::size_t turn = 0;
  for (int moved = 0; moved < datagrams_a_round; moved += burst) {
    for (int i = 0; i < burst; ++i) {
      const Flow& flow = flows[turn++ % flows.size()];
      flow.from->send(flow.relay, flow.bytes);
    }
    const double begun = cpu_ns();
    relay.move(burst);
    took += cpu_ns() - begun;
    for (const Flow& flow : flows)
      while (flow.to->receive()) continue;
  }
  return took / datagrams_a_round;
}

/// Rounds of each by turns, so that what else the machine does falls on all of them. Target: turn ratios of at most 0.5
/// under load, which is the larger burst.
void relayed(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const auto burst = static_cast<int>(state.range(1));
  const auto clients = static_cast<std::size_t>(state.range(2));
  Plain sender;
  Plain sink;
  BareRelay bare{sink.local()};
  DriverRelay driver{sink.local()};
  TurnRelay turn;
  std::vector<std::unique_ptr<TurnRelay::Client>> kept;
  std::vector<Flow> by_channel;
  std::vector<Flow> by_indication;
  std::vector<Flow> to_client;
  for (std::size_t i = 0; i < clients; ++i) {
    auto& one = *kept.emplace_back(std::make_unique<TurnRelay::Client>(turn, sink.local(), true));
    by_channel.push_back({&one.socket(), turn.address(), one.wrap(size), &sink});
    to_client.push_back({&sink, one.relayed(), std::vector<std::uint8_t>(size), &one.socket()});
    auto& other = *kept.emplace_back(std::make_unique<TurnRelay::Client>(turn, sink.local(), false));
    by_indication.push_back({&other.socket(), turn.address(), other.wrap(size), &sink});
  }
  std::vector<Flow> through_bare{{&sender, bare.address(), std::vector<std::uint8_t>(size), &sink}};
  std::vector<Flow> through_driver{{&sender, driver.address(), std::vector<std::uint8_t>(size), &sink}};
  for (auto _ : state) {
    std::array<std::vector<double>, 5> took;
    for (int round = 0; round < rounds; ++round) {
      took[0].push_back(round_of(bare, through_bare, burst));
      took[1].push_back(round_of(driver, through_driver, burst));
      took[2].push_back(round_of(turn, by_channel, burst));
      took[3].push_back(round_of(turn, by_indication, burst));
      took[4].push_back(round_of(turn, to_client, burst));
    }
    const double of_bare = median(took[0]);
    state.counters["bare_ns"] = of_bare;
    state.counters["driver"] = median(took[1]) / of_bare;
    state.counters["channel"] = median(took[2]) / of_bare;
    state.counters["send"] = median(took[3]) / of_bare;
    state.counters["back"] = median(took[4]) / of_bare;
  }
}
BENCHMARK(relayed)
    ->ArgNames({"size", "burst", "clients"})
    ->ArgsProduct({{160, 1'200}, {1, 64}, {1, 16}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ice::io
