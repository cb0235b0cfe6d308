#include "ice/base/framing.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace ice {
namespace {

constexpr std::size_t stun_header = 20;         // RFC 8489 §5
constexpr std::size_t channel_data_header = 4;  // RFC 8656 §12.4
constexpr std::size_t rfc4571_header = 2;       // RFC 4571 §2

constexpr std::size_t largest_length = 0xffff;                                          // all three have 16 bits of it
constexpr std::size_t largest_stun = stun_header + (largest_length & ~std::size_t{3});  // longer than any ChannelData

constexpr bool is_stun(std::uint8_t first) noexcept { return first >> 6 == 0; }          // RFC 8489 §5
constexpr bool is_channel_data(std::uint8_t first) noexcept { return first >> 6 == 1; }  // RFC 7983 §7

constexpr std::size_t length_field(Bytes bytes, std::size_t at) noexcept {
  return static_cast<std::size_t>(bytes[at]) << 8 | bytes[at + 1];
}

}  // namespace

/// The size of the frame that begins with `start`; 0 while too little of it is there to tell.
result<std::size_t> Deframer::frame_length(Bytes start) const noexcept {
  if (framing_ == Framing::rfc4571) {
    if (start.size() < rfc4571_header) return 0;
    return rfc4571_header + length_field(start, 0);
  }
  if (start.empty()) return 0;
  // RFC 8656 §12.6 has channel numbers above 0x4fff discarded silently. That is for the reader of the message: up to
  // 0x7fff, which RFC 5766 allowed, they have a length to cut by.
  if (!is_stun(start[0]) && !is_channel_data(start[0])) return fail(errc::not_stun);
  if (start.size() < channel_data_header) return 0;
  const std::size_t length = length_field(start, 2);
  if (is_channel_data(start[0])) return channel_data_header + ((length + 3) & ~std::size_t{3});
  if (length % 4 != 0) return fail(errc::not_stun);  // RFC 8489 §5: its last two bits are always zero
  return stun_header + length;
}

Bytes Deframer::unframed(Bytes frame) const noexcept {
  if (framing_ == Framing::rfc4571) return frame.subspan(rfc4571_header);
  if (is_channel_data(frame[0])) return frame.first(channel_data_header + length_field(frame, 2));
  return frame;
}

void Deframer::feed(Bytes input) {
  assert(input_.empty());
  input_ = input;
}

result<std::optional<Bytes>> Deframer::next() {
  if (partial_given_) {
    partial_ = {};
    partial_given_ = false;
  }
  if (framing_ == Framing::none) {
    if (!partial_.empty()) {
      partial_given_ = true;
      return std::optional<Bytes>{partial_};
    }
    if (input_.empty()) return std::optional<Bytes>{};
    return std::optional{std::exchange(input_, {})};
  }
  if (partial_.empty()) {
    const auto length = frame_length(input_);
    if (!length) return fail(length.error());
    if (*length != 0 && *length <= input_.size()) {
      const Bytes frame = input_.first(*length);
      input_ = input_.subspan(frame.size());
      return std::optional{unframed(frame)};
    }
  }
  // The header first, since only it tells how much more belongs to this message.
  keep_up_to(framing_ == Framing::rfc4571 ? rfc4571_header : channel_data_header);
  const auto length = frame_length(partial_);
  if (!length) return fail(length.error());
  if (*length == 0) return std::optional<Bytes>{};
  keep_up_to(*length);
  if (partial_.size() < *length) return std::optional<Bytes>{};
  partial_given_ = true;
  return std::optional{unframed(partial_)};
}

/// Moves input to the kept bytes until those are `size` long. Doubling makes the whole linear, however small the
/// pieces are; growing only with what has come means that a lying length alone makes us keep nothing.
void Deframer::keep_up_to(std::size_t size) {
  if (partial_.size() >= size || input_.empty()) return;
  const Bytes more = input_.first(std::min(size - partial_.size(), input_.size()));
  const std::size_t needed = partial_.size() + more.size();
  if (needed > partial_.capacity()) partial_.reserve(std::min(size, std::max(needed, 2 * partial_.capacity())));
  partial_.insert(partial_.end(), more.begin(), more.end());
  input_ = input_.subspan(more.size());
}

result<Bytes> frame_prefix(Framing framing, std::size_t size, MutableBytes out) noexcept {
  switch (framing) {
    case Framing::none:
      break;
    case Framing::stun:
      if (size > largest_stun) return fail(errc::limit_reached);
      break;
    case Framing::rfc4571:
      if (size > largest_length) return fail(errc::limit_reached);
      if (out.size() < rfc4571_header) return fail(errc::buffer_too_small);
      out[0] = static_cast<std::uint8_t>(size >> 8);
      out[1] = static_cast<std::uint8_t>(size & 0xff);
      return Bytes{out.first(rfc4571_header)};
  }
  return Bytes{};
}

}  // namespace ice
