#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "ice/base/datagram.hpp"
#include "ice/base/random.hpp"
#include "ice/base/result.hpp"
#include "ice/base/socket.hpp"
#include "io/sockaddr.hpp"

/// UDP by the system's own calls: what Asio does not offer (many datagrams a call, packet information, the error
/// queue), and what it would allocate for.
namespace ice::io {

/// A non-blocking socket of the family of `local`, bound to it and to a port of the range. The caller owns it.
result<int> open_udp(const Address& local, PortRange ports, RandomSource& random) noexcept;

/// As much as the system gives; 0 leaves it as it is.
void set_buffers(int fd, std::size_t receive, std::size_t send) noexcept;

/// Binds `fd` to a port of the range, tried from a random one on, so that two hosts behind one NAT seldom collide.
result<void> bind_port(int fd, const Address& local, PortRange ports, RandomSource& random) noexcept;

/// Sets or clears the DF bit of what leaves from now on, and forbids or allows the system to cut it.
void set_fragmentation(int fd, Family family, Fragmentation fragmentation) noexcept;

/// Where the socket is bound.
Endpoint bound_endpoint(int fd) noexcept;

/// Receives many datagrams with one system call, into memory of its own that is touched only as far as it is used.
/// The one received last is overwritten by the next receive().
class DatagramBatch {
 public:
  static constexpr std::size_t capacity = 64;

  DatagramBatch();

  /// How many came, 1 to `capacity`, or the system's error: would_block (nothing there) or what ICMP said.
  result<std::size_t> receive(int fd) noexcept;

  /// The memory of one slot, for whoever reads a stream: the same holds for what is read into it.
  MutableBytes buffer() noexcept { return {memory_.get(), slot_size}; }

  /// True for bytes that stay as they are until the next receive().
  bool holds(Bytes bytes) const noexcept {
    return std::greater_equal<>{}(bytes.data(), memory_.get()) &&
           std::less<>{}(bytes.data(), memory_.get() + capacity * slot_size);
  }

  /// One of them; views are valid until the next receive(). `ip.local` is none where the socket's address says it.
  Datagram datagram(std::size_t index, SocketId socket) const noexcept;

 private:
  static constexpr std::size_t slot_size = 65'536;  // no UDP datagram is larger
  static constexpr std::size_t control_size = 128;  // packet information and traffic class of either family

  struct Slot {
    SocketAddress from;
    iovec payload;
    alignas(cmsghdr) std::array<std::byte, control_size> control;
  };

  std::unique_ptr<std::uint8_t[]> memory_;
  std::array<Slot, capacity> slots_;
  std::array<mmsghdr, capacity> headers_;
};

/// What a message is sent from: head, body and padding.
inline constexpr std::size_t parts_of_a_datagram = 3;
void put_parts(const Transmit& packet, std::span<iovec, parts_of_a_datagram> parts) noexcept;

/// The control messages that go with a datagram. It lives as long as the msghdr that it was put into.
class SendControl {
 public:
  /// Source address, DSCP and ECN; the first of all.
  void put_metadata(msghdr& message, const Transmit& packet, const Address& source) noexcept;
  /// Lets the system cut what is sent into datagrams of this size (UDP_SEGMENT).
  void put_segment_size(msghdr& message, std::size_t size) noexcept;

 private:
  template <class T>
  static void put(msghdr& message, int level, int type, const T& value) noexcept;

  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int)) +
                                             CMSG_SPACE(sizeof(std::uint16_t))> bytes_;
};

/// Sends it at once, or not at all, from `source` where that is an address, which only an unbound socket needs to be
/// told. errc::would_block when the socket's buffer is full, else the system's error.
result<void> send_datagram(int fd, const Transmit& packet, const Address& source) noexcept;

/// One entry of the socket's error queue: what ICMP said of a datagram to `to`.
struct IcmpError {
  Endpoint to;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t mtu = 0;  ///< where the datagram was too big
};

/// The oldest entry that came from the network, or that says how long a datagram may be; nothing when the queue is
/// empty. Other entries of the local stack, which the failed call has told already, are skipped.
std::optional<IcmpError> next_icmp_error(int fd) noexcept;

/// What a router would have said, for an error of the local stack that means the same.
std::optional<IcmpError> as_icmp_error(const std::error_code& error, const Endpoint& to) noexcept;

}  // namespace ice::io
