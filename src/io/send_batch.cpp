#include "io/send_batch.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ice::io {

SendBatch::SendBatch() : area_{new std::uint8_t[area_size]} {}

bool SendBatch::copy(Bytes& bytes) noexcept {
  if (bytes.size() > area_size - area_used_) return false;
  std::uint8_t* to = area_.get() + area_used_;
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  area_used_ += bytes.size();
  bytes = {to, bytes.size()};
  return true;
}

bool SendBatch::add(const Transmit& packet, const Address& source, bool body_stays) noexcept {
  if (size_ == capacity) return false;
  Transmit& kept = packets_[size_];
  kept = packet;
  if (!copy(kept.head) || (!body_stays && !copy(kept.body))) return false;
  sources_[size_] = source;
  order_[size_] = static_cast<std::uint8_t>(size_);
  ++size_;
  return true;
}

std::size_t SendBatch::next() noexcept {
  if (end_ == begin_ && !empty()) {
    // Others that stand between packets of this socket move behind them.
    const SocketId socket = packet(0).socket;
    std::array<std::uint8_t, capacity> others;
    std::size_t count = 0;
    for (std::size_t place = begin_; place < size_; ++place) {
      const std::uint8_t one = order_[place];
      (packets_[one].socket == socket ? order_[end_++] : others[count++]) = one;
    }
    std::copy_n(others.begin(), count, order_.begin() + static_cast<std::ptrdiff_t>(end_));
  }
  return end_ - begin_;
}

void SendBatch::drop(std::size_t count) noexcept {
  begin_ += count;
  if (begin_ == size_) begin_ = end_ = size_ = area_used_ = 0;
}

/// True if the packet at `place` can be cut from one message with those before it, from `first` on.
bool SendBatch::joins(std::size_t first, std::size_t place, std::size_t bytes) const noexcept {
  const Transmit& a = packets_[order_[first]];
  const Transmit& b = packets_[order_[place]];
  // All are of one size, but for the last, which may be shorter: so the one before must not be.
  return packets_[order_[place - 1]].size() == a.size() && b.size() <= a.size() && b.size() > 0 && a.to == b.to &&
         sources_[order_[first]] == sources_[order_[place]] && a.ip.dscp == b.ip.dscp && a.ip.ecn == b.ip.ecn &&
         a.ip.fragmentation == b.ip.fragmentation && place - first < most_segments &&
         bytes + b.size() <= most_segmented_bytes;
}

/// Makes a message of the packet at `first` and those after it that can share it. Returns where they end.
std::size_t SendBatch::put_message(std::size_t first, std::size_t message, bool segment) noexcept {
  std::size_t place = first;
  std::size_t bytes = 0;
  do {
    const Transmit& packet = packets_[order_[place]];
    bytes += packet.size();
    put_parts(packet, std::span{parts_}.subspan(place * parts_of_a_datagram).first<parts_of_a_datagram>());
    ++place;
  } while (segment && place < end_ && joins(first, place, bytes));
  const Transmit& packet = packets_[order_[first]];
  msghdr& header = headers_[message].msg_hdr;
  header = {};
  to_[message] = SocketAddress{packet.to};
  header.msg_name = to_[message].data();
  header.msg_namelen = to_[message].size();
  header.msg_iov = &parts_[first * parts_of_a_datagram];
  header.msg_iovlen = (place - first) * parts_of_a_datagram;
  controls_[message].put_metadata(header, packet, sources_[order_[first]]);
  if (place - first > 1) controls_[message].put_segment_size(header, packet.size());
  covered_[message] = place - first;
  return place;
}

result<std::size_t> SendBatch::send_next(int fd, bool segment) noexcept {
  unsigned messages = 0;
  // The socket can be told only once how to treat them all.
  const Fragmentation fragmentation = packet(0).ip.fragmentation;
  for (std::size_t place = begin_; place < end_ && packets_[order_[place]].ip.fragmentation == fragmentation;) {
    place = put_message(place, messages++, segment);
  }
  int sent;
  do {
    sent = ::sendmmsg(fd, headers_.data(), messages, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return fail(last_error());
  std::size_t packets = 0;
  for (int i = 0; i < sent; ++i) packets += covered_[static_cast<std::size_t>(i)];
  return packets;
}

}  // namespace ice::io
