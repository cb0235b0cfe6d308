#include "sim/stream.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "sim/host_state.hpp"

namespace ice::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration initial_timeout = 1s;   // RFC 6298 §2.1
constexpr Duration least_timeout = 200ms;  // what kernels use in place of RFC 6298 §2.4's second
constexpr unsigned most_syn_retries = 5;   // 63 s of silence; RFC 1122 §4.2.3.5 wants 3 minutes, nobody waits so long
constexpr unsigned most_data_retries = 8;  // 102 s on a short path; RFC 1122 §4.2.3.5 wants 100 s
constexpr unsigned duplicates_to_resend = 3;   // RFC 5681 §3.2
constexpr std::size_t initial_segment = 1220;  // fits the least IPv6 MTU, 1280
constexpr std::size_t least_segment = 88;      // fits the least IPv4 path MTU that is credible

}  // namespace

Stream::Stream(Host::State& host, Socket& socket, const Endpoint& remote)
    : host_{host},
      socket_{socket},
      remote_{remote},
      first_{host.random.next() & 0xffffffffU},
      oldest_{first_},
      next_{first_},
      highest_{first_},
      data_start_{first_ + 1},
      segment_size_{initial_segment},
      timeout_{initial_timeout},
      timer_{*host.self, [this] { timed_out(); }},
      deframer_{socket.framing} {}

void Stream::connect() { send_syn(); }

void Stream::accept(const Packet& syn, SocketId listener) {
  accepted_ = true;
  listener_ = listener;
  state_ = State::syn_received;
  expected_ = syn.tcp.sequence + 1;
  send_syn();
}

void Stream::send_syn() {
  if (retries_ == 0) syn_sent_at_ = host_.network.now;
  next_ = highest_ = first_ + 1;
  const bool answer = state_ == State::syn_received;
  segment(answer ? TcpHeader::syn | TcpHeader::ack : TcpHeader::syn, first_);
  arm();
}

void Stream::segment(std::uint8_t flags, std::uint64_t sequence, Bytes payload) {
  PacketPtr packet = host_.network.packets.take();
  packet->protocol = Protocol::tcp;
  packet->from = socket_.local;
  packet->to = remote_;
  packet->tcp = {sequence, (flags & TcpHeader::ack) != 0 ? expected_ : 0, flags};
  packet->payload.assign(payload.begin(), payload.end());
  host_.send_packet(std::move(packet));
}

result<void> Stream::send(const Transmit& transmit, Host::Priority priority) {
  if (state_ != State::established || fin_queued_) return fail(errc::no_such_socket);
  std::array<std::uint8_t, 4> room;
  const auto prefix = frame_prefix(socket_.framing, transmit.size(), room);
  if (!prefix) return fail(prefix.error());
  std::size_t bound = Host::stream_send_buffer;
  if (priority == Host::Priority::control) bound += Host::stream_control_reserve;
  if (buffer_.size() - consumed_ + prefix->size() + transmit.size() > bound) return fail(errc::would_block);
  for (const Bytes piece : {*prefix, transmit.head, transmit.body}) {
    buffer_.insert(buffer_.end(), piece.begin(), piece.end());
  }
  buffer_.insert(buffer_.end(), transmit.padding, std::uint8_t{0});
  push();
  tell_flow();
  return {};
}

/// For bytes without framing: a full buffer is one that is half full, so that there is room for what is under way.
void Stream::tell_flow() {
  const bool full = buffer_.size() - consumed_ > Host::stream_send_buffer / 2;
  if (full == full_ || socket_.framing != Framing::none) return;
  full_ = full;
  later([full](Stream& stream) {
    if (stream.socket_.owner != nullptr) stream.socket_.owner->on_socket(SocketFlow{stream.socket_.id, full});
  });
}

/// From the running network, if the stream lives then.
template <class What>
void Stream::later(What what) {
  host_.network.schedule(host_.network.now, [&host = host_, id = socket_.id, what] {
    Socket* socket = host.find(id);
    if (socket != nullptr && socket->stream && host.alive) what(*socket->stream);
  });
}

void Stream::push() {
  if (state_ != State::established) return;
  while (next_ < end_of_data()) {
    const std::size_t start = consumed_ + static_cast<std::size_t>(next_ - data_start_);
    const std::size_t size = std::min(segment_size_, buffer_.size() - start);
    segment(TcpHeader::psh | TcpHeader::ack, next_, Bytes{buffer_}.subspan(start, size));
    next_ += size;
  }
  if (fin_queued_ && next_ == end_of_data()) {
    segment(TcpHeader::fin | TcpHeader::ack, next_);
    ++next_;
  }
  if (highest_ < next_) highest_ = next_;
  if (oldest_ < next_) arm();
}

void Stream::arm() { timer_.set(host_.network.now + timeout_ * (1 << retries_)); }

void Stream::rewind() {
  duplicates_ = 0;
  next_ = std::max(oldest_, data_start_);
  push();
}

void Stream::timed_out() {
  const bool handshake = state_ != State::established;
  if (retries_++ == (handshake ? most_syn_retries : most_data_retries)) {
    return finish(std::make_error_code(std::errc::timed_out));
  }
  if (handshake) {
    send_syn();
  } else {
    rewind();
  }
}

void Stream::receive(const Packet& packet) {
  const TcpHeader& header = packet.tcp;
  if (header.has(TcpHeader::rst)) {
    // RFC 9293 §3.10.7.3: in SYN-SENT it has to answer our SYN. §3.10.7.4: else it has to be in the window.
    const bool ours = state_ == State::syn_sent ? header.has(TcpHeader::ack) && header.acknowledged == next_
                                                : header.sequence >= expected_;
    if (!ours) return;
    return finish(
        std::make_error_code(state_ == State::syn_sent ? std::errc::connection_refused : std::errc::connection_reset));
  }
  if (state_ != State::established && !receive_handshake(header)) return;
  if (header.has(TcpHeader::syn)) return acknowledge();  // theirs again: our ACK was lost
  if (header.has(TcpHeader::ack)) acknowledged(header.acknowledged, packet.payload.empty());
  if (!packet.payload.empty() || header.has(TcpHeader::fin)) take(header, packet.payload);
  end_if_done();
}

/// True when the connection stands and the rest of the segment counts.
bool Stream::receive_handshake(const TcpHeader& header) {
  const bool answers = header.has(TcpHeader::ack) && header.acknowledged == first_ + 1;
  if (state_ == State::syn_sent) {
    if (!header.has(TcpHeader::syn) || (header.has(TcpHeader::ack) && !answers)) return false;
    expected_ = header.sequence + 1;
    if (!answers) {  // RFC 9293 §3.5: both called at once
      state_ = State::syn_received;
      send_syn();
      return false;
    }
    established();
    return true;  // it has SYN, and is acknowledged for that
  }
  if (state_ != State::syn_received) return false;
  if (!answers) {
    if (header.has(TcpHeader::syn)) segment(TcpHeader::syn | TcpHeader::ack, first_);
    return false;
  }
  established();
  return state_ == State::established;
}

void Stream::established() {
  state_ = State::established;
  oldest_ = first_ + 1;
  if (retries_ == 0) timeout_ = std::max(least_timeout, 2 * (host_.network.now - syn_sent_at_));
  retries_ = 0;
  timer_.set({});
  if (!accepted_) {
    opened_ = true;
    socket_.owner->on_socket(SocketOpened{socket_.ticket, socket_.id, socket_.local});
    return;
  }
  Socket* listener = host_.find(listener_);
  if (listener == nullptr) {  // closed since
    abort();
    return host_.remove(socket_);
  }
  socket_.owner = listener->owner;
  opened_ = true;
  socket_.owner->on_socket(SocketAccepted{listener_, socket_.id, socket_.local, remote_});
}

void Stream::acknowledged(std::uint64_t upto, bool bare) {
  if (upto > highest_ || upto < oldest_) return;
  if (upto == oldest_) {
    if (bare && oldest_ < highest_ && ++duplicates_ == duplicates_to_resend) rewind();
    return;
  }
  const auto bytes = static_cast<std::size_t>(std::min(upto, end_of_data()) - data_start_);
  consumed_ += bytes;
  data_start_ += bytes;
  if (consumed_ == buffer_.size() || consumed_ > Host::stream_send_buffer) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_));
    consumed_ = 0;
  }
  tell_flow();
  oldest_ = upto;
  next_ = std::max(next_, oldest_);
  duplicates_ = 0;
  retries_ = 0;
  if (oldest_ == highest_) {
    timer_.set({});
  } else {
    arm();
  }
}

void Stream::take(const TcpHeader& header, Bytes payload) {
  const bool fin = header.has(TcpHeader::fin);
  const std::uint64_t end = header.sequence + payload.size() + (fin ? 1 : 0);
  // No room: lost in silence, since an answer would only have it sent again at once.
  if (holding_ && end > expected_ && held_.size() + payload.size() > Host::stream_receive_buffer) return;
  if (header.sequence > expected_ || end <= expected_ || fin_received_) return acknowledge();  // a gap, or known
  const Bytes fresh =
      payload.subspan(static_cast<std::size_t>(std::min<std::uint64_t>(expected_ - header.sequence, payload.size())));
  expected_ = end;
  fin_received_ = fin;
  acknowledge();
  if (holding_) {
    held_.insert(held_.end(), fresh.begin(), fresh.end());
    return;
  }
  hand_over(fresh);
  end_of_theirs();
}

void Stream::set_reading(bool on) {
  reads_ = on;
  if (!on) holding_ = true;
  if (!on || !holding_) return;
  later([](Stream& stream) { stream.resume(); });
}

void Stream::resume() {
  if (!reads_ || !std::exchange(holding_, false) || state_ != State::established) return;
  hand_over(std::exchange(held_, {}));
  end_of_theirs();
}

void Stream::end_of_theirs() {
  if (!fin_received_ || holding_ || state_ != State::established) return;
  if (socket_.owner != nullptr) {
    SocketOwner* owner = std::exchange(socket_.owner, nullptr);
    owner->on_socket(SocketClosed{socket_.id, {}});
  }
  close();
}

void Stream::hand_over(Bytes data) {
  if (socket_.owner == nullptr) return;  // it has closed, and the rest is of no use
  deframer_.feed(data);
  // the owner may close the stream from within the call
  while (socket_.owner != nullptr && state_ == State::established) {
    const auto message = deframer_.next();
    if (!message) {
      segment(TcpHeader::rst | TcpHeader::ack, next_);
      return finish(message.error());
    }
    if (!*message) return;
    ++host_.counters.delivered;
    ++host_.network.counters.delivered;
    socket_.owner->on_datagram({socket_.id, remote_, **message, {socket_.local.address}});
  }
}

void Stream::unreachable(std::error_code why) {
  // RFC 1122 §4.2.3.9: once connected, it is a hint that the retransmissions will confirm or not
  if (state_ == State::syn_sent) finish(why);
}

void Stream::too_big(std::uint32_t mtu) {
  const std::size_t headers = remote_.address.is_v6() ? 60 : 40;
  const std::size_t size = std::max<std::size_t>(mtu, headers + least_segment) - headers;
  if (state_ != State::established || size >= segment_size_) return;
  segment_size_ = size;
  rewind();
}

void Stream::close() {
  if (state_ != State::established) {
    abort();
    return host_.remove(socket_);
  }
  if (std::exchange(fin_queued_, true)) return;
  push();
}

void Stream::abort() {
  if (state_ == State::established || state_ == State::syn_received) {
    segment(TcpHeader::rst | TcpHeader::ack, next_);
  }
  state_ = State::ended;
  timer_.set({});
}

void Stream::finish(std::error_code why) {
  if (state_ == State::ended) return;
  state_ = State::ended;
  timer_.set({});
  SocketOwner* owner = std::exchange(socket_.owner, nullptr);
  const SocketId id = socket_.id;
  const SocketTicket ticket = socket_.ticket;
  host_.remove(socket_);
  if (owner == nullptr) return;
  if (opened_) {
    owner->on_socket(SocketClosed{id, why});
  } else {
    owner->on_socket(SocketFailed{ticket, why});
  }
}

void Stream::end_if_done() {
  const bool ours_done = fin_queued_ && oldest_ > end_of_data();
  if (state_ == State::established && ours_done && fin_received_) finish({});
}

}  // namespace ice::sim
