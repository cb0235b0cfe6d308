#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ice/base/datagram.hpp"
#include "ice/base/framing.hpp"
#include "ice/base/random.hpp"
#include "ice/base/result.hpp"
#include "ice/base/socket.hpp"
#include "io/tls_session.hpp"

/// TCP by the system's own calls.
namespace ice::io {

/// What may wait in a stream because the system's buffer is full: application data up to the first, the protocol's own
/// messages up to both. More is dropped message by message, as a datagram would be.
inline constexpr std::size_t stream_buffer_limit = 64 * 1024;
inline constexpr std::size_t stream_buffer_reserve = 16 * 1024;
/// With a message that was begun, which is finished whatever its size, and what TLS adds.
inline constexpr std::size_t stream_buffer_most = stream_buffer_limit + stream_buffer_reserve + 2 * 64 * 1024;

enum class SendClass : std::uint8_t { data, control };

/// The sending half of a connected TCP socket and the cutting half of its receiving one.
class Stream {
 public:
  explicit Stream(Framing framing) noexcept : framing_{framing}, deframer_{framing} {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// From now on messages go through `tls`, whose sink is append(). Both outlive the stream; the parts of a message are
  /// put together in `record`, of tls_record_size bytes.
  void secure(TlsSession& tls, MutableBytes record) noexcept { tls_ = &tls, record_ = record; }

  /// Bytes that shall leave, as they are.
  void append(Bytes bytes);

  /// Writes the message with its prefix; what the system does not take at once waits. errc::would_block when there is
  /// no room for this class, errc::limit_reached when the framing cannot express its size, else the system's error.
  /// Nothing was taken then, and a system's error ends the connection.
  result<void> send(int fd, const Transmit& message, SendClass send_class);

  /// Writes what waits. True when nothing does any more.
  result<bool> flush(int fd) noexcept;

  /// What leaves and what arrives from now on: see Deframer::set_framing().
  void set_framing(Framing framing) noexcept { framing_ = framing, deframer_.set_framing(framing); }

  bool waiting() const noexcept { return begin_ < out_.size(); }
  /// More waits than messages can make it: answers of TLS itself, which its peer asks for and does not read.
  bool overflows() const noexcept { return waiting_size() > stream_buffer_most; }
  Deframer& deframer() noexcept { return deframer_; }

 private:
  using Parts = std::array<Bytes, 4>;

  std::size_t waiting_size() const noexcept { return out_.size() - begin_; }
  bool has_room(std::size_t size, SendClass send_class) const noexcept;
  static result<std::size_t> write(int fd, const Parts& parts) noexcept;
  result<void> encrypt(const Parts& parts);

  Framing framing_;
  Deframer deframer_;
  std::vector<std::uint8_t> out_;
  std::size_t begin_ = 0;
  TlsSession* tls_ = nullptr;
  MutableBytes record_;
};

/// A non-blocking socket bound to `local` and a port of the range, which with `shares_port` may be one of listen_tcp()
/// that shares it. The caller owns it. A peer that has vanished without
/// a word is noticed within a minute, here and with accept_tcp().
result<int> open_tcp(const Address& local, PortRange ports, RandomSource& random, bool shares_port = false) noexcept;

/// The same, listening. A port that it shares must be nobody's when it is bound.
result<int> listen_tcp(const Address& local, PortRange ports, RandomSource& random, bool shares_port = false) noexcept;

/// The next connection of a listener, non-blocking; errc::would_block when there is none.
result<int> accept_tcp(int listener) noexcept;

/// Begins to connect. A TCP socket becomes writable when that has ended, and connect_error() says how; a UDP socket is
/// connected at once.
result<void> begin_connect(int fd, const Endpoint& remote) noexcept;
std::error_code connect_error(int fd) noexcept;

Endpoint peer_endpoint(int fd) noexcept;

}  // namespace ice::io
