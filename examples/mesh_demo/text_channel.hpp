#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "ice/base/bytes.hpp"
#include "ice/base/result.hpp"
#include "ice/base/time.hpp"

namespace ice::mesh {

/// Texts over datagrams that may be lost, repeated or overtaken: each arrives once, in order, if the peer lives. One
/// message is on its way at a time, and is sent again until it is acknowledged; ICE gives a path, not a transport.
///
/// A datagram is a letter (t text, p probe, b bye, a acknowledgement: none of them begins STUN, RFC 7983 §7), a number
/// of four bytes that counts messages from 1 in each direction, and the text in UTF-8.
class TextChannel {
 public:
  static constexpr std::size_t longest_text = 1100;  ///< stays below every path MTU worth the name
  static constexpr std::size_t most_waiting = 256;   ///< messages that are not acknowledged
  static constexpr Duration first_interval = std::chrono::milliseconds{200};  ///< until it is sent again; then doubled
  static constexpr Duration longest_interval = std::chrono::seconds{2};

  /// What a datagram of the peer told.
  struct Heard {
    enum class Kind : std::uint8_t { nothing, text, bye, alive };
    Kind kind = Kind::nothing;
    std::string_view text{};  ///< a view of the datagram
  };

  // ---- verbs: what the peer shall hear, in this order

  /// errc::text_too_long, errc::bad_text for what is not UTF-8, errc::limit_reached, errc::closed after say_bye().
  result<void> say(std::string_view text);
  /// Asks whether the peer lives: Heard::Kind::alive once a message that was first sent after this is acknowledged. The
  /// next one that waits will do; where none waits, an empty one is sent.
  void probe();
  /// The last message of all.
  void say_bye();

  // ---- what arrives, what leaves

  Heard handle_datagram(TimePoint now, Bytes datagram);
  /// The next datagram, a view until the next call. To be called only while there is a path.
  std::optional<Bytes> poll_transmit(TimePoint now);
  /// When poll_transmit() has something; meaningless without a path.
  std::optional<TimePoint> next_timeout() const;

  // ---- getters

  /// Everything said is acknowledged.
  bool idle() const noexcept { return waiting_.empty(); }
  /// say() would refuse.
  bool full() const noexcept { return waiting_.size() >= most_waiting; }
  /// When the message on its way was sent for the first time; nothing if none is.
  std::optional<TimePoint> unacknowledged_since() const noexcept;
  std::uint64_t malformed() const noexcept { return malformed_; }
  std::uint64_t resent() const noexcept { return resent_; }

 private:
  struct Message {
    char kind;
    std::string text;
  };

  void write(char kind, std::uint32_t number, std::string_view text);
  Heard acknowledged(std::uint32_t number);

  std::deque<Message> waiting_;  ///< the first one is on its way
  std::uint32_t first_number_ = 1;
  unsigned times_sent_ = 0;             ///< of the first one
  TimePoint first_sent_{};              ///< the first one, for the first time
  TimePoint sent_{};                    ///< the last time
  std::optional<std::uint32_t> proof_;  ///< acknowledging this number or a later one proves that the peer lives
  bool finished_ = false;

  std::uint32_t expected_ = 1;
  std::optional<std::uint32_t> to_acknowledge_;
  std::uint64_t malformed_ = 0;
  std::uint64_t resent_ = 0;
  std::string datagram_;
};

}  // namespace ice::mesh
