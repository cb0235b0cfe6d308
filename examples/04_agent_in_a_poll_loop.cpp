// An agent in a poll() loop of our own, on icebreaker::core alone: no Boost, no thread.
//
// The program forks. Parent and child each run one agent on one UDP socket; a pair of local sockets between them stands
// for signalling. What a loop owes to a machine is all here: give it what arrives, call it when its time has come, and
// drain() it after each input and each verb.

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <ice/agent.hpp>
#include <ice/base/random.hpp>
#include <ice/sdp/description.hpp>
#include <iostream>

using namespace ice;

/// Core has no clock; this one is ours.
TimePoint now() {
  return TimePoint{std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

// IPv4 alone, to be short.
sockaddr_in to_system(const Endpoint& endpoint) {
  sockaddr_in out{.sin_family = AF_INET, .sin_port = htons(endpoint.port), .sin_addr = {}, .sin_zero = {}};
  std::memcpy(&out.sin_addr, endpoint.address.bytes().data(), sizeof out.sin_addr);
  return out;
}
Endpoint from_system(const sockaddr_in& in) {
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &in.sin_addr, bytes.size());
  return {Address::v4(bytes), ntohs(in.sin_port)};
}

class Peer {
 public:
  Peer(bool is_parent, int signalling)
      : name_{is_parent ? "parent" : "child"},
        signalling_{signalling},
        udp_{socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)},
        agent_{{.role = is_parent ? Role::controlling : Role::controlled, .allow_loopback = true}, {random_, pacer_}} {}

  int run() {
    // The agent opens no socket: it is told of ours. An agent that should reach the world gets one for each address.
    sockaddr_in local = to_system({Address::loopback(Family::ipv4), 0});
    socklen_t size = sizeof local;
    if (bind(udp_, reinterpret_cast<sockaddr*>(&local), size) != 0 ||
        getsockname(udp_, reinterpret_cast<sockaddr*>(&local), &size) != 0 ||
        !agent_.add_socket(now(), {SocketId{1}, from_system(local), "lo"}))
      return 1;
    agent_.gather(now());
    settle();

    // Data may come before our own side has selected a pair, and only then it says hello.
    while (agent_.state() < AgentState::connected || (agent_.state() == AgentState::connected && !greeted_)) {
      std::array<pollfd, 2> waits{{{udp_, POLLIN, 0}, {signalling_, POLLIN, 0}}};
      if (poll(waits.data(), waits.size(), wait_ms()) < 0) return 1;
      if (waits[0].revents != 0) read_udp();
      if (waits[1].revents != 0) read_signalling();
      if (timeout_ && *timeout_ <= now()) agent_.handle_timeout(now());
      settle();
    }
    return agent_.state() == AgentState::connected ? 0 : 1;
  }

  // ---- the outlet of drain(): what the agent says, and what it has to tell us
  void transmit(const Transmit& packet) {
    // `head` is the agent's scratch, `body` our own bytes: gathered here, copied nowhere.
    std::array<iovec, 2> parts{{{const_cast<std::uint8_t*>(packet.head.data()), packet.head.size()},
                                {const_cast<std::uint8_t*>(packet.body.data()), packet.body.size()}}};
    sockaddr_in to = to_system(packet.to);
    const msghdr message{&to, sizeof to, parts.data(), parts.size(), nullptr, 0, 0};
    sendmsg(udp_, &message, 0);  // what cannot be sent is lost, as it could be on the way
  }
  void event(const AgentEvent& event) {
    if (std::holds_alternative<GatheringDone>(event)) {
      const std::string sdp = sdp::format(agent_.local_description());
      send(signalling_, sdp.data(), sdp.size(), MSG_NOSIGNAL);
    } else if (const auto* pair = std::get_if<PairSelected>(&event)) {
      const std::string local = pair->local.endpoint.to_string(), remote = pair->remote.endpoint.to_string();
      std::cout << name_ + " is connected: " + local + " to " + remote << std::endl;
      const std::string hello = "Hello from the " + name_;
      if (const auto packet = agent_.wrap(now(), ComponentId{1}, bytes_of(hello), scratch_)) transmit(*packet);
    }
  }
  void request(const SocketRequest&) {}  // this agent asks for no sockets of its own

 private:
  void settle() { timeout_ = drain(agent_, now(), scratch_, *this); }

  int wait_ms() const {
    if (!timeout_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*timeout_ - now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
  }

  void read_udp() {
    std::array<std::uint8_t, 2048> buffer;
    sockaddr_in from{};
    socklen_t size = sizeof from;
    ssize_t got = 0;
    while ((got = recvfrom(udp_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size)) >= 0) {
      const Bytes payload{buffer.data(), static_cast<std::size_t>(got)};
      const Received received = agent_.handle_datagram(now(), {SocketId{1}, from_system(from), payload}, scratch_);
      if (received.forward) transmit(*received.forward);  // the answer to a check, at once (RFC 8445 §7.3)
      if (received.verdict == Verdict::application_data) {
        std::cout << name_ + " received: " + std::string{text_of(received.data)} << std::endl;
        greeted_ = true;
      }
      settle();
    }
  }

  void read_signalling() {
    std::array<char, 65536> buffer;
    const ssize_t got = recv(signalling_, buffer.data(), buffer.size(), 0);
    const auto told = sdp::parse_description({buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0});
    // The other has ended, or talks nonsense: no more of it. poll() passes over -1.
    if (!told || !agent_.set_remote_description(now(), *told)) signalling_ = -1;
  }

  std::string name_;
  int signalling_;
  int udp_;
  CryptoRandom random_;
  Pacer pacer_;
  Agent agent_;
  std::array<std::uint8_t, scratch_size> scratch_{};
  std::optional<TimePoint> timeout_;
  bool greeted_ = false;
};

int main() {
  std::array<int, 2> signalling{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, signalling.data()) != 0) return 1;
  const pid_t child = fork();
  close(signalling[child != 0 ? 1 : 0]);
  Peer peer{child != 0, signalling[child != 0 ? 0 : 1]};
  const int status = peer.run();
  int child_status = 0;
  if (child != 0 && waitpid(child, &child_status, 0) != child) return 1;
  return status != 0 || child_status != 0 ? 1 : 0;
}
