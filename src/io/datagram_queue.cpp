#include "io/datagram_queue.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

namespace ice::io::detail {
namespace {

constexpr std::size_t first_capacity = 4096;

}  // namespace

bool DatagramQueue::push(Bytes datagram) {
  const std::size_t needed = used_ + overhead + datagram.size();
  if (needed > limit_) return false;
  if (needed > ring_.size()) grow(needed);
  std::array<std::uint8_t, overhead> prefix;
  const auto size = static_cast<std::uint32_t>(datagram.size());
  std::memcpy(prefix.data(), &size, prefix.size());
  write(prefix);
  write(datagram);
  return true;
}

std::size_t DatagramQueue::pop(MutableBytes out) noexcept {
  assert(!empty());
  std::array<std::uint8_t, overhead> prefix;
  read(prefix);
  std::uint32_t size = 0;
  std::memcpy(&size, prefix.data(), prefix.size());
  const std::size_t taken = std::min<std::size_t>(size, out.size());
  read(out.first(taken));
  skip(size - taken);
  return size;
}

void DatagramQueue::grow(std::size_t needed) {
  std::vector<std::uint8_t> larger(std::min(limit_, std::max({needed, 2 * ring_.size(), first_capacity})));
  const std::size_t used = used_;
  read(MutableBytes{larger}.first(used));
  ring_ = std::move(larger);
  begin_ = 0;
  used_ = used;
}

void DatagramQueue::write(Bytes bytes) noexcept {
  if (bytes.empty()) return;
  const std::size_t end = (begin_ + used_) % ring_.size();
  const std::size_t first = std::min(bytes.size(), ring_.size() - end);
  std::memcpy(ring_.data() + end, bytes.data(), first);
  if (first < bytes.size()) std::memcpy(ring_.data(), bytes.data() + first, bytes.size() - first);
  used_ += bytes.size();
}

void DatagramQueue::read(MutableBytes out) noexcept {
  if (out.empty()) return;
  const std::size_t first = std::min(out.size(), ring_.size() - begin_);
  std::memcpy(out.data(), ring_.data() + begin_, first);
  if (first < out.size()) std::memcpy(out.data() + first, ring_.data(), out.size() - first);
  skip(out.size());
}

void DatagramQueue::skip(std::size_t size) noexcept {
  if (size == 0) return;
  begin_ = (begin_ + size) % ring_.size();
  used_ -= size;
}

}  // namespace ice::io::detail
