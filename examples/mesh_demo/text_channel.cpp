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
  if (!finished_) waiting_.push_back({probe_kind, {}});
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
  const bool probe = waiting_.front().kind == probe_kind;
  waiting_.pop_front();
  ++first_number_;
  times_sent_ = 0;
  return {probe ? Heard::Kind::probe_answered : Heard::Kind::nothing};
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
  if (times_sent_++ > 0) ++resent_;
  sent_ = now;
  return bytes_of(datagram_);
}

std::optional<TimePoint> TextChannel::next_timeout() const {
  if (waiting_.empty()) return std::nullopt;
  return times_sent_ == 0 ? TimePoint::min() : sent_ + interval_after(times_sent_);
}

void TextChannel::write(char kind, std::uint32_t number, std::string_view text) {
  datagram_.assign(1, kind);
  for (int shift = 24; shift >= 0; shift -= 8) datagram_ += static_cast<char>(number >> shift & 0xff);
  datagram_ += text;
}

}  // namespace ice::mesh
