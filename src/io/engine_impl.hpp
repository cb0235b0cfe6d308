#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "base/hidden.hpp"
#include "ice/io/driver.hpp"
#include "io/context_state.hpp"
#include "io/socket_table.hpp"
#include "io/stream.hpp"
#include "io/udp.hpp"

namespace ice::io::detail {

/// The turns and the timer are in engine.cpp, what arrives in engine_input.cpp, how sockets begin and end in
/// engine_sockets.cpp, what leaves in engine_output.cpp, and what TLS and DTLS add in engine_tls.cpp.
struct ICE_HIDDEN Engine::Impl {
  Impl(Engine& owner, Context context_of_owner)
      : engine{owner}, context{std::move(context_of_owner)}, shared{*context.state()}, timer{shared.strand} {}

  Engine& engine;
  Context context;
  ContextState& shared;

  SocketTable sockets;
  SocketBuffers buffers;
  bool keeps_all_connections = false;
  std::vector<std::unique_ptr<Socket>> dead;  // closed in this turn, whose buffers a view may still show
  DriverStatistics statistics;

  int depth = 0;            // turns that are open
  bool collecting = false;  // a batch is being read, and what it makes the machine say waits for its end
  bool stopped = false;

  std::exception_ptr thrown;  // by a handler, while more of what was read had to be delivered

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
  void disarm_timer();
  void on_timer();

  void wait_readable(Socket& socket);
  void wait_writable(Socket& socket);
  void wait_time(Socket& socket, Duration delay);
  void on_readable(SocketId id);
  void read(Socket& socket);
  /// A part of what was read: what a handler of the application throws there waits until the rest is delivered, too.
  template <class Part>
  void deliver_part(Part part);
  void on_writable(SocketId id);
  void on_time(SocketId id);

  void read_datagrams(SocketId id);
  void deliver_batch(SocketId id, std::size_t count);
  void read_stream(SocketId id);
  void accept(SocketId id);
  Socket* admit(Socket& listener, std::unique_ptr<Socket> added, TimePoint at);
  bool deliver_messages(SocketId id);
  void deliver(Turn& turn, const Socket& socket, const Datagram& in);
  void read_errors(Socket& socket);
  void tell_unreachable(SocketId id, const IcmpError& error);

  result<SocketId> start(const OpenSocket& wanted);
  result<SocketId> start_datagram(const OpenSocket& wanted);
  result<SocketId> start_listen(const OpenSocket& wanted);
  result<SocketId> start_listen_dtls(const OpenSocket& wanted);
  result<SocketId> start_connect(const OpenSocket& wanted);
  result<SocketId> start_connect_dtls(const OpenSocket& wanted);
  void connected(SocketId id);
  void close(SocketId id);
  void set_framing(const FrameSocket& request);
  void set_reading(const ReadSocket& request);
  void ended(SocketId id, std::error_code error);
  void end_in_turn(SocketId id, std::error_code error);
  void remove(SocketId id);
  void close_all() noexcept;

  /// What may wait until the batch that is being read has ended.
  void send_soon(const Transmit& packet, SendClass send_class);
  /// Sends what waits. Only the engine that is reading has something there.
  void flush_outbox() noexcept;
  std::size_t send_alone(Socket& socket, std::size_t count, std::size_t waiting);
  result<void> send(const Transmit& packet, SendClass send_class);
  void account(const Socket& socket, const Transmit& packet, const result<void>& sent);
  Address source_of(const Socket& socket, const Transmit& packet) const noexcept;
  static void tell_fragmentation(Socket& socket, Fragmentation wanted) noexcept;
  void tell_flow(Socket& socket, bool full);
  result<void> send_on_datagram(Socket& socket, const Transmit& packet);
  result<void> send_on_stream(Socket& socket, const Transmit& packet, SendClass send_class);
  result<void> send_on_session(Socket& socket, const Transmit& packet);

  TlsSession::Sink sink_of(Socket& socket);
  void send_record(Socket& socket, Bytes record);
  result<void> prepare_client(Socket& socket, const OpenSocket& request);
  void begin_handshake(Socket& socket);
  void shake_hands(Socket& socket);
  void hear_handshake(Socket& socket, std::size_t size);
  bool flush(Socket& socket);
  void establish(Socket& socket);
  void fail_handshake(Socket& socket, std::error_code error);
  void on_handshake_time(Socket& socket);
  void on_dtls_time(Socket& socket);
  void receive_secured(SocketId id, Bytes ciphertext, const IpMetadata& ip);
  void receive_dtls(Socket& socket, const Datagram& in);
  void hear_peer(Socket& listener, const Datagram& in);
};

template <class Part>
void Engine::Impl::deliver_part(Part part) {
  try {
    part();
  } catch (...) {
    if (!thrown) thrown = std::current_exception();
  }
}

}  // namespace ice::io::detail
