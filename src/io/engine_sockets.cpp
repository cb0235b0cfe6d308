#include "io/engine_impl.hpp"

namespace ice::io::detail {
namespace {

using namespace std::chrono_literals;

// A connection that is not there after Ti would be of no use to a STUN transaction (RFC 8489 §6.2.2).
constexpr Duration connect_timeout = 39'500ms;

// How long bytes that were given out before a close may take.
constexpr Duration linger_timeout = 10s;

}  // namespace

using boost::system::error_code;

result<SocketId> Engine::Impl::start(const OpenSocket& request) {
  using Kind = OpenSocket::Kind;
  if (stopped) return fail(errc::closed);
  if (request.transport == Transport::tls || request.transport == Transport::dtls) return fail(errc::unsupported);
  if ((request.transport == Transport::udp) != (request.kind == Kind::datagram)) return fail(errc::invalid_argument);
  if (sockets.full()) return fail(errc::limit_reached);
  switch (request.kind) {
    case Kind::datagram:
      return start_datagram(request);
    case Kind::listen:
      return start_listen(request);
    case Kind::connect:
      return start_connect(request);
  }
  return fail(errc::invalid_argument);
}

result<SocketId> Engine::Impl::start_datagram(const OpenSocket& request) {
  const auto fd = open_udp(request.local.address, request.ports, shared.random);
  if (!fd) return fail(fd.error());
  Socket& socket = sockets.add(std::make_unique<Socket>(shared.strand, Socket::Kind::datagram, *fd));
  socket.local = bound_endpoint(*fd);
  wait_readable(socket);
  return socket.id;
}

result<SocketId> Engine::Impl::start_listen(const OpenSocket& request) {
  const auto fd = listen_tcp(request.local.address, request.ports, shared.random);
  if (!fd) return fail(fd.error());
  Socket& socket = sockets.add(std::make_unique<Socket>(shared.strand, Socket::Kind::listener, *fd));
  socket.local = bound_endpoint(*fd);
  socket.framing = request.framing;
  wait_readable(socket);
  return socket.id;
}

result<SocketId> Engine::Impl::start_connect(const OpenSocket& request) {
  const Address local = request.local ? request.local.address : Address::any(request.remote.address.family());
  const auto fd = open_tcp(local, request.ports, shared.random);
  if (!fd) return fail(fd.error());
  auto added = std::make_unique<Socket>(shared.strand, Socket::Kind::connecting, *fd);
  if (const auto begun = connect_tcp(*fd, request.remote); !begun) return fail(begun.error());
  Socket& socket = sockets.add(std::move(added));
  socket.ticket = request.ticket;
  socket.remote = request.remote;
  socket.framing = request.framing;
  wait_writable(socket);
  wait_time(socket, connect_timeout);
  return socket.id;
}

void Engine::Impl::connected(SocketId id) {
  Socket& socket = *sockets.find(id);
  Turn turn{engine};
  if (const std::error_code error = connect_error(socket.fd())) {
    events.emplace_back(SocketFailed{socket.ticket, error});
    remove(id);
  } else {
    socket.kind = Socket::Kind::stream;
    socket.timer.reset();
    socket.local = bound_endpoint(socket.fd());
    socket.stream.emplace(socket.framing);
    wait_readable(socket);
    events.emplace_back(SocketOpened{socket.ticket, id, socket.local});
  }
  turn.finish();
}

void Engine::Impl::close(SocketId id) {
  Socket* socket = sockets.find(id);
  if (socket == nullptr) return;
  if (socket->kind == Socket::Kind::stream && socket->stream->waiting()) {
    socket->kind = Socket::Kind::lingering;
    wait_writable(*socket);
    wait_time(*socket, linger_timeout);
  } else {
    remove(id);
  }
}

void Engine::Impl::stream_ended(SocketId id, std::error_code error) {
  events.emplace_back(SocketClosed{id, error});
  remove(id);
}

void Engine::Impl::remove(SocketId id) {
  Socket* socket = sockets.find(id);
  if (socket == nullptr) return;
  if (Socket* listener = sockets.find(socket->listener)) --listener->accepted;
  error_code ignored;
  socket->descriptor.close(ignored);
  socket->timer.reset();
  auto removed = sockets.remove(id);
  if (depth > 0) dead.push_back(std::move(removed));
}

void Engine::Impl::close_all() noexcept {
  timer.cancel();
  sockets.clear();
  engine.machine_destroy();
}

}  // namespace ice::io::detail
