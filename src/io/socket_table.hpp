#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ice/base/socket.hpp"
#include "ice/io/context.hpp"
#include "io/context_state.hpp"
#include "io/stream.hpp"

namespace ice::io::detail {

/// One open socket of an engine. Asio knows it for its readiness alone; it closes the descriptor.
struct Socket {
  enum class Kind : std::uint8_t {
    datagram,
    connecting,  ///< the machine knows its ticket, not yet its id
    stream,
    lingering,  ///< the machine has closed it; what it gave out is still being sent
    listener,
  };

  Socket(const Context::executor_type& executor, Kind what, int fd) : kind{what}, descriptor{executor, fd} {}

  int fd() { return descriptor.native_handle(); }

  Kind kind;
  boost::asio::posix::stream_descriptor descriptor;
  SocketId id{};
  Endpoint local;
  Endpoint remote;                  ///< streams
  Framing framing = Framing::none;  ///< streams, and what a listener accepts
  SocketTicket ticket{};            ///< while connecting
  std::optional<Stream> stream;
  bool write_wait = false;     ///< a wait for writability is under way
  std::uint32_t accepted = 0;  ///< a listener's streams that are open
  TimePoint heard;             ///< a stream's last message
  SocketId listener{};         ///< where an accepted stream came from
  /// Ends a connect or a linger that takes too long, and a listener's pause.
  std::optional<Timer> timer;
};

/// Sockets by id. An id is never given twice within 4,096 uses of its place, so one that was closed finds nothing.
class SocketTable {
 public:
  Socket& add(std::unique_ptr<Socket> socket);
  Socket* find(SocketId id) noexcept;
  const Socket* find(SocketId id) const noexcept { return const_cast<SocketTable*>(this)->find(id); }
  /// The stream of this listener that has been silent longest, or null.
  Socket* most_silent(SocketId listener) noexcept;
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
