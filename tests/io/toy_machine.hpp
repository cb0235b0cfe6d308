#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ice/base/machine.hpp"

namespace ice::io {

/// A machine that knows no protocol, so that a test sees the driver alone. The first byte of a datagram says what to
/// do with it: '=' sends it back as protocol, '>' sends it back by `forward`, '!' malformed, '?' not mine, '#'
/// unauthenticated, and sent back by `forward` too, all else is application data.
class ToyMachine {
 public:
  struct Event {
    std::string what;
  };

  Received handle_datagram(TimePoint, const Datagram& in, MutableBytes scratch) {
    ++datagrams;
    last = {in.socket, in.from, {}, in.ip};
    switch (in.payload.empty() ? '\0' : static_cast<char>(in.payload[0])) {
      case '=':
        answer_ = Answer{in.socket, in.from, std::min(in.payload.size(), answer_bytes_.size()), in.ip};
        std::memcpy(answer_bytes_.data(), in.payload.data(), answer_->size);
        if (answer_prefix) answer_bytes_[0] = static_cast<std::uint8_t>(*answer_prefix);
        return {};
      case '>':
        return {.verdict = Verdict::forward, .forward = echo(in, scratch)};
      case '!':
        return {.verdict = Verdict::malformed};
      case '?':
        return {.verdict = Verdict::not_mine};
      case '#':
        return {.verdict = Verdict::unauthenticated, .forward = echo(in, scratch)};
      default:
        return {.verdict = Verdict::application_data, .data = in.payload, .from = in.from};
    }
  }

  void handle_timeout(TimePoint now) {
    ++timeouts;
    if (!timeout_ || *timeout_ > now) return;
    timeout_.reset();
    if (answer_to_) {
      answer_ = Answer{last.socket, *std::exchange(answer_to_, std::nullopt), 1, last.ip};
    } else {
      events.push_back({"timeout"});
    }
  }

  Transmit echo(const Datagram& in, MutableBytes scratch) const {
    const std::size_t size = std::min(in.payload.size(), scratch.size());
    std::memcpy(scratch.data(), in.payload.data(), size);
    if (answer_prefix) scratch[0] = static_cast<std::uint8_t>(*answer_prefix);
    return {in.socket, in.from, scratch.first(size), {}, 0, {}};
  }

  std::optional<Transmit> poll_transmit(TimePoint, MutableBytes scratch) {
    if (answer_) {
      const Answer answer = *std::exchange(answer_, std::nullopt);
      std::memcpy(scratch.data(), answer_bytes_.data(), answer.size);
      return Transmit{answer.socket, answer.to, scratch.first(answer.size), {}, 0, {answer.ip.local, 0, 0}};
    }
    if (out.empty()) return std::nullopt;
    sending_ = std::move(out.front());
    out.pop_front();
    return sending_.as_transmit();
  }

  std::optional<Event> poll_event() {
    if (events.empty()) return std::nullopt;
    Event event = std::move(events.front());
    events.pop_front();
    return event;
  }

  std::optional<SocketRequest> poll_socket() {
    if (requests.empty()) return std::nullopt;
    SocketRequest request = std::move(requests.front());
    requests.pop_front();
    return request;
  }

  void handle_socket(TimePoint, const SocketEvent& event) {
    socket_events.push_back(event);
    events.push_back({"socket"});
  }

  std::optional<TimePoint> next_timeout() const { return timeout_; }

  // Verbs.
  void set_timeout(std::optional<TimePoint> at) { timeout_ = at; }
  void answer_at(TimePoint at, const Endpoint& to) { timeout_ = at, answer_to_ = to; }
  struct Packet {
    SocketId socket{};
    Endpoint to;
    std::string head;
    std::string body{};
    std::uint8_t padding = 0;
    IpMetadata ip{};

    Transmit as_transmit() const { return {socket, to, bytes_of(head), bytes_of(body), padding, ip}; }
  };
  void say(Packet packet) { out.push_back(std::move(packet)); }
  void want(SocketRequest request) { requests.push_back(std::move(request)); }

  template <class E>
  std::vector<E> socket_events_of() const {
    std::vector<E> found;
    for (const SocketEvent& event : socket_events) {
      if (const E* one = std::get_if<E>(&event)) found.push_back(*one);
    }
    return found;
  }

  std::optional<char> answer_prefix;  ///< the first byte of an answer, in place of the question's
  std::uint64_t datagrams = 0;
  std::uint64_t timeouts = 0;
  Datagram last{};
  std::deque<Event> events;
  std::deque<Packet> out;
  std::deque<SocketRequest> requests;
  std::vector<SocketEvent> socket_events;

 private:
  struct Answer {
    SocketId socket{};
    Endpoint to;
    std::size_t size = 0;
    IpMetadata ip{};
  };
  std::optional<TimePoint> timeout_;
  std::optional<Answer> answer_;
  std::optional<Endpoint> answer_to_;
  std::array<std::uint8_t, 1500> answer_bytes_{};
  Packet sending_;
};
static_assert(SocketMachine<ToyMachine>);

}  // namespace ice::io
