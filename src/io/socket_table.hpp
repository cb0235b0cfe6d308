#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ice/base/socket.hpp"
#include "ice/io/context.hpp"
#include "io/context_state.hpp"
#include "io/dtls_listener.hpp"
#include "io/stream.hpp"
#include "io/tls_session.hpp"

namespace ice::io::detail {

/// One open socket of an engine. Asio knows it for its readiness alone; it closes the descriptor.
struct Socket {
  enum class Kind : std::uint8_t {
    datagram,
    connecting,   ///< the machine knows its ticket, not yet its id
    handshaking,  ///< TLS or DTLS, likewise; of a listener's socket the machine knows nothing yet
    stream,
    dtls,       ///< a DTLS session, on a socket of its own or on that of its listener
    lingering,  ///< the machine has closed it; what it gave out is still being sent
    listener,
    dtls_listener,
  };

  Socket(const Context::executor_type& executor, Kind what, int fd) : kind{what}, descriptor{executor, fd} {}
  /// A session on the socket of its listener.
  Socket(const Context::executor_type& executor, Kind what) : kind{what}, descriptor{executor} {}

  int fd() { return descriptor.native_handle(); }
  bool can_send() const noexcept { return kind == Kind::datagram || kind == Kind::stream || kind == Kind::dtls; }

  Kind kind;
  boost::asio::posix::stream_descriptor descriptor;
  SocketId id{};
  Endpoint local;
  Endpoint remote;                  ///< streams
  Framing framing = Framing::none;  ///< streams, and what a listener accepts
  Transport transport = Transport::udp;
  SocketTicket ticket{};                                     ///< while connecting
  Fragmentation fragmentation = Fragmentation::unspecified;  ///< datagram sockets: what the system was told last
  bool cuts = true;  ///< datagram sockets: the system has not refused yet to cut what is sent
  std::optional<Stream> stream;
  std::unique_ptr<TlsSession> tls;
  std::unique_ptr<DtlsListener> dtls;  ///< of a dtls_listener
  bool write_wait = false;             ///< a wait for writability is under way
  bool read_wait = false;              ///< the same for readability
  bool reads = true;                   ///< streams: the machine wants what arrives
  bool full = false;                   ///< a stream without framing of which the machine knows that bytes wait
  std::uint32_t accepted = 0;          ///< a listener's sockets that are open
  std::uint32_t handshakes = 0;        ///< those of them that are handshaking
  TimePoint heard;                     ///< when it was accepted, or its last message came
  TimePoint deadline;                  ///< while connecting and handshaking
  std::size_t handshake_bytes = 0;     ///< what came while it was handshaking
  result<void> sent;                   ///< what became of the last DTLS record
  SocketId listener{};                 ///< where an accepted socket came from
  /// Ends a connect or a linger that takes too long, and a listener's pause.
  std::optional<Timer> timer;
};

/// Sockets by id. An id is never given twice within 4,096 uses of its place, so one that was closed finds nothing.
class SocketTable {
 public:
  Socket& add(std::unique_ptr<Socket> socket);
  Socket* find(SocketId id) noexcept;
  const Socket* find(SocketId id) const noexcept { return const_cast<SocketTable*>(this)->find(id); }
  /// The open socket of this listener that has been silent longest, or null.
  Socket* most_silent(SocketId listener) noexcept;
  /// Of the source with the most handshakes under way, the oldest of them; or null.
  Socket* most_dispensable_handshake(SocketId listener) noexcept;
  /// Takes it out of the table; null if there is none.
  std::unique_ptr<Socket> remove(SocketId id) noexcept;
  void clear() noexcept { places_.clear(), free_.clear(); }

  /// Ids have 20 bits for the place: more sockets than a process may open.
  bool full() const noexcept { return free_.empty() && places_.size() > place_mask; }

 private:
  static constexpr std::uint32_t place_bits = 20;
  static constexpr std::uint32_t place_mask = (1U << place_bits) - 1;

  struct Place {
    std::uint32_t generation = 1;  // so that no id is 0
    std::unique_ptr<Socket> socket;
  };

  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
};

}  // namespace ice::io::detail
