#include "relay/load.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"
#include "relay/relay_process.hpp"

namespace ice::bench {
namespace {

constexpr std::uint16_t channel = 0x4000;
constexpr int socket_buffer = 4 * 1024 * 1024;
constexpr timeval patience{0, 200'000};
constexpr int most_tries = 10;
constexpr std::size_t batch = Load::window;

std::array<std::array<std::uint8_t, 2048>, batch> buffers;

void require(bool held, const char* what) {
  if (held) return;
  std::fprintf(stderr, "relay_bench: %s\n", what);
  std::exit(1);
}

sockaddr_in to_sockaddr(const Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  std::copy(endpoint.address.bytes().begin(), endpoint.address.bytes().end(),
            reinterpret_cast<std::uint8_t*>(&address.sin_addr));
  return address;
}

}  // namespace

LoadSocket::LoadSocket() : fd_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
  const sockaddr_in any = to_sockaddr({Address::loopback(Family::ipv4), 0});
  require(fd_ >= 0 && ::bind(fd_, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0, "no socket");
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &socket_buffer, sizeof socket_buffer);
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

LoadSocket::~LoadSocket() { ::close(fd_); }

Endpoint LoadSocket::local() const {
  sockaddr_in at{};
  socklen_t size = sizeof at;
  require(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size) == 0, "no name");
  return {Address::loopback(Family::ipv4), ntohs(at.sin_port)};
}

void LoadSocket::send(const Endpoint& to, Bytes packet, int copies) {
  sockaddr_in address = to_sockaddr(to);
  iovec part{const_cast<std::uint8_t*>(packet.data()), packet.size()};
  std::array<mmsghdr, batch> messages{};
  for (mmsghdr& one : messages) one.msg_hdr = {&address, sizeof address, &part, 1, nullptr, 0, 0};
  require(::sendmmsg(fd_, messages.data(), static_cast<unsigned>(copies), 0) == copies, "sending stalls");
}

int LoadSocket::receive(int count) {
  std::array<mmsghdr, batch> messages{};
  std::array<iovec, batch> parts{};
  for (std::size_t i = 0; i < batch; ++i) {
    parts[i] = {buffers[i].data(), buffers[i].size()};
    messages[i].msg_hdr = {nullptr, 0, &parts[i], 1, nullptr, 0, 0};
  }
  int got = 0;
  while (got < count) {
    const int now = ::recvmmsg(fd_, messages.data(), static_cast<unsigned>(count - got), MSG_WAITFORONE, nullptr);
    if (now <= 0) break;
    got += now;
    const auto last = static_cast<std::size_t>(now) - 1;
    last_ = Bytes{buffers[last]}.first(messages[last].msg_len);
  }
  return got;
}

Load::Load(Wrapping wrapping, std::size_t payload) : wrapping_{wrapping}, payload_(payload, 0x5A) { write_packet(); }

void Load::write_packet() {
  packet_.resize(overhead(wrapping_) + payload_.size());
  if (wrapping_ == Wrapping::indication) {
    stun::Builder indication{packet_, stun::Method::send, stun::Class::indication,
                             stun::TransactionId::random(random_)};
    indication.add<stun::attr::XorPeerAddress>(peer_.local()).add<stun::attr::Data>(payload_);
    require(indication.finish().has_value(), "the indication has no room");
    return;
  }
  const auto size = static_cast<std::uint16_t>(payload_.size());
  const std::array<std::uint8_t, 4> header{channel >> 8U, channel & 0xFFU, static_cast<std::uint8_t>(size >> 8U),
                                           static_cast<std::uint8_t>(size & 0xFFU)};
  std::copy(payload_.begin(), payload_.end(), std::copy(header.begin(), header.end(), packet_.begin()));
}

void Load::allocate(const Endpoint& relay) {
  relay_ = relay;
  const auto login = stun::Login::make(user, password);
  require(login.has_value(), "no login");
  stun::AuthSession session = stun::AuthSession::long_term(*login);
  transact(stun::Method::allocate, session);
  transact(wrapping_ == Wrapping::channel ? stun::Method::channel_bind : stun::Method::create_permission, session);
}

/// The answer to an earlier try may come before it.
bool Load::await_response(const stun::TransactionId& id) {
  while (client_.receive(1) == 1) {
    const auto message = stun::Message::parse(client_.last());
    if (message && message->transaction_id() == id) return true;
  }
  return false;
}

void Load::transact(stun::Method method, stun::AuthSession& session) {
  for (int tries = 0; tries < most_tries; ++tries) {
    std::array<std::uint8_t, 1024> out{};
    const auto signed_at = session.generation();
    const auto id = stun::TransactionId::random(random_);
    stun::Builder request{out, method, stun::Class::request, id};
    if (method == stun::Method::allocate) request.add<stun::attr::RequestedTransport>(stun::IpProtocol::udp);
    if (method == stun::Method::channel_bind) request.add<stun::attr::ChannelNumber>(channel);
    if (method != stun::Method::allocate) request.add<stun::attr::XorPeerAddress>(peer_.local());
    session.sign(request);
    client_.send(relay_, *request.finish(), 1);
    if (!await_response(id)) continue;
    const auto response = stun::Message::parse(client_.last());
    const auto judged = session.judge(*response, signed_at);
    if (judged.step == stun::AuthSession::Judgement::Step::retry) continue;
    require(judged.step == stun::AuthSession::Judgement::Step::accept &&
                response->message_class() == stun::Class::success_response,
            "the relay refuses");
    if (method == stun::Method::allocate) relayed_ = *response->get<stun::attr::XorRelayedAddress>();
    return;
  }
  require(false, "the relay does not answer");
}

int Load::to_peer() {
  client_.send(relay_, packet_, window);
  return peer_.receive(window);
}

int Load::to_client() {
  peer_.send(relayed_, payload_, window);
  return client_.receive(window);
}

}  // namespace ice::bench
