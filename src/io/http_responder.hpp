#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "ice/base/machine.hpp"

namespace ice::io::detail {

/// As much of HTTP/1.0 (RFC 1945) as Prometheus needs: `GET /metrics` is answered with a text, anything else with an
/// error, and every connection is closed then. A machine on a listening socket without framing.
///
/// Whoever connects costs at most one request of most_request bytes for `patience`, and there are never more than
/// most_connections.
class HttpResponder {
 public:
  struct Event {};  ///< there is none

  static constexpr std::size_t most_connections = 16;
  static constexpr std::size_t most_request = 4096;
  static constexpr std::chrono::seconds patience{10};

  /// `text` is called for each answer.
  explicit HttpResponder(std::function<std::string()> text) : text_{std::move(text)} {}

  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  void handle_timeout(TimePoint now);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<Event> poll_event() noexcept { return std::nullopt; }
  std::optional<SocketRequest> poll_socket();
  void handle_socket(TimePoint now, const SocketEvent& event);
  std::optional<TimePoint> next_timeout() const;

 private:
  enum class Stage : std::uint8_t { reading, answering, closing };
  struct Connection {
    SocketId socket{};
    Endpoint peer;
    TimePoint deadline;
    Stage stage = Stage::reading;
    std::string text;  // the request, then its answer
  };

  Connection* find(SocketId socket) noexcept;
  std::string answer_to(std::string_view request) const;

  std::function<std::string()> text_;
  std::deque<Connection> connections_;  // oldest first, so the first deadline is that of the first
};

}  // namespace ice::io::detail
