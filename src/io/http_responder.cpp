#include "io/http_responder.hpp"

#include <algorithm>
#include <utility>

namespace ice::io::detail {
namespace {

constexpr std::string_view end_of_header = "\r\n\r\n";

std::string response(std::string_view status, std::string_view type, std::string_view body) {
  std::string made = "HTTP/1.0 ";
  made.append(status).append("\r\nContent-Type: ").append(type).append("\r\nContent-Length: ");
  made.append(std::to_string(body.size())).append("\r\nConnection: close\r\n\r\n").append(body);
  return made;
}

std::string error_response(std::string_view status) {
  return response(status, "text/plain; charset=utf-8", std::string{status} + "\n");
}

}  // namespace

HttpResponder::Connection* HttpResponder::find(SocketId socket) noexcept {
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const Connection& one) { return one.socket == socket; });
  return found == connections_.end() ? nullptr : &*found;
}

std::string HttpResponder::answer_to(std::string_view request) const {
  // The request line: method, target, version (RFC 1945 §5.1).
  const std::string_view line = request.substr(0, request.find("\r\n"));
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || !line.substr(last + 1).starts_with("HTTP/")) {
    return error_response("400 Bad Request");
  }
  if (line.substr(0, first) != "GET") return error_response("405 Method Not Allowed");
  if (line.substr(first + 1, last - first - 1) != "/metrics") return error_response("404 Not Found");
  return response("200 OK", "text/plain; version=0.0.4; charset=utf-8", text_());
}

Received HttpResponder::handle_datagram(TimePoint, const Datagram& in, MutableBytes) {
  Connection* connection = find(in.socket);
  if (connection == nullptr) return {.verdict = Verdict::not_mine};
  if (connection->stage != Stage::reading) return {};
  const std::size_t room = most_request - connection->text.size();
  connection->text.append(text_of(in.payload.first(std::min(room, in.payload.size()))));
  if (connection->text.find(end_of_header) != std::string::npos) {
    connection->text = answer_to(connection->text);
    connection->stage = Stage::answering;
  } else if (connection->text.size() == most_request) {
    connection->text = error_response("400 Bad Request");
    connection->stage = Stage::answering;
    return {.verdict = Verdict::malformed};
  }
  return {};
}

void HttpResponder::handle_timeout(TimePoint now) {
  for (Connection& one : connections_) {
    if (one.deadline <= now && one.stage == Stage::reading) one.stage = Stage::closing;
  }
}

std::optional<Transmit> HttpResponder::poll_transmit(TimePoint, MutableBytes) {
  for (Connection& one : connections_) {
    if (one.stage != Stage::answering) continue;
    one.stage = Stage::closing;
    return Transmit{one.socket, one.peer, {}, bytes_of(one.text), 0, {}};
  }
  return std::nullopt;
}

std::optional<SocketRequest> HttpResponder::poll_socket() {
  const auto done = std::find_if(connections_.begin(), connections_.end(),
                                 [](const Connection& one) { return one.stage == Stage::closing; });
  if (done == connections_.end()) return std::nullopt;
  const SocketId socket = done->socket;
  connections_.erase(done);
  return CloseSocket{socket};
}

void HttpResponder::handle_socket(TimePoint now, const SocketEvent& event) {
  if (const auto* accepted = std::get_if<SocketAccepted>(&event)) {
    // One too many is closed at once.
    const bool full = connections_.size() >= most_connections;
    connections_.push_back(
        {accepted->socket, accepted->remote, now + patience, full ? Stage::closing : Stage::reading, {}});
  } else if (const auto* closed = std::get_if<SocketClosed>(&event)) {
    std::erase_if(connections_, [&](const Connection& one) { return one.socket == closed->socket; });
  }
}

std::optional<TimePoint> HttpResponder::next_timeout() const {
  const auto waiting = std::find_if(connections_.begin(), connections_.end(),
                                    [](const Connection& one) { return one.stage == Stage::reading; });
  if (waiting == connections_.end()) return std::nullopt;
  return waiting->deadline;
}

}  // namespace ice::io::detail
