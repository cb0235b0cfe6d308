#include <utility>

#include "io/engine_impl.hpp"

namespace ice::io::detail {
namespace {

using namespace std::chrono_literals;

// A connection that is not there after Ti would be of no use to a STUN transaction (RFC 8489 §6.2.2).
constexpr Duration connect_timeout = 39'500ms;

// How long bytes that were given out before a close may take.
constexpr Duration linger_timeout = 10s;

bool is_secured(Transport transport) noexcept { return transport == Transport::tls || transport == Transport::dtls; }

Address local_address_for(const OpenSocket& request) noexcept {
  return request.local ? request.local.address : Address::any(request.remote.address.family());
}

void set_up_client(Socket& socket, const OpenSocket& request) {
  socket.ticket = request.ticket;
  socket.remote = request.remote;
  socket.framing = request.framing;
  socket.transport = request.transport;
  socket.deadline = io::now() + connect_timeout;
}

}  // namespace

using boost::system::error_code;

result<SocketId> Engine::Impl::start(const OpenSocket& request) {
  using Kind = OpenSocket::Kind;
  if (stopped) return fail(errc::closed);
  if ((request.transport == Transport::udp) != (request.kind == Kind::datagram)) return fail(errc::invalid_argument);
  if (sockets.full()) return fail(errc::limit_reached);
  switch (request.kind) {
    case Kind::datagram:
      return start_datagram(request);
    case Kind::listen:
      if (is_secured(request.transport) && !shared.tls_context()->can_listen()) {
        return fail(make_error_code(TlsError::no_certificate));
      }
      return request.transport == Transport::dtls ? start_listen_dtls(request) : start_listen(request);
    case Kind::connect:
      return request.transport == Transport::dtls ? start_connect_dtls(request) : start_connect(request);
  }
  return fail(errc::invalid_argument);
}

result<SocketId> Engine::Impl::start_datagram(const OpenSocket& request) {
  const auto fd = open_udp(request.local.address, request.ports, shared.random);
  if (!fd) return fail(fd.error());
  set_buffers(*fd, buffers.receive, buffers.send);
  Socket& socket = sockets.add(std::make_unique<Socket>(shared.strand, Socket::Kind::datagram, *fd));
  socket.local = bound_endpoint(*fd);
  wait_readable(socket);
  return socket.id;
}

result<SocketId> Engine::Impl::start_listen(const OpenSocket& request) {
  const auto fd = listen_tcp(request.local.address, request.ports, shared.random, request.shares_port);
  if (!fd) return fail(fd.error());
  Socket& socket = sockets.add(std::make_unique<Socket>(shared.strand, Socket::Kind::listener, *fd));
  socket.local = bound_endpoint(*fd);
  socket.framing = request.framing;
  socket.transport = request.transport;
  wait_readable(socket);
  return socket.id;
}

result<SocketId> Engine::Impl::start_listen_dtls(const OpenSocket& request) {
  const auto fd = open_udp(request.local.address, request.ports, shared.random);
  if (!fd) return fail(fd.error());
  set_buffers(*fd, buffers.receive, buffers.send);
  Socket& socket = sockets.add(std::make_unique<Socket>(shared.strand, Socket::Kind::dtls_listener, *fd));
  socket.local = bound_endpoint(*fd);
  socket.transport = Transport::dtls;
  socket.dtls = std::make_unique<DtlsListener>(shared.random);
  wait_readable(socket);
  return socket.id;
}

result<SocketId> Engine::Impl::start_connect(const OpenSocket& request) {
  const auto fd = open_tcp(local_address_for(request), request.ports, shared.random, request.shares_port);
  if (!fd) return fail(fd.error());
  auto added = std::make_unique<Socket>(shared.strand, Socket::Kind::connecting, *fd);
  set_up_client(*added, request);
  if (request.transport == Transport::tls) {
    if (const auto done = prepare_client(*added, request); !done) return fail(done.error());
  }
  if (const auto begun = begin_connect(*fd, request.remote); !begun) return fail(begun.error());
  Socket& socket = sockets.add(std::move(added));
  wait_writable(socket);
  wait_time(socket, connect_timeout);
  return socket.id;
}

result<SocketId> Engine::Impl::start_connect_dtls(const OpenSocket& request) {
  const auto fd = open_udp(local_address_for(request), request.ports, shared.random);
  if (!fd) return fail(fd.error());
  auto added = std::make_unique<Socket>(shared.strand, Socket::Kind::handshaking, *fd);
  set_up_client(*added, request);
  if (const auto done = prepare_client(*added, request); !done) return fail(done.error());
  if (const auto begun = begin_connect(*fd, request.remote); !begun) return fail(begun.error());
  added->local = bound_endpoint(*fd);
  Socket& socket = sockets.add(std::move(added));
  const SocketId id = socket.id;
  wait_readable(socket);
  begin_handshake(socket);  // which may end it
  return id;
}

void Engine::Impl::connected(SocketId id) {
  Socket& socket = *sockets.find(id);
  Turn turn{engine};
  socket.local = bound_endpoint(socket.fd());
  if (const std::error_code error = connect_error(socket.fd())) {
    ended(id, error);
  } else if (socket.tls) {
    wait_readable(socket);
    begin_handshake(socket);
  } else {
    socket.kind = Socket::Kind::stream;
    socket.timer.reset();
    socket.stream.emplace(socket.framing);
    wait_readable(socket);
    events.emplace_back(SocketOpened{socket.ticket, id, socket.local});
  }
  turn.finish();
}

void Engine::Impl::close(SocketId id) {
  flush_outbox();
  Socket* socket = sockets.find(id);
  if (socket == nullptr) return;
  if (socket->tls && socket->kind != Socket::Kind::handshaking) socket->tls->say_goodbye();
  if (socket->kind == Socket::Kind::stream && socket->stream->waiting()) {
    socket->kind = Socket::Kind::lingering;
    wait_writable(*socket);
    wait_time(*socket, linger_timeout);
  } else if (socket->dtls) {
    Turn turn{engine};  // its sessions end, of which the machine has to know
    remove(id);
    turn.finish();
  } else {
    remove(id);
  }
}

void Engine::Impl::set_framing(const FrameSocket& request) {
  Socket* socket = sockets.find(request.socket);
  if (socket == nullptr || socket->kind != Socket::Kind::stream) return;
  socket->framing = request.framing;
  socket->stream->set_framing(request.framing);
}

void Engine::Impl::set_reading(const ReadSocket& request) {
  Socket* socket = sockets.find(request.socket);
  if (socket == nullptr || socket->kind != Socket::Kind::stream) return;
  socket->reads = request.on;
  if (request.on) wait_readable(*socket);
}

void Engine::Impl::ended(SocketId id, std::error_code error) {
  const Socket& socket = *sockets.find(id);
  const bool handshaking = socket.kind == Socket::Kind::handshaking;
  if (handshaking && socket.listener != SocketId{}) {
    ++statistics.handshakes_failed;
  } else if (handshaking || socket.kind == Socket::Kind::connecting) {
    events.emplace_back(SocketFailed{socket.ticket, error ? error : make_error_code(TlsError::broken)});
  } else {
    events.emplace_back(SocketClosed{id, error});
  }
  remove(id);
}

void Engine::Impl::end_in_turn(SocketId id, std::error_code error) {
  Turn turn{engine};
  ended(id, error);
  turn.finish();
}

void Engine::Impl::remove(SocketId id) {
  Socket* socket = sockets.find(id);
  if (socket == nullptr) return;
  if (socket->dtls) {
    for (const auto& [path, session] : std::exchange(socket->dtls->peers, {})) {
      ended(session, make_error_code(errc::closed));
    }
  }
  if (Socket* listener = sockets.find(socket->listener)) {
    --listener->accepted;
    if (socket->kind == Socket::Kind::handshaking) --listener->handshakes;
    if (listener->dtls) listener->dtls->peers.erase({socket->remote, socket->local.address});
  }
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
