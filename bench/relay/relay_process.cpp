#include "relay/relay_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <span>
#include <thread>
#include <utility>

namespace ice::bench {
namespace {

constexpr int socket_buffer = 4 * 1024 * 1024;
constexpr unsigned batch = 64;

void require(bool held, const char* what) {
  if (held) return;
  std::perror(what);
  std::exit(1);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int bound_socket() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in any = loopback(0);
  require(fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0, "bind");
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &socket_buffer, sizeof socket_buffer);
  return fd;
}

using Buffer = std::array<char, 2048>;

[[noreturn]] void relay_one_by_one(int in, int out, std::size_t header, const sockaddr_in& to) {
  Buffer buffer;
  for (;;) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(in, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < static_cast<ssize_t>(header)) continue;
    ::sendto(out, buffer.data() + header, static_cast<std::size_t>(got) - header, 0,
             reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
}

/// As many of the packets as are equally long, with one call (UDP_SEGMENT).
int send_train(int out, sockaddr_in to, std::span<iovec> parts) {
  const std::size_t size = parts.front().iov_len;
  std::size_t count = 1;
  while (count < parts.size() && parts[count].iov_len == size && (count + 1) * size <= 65'000) ++count;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> control{};
  msghdr message{&to, sizeof to, parts.data(), count, control.data(), control.size(), 0};
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_UDP;
  header->cmsg_type = UDP_SEGMENT;
  header->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto segment = static_cast<std::uint16_t>(size);
  std::memcpy(CMSG_DATA(header), &segment, sizeof segment);
  ::sendmsg(out, &message, 0);
  return static_cast<int>(count);
}

[[noreturn]] void relay_in_batches(int in, int out, std::size_t header, sockaddr_in to) {
  static std::array<Buffer, batch> buffers;
  std::array<mmsghdr, batch> messages{};
  std::array<iovec, batch> parts{};
  std::array<sockaddr_in, batch> from{};
  for (;;) {
    for (unsigned i = 0; i < batch; ++i) {
      parts[i] = {buffers[i].data(), buffers[i].size()};
      messages[i].msg_hdr = {&from[i], sizeof from[i], &parts[i], 1, nullptr, 0, 0};
    }
    const int got = ::recvmmsg(in, messages.data(), batch, MSG_WAITFORONE, nullptr);
    for (int i = 0; i < got; ++i) {
      const auto at = static_cast<std::size_t>(i);
      parts[at] = {buffers[at].data() + header, messages[at].msg_len - header};
      messages[at].msg_hdr = {&to, sizeof to, &parts[at], 1, nullptr, 0, 0};
    }
    for (int first = 0; first < got;)
      first += send_train(out, to, {parts.data() + first, static_cast<std::size_t>(got - first)});
  }
}

void die_with_parent() { ::prctl(PR_SET_PDEATHSIG, SIGKILL); }

void wait_until_listening(std::uint16_t port) {
  const sockaddr_in at = loopback(port);
  for (int tries = 0; tries < 500; ++tries) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool there = ::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
    ::close(fd);
    if (there) return;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  require(false, "the relay does not listen");
}

}  // namespace

bool enter_namespace() {
  const auto uid = ::getuid();
  if (::unshare(uid == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_UP;
  const bool up = ::ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  ::close(fd);
  return up;
}

RelayProcess RelayProcess::bare(bool batched, std::size_t header, const Endpoint& to) {
  const int in = bound_socket();
  const int out = bound_socket();
  sockaddr_in at{};
  socklen_t size = sizeof at;
  require(::getsockname(in, reinterpret_cast<sockaddr*>(&at), &size) == 0, "getsockname");
  const pid_t pid = ::fork();
  require(pid >= 0, "fork");
  if (pid == 0) {
    die_with_parent();
    const sockaddr_in peer = loopback(to.port);
    if (batched) relay_in_batches(in, out, header, peer);
    relay_one_by_one(in, out, header, peer);
  }
  ::close(in);
  ::close(out);
  return {pid, {Address::loopback(Family::ipv4), ntohs(at.sin_port)}};
}

RelayProcess RelayProcess::spawn(std::vector<std::string> command, std::uint16_t port) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  require(pid >= 0, "fork");
  if (pid == 0) {
    die_with_parent();
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {0, 1, 2}) ::dup2(nothing, fd);
    ::execvp(arguments.front(), arguments.data());
    std::_Exit(127);
  }
  wait_until_listening(port);
  return {pid, {Address::loopback(Family::ipv4), port}};
}

std::optional<RelayProcess> RelayProcess::coturn(std::uint16_t port) {
  if (::access("/usr/bin/turnserver", X_OK) != 0) return std::nullopt;
  std::string folder = (std::filesystem::temp_directory_path() / "relay_bench.XXXXXX").string();
  require(::mkdtemp(folder.data()) != nullptr, "mkdtemp");
  const std::string configuration = folder + "/turnserver.conf";
  std::ofstream{configuration} << "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nlistening-port=" << port
                               << "\nallow-loopback-peers\nlt-cred-mech\nno-cli\nno-rfc5780\nuser=" << user << ':'
                               << password << "\nrealm=" << realm << "\nuserdb=" << folder << "/db\npidfile=" << folder
                               << "/pid\nlog-file=" << folder << "/log\nsimple-log\n";
  RelayProcess relay = spawn({"turnserver", "-c", configuration}, port);
  relay.folder_ = folder;
  return relay;
}

RelayProcess RelayProcess::turn_server(const std::string& program, std::uint16_t port) {
  return spawn({program, "--listen", "127.0.0.1:" + std::to_string(port), "--realm", realm, "--user",
                std::string{user} + ':' + password, "--allow-peer", "127.0.0.0/8"},
               port);
}

RelayProcess::RelayProcess(RelayProcess&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)}, at_{other.at_}, folder_{std::exchange(other.folder_, {})} {}

RelayProcess::~RelayProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

Duration RelayProcess::cpu_time() const {
  std::chrono::nanoseconds sum{};
  for (const auto& task : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid_) + "/task"}) {
    std::int64_t ran = 0;  // nanoseconds on a CPU, the first number
    std::ifstream{task.path() / "schedstat"} >> ran;
    sum += std::chrono::nanoseconds{ran};
  }
  return std::chrono::duration_cast<Duration>(sum);
}

}  // namespace ice::bench
