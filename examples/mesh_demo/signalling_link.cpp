#include "mesh_demo/signalling_link.hpp"

#include <utility>

namespace ice::mesh {
namespace {

// A server that sends more lines of garbage than this is none.
constexpr std::uint64_t most_malformed = 16;

}  // namespace

void SignallingLink::connect(TimePoint now) {
  connecting_ = true;
  deadline_ = now + patience;
  outgoing_.request(OpenSocket{.ticket = ticket_,
                               .kind = OpenSocket::Kind::connect,
                               .transport = Transport::tcp,
                               .remote = server_,
                               .framing = Framing::none});
}

void SignallingLink::send(const Message& message) {
  if (socket_) outgoing_.line(*socket_, format(message));
}

void SignallingLink::close() {
  connecting_ = false;
  deadline_.reset();
  if (socket_) outgoing_.request(CloseSocket{*std::exchange(socket_, std::nullopt)});
}

void SignallingLink::down(std::error_code why) {
  close();
  events_.push_back(LinkDown{why});
}

Received SignallingLink::handle_datagram(TimePoint, const Datagram& in) {
  lines_.feed(in.payload);
  while (socket_) {
    const auto line = lines_.next();
    if (!line) {
      down(line.error());
      return {Verdict::malformed};
    }
    if (!*line) break;
    auto message = parse(**line);
    if (message) {
      events_.push_back(std::move(*message));
    } else if (message.error() != errc::unsupported && ++malformed_ > most_malformed) {
      down(message.error());
      return {Verdict::malformed};
    }
  }
  return {Verdict::handled};
}

void SignallingLink::handle_socket(TimePoint now, const SocketEvent& event) {
  if (const auto* opened = std::get_if<SocketOpened>(&event)) {
    if (!connecting_) {  // given up since
      outgoing_.request(CloseSocket{opened->socket});
      return;
    }
    connecting_ = false;
    socket_ = opened->socket;
    deadline_ = now + patience;
    events_.push_back(LinkUp{opened->local});
  } else if (const auto* failed = std::get_if<SocketFailed>(&event)) {
    if (connecting_) down(failed->error);
  } else if (const auto* closed = std::get_if<SocketClosed>(&event)) {
    socket_.reset();
    down(closed->error ? closed->error : make_error_code(errc::closed));
  }
}

void SignallingLink::handle_timeout(TimePoint now) {
  if (deadline_ && *deadline_ <= now) down(make_error_code(errc::timed_out));
}

std::optional<LinkEvent> SignallingLink::poll_event() {
  if (events_.empty()) return std::nullopt;
  LinkEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace ice::mesh
