#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "ice/base/datagram.hpp"
#include "ice/base/socket.hpp"

namespace ice::mesh {

/// Lines on their way to streams, and what shall become of sockets, in such an order that last words come before the
/// end of a connection. It is emptied after every input, so that it never holds more than one input causes.
class Outgoing {
 public:
  void line(SocketId socket, std::string line) { lines_.push_back({socket, std::move(line)}); }
  void request(SocketRequest request) { requests_.push_back(std::move(request)); }

  /// The next line, shown until the next call.
  std::optional<Transmit> poll_transmit() {
    if (lines_.empty()) return std::nullopt;
    sending_ = std::move(lines_.front());
    lines_.pop_front();
    Transmit out;
    out.socket = sending_.socket;
    out.body = bytes_of(sending_.text);
    return out;
  }

  /// The next request, once no line is left.
  std::optional<SocketRequest> poll_socket() {
    if (requests_.empty() || !lines_.empty()) return std::nullopt;
    SocketRequest request = std::move(requests_.front());
    requests_.pop_front();
    return request;
  }

 private:
  struct Line {
    SocketId socket{};
    std::string text;
  };

  std::deque<Line> lines_;
  Line sending_;
  std::deque<SocketRequest> requests_;
};

}  // namespace ice::mesh
