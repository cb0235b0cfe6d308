#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ice/base/bytes.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"

namespace ice {

/// How messages are told apart on a stream. On datagram sockets it is always `none`.
enum class Framing : std::uint8_t {
  none,  ///< no messages: bytes as they come
  stun,  ///< STUN messages and ChannelData padded to four bytes, by their own length (RFC 8489 §6.2.2, RFC 8656 §12.5)
  rfc4571,  ///< two bytes of length before each message
};

/// Cuts a byte stream into whole messages. It knows length rules alone. Memory is bounded by one message of the
/// largest length that the framing can express, and is released when no message is half read.
class ICE_API Deframer {
 public:
  explicit Deframer(Framing framing) noexcept : framing_{framing} {}

  /// Gives the next bytes of the stream. Call next() until it has nothing more before the next feed(); `input` must
  /// live until then.
  void feed(Bytes input);

  /// The next whole message, a view that is valid until the next call of next() or feed(); without the length prefix
  /// for rfc4571, without padding for ChannelData. Nothing when more bytes are needed.
  /// errc::not_stun: the stream cannot be cut any further and must be closed.
  result<std::optional<Bytes>> next();

  /// Cuts by this framing from now on, beginning with the first byte behind the last message. To be called between
  /// messages, or while the last one is looked at.
  void set_framing(Framing framing) noexcept { framing_ = framing; }

  /// Bytes kept of a message that is not whole yet.
  std::size_t buffered() const noexcept { return partial_given_ ? 0 : partial_.size(); }

 private:
  result<std::size_t> frame_length(Bytes start) const noexcept;
  Bytes unframed(Bytes frame) const noexcept;
  void keep_up_to(std::size_t size);

  Framing framing_;
  Bytes input_;
  std::vector<std::uint8_t> partial_;
  bool partial_given_ = false;
};

/// What has to stand before a message of `size` bytes on a stream: two bytes of length for rfc4571, nothing else.
/// A view of `out`. errc::limit_reached where the framing cannot express the size.
ICE_API result<Bytes> frame_prefix(Framing framing, std::size_t size, MutableBytes out) noexcept;

}  // namespace ice
