#include <algorithm>

#include "io/engine_impl.hpp"

namespace ice::io::detail {
namespace {

using namespace std::chrono_literals;

// How long a server waits for the end of a handshake.
constexpr Duration handshake_timeout = 10s;

// A DTLS peer that vanishes says nothing, and nothing like TCP's keepalive asks. TURN clients are heard at least once
// in a lifetime of an allocation, which servers limit to an hour (RFC 8656 §7.2).
constexpr Duration most_dtls_silence = 1h;

// What a client may send until its handshake has ended. Over DTLS OpenSSL keeps what comes out of order, in buffers
// that may be larger than what came; so a small datagram counts as a larger one.
constexpr std::size_t most_handshake_bytes = 16 * 1024;
constexpr std::size_t least_handshake_datagram = 512;

bool is_open(const Socket* socket) noexcept {
  return socket != nullptr && (socket->kind == Socket::Kind::stream || socket->kind == Socket::Kind::dtls);
}

}  // namespace

// Handshakes

result<void> Engine::Impl::prepare_client(Socket& socket, const OpenSocket& request) {
  const std::string name =
      request.tls_name.empty() ? request.remote.address.without_scope().to_string() : request.tls_name;
  auto session = shared.tls_context()->client(request.transport, name, sink_of(socket));
  if (!session) return fail(session.error());
  socket.tls = std::move(*session);
  return {};
}

TlsSession::Sink Engine::Impl::sink_of(Socket& socket) {
  if (is_stream(socket.transport)) return [&socket](Bytes bytes) { socket.stream->append(bytes); };
  return [this, &socket](Bytes bytes) { send_record(socket, bytes); };
}

void Engine::Impl::send_record(Socket& socket, Bytes record) {
  Socket* listener = sockets.find(socket.listener);
  Socket& carrier = listener != nullptr ? *listener : socket;
  Transmit packet;
  packet.to = socket.remote;
  packet.head = record;
  if (listener != nullptr) packet.ip.local = socket.local.address;
  socket.sent = send_on_datagram(carrier, packet);
}

void Engine::Impl::begin_handshake(Socket& socket) {
  socket.kind = Socket::Kind::handshaking;
  if (Socket* listener = sockets.find(socket.listener)) {
    ++listener->handshakes;
    socket.deadline = io::now() + handshake_timeout;
  }
  if (socket.transport == Transport::tls) {
    socket.stream.emplace(socket.framing);
    socket.stream->secure(*socket.tls, shared.tls_buffers().record);
  }
  shake_hands(socket);
}

void Engine::Impl::shake_hands(Socket& socket) {
  const result<bool> done = socket.tls->shake_hands();
  if (!done) return fail_handshake(socket, done.error());
  if (!flush(socket)) return;
  if (*done) return establish(socket);
  const Duration left = std::max(socket.deadline - io::now(), Duration::zero());
  wait_time(socket, std::min(left, socket.tls->retransmission().value_or(left)));
}

bool Engine::Impl::flush(Socket& socket) {
  if (!socket.stream || !socket.stream->waiting()) return true;
  const auto done = socket.stream->flush(socket.fd());
  if (done && !*done) wait_writable(socket);
  if (done) return true;
  end_in_turn(socket.id, done.error());
  return false;
}

void Engine::Impl::fail_handshake(Socket& socket, std::error_code error) {
  Turn turn{engine};
  // OpenSSL has said why in an alert, which should reach the peer.
  if (socket.stream) static_cast<void>(socket.stream->flush(socket.fd()));
  ended(socket.id, error);
  turn.finish();
}

void Engine::Impl::establish(Socket& socket) {
  Turn turn{engine};
  socket.timer.reset();
  socket.heard = turn.now();
  const bool stream = is_stream(socket.transport);
  socket.kind = stream ? Socket::Kind::stream : Socket::Kind::dtls;
  if (!stream) wait_time(socket, most_dtls_silence);
  if (Socket* listener = sockets.find(socket.listener)) --listener->handshakes;
  if (socket.listener != SocketId{}) {
    events.emplace_back(SocketAccepted{socket.listener, socket.id, socket.local, socket.remote});
  } else {
    events.emplace_back(SocketOpened{socket.ticket, socket.id, socket.local});
  }
  turn.finish();
}

void Engine::Impl::on_handshake_time(Socket& socket) {
  if (socket.deadline <= io::now()) return fail_handshake(socket, make_error_code(errc::timed_out));
  socket.tls->retransmit();
  shake_hands(socket);
}

void Engine::Impl::on_dtls_time(Socket& socket) {
  Turn turn{engine};
  const Duration silence = turn.now() - socket.heard;
  if (silence < most_dtls_silence) {
    wait_time(socket, most_dtls_silence - silence);
  } else {
    ended(socket.id, make_error_code(errc::timed_out));
  }
  turn.finish();
}

// What arrives

void Engine::Impl::receive_secured(SocketId id, Bytes ciphertext, const IpMetadata& ip) {
  Socket* socket = sockets.find(id);
  socket->tls->feed(ciphertext);
  if (socket->kind == Socket::Kind::handshaking) {
    deliver_part([&] { hear_handshake(*socket, ciphertext.size()); });
  }
  while (is_open(socket = stopped ? nullptr : sockets.find(id))) {
    const auto plaintext = socket->tls->read(shared.tls_buffers().plaintext);
    if (!flush(*socket)) return;
    if (socket->stream && socket->stream->overflows()) return end_in_turn(id, make_error_code(errc::limit_reached));
    if (plaintext && plaintext->empty()) return;
    if (plaintext && socket->stream) {
      socket->stream->deframer().feed(*plaintext);
      if (!deliver_messages(id)) return;
      continue;
    }
    deliver_part([&] {
      Turn turn{engine};
      if (plaintext) {
        socket->heard = turn.now();
        deliver(turn, *socket, {id, socket->remote, *plaintext, ip});
      } else {
        ended(id, plaintext.error() == errc::closed ? std::error_code{} : plaintext.error());
      }
      turn.finish();
    });
  }
}

/// A server's handshake takes three flights of some hundred bytes, and each may come a few times.
void Engine::Impl::hear_handshake(Socket& socket, std::size_t size) {
  socket.handshake_bytes += is_stream(socket.transport) ? size : std::max(size, least_handshake_datagram);
  const bool too_much = socket.listener != SocketId{} && socket.handshake_bytes > most_handshake_bytes;
  if (too_much) return fail_handshake(socket, make_error_code(errc::limit_reached));
  shake_hands(socket);
}

void Engine::Impl::receive_dtls(Socket& socket, const Datagram& in) {
  if (socket.kind == Socket::Kind::dtls_listener) return hear_peer(socket, in);
  if (in.from == socket.remote) return receive_secured(socket.id, in.payload, in.ip);
  ++statistics.not_mine;
}

void Engine::Impl::hear_peer(Socket& listener, const Datagram& in) {
  const Address local = in.ip.local ? in.ip.local : listener.local.address;
  const DtlsListener::Path path{in.from, local};
  const auto known = listener.dtls->peers.find(path);
  Socket* session = known == listener.dtls->peers.end() ? nullptr : sockets.find(known->second);
  const bool hello = DtlsListener::is_hello(in.payload);
  // RFC 6347 §4.2.8: a peer that has forgotten its session begins anew, and loses it once it has shown that it hears
  // us.
  if (session != nullptr && (!hello || DtlsListener::began_with(*session->tls, in.payload))) {
    return receive_secured(session->id, in.payload, in.ip);
  }
  if (!hello || !shared.tls_context()->can_listen()) {
    ++statistics.not_mine;
    return;
  }
  const auto answer = [this, &listener, to = in.from, local](Bytes cookie) {
    Transmit packet;
    packet.to = to;
    packet.head = cookie;
    packet.ip.local = local;
    static_cast<void>(send_on_datagram(listener, packet));
  };
  auto heard = listener.dtls->hear(shared.tls_context(), io::now(), in.from, in.payload, answer);
  if (!heard) return;
  Turn turn{engine};
  if (session != nullptr) ended(session->id, make_error_code(errc::closed));
  if (Socket* added = admit(listener, std::make_unique<Socket>(shared.strand, Socket::Kind::handshaking), turn.now())) {
    added->local = {local, listener.local.port};
    added->remote = in.from;
    added->tls = std::move(heard);
    added->tls->set_sink(sink_of(*added));
    listener.dtls->peers[path] = added->id;
    begin_handshake(*added);
  }
  turn.finish();
}

}  // namespace ice::io::detail
