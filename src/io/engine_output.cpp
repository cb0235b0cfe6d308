#include <algorithm>

#include "io/engine_impl.hpp"

namespace ice::io::detail {
namespace {

// An interface that cannot checksum for us, or a socket of another kind than ours.
bool cannot_cut(const std::error_code& error) noexcept {
  return error == std::errc::io_error || error == std::errc::operation_not_supported;
}

// A route whose MTU is smaller than a segment. Other routes of this socket may be wider.
bool cannot_cut_these(const std::error_code& error) noexcept {
  return error == std::errc::invalid_argument || error == std::errc::message_size;
}

}  // namespace

result<void> Engine::Impl::send(const Transmit& packet, SendClass send_class) {
  flush_outbox();  // what waits has its turn first
  Socket* socket = stopped ? nullptr : sockets.find(packet.socket);
  if (socket == nullptr || !socket->can_send()) {
    ++statistics.dropped;
    return fail(errc::no_such_socket);
  }
  const result<void> sent = socket->kind == Socket::Kind::datagram ? send_on_datagram(*socket, packet)
                            : socket->kind == Socket::Kind::stream ? send_on_stream(*socket, packet, send_class)
                                                                   : send_on_session(*socket, packet);
  account(*socket, packet, sent);
  return sent;
}

void Engine::Impl::account(const Socket& socket, const Transmit& packet, const result<void>& sent) {
  if (sent) {
    ++statistics.sent;
    statistics.sent_bytes += packet.size();
    if (shared.trace != nullptr) {
      trace_packet(TracePacket::Direction::out, io::now(), socket, packet.ip.local, packet.to, packet.head,
                   packet.body);
    }
  } else if (sent.error() == errc::would_block) {
    ++statistics.dropped;
  } else {
    ++statistics.send_errors;
  }
}

void Engine::Impl::send_soon(const Transmit& packet, SendClass send_class) {
  const Socket* socket = collecting && !stopped ? sockets.find(packet.socket) : nullptr;
  if (socket != nullptr && socket->kind == Socket::Kind::datagram) {
    const bool body_stays = shared.batch.holds(packet.body);
    const Address source = source_of(*socket, packet);
    if (shared.outbox.add(packet, source, body_stays)) return;
    flush_outbox();
    if (shared.outbox.add(packet, source, body_stays)) return;
  }
  const auto sent = send(packet, send_class);
  if (sent || sent.error() != errc::would_block) return;
  // Whole messages can be lost, bytes cannot: behind a gap that nobody sees, the rest means something else.
  Socket* stream = sockets.find(packet.socket);
  if (stream->kind == Socket::Kind::stream && stream->framing == Framing::none) ended(stream->id, sent.error());
}

void Engine::Impl::flush_outbox() noexcept {
  if (!collecting) return;
  SendBatch& outbox = shared.outbox;
  while (const std::size_t waiting = outbox.next()) {
    Socket& socket = *sockets.find(outbox.packet(0).socket);  // who closes one flushes first
    tell_fragmentation(socket, outbox.packet(0).ip.fragmentation);
    const auto sent = outbox.send_next(socket.fd(), socket.cuts);
    std::size_t done = sent ? *sent : 0;
    for (std::size_t i = 0; i < done; ++i) account(socket, outbox.packet(i), {});
    if (!sent && outbox.joined() > 1 && cannot_cut(sent.error())) {
      socket.cuts = false;
    } else if (!sent) {
      done = send_alone(socket, cannot_cut_these(sent.error()) ? outbox.joined() : 1, waiting);
    }
    outbox.drop(done);
  }
}

/// Sends so many of those that wait one by one. Returns how many are done with.
std::size_t Engine::Impl::send_alone(Socket& socket, std::size_t count, std::size_t waiting) {
  for (std::size_t done = 0; done < count; ++done) {
    const auto sent = send_on_datagram(socket, shared.outbox.packet(done));
    account(socket, shared.outbox.packet(done), sent);
    if (sent || sent.error() != errc::would_block) continue;
    // Where there is no room for one there is none for those behind it.
    while (++done < waiting) account(socket, shared.outbox.packet(done), sent);
    return waiting;
  }
  return count;
}

Address Engine::Impl::source_of(const Socket& socket, const Transmit& packet) const noexcept {
  return socket.local.address.is_unspecified() ? packet.ip.local : Address{};
}

/// IPv4 has it for a socket and not for a datagram.
void Engine::Impl::tell_fragmentation(Socket& socket, Fragmentation wanted) noexcept {
  if (wanted == Fragmentation::unspecified || wanted == socket.fragmentation) return;
  set_fragmentation(socket.fd(), socket.local.address.family(), wanted);
  socket.fragmentation = wanted;
}

result<void> Engine::Impl::send_on_datagram(Socket& socket, const Transmit& packet) {
  const Address source = source_of(socket, packet);
  tell_fragmentation(socket, packet.ip.fragmentation);
  result<void> sent = send_datagram(socket.fd(), packet, source);
  if (sent || sent.error() == errc::would_block) return sent;
  // The system tells an ICMP error with the next call, whatever that call wanted. It has told it now.
  read_errors(socket);
  sent = send_datagram(socket.fd(), packet, source);
  if (sent) return sent;
  if (const auto error = as_icmp_error(sent.error(), packet.to)) tell_unreachable(socket.id, *error);
  if (sent.error() == std::errc::message_size) read_errors(socket);  // how long it may be
  return sent;
}

result<void> Engine::Impl::send_on_stream(Socket& socket, const Transmit& packet, SendClass send_class) {
  const result<void> sent = socket.stream->send(socket.fd(), packet, send_class);
  if (sent) {
    if (!socket.stream->waiting()) return sent;
    wait_writable(socket);
    if (socket.framing == Framing::none && !socket.full) tell_flow(socket, true);
    return sent;
  }
  if (sent.error() != errc::would_block && sent.error() != errc::limit_reached) ended(socket.id, sent.error());
  return sent;
}

void Engine::Impl::tell_flow(Socket& socket, bool full) {
  socket.full = full;
  events.emplace_back(SocketFlow{socket.id, full});
}

result<void> Engine::Impl::send_on_session(Socket& socket, const Transmit& packet) {
  const MutableBytes record = shared.tls_buffers().record;
  if (packet.size() > record.size()) return fail(errc::limit_reached);
  auto end = std::copy(packet.head.begin(), packet.head.end(), record.begin());
  end = std::copy(packet.body.begin(), packet.body.end(), end);
  std::fill_n(end, packet.padding, std::uint8_t{0});
  socket.sent = {};
  if (const auto written = socket.tls->write(record.first(packet.size())); !written) {
    ended(socket.id, written.error());
    return written;
  }
  return socket.sent;
}

}  // namespace ice::io::detail
