#include "io/stream.hpp"

#include <netinet/tcp.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <tuple>

#include "io/sockaddr.hpp"
#include "io/udp.hpp"

namespace ice::io {
namespace {

bool must_wait() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK; }

// A host that loses its power, or a NAT that forgets a connection, says nothing. An idle connection is asked after
// keepalive_idle whether it lives, and given up after keepalive_count questions (RFC 9293 §3.8.4 leaves both to us; the
// system would wait two hours). NATs keep TCP mappings for longer than that (RFC 5382 REQ-5).
constexpr int keepalive_idle_s = 30;
constexpr int keepalive_interval_s = 10;
constexpr int keepalive_count = 3;
/// The same bound for what was sent and is not acknowledged.
constexpr unsigned user_timeout_ms = 1000 * (keepalive_idle_s + keepalive_count * keepalive_interval_s);

/// Other sockets of this user that say so may be bound to the same port.
bool share_port(int fd) noexcept {
  const int on = 1;
  return ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
}

// Failing to set any of these costs time, nothing else.
void tune(int fd) noexcept {
  const auto set = [fd](int level, int option, const auto& value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);  // a STUN message is one small write that an answer waits for
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_s);
  set(IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_s);
  set(IPPROTO_TCP, TCP_KEEPCNT, keepalive_count);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout_ms);
}

}  // namespace

result<void> Stream::send(int fd, const Transmit& message, SendClass send_class) {
  static constexpr std::array<std::uint8_t, 3> zeros{};
  assert(message.padding <= zeros.size());
  std::array<std::uint8_t, 2> prefix_bytes;
  const auto prefix = frame_prefix(framing_, message.size(), prefix_bytes);
  if (!prefix) return fail(prefix.error());
  if (waiting() && !has_room(prefix->size() + message.size(), send_class)) return fail(errc::would_block);

  const Parts parts{*prefix, message.head, message.body, Bytes{zeros}.first(message.padding)};
  if (tls_ != nullptr) {
    const bool first = !waiting();
    if (auto done = encrypt(parts); !done) return done;
    const result<bool> flushed = first ? flush(fd) : result<bool>{false};
    return flushed ? result<void>{} : result<void>{fail(flushed.error())};
  }
  std::size_t taken = 0;
  if (!waiting()) {
    const auto written = write(fd, parts);
    if (!written) return fail(written.error());
    taken = *written;
  }
  // A message that was begun is finished, whatever its size: half of one would end the stream.
  for (const Bytes part : parts) {
    const std::size_t skipped = std::min(taken, part.size());
    taken -= skipped;
    append(part.subspan(skipped));
  }
  return {};
}

bool Stream::has_room(std::size_t size, SendClass send_class) const noexcept {
  const std::size_t reserve = send_class == SendClass::control ? stream_buffer_reserve : 0;
  return waiting_size() + size <= stream_buffer_limit + reserve;
}

/// What the system takes at once.
result<std::size_t> Stream::write(int fd, const Parts& parts) noexcept {
  std::array<iovec, std::tuple_size_v<Parts>> vectors;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    vectors[i] = {const_cast<std::uint8_t*>(parts[i].data()), parts[i].size()};
  }
  msghdr header{};
  header.msg_iov = vectors.data();
  header.msg_iovlen = vectors.size();
  ssize_t sent;
  do {
    sent = ::sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && !must_wait()) return fail(last_error());
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

// A record for each part would cost 22 bytes and more each, so as many as fit share one.
result<void> Stream::encrypt(const Parts& parts) {
  std::size_t used = 0;
  for (Bytes part : parts) {
    while (!part.empty()) {
      const std::size_t size = std::min(part.size(), record_.size() - used);
      std::copy_n(part.begin(), size, record_.begin() + static_cast<std::ptrdiff_t>(used));
      part = part.subspan(size);
      used += size;
      if (used < record_.size()) continue;
      if (auto done = tls_->write(record_); !done) return done;
      used = 0;
    }
  }
  return tls_->write(record_.first(used));
}

void Stream::append(Bytes bytes) {
  if (begin_ > 0) {
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  out_.insert(out_.end(), bytes.begin(), bytes.end());
}

result<bool> Stream::flush(int fd) noexcept {
  while (waiting()) {
    const ssize_t sent = ::send(fd, out_.data() + begin_, waiting_size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (must_wait()) return false;
      return fail(last_error());
    }
    begin_ += static_cast<std::size_t>(sent);
  }
  out_.clear();
  begin_ = 0;
  return true;
}

result<int> open_tcp(const Address& local, PortRange ports, RandomSource& random, bool shares_port) noexcept {
  if (!local) return fail(errc::bad_address);
  const int fd = ::socket(local.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return fail(last_error());
  const int on = 1;
  // A server that starts again must get its port back, though connections of the last one are in TIME-WAIT.
  bool set = ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
  if (local.is_v6()) set = set && ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0;
  if (shares_port) set = set && share_port(fd);
  const result<void> done = set ? bind_port(fd, local, ports, random) : result<void>{fail(last_error())};
  if (!done) {
    ::close(fd);
    return fail(done.error());
  }
  tune(fd);
  return fd;
}

result<int> listen_tcp(const Address& local, PortRange ports, RandomSource& random, bool shares_port) noexcept {
  const auto fd = open_tcp(local, ports, random, false);
  // Shared only now: two listeners that both shared before would both get the port, and half of its connections each.
  if (fd && (::listen(*fd, SOMAXCONN) != 0 || (shares_port && !share_port(*fd)))) {
    const std::error_code error = last_error();
    ::close(*fd);
    return fail(error);
  }
  return fd;
}

result<int> accept_tcp(int listener) noexcept {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      tune(fd);
      return fd;
    }
    if (must_wait()) return fail(errc::would_block);
    // The connection died while it waited (accept(2) tells its network errors here); the next one may live.
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS || errno == EBADF ||
        errno == EINVAL) {
      return fail(last_error());
    }
  }
}

result<void> begin_connect(int fd, const Endpoint& remote) noexcept {
  const SocketAddress to{remote};
  if (::connect(fd, to.data(), to.size()) == 0 || errno == EINPROGRESS) return {};
  return fail(last_error());
}

std::error_code connect_error(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return last_error();
  return {error, std::system_category()};
}

Endpoint peer_endpoint(int fd) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (::getpeername(fd, address, &size) != 0) return {};
  return SocketAddress::to_endpoint(address);
}

}  // namespace ice::io
