#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <cassert>
#include <cerrno>
#include <utility>

#include "io/engine_impl.hpp"

namespace ice::io::detail {
namespace {

using namespace std::chrono_literals;

// After so many system calls for one readiness, the other sockets and timers of the thread get their turn.
constexpr int most_accepts = 16;

// What is read of a stream for one readiness: a record of TLS.
constexpr std::size_t stream_read_size = 16 * 1024;

// ICMP errors that wait for the end of a turn; more are counted and forgotten. They are hints, and anybody can send
// them.
constexpr std::size_t most_unreachable = 16;

// Streams that one listener keeps, where the machine has no limits of its own. When there are so many, one that was
// silent for longer than a transaction lasts (RFC 8489 §6.2.2, which otherwise leaves closing to the client) makes room
// for the next; else that is closed.
constexpr std::uint32_t most_accepted = 1024;
constexpr Duration most_silence = 39'500ms;

// Those of them whose handshake is under way. When there is one more, the oldest of the source with the most goes: who
// only begins handshakes takes his own places, and many such sources cost others a second try.
constexpr std::uint32_t most_handshakes = 256;

// A process without a free descriptor cannot accept; it tries again when somebody may have closed one.
constexpr Duration accept_pause = 100ms;

}  // namespace

using boost::system::error_code;

// Readiness

void Engine::Impl::wait_readable(Socket& socket) {
  if (std::exchange(socket.read_wait, true)) return;
  socket.descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read,
                               [self = engine.shared_from_this(), id = socket.id](const error_code& error) {
                                 if (!error) self->impl_->on_readable(id);
                               });
}

void Engine::Impl::wait_writable(Socket& socket) {
  if (socket.write_wait) return;
  socket.write_wait = true;
  socket.descriptor.async_wait(boost::asio::posix::descriptor_base::wait_write,
                               [self = engine.shared_from_this(), id = socket.id](const error_code& error) {
                                 if (!error) self->impl_->on_writable(id);
                               });
}

void Engine::Impl::wait_time(Socket& socket, Duration delay) {
  socket.timer.emplace(shared.strand, delay);
  socket.timer->async_wait([self = engine.shared_from_this(), id = socket.id](const error_code& error) {
    if (!error) self->impl_->on_time(id);
  });
}

void Engine::Impl::on_readable(SocketId id) {
  Socket* socket = sockets.find(id);
  if (stopped || socket == nullptr) return;
  socket->read_wait = false;
  // Whatever a handler of the application throws, the socket is read again.
  struct Again {
    Impl& impl;
    SocketId id;
    ~Again() {
      Socket* socket = impl.sockets.find(id);
      if (impl.stopped || socket == nullptr || socket->kind == Socket::Kind::lingering) return;
      const bool pausing = socket->kind == Socket::Kind::listener && socket->timer;
      if (!pausing && socket->reads) impl.wait_readable(*socket);
    }
  } again{*this, id};
  read(*socket);
  if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
}

void Engine::Impl::read(Socket& socket) {
  switch (socket.kind) {
    case Socket::Kind::datagram:
    case Socket::Kind::dtls:
    case Socket::Kind::dtls_listener:
      return read_datagrams(socket.id);
    case Socket::Kind::stream:
      return read_stream(socket.id);
    case Socket::Kind::handshaking:
      return is_stream(socket.transport) ? read_stream(socket.id) : read_datagrams(socket.id);
    case Socket::Kind::listener:
      return accept(socket.id);
    case Socket::Kind::connecting:
    case Socket::Kind::lingering:
      break;
  }
}

void Engine::Impl::on_writable(SocketId id) {
  Socket* socket = sockets.find(id);
  if (stopped || socket == nullptr) return;
  socket->write_wait = false;
  if (socket->kind == Socket::Kind::connecting) return connected(id);
  const auto done = socket->stream->flush(socket->fd());
  if (done && !*done) return wait_writable(*socket);
  if (socket->kind == Socket::Kind::lingering) return remove(id);
  if (!done) return end_in_turn(id, done.error());
  if (!socket->full) return;
  Turn turn{engine};
  tell_flow(*socket, false);
  turn.finish();
}

void Engine::Impl::on_time(SocketId id) {
  Socket* socket = sockets.find(id);
  if (stopped || socket == nullptr) return;
  switch (socket->kind) {
    case Socket::Kind::listener:
      socket->timer.reset();
      return wait_readable(*socket);
    case Socket::Kind::lingering:
      return remove(id);
    case Socket::Kind::connecting:
      return end_in_turn(id, make_error_code(errc::timed_out));
    case Socket::Kind::handshaking:
      return on_handshake_time(*socket);
    case Socket::Kind::dtls:
      return on_dtls_time(*socket);
    case Socket::Kind::datagram:
    case Socket::Kind::dtls_listener:
    case Socket::Kind::stream:
      break;
  }
}

// What arrives

// One batch: who has more to read does so after the others.
void Engine::Impl::read_datagrams(SocketId id) {
  Socket& socket = *sockets.find(id);
  const auto count = shared.batch.receive(socket.fd());
  if (count) return deliver_batch(id, *count);
  // Nothing there, or ICMP came back for something that was sent (`connection_refused` and its like): what can be read
  // of it is in the error queue, and the socket is as good as before.
  Turn turn{engine};
  if (socket.kind == Socket::Kind::handshaking && next_icmp_error(socket.fd())) {
    fail_handshake(socket, make_error_code(errc::unreachable));
    return turn.finish();
  }
  read_errors(socket);
  if (!events.empty()) turn.finish();
}

void Engine::Impl::deliver_batch(SocketId id, std::size_t count) {
  struct Collecting {
    Impl& impl;
    ~Collecting() {
      impl.flush_outbox();
      impl.collecting = false;
    }
  };
  {
    collecting = count > 1;
    const Collecting until_the_end{*this};
    for (std::size_t i = 0; i < count; ++i) {
      Socket* socket = sockets.find(id);
      if (stopped || socket == nullptr) return;
      const Datagram in = shared.batch.datagram(i, id);
      if (socket->kind != Socket::Kind::datagram) {
        receive_dtls(*socket, in);
        continue;
      }
      deliver_part([&] {
        Turn turn{engine};
        deliver(turn, *socket, in);
        turn.finish();
      });
    }
  }
  if (events.empty()) return;
  Turn turn{engine};  // for what sending has found unreachable
  turn.finish();
}

void Engine::Impl::read_stream(SocketId id) {
  Socket& socket = *sockets.find(id);
  if (!socket.reads) return;
  const MutableBytes buffer = shared.batch.buffer().first(stream_read_size);
  ssize_t size;
  do {
    size = ::recv(socket.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
  if (size <= 0) return end_in_turn(id, size < 0 ? last_error() : std::error_code{});
  const Bytes bytes = buffer.first(static_cast<std::size_t>(size));
  if (socket.tls) return receive_secured(id, bytes, {});
  socket.stream->deframer().feed(bytes);
  deliver_messages(id);
}

bool Engine::Impl::deliver_messages(SocketId id) {
  for (;;) {
    Socket* socket = sockets.find(id);
    if (stopped || socket == nullptr || socket->kind != Socket::Kind::stream) return false;
    const auto message = socket->stream->deframer().next();
    if (message && !*message) return true;
    deliver_part([&] {
      Turn turn{engine};
      if (message) {
        socket->heard = turn.now();
        deliver(turn, *socket, {id, socket->remote, **message, {}});
      } else {
        ++statistics.malformed;
        ended(id, message.error());
      }
      turn.finish();
    });
  }
}

void Engine::Impl::deliver(Turn& turn, const Socket& socket, const Datagram& in_of_socket) {
  Datagram in = in_of_socket;
  if (!in.ip.local) in.ip.local = socket.local.address;
  ++statistics.received;
  statistics.received_bytes += in.payload.size();
  trace_packet(TracePacket::Direction::in, turn.now(), socket, in.ip.local, in.from, in.payload, {});

  const Received received = engine.machine_datagram(turn.now(), in, engine.scratch());
  switch (received.verdict) {
    case Verdict::handled:
      break;
    case Verdict::application_data:
      engine.machine_data(received);
      break;
    case Verdict::forward:
      assert(received.forward);
      break;
    case Verdict::not_mine:
      ++statistics.not_mine;
      break;
    case Verdict::malformed:
      ++statistics.malformed;
      break;
    case Verdict::unauthenticated:
      ++statistics.unauthenticated;
      break;
  }
  // Beside any verdict: who is not authenticated may be told so.
  if (received.forward) send_soon(*received.forward, SendClass::data);
}

void Engine::Impl::read_errors(Socket& socket) {
  if (socket.kind == Socket::Kind::handshaking) return;  // the machine knows nothing yet that could be unreachable
  while (const auto error = next_icmp_error(socket.fd())) tell_unreachable(socket.id, *error);
}

void Engine::Impl::tell_unreachable(SocketId id, const IcmpError& error) {
  ++statistics.unreachable;
  if (events.size() >= most_unreachable) return;
  const SocketUnreachable told{id, error.to, error.type, error.code, error.mtu};
  // What is tried twice fails twice, for one reason.
  const auto* const last = events.empty() ? nullptr : std::get_if<SocketUnreachable>(&events.back());
  if (last == nullptr || *last != told) events.emplace_back(told);
}

void Engine::Impl::accept(SocketId id) {
  for (int i = 0; i < most_accepts; ++i) {
    Socket* listener = sockets.find(id);
    if (stopped || listener == nullptr) return;
    const auto fd = accept_tcp(listener->fd());
    if (!fd) {
      if (fd.error() != errc::would_block) wait_time(*listener, accept_pause);
      return;
    }
    Turn turn{engine};
    Socket* added = admit(*listener, std::make_unique<Socket>(shared.strand, Socket::Kind::stream, *fd), turn.now());
    if (added != nullptr) {
      added->local = bound_endpoint(*fd);
      added->remote = peer_endpoint(*fd);
      wait_readable(*added);
      if (added->transport == Transport::tls) {
        added->tls = shared.tls_context()->server(Transport::tls, sink_of(*added));
        begin_handshake(*added);
      } else {
        added->stream.emplace(added->framing);
        events.emplace_back(SocketAccepted{id, added->id, added->local, added->remote});
      }
    }
    turn.finish();
  }
}

/// The socket of one more who came, unless there are too many.
Socket* Engine::Impl::admit(Socket& listener, std::unique_ptr<Socket> added, TimePoint at) {
  if (listener.handshakes >= most_handshakes) {
    ended(sockets.most_dispensable_handshake(listener.id)->id, make_error_code(errc::limit_reached));
  }
  const auto has_too_many = [&] { return !keeps_all_connections && listener.accepted >= most_accepted; };
  if (has_too_many()) {
    const Socket* silent = sockets.most_silent(listener.id);
    if (silent != nullptr && at - silent->heard > most_silence) ended(silent->id, make_error_code(errc::timed_out));
  }
  if (has_too_many() || sockets.full()) {
    ++statistics.refused;
    return nullptr;
  }
  ++listener.accepted;
  added->heard = at;
  added->listener = listener.id;
  added->framing = listener.framing;
  added->transport = listener.transport;
  return &sockets.add(std::move(added));
}

}  // namespace ice::io::detail
