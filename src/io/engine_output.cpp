#include <algorithm>

#include "io/engine_impl.hpp"

namespace ice::io::detail {

result<void> Engine::Impl::send(const Transmit& packet, SendClass send_class) {
  Socket* socket = stopped ? nullptr : sockets.find(packet.socket);
  if (socket == nullptr || !socket->can_send()) {
    ++statistics.dropped;
    return fail(errc::no_such_socket);
  }
  const result<void> sent = socket->kind == Socket::Kind::datagram ? send_on_datagram(*socket, packet)
                            : socket->kind == Socket::Kind::stream ? send_on_stream(*socket, packet, send_class)
                                                                   : send_on_session(*socket, packet);
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
  const bool broken = sent.error() != errc::would_block && sent.error() != errc::limit_reached;
  if (gap || broken) ended(socket.id, sent.error());
  return sent;
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
