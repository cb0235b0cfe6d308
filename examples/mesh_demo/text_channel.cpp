#include "mesh_demo/text_channel.hpp"

#include <algorithm>

#include "common/utf8.hpp"

namespace ice::mesh {
namespace {

constexpr char text_kind = 't';
constexpr char probe_kind = 'p';
constexpr char bye_kind = 'b';
constexpr char acknowledgement_kind = 'a';
constexpr std::size_t header_size = 5;

std::uint32_t number_of(Bytes datagram) noexcept {
  std::uint32_t number = 0;
  for (const std::uint8_t byte : datagram.subspan(1, 4)) number = number << 8 | byte;
  return number;
}

Duration interval_after(unsigned times_sent) noexcept {
  Duration interval = TextChannel::first_interval;
  for (unsigned i = 1; i < times_sent && interval < TextChannel::longest_interval; ++i) interval *= 2;
  return std::min(interval, TextChannel::longest_interval);
}

}  // namespace

result<void> TextChannel::say(std::string_view text) {
  if (finished_) return fail(errc::closed);
  if (text.size() > longest_text) return fail(errc::text_too_long);
  if (!programs::is_utf8(text)) return fail(errc::bad_text);
  if (full()) return fail(errc::limit_reached);
  waiting_.push_back({text_kind, std::string{text}});
  return {};
}

void TextChannel::probe() {
  // An acknowledgement of what was sent before the question may have been on its way when the peer died.
  const std::size_t on_its_way = times_sent_ > 0 ? 1 : 0;
  proof_ = first_number_ + static_cast<std::uint32_t>(on_its_way);
  if (waiting_.size() == on_its_way && !finished_) waiting_.push_back({probe_kind, {}});
  times_sent_ = std::min(times_sent_, 1U);  // the answer must not wait for a long interval
}

void TextChannel::say_bye() {
  if (finished_) return;
  finished_ = true;
  waiting_.push_back({bye_kind, {}});
}

TextChannel::Heard TextChannel::handle_datagram(TimePoint, Bytes datagram) {
  if (datagram.size() < header_size || datagram.size() > header_size + longest_text) {
    ++malformed_;
    return {};
  }
  const char kind = static_cast<char>(datagram[0]);
  const std::uint32_t number = number_of(datagram);
  const std::string_view text = text_of(datagram.subspan(header_size));
  if (kind == acknowledgement_kind) return acknowledged(number);
  const bool known = kind == text_kind || kind == probe_kind || kind == bye_kind;
  if (!known || number > expected_ || number == 0 || !programs::is_utf8(text)) {
    ++malformed_;
    return {};
  }
  to_acknowledge_ = number;
  if (number < expected_) return {};  // again: the acknowledgement was lost
  ++expected_;
  if (kind == text_kind) return {Heard::Kind::text, text};
  if (kind == bye_kind) return {Heard::Kind::bye};
  return {};
}

TextChannel::Heard TextChannel::acknowledged(std::uint32_t number) {
  if (waiting_.empty() || times_sent_ == 0 || number != first_number_) return {};
  waiting_.pop_front();
  ++first_number_;
  times_sent_ = 0;
  if (!proof_ || number < *proof_) return {};
  proof_.reset();
  return {Heard::Kind::alive};
}

std::optional<Bytes> TextChannel::poll_transmit(TimePoint now) {
  if (to_acknowledge_) {
    write(acknowledgement_kind, *to_acknowledge_, {});
    to_acknowledge_.reset();
    return bytes_of(datagram_);
  }
  const auto due = next_timeout();
  if (!due || *due > now) return std::nullopt;
  write(waiting_.front().kind, first_number_, waiting_.front().text);
  if (times_sent_ == 0)
    first_sent_ = now;
  else
    ++resent_;
  ++times_sent_;
  sent_ = now;
  return bytes_of(datagram_);
}

std::optional<TimePoint> TextChannel::next_timeout() const {
  if (waiting_.empty()) return std::nullopt;
  return times_sent_ == 0 ? TimePoint::min() : sent_ + interval_after(times_sent_);
}

std::optional<TimePoint> TextChannel::unacknowledged_since() const noexcept {
  if (waiting_.empty() || times_sent_ == 0) return std::nullopt;
  return first_sent_;
}

void TextChannel::write(char kind, std::uint32_t number, std::string_view text) {
  datagram_.assign(1, kind);
  for (int shift = 24; shift >= 0; shift -= 8) datagram_ += static_cast<char>(number >> shift & 0xff);
  datagram_ += text;
}

}  // namespace ice::mesh
