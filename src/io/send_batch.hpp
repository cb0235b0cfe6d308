#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "ice/base/datagram.hpp"
#include "ice/base/result.hpp"
#include "io/udp.hpp"

namespace ice::io {

/// Datagrams that wait until the batch they answer has been read, to leave with one system call a socket; equal ones to
/// one destination as one packet that the system cuts (UDP_SEGMENT). Per socket their order is kept.
class SendBatch {
 public:
  static constexpr std::size_t capacity = DatagramBatch::capacity;

  SendBatch();

  bool empty() const noexcept { return begin_ == size_; }

  /// Keeps a packet, with a copy of its head; of its body only where that will not stay. False if there is no room.
  /// `source` as in send_datagram().
  bool add(const Transmit& packet, const Address& source, bool body_stays) noexcept;

  /// How many packets are next: those of one socket.
  std::size_t next() noexcept;
  /// One of them.
  const Transmit& packet(std::size_t index) const noexcept { return packets_[order_[begin_ + index]]; }

  /// Sends packets that are next, from the first one on and as far as they want the same fragmentation: how many, or
  /// the error of the first one. `segment` lets the system cut.
  result<std::size_t> send_next(int fd, bool segment) noexcept;

  /// How many packets shared the first message of the last send_next(): above 1, the system should have cut it.
  std::size_t joined() const noexcept { return covered_[0]; }

  /// Done with so many of those that are next.
  void drop(std::size_t count) noexcept;

 private:
  // What the system takes as one packet (UDP_MAX_SEGMENTS; before 6.9 it was 64), and what fits a datagram.
  static constexpr std::size_t most_segments = 64;
  static constexpr std::size_t most_segmented_bytes = 65'000;
  static constexpr std::size_t area_size = 65'536;

  bool copy(Bytes& bytes) noexcept;
  bool joins(std::size_t first, std::size_t place, std::size_t bytes) const noexcept;
  std::size_t put_message(std::size_t first, std::size_t message, bool segment) noexcept;

  std::array<Transmit, capacity> packets_;
  std::array<Address, capacity> sources_;
  std::array<std::uint8_t, capacity> order_;  // in which they leave
  std::size_t begin_ = 0;                     // places in order_: what has left is before it,
  std::size_t end_ = 0;                       // what is next is before it,
  std::size_t size_ = 0;                      // and all that is there
  std::unique_ptr<std::uint8_t[]> area_;
  std::size_t area_used_ = 0;

  // One call's messages, each with packets that follow each other.
  std::array<mmsghdr, capacity> headers_;
  std::array<std::size_t, capacity> covered_;
  std::array<SocketAddress, capacity> to_;
  std::array<SendControl, capacity> controls_;
  std::array<iovec, capacity * parts_of_a_datagram> parts_;
};

}  // namespace ice::io
