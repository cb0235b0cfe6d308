#include <sys/socket.h>

#include <array>
#include <boost/asio/error.hpp>
#include <cassert>
#include <cerrno>
#include <exception>
#include <vector>

#include "base/hidden.hpp"
#include "ice/io/driver.hpp"
#include "io/context_state.hpp"
#include "io/socket_table.hpp"
#include "io/stream.hpp"
#include "io/udp.hpp"

namespace ice::io::detail {
namespace {

using boost::system::error_code;
using namespace std::chrono_literals;

// After so many system calls for one readiness, the other sockets and timers of the thread get their turn.
constexpr int most_batches = 4;
constexpr int most_accepts = 16;
constexpr int most_stream_reads = 4;

// ICMP errors that wait for the end of a turn; more are counted and forgotten. They are hints, and anybody can send
// them.
constexpr std::size_t most_unreachable = 16;

// Streams that one listener keeps. When there are so many, one that was silent for longer than a transaction lasts
// (RFC 8489 §6.2.2, which otherwise leaves closing to the client) makes room for the next; else that is closed.
constexpr std::uint32_t most_accepted = 1024;
constexpr Duration most_silence = 39'500ms;

// A connection that is not there after Ti would be of no use to a STUN transaction (RFC 8489 §6.2.2).
constexpr Duration connect_timeout = 39'500ms;

// How long bytes that were given out before a close may take.
constexpr Duration linger_timeout = 10s;

// A process without a free descriptor cannot accept; it tries again when somebody may have closed one.
constexpr Duration accept_pause = 100ms;

}  // namespace

struct ICE_HIDDEN Engine::Impl {
  Impl(Engine& owner, Context context_of_owner)
      : engine{owner}, context{std::move(context_of_owner)}, shared{*context.state()}, timer{shared.strand} {}

  Engine& engine;
  Context context;
  ContextState& shared;

  SocketTable sockets;
  std::vector<std::unique_ptr<Socket>> dead;  // closed in this turn, whose buffers a view may still show
  DriverStatistics statistics;

  int depth = 0;  // turns that are open
  bool stopped = false;

  std::vector<SocketEvent> events;    // for the machine, when it is drained
  std::vector<SocketEvent> handling;  // the same memory, taken in turns

  Timer timer;
  std::optional<TimePoint> wanted;  // the machine's next timeout
  std::optional<TimePoint> armed;   // what the timer is set to
  std::uint64_t timer_generation = 0;

  void trace_packet(TracePacket::Direction direction, TimePoint at, const Socket& socket, const Address& local,
                    const Endpoint& remote, Bytes head, Bytes body) {
    if (shared.trace == nullptr) return;
    const Endpoint from_or_to{local ? local : socket.local.address, socket.local.port};
    shared.trace->packet({at, direction, socket.id, from_or_to, remote, head, body});
  }

  void arm_timer();
  void on_timer();

  void wait_readable(Socket& socket);
  void wait_writable(Socket& socket);
  void wait_time(Socket& socket, Duration delay);
  void on_readable(SocketId id);
  void on_writable(SocketId id);
  void on_time(SocketId id);

  void read_datagrams(SocketId id);
  void read_stream(SocketId id);
  void accept(SocketId id);
  void make_room(SocketId listener, TimePoint at);
  bool deliver_messages(SocketId id);
  void deliver(Turn& turn, const Socket& socket, const Datagram& in);
  void read_errors(Socket& socket);
  void tell_unreachable(SocketId id, const IcmpError& error);

  result<SocketId> start(const OpenSocket& wanted);
  result<SocketId> start_datagram(const OpenSocket& wanted);
  result<SocketId> start_listen(const OpenSocket& wanted);
  result<SocketId> start_connect(const OpenSocket& wanted);
  void connected(SocketId id);
  void stream_ended(SocketId id, std::error_code error);
  void remove(SocketId id);
  void close_all() noexcept;

  result<void> send(const Transmit& packet, SendClass send_class);
  result<void> send_on_datagram(Socket& socket, const Transmit& packet);
  result<void> send_on_stream(Socket& socket, const Transmit& packet, SendClass send_class);
};

// Turns

Engine::Turn::Turn(Engine& engine)
    : engine_{engine.shared_from_this()}, now_{io::now()}, exceptions_{std::uncaught_exceptions()} {
  ++engine.impl_->depth;
}

Engine::Turn::~Turn() {
  Impl& impl = *engine_->impl_;
  if (--impl.depth > 0) return;
  impl.dead.clear();
  if (impl.stopped) {
    impl.close_all();
  } else if (std::uncaught_exceptions() > exceptions_) {
    // A handler of the application threw, and the machine has more to say: soon, should no other input come.
    impl.wanted = now_;
    impl.arm_timer();
  }
}

void Engine::Turn::finish() {
  Impl& impl = *engine_->impl_;
  if (impl.depth > 1) return;
  while (!impl.stopped) {
    impl.wanted = engine_->machine_drain(now_, engine_->scratch());
    if (impl.events.empty()) break;
    impl.handling.swap(impl.events);
    for (const SocketEvent& event : impl.handling) {
      if (!impl.stopped) engine_->machine_socket(now_, event);
    }
    impl.handling.clear();
  }
  if (!impl.stopped) impl.arm_timer();
}

// The timer

void Engine::Impl::arm_timer() {
  // A timer that is set to an earlier moment stays: when it fires it is set anew. Machines that move their timeout
  // with each packet then cost nothing.
  if (!wanted || (armed && *armed <= *wanted)) return;
  armed = wanted;
  timer.expires_at(to_steady(*wanted));
  // The generation tells a handler that was queued already when its timer was set anew.
  timer.async_wait([self = engine.shared_from_this(), generation = ++timer_generation](const error_code&) {
    if (generation == self->impl_->timer_generation) self->impl_->on_timer();
  });
}

void Engine::Impl::on_timer() {
  armed.reset();
  if (stopped) return;
  Turn turn{engine};
  if (wanted && *wanted <= turn.now()) engine.machine_timeout(turn.now());
  turn.finish();
}

// Readiness

void Engine::Impl::wait_readable(Socket& socket) {
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
  // Whatever a handler of the application throws, the socket is read again.
  struct Again {
    Impl& impl;
    SocketId id;
    ~Again() {
      Socket* socket = impl.sockets.find(id);
      const bool pausing = socket != nullptr && socket->kind == Socket::Kind::listener && socket->timer;
      if (!impl.stopped && socket != nullptr && !pausing) impl.wait_readable(*socket);
    }
  } again{*this, id};
  switch (socket->kind) {
    case Socket::Kind::datagram:
      return read_datagrams(id);
    case Socket::Kind::stream:
      return read_stream(id);
    case Socket::Kind::listener:
      return accept(id);
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
  if (!done) {
    Turn turn{engine};
    stream_ended(id, done.error());
    turn.finish();
  }
}

void Engine::Impl::on_time(SocketId id) {
  Socket* socket = sockets.find(id);
  if (stopped || socket == nullptr) return;
  if (socket->kind == Socket::Kind::listener) {
    socket->timer.reset();
    wait_readable(*socket);
  } else if (socket->kind == Socket::Kind::lingering) {
    remove(id);
  } else if (socket->kind == Socket::Kind::connecting) {
    Turn turn{engine};
    events.emplace_back(SocketFailed{socket->ticket, make_error_code(errc::timed_out)});
    remove(id);
    turn.finish();
  }
}

// What arrives

void Engine::Impl::read_datagrams(SocketId id) {
  for (int batch = 0; batch < most_batches; ++batch) {
    Socket* socket = sockets.find(id);
    if (stopped || socket == nullptr) return;
    const auto count = shared.batch.receive(socket->fd());
    if (!count) {
      // Nothing there, or ICMP came back for something that was sent (`connection_refused` and its like): what can be
      // read of it is in the error queue, and the socket is as good as before.
      Turn turn{engine};
      read_errors(*socket);
      if (!events.empty()) turn.finish();
      if (count.error() == std::errc::resource_unavailable_try_again) return;
      continue;
    }
    for (std::size_t i = 0; i < *count; ++i) {
      socket = sockets.find(id);
      if (stopped || socket == nullptr) return;
      Turn turn{engine};
      deliver(turn, *socket, shared.batch.datagram(i, id));
      turn.finish();
    }
    if (*count < DatagramBatch::capacity) return;
  }
}

void Engine::Impl::read_stream(SocketId id) {
  for (int read = 0; read < most_stream_reads; ++read) {
    Socket* socket = sockets.find(id);
    if (stopped || socket == nullptr || socket->kind != Socket::Kind::stream) return;
    const MutableBytes buffer = shared.batch.buffer();
    const ssize_t size = ::recv(socket->fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size <= 0) {
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      const std::error_code why = size < 0 ? last_error() : std::error_code{};
      Turn turn{engine};
      stream_ended(id, why);
      return turn.finish();
    }
    socket->stream->deframer().feed(buffer.first(static_cast<std::size_t>(size)));
    if (!deliver_messages(id)) return;
    if (static_cast<std::size_t>(size) < buffer.size()) return;
  }
}

bool Engine::Impl::deliver_messages(SocketId id) {
  for (;;) {
    Socket* socket = sockets.find(id);
    if (stopped || socket == nullptr || socket->kind != Socket::Kind::stream) return false;
    const auto message = socket->stream->deframer().next();
    if (message && !*message) return true;
    Turn turn{engine};
    if (message) {
      socket->heard = turn.now();
      deliver(turn, *socket, {id, socket->remote, **message, {}});
    } else {
      ++statistics.malformed;
      stream_ended(id, message.error());
    }
    turn.finish();
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
  if (received.forward) static_cast<void>(send(*received.forward, SendClass::data));
}

void Engine::Impl::read_errors(Socket& socket) {
  while (const auto error = next_icmp_error(socket.fd())) tell_unreachable(socket.id, *error);
}

void Engine::Impl::tell_unreachable(SocketId id, const IcmpError& error) {
  ++statistics.unreachable;
  if (events.size() >= most_unreachable) return;
  events.emplace_back(SocketUnreachable{id, error.to, error.type, error.code});
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
    auto added = std::make_unique<Socket>(shared.strand, Socket::Kind::stream, *fd);
    Turn turn{engine};
    if (listener->accepted >= most_accepted) make_room(id, turn.now());
    if (listener->accepted >= most_accepted || sockets.full()) {
      ++statistics.refused;
      continue;
    }
    ++listener->accepted;
    added->heard = turn.now();
    added->listener = id;
    added->local = bound_endpoint(*fd);
    added->remote = peer_endpoint(*fd);
    added->framing = listener->framing;
    added->stream.emplace(listener->framing);

    Socket& socket = sockets.add(std::move(added));
    wait_readable(socket);
    events.emplace_back(SocketAccepted{id, socket.id, socket.local, socket.remote});
    turn.finish();
  }
}

void Engine::Impl::make_room(SocketId listener, TimePoint at) {
  const Socket* silent = sockets.most_silent(listener);
  if (silent != nullptr && at - silent->heard > most_silence) {
    stream_ended(silent->id, make_error_code(errc::timed_out));
  }
}

// What the machine and the application want

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

result<void> Engine::Impl::send(const Transmit& packet, SendClass send_class) {
  Socket* socket = stopped ? nullptr : sockets.find(packet.socket);
  const bool can_send =
      socket != nullptr && (socket->kind == Socket::Kind::datagram || socket->kind == Socket::Kind::stream);
  if (!can_send) {
    ++statistics.dropped;
    return fail(errc::no_such_socket);
  }
  const result<void> sent = socket->kind == Socket::Kind::datagram ? send_on_datagram(*socket, packet)
                                                                   : send_on_stream(*socket, packet, send_class);
  if (sent) {
    ++statistics.sent;
    statistics.sent_bytes += packet.size();
    if (shared.trace != nullptr) {
      trace_packet(TracePacket::Direction::out, io::now(), *socket, packet.ip.local, packet.to, packet.head,
                   packet.body);
    }
  } else if (sent.error() == errc::would_block) {
    ++statistics.dropped;
  } else {
    ++statistics.send_errors;
  }
  return sent;
}

result<void> Engine::Impl::send_on_datagram(Socket& socket, const Transmit& packet) {
  const Address source = socket.local.address.is_unspecified() ? packet.ip.local : Address{};
  result<void> sent = send_datagram(socket.fd(), packet, source);
  if (sent || sent.error() == errc::would_block) return sent;
  // The system tells an ICMP error with the next call, whatever that call wanted. It has told it now.
  read_errors(socket);
  sent = send_datagram(socket.fd(), packet, source);
  if (sent) return sent;
  if (const auto error = as_icmp_error(sent.error(), packet.to)) tell_unreachable(socket.id, *error);
  return sent;
}

result<void> Engine::Impl::send_on_stream(Socket& socket, const Transmit& packet, SendClass send_class) {
  const result<void> sent = socket.stream->send(socket.fd(), packet, send_class);
  if (sent) {
    if (socket.stream->waiting()) wait_writable(socket);
    return sent;
  }
  // Whole messages can be lost, bytes cannot: behind a gap that nobody sees, the rest means something else.
  const bool gap = send_class == SendClass::control && socket.framing == Framing::none;
  const bool ended = sent.error() != errc::would_block && sent.error() != errc::limit_reached;
  if (gap || ended) stream_ended(socket.id, sent.error());
  return sent;
}

// The face towards Driver

Engine::Engine(Context context) : impl_{std::make_unique<Impl>(*this, std::move(context))} {}

Engine::~Engine() = default;

result<SocketId> Engine::open(const OpenSocket& wanted) { return impl_->start(wanted); }

void Engine::close(SocketId id) {
  Socket* socket = impl_->sockets.find(id);
  if (socket == nullptr) return;
  if (socket->kind == Socket::Kind::stream && socket->stream->waiting()) {
    socket->kind = Socket::Kind::lingering;
    impl_->wait_writable(*socket);
    impl_->wait_time(*socket, linger_timeout);
  } else {
    impl_->remove(id);
  }
}

std::optional<Endpoint> Engine::local_endpoint(SocketId id) const {
  const Socket* socket = impl_->sockets.find(id);
  if (socket == nullptr) return std::nullopt;
  return socket->local;
}

result<void> Engine::send(const Transmit& packet) { return impl_->send(packet, SendClass::data); }

void Engine::transmit(const Transmit& packet) { static_cast<void>(impl_->send(packet, SendClass::control)); }

void Engine::request(SocketRequest request) {
  if (const auto* closing = std::get_if<CloseSocket>(&request)) return close(closing->socket);
  const auto& wanted = std::get<OpenSocket>(request);
  const auto opened = open(wanted);
  if (!opened) {
    impl_->events.emplace_back(SocketFailed{wanted.ticket, opened.error()});
  } else if (wanted.kind != OpenSocket::Kind::connect) {
    impl_->events.emplace_back(SocketOpened{wanted.ticket, *opened, *local_endpoint(*opened)});
  }
}

void Engine::stop() noexcept {
  if (impl_->stopped) return;
  impl_->stopped = true;
  if (impl_->depth == 0) impl_->close_all();
}

bool Engine::stopped() const noexcept { return impl_->stopped; }

const Context& Engine::context() const noexcept { return impl_->context; }

const DriverStatistics& Engine::statistics() const noexcept { return impl_->statistics; }

MutableBytes Engine::scratch() noexcept { return impl_->shared.scratch; }

}  // namespace ice::io::detail
