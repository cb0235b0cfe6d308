#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ice/base/machine.hpp"
#include "ice/base/pacer.hpp"
#include "ice/base/random.hpp"
#include "ice/stun/nonce_cookie.hpp"
#include "ice/turn/server.hpp"
#include "support/stun_messages.hpp"

namespace ice::test {

/// All the bytes of a packet: head, body and padding.
inline std::vector<std::uint8_t> flat(const Transmit& transmit) {
  std::vector<std::uint8_t> bytes{transmit.head.begin(), transmit.head.end()};
  bytes.insert(bytes.end(), transmit.body.begin(), transmit.body.end());
  bytes.resize(bytes.size() + transmit.padding);
  return bytes;
}

/// What a server sent, to be looked at later.
struct Sent {
  SocketId socket{};
  Endpoint to;
  IpMetadata ip;
  std::vector<std::uint8_t> bytes;

  explicit Sent(const Transmit& transmit)
      : socket{transmit.socket}, to{transmit.to}, ip{transmit.ip}, bytes{flat(transmit)} {}
  /// It must be one.
  stun::Message message() const {
    const auto parsed = stun::Message::parse(bytes);
    assert(parsed);
    return *parsed;
  }
  std::string text() const { return {bytes.begin(), bytes.end()}; }
};

/// A relay server in virtual time, and the driver that opens its sockets. It listens on UDP at `listen`, and has
/// relayed addresses of both families.
class TurnServerRig {
 public:
  static constexpr SocketId udp{1};
  static constexpr SocketId listener{2};
  const Endpoint listen = endpoint("198.51.100.1:3478");
  const Address relay_v4 = endpoint("198.51.100.2:0").address;
  const Address relay_v6 = endpoint("[2001:db8:1::2]:0").address;

  explicit TurnServerRig(turn::ServerConfig config = {}, std::vector<Family> relays = {Family::ipv4, Family::ipv6})
      : server{std::move(config), {.random = random, .pacer = pacer}} {
    must(server.add_socket({.socket = udp, .local = listen}));
    must(server.add_socket({.socket = listener, .local = listen, .transport = Transport::tcp}));
    for (const Family family : relays) must(server.add_relay_address(family == Family::ipv4 ? relay_v4 : relay_v6));
    must(server.add_user("user", "pass"));
  }

  /// What comes back at once, by forward or by poll; the last of several.
  std::optional<Sent> give(Bytes bytes, SocketId socket, const Endpoint& from, const IpMetadata& ip = {}) {
    const Received received = server.handle_datagram(now, {socket, from, bytes, ip}, scratch);
    verdict = received.verdict;
    assert((received.verdict == Verdict::forward) == received.forward.has_value());
    std::optional<Sent> answer;
    if (received.forward) answer.emplace(*received.forward);
    sent.clear();
    settle();
    if (!sent.empty()) answer = sent.back();
    return answer;
  }

  /// Forgets what it noted of the past, so that memory can be measured.
  void forget() {
    sent = {};
    events = {};
    asked = {};
    closed = {};
  }

  /// Everything the server wants now, and the sockets it asks for.
  void settle() {
    for (;;) {
      Outlet outlet{*this, {}};
      drain(server, now, scratch, outlet);
      if (outlet.requests.empty() || !serves_sockets) {
        unserved.insert(unserved.end(), outlet.requests.begin(), outlet.requests.end());
        return;
      }
      for (const SocketRequest& request : outlet.requests) serve(request);
    }
  }
  void serve_all() {
    serves_sockets = true;
    for (const SocketRequest& request : std::exchange(unserved, {})) serve(request);
    settle();
  }
  void sleep(Duration duration) {
    const TimePoint end = now + duration;
    for (auto next = server.next_timeout(); next && *next <= end; next = server.next_timeout()) {
      now = std::max(now, *next);
      server.handle_timeout(now);
      settle();
    }
    now = end;
  }
  void tell(const SocketEvent& event) {
    sent.clear();
    server.handle_socket(now, event);
    settle();
  }

  /// The relay socket that is bound to this endpoint; it must be there.
  SocketId relay_socket(const Endpoint& local) const {
    const auto found = std::find_if(open.begin(), open.end(), [&](const auto& one) { return one.second == local; });
    assert(found != open.end());
    return found->first;
  }
  template <class E>
  std::vector<E> events_of() const {
    std::vector<E> found;
    for (const auto& event : events)
      if (const auto* one = std::get_if<E>(&event)) found.push_back(*one);
    return found;
  }

  SeededRandom random{7};
  Pacer pacer;
  TimePoint now{std::chrono::hours{1}};
  std::array<std::uint8_t, scratch_size> scratch{};
  turn::Server server;
  Verdict verdict{};
  std::vector<Sent> sent;  ///< polled by the last input
  std::vector<turn::Server::Event> events;

  // The driver.
  bool serves_sockets = true;
  std::vector<SocketRequest> unserved;
  std::vector<std::pair<SocketId, Endpoint>> open;
  std::vector<SocketId> closed;
  int refused_sockets = 0;                   ///< so many to come are taken by other programs
  int refuses_odd = 0;                       ///< so many with odd ports
  std::optional<Family> refuses_family{};    ///< the system refuses all of it
  std::optional<std::error_code> refuses{};  ///< the system refuses every socket
  std::vector<OpenSocket> asked;
  std::map<SocketId, Framing> framing;  ///< what was asked for
  std::map<SocketId, bool> reads;       ///< likewise

 private:
  static void must(const result<void>& done) {
    if (!done) std::abort();
  }

  struct Outlet {
    TurnServerRig& rig;
    std::vector<SocketRequest> requests;
    void transmit(const Transmit& transmit) { rig.sent.emplace_back(transmit); }
    void event(turn::Server::Event event) { rig.events.push_back(std::move(event)); }
    void request(SocketRequest request) { requests.push_back(std::move(request)); }
  };

  void serve(const SocketRequest& request) {
    if (const auto* close = std::get_if<CloseSocket>(&request)) {
      std::erase_if(open, [&](const auto& one) { return one.first == close->socket; });
      closed.push_back(close->socket);
      return;
    }
    if (const auto* frame = std::get_if<FrameSocket>(&request)) {
      framing[frame->socket] = frame->framing;
      return;
    }
    if (const auto* read = std::get_if<ReadSocket>(&request)) {
      reads[read->socket] = read->on;
      return;
    }
    const OpenSocket& wanted = std::get<OpenSocket>(request);
    asked.push_back(wanted);
    if (wanted.kind == OpenSocket::Kind::connect) return;  // it takes its time: tell() how it ends
    const Endpoint local{wanted.local.address, wanted.ports.first != 0 ? wanted.ports.first : ++last_port_};
    bool in_use = std::any_of(open.begin(), open.end(), [&](const auto& one) { return one.second == local; });
    if (refused_sockets > 0) --refused_sockets, in_use = true;
    if (refuses_odd > 0 && local.port % 2 != 0) --refuses_odd, in_use = true;
    auto error = refuses;
    if (refuses_family == local.address.family()) error = make_error_code(std::errc::address_not_available);
    if (error || in_use) {
      server.handle_socket(now,
                           SocketFailed{wanted.ticket, error.value_or(make_error_code(std::errc::address_in_use))});
      return;
    }
    const SocketId socket{++last_socket_};
    open.emplace_back(socket, local);
    server.handle_socket(now, SocketOpened{wanted.ticket, socket, local});
  }

  std::uint32_t last_socket_ = 1000;
  std::uint16_t last_port_ = 40000;
};

/// A client of the rig's server. It gets its nonce by itself and signs what it asks.
class TurnTestClient {
 public:
  explicit TurnTestClient(TurnServerRig& rig, const Endpoint& client = endpoint("203.0.113.9:40000"),
                          SocketId over = TurnServerRig::udp)
      : from{client}, socket{over}, rig_{rig} {}

  Endpoint from;
  SocketId socket;
  std::string name = "user";
  std::string password = "pass";
  std::string realm;
  std::string nonce;
  bool modern = true;  ///< RFC 8489; else as RFC 5389 has it
  stun::PasswordAlgorithm algorithm = stun::PasswordAlgorithm::sha256;
  std::optional<stun::Login> token;  ///< in place of name and password (RFC 7635)
  bool shows_token = true;           ///< in Allocate and Refresh

  /// One request, not signed.
  std::optional<Sent> ask_unsigned(stun::Method method, auto fill) {
    const Packet packet = stun_message(stun::Class::request, stun::TransactionId::random(rig_.random), fill, method);
    return rig_.give(packet.bytes(), socket, from);
  }

  /// The bytes of a signed request.
  Packet request(stun::Method method, auto fill) {
    if (nonce.empty()) learn_nonce();
    return stun_message(
        stun::Class::request, stun::TransactionId::random(rig_.random),
        [&](stun::Builder& b) {
          fill(b);
          b.add<stun::attr::Username>(token ? token->username() : name);
          b.add<stun::attr::Realm>(realm).add<stun::attr::Nonce>(nonce);
          if (token) return sign_by_token(b, method);
          if (modern)
            b.add<stun::attr::PasswordAlgorithms>(stun::PasswordAlgorithms::sha256_and_md5())
                .add<stun::attr::PasswordAlgorithm>({algorithm});
          if (modern) {
            b.integrity_sha256(key());
          } else {
            b.integrity(key());
          }
        },
        method);
  }
  std::optional<Sent> ask(stun::Method method, auto fill) {
    return rig_.give(request(method, fill).bytes(), socket, from);
  }
  /// The error code of the answer; 0 for success, 1 for none.
  unsigned code(stun::Method method, auto fill) {
    const std::optional<Sent> answer = ask(method, fill);
    return answer ? error_code_of(answer->message()) : 1;
  }

  std::optional<Sent> allocate(auto fill) {
    return ask(stun::Method::allocate, [&](stun::Builder& b) {
      b.add<stun::attr::RequestedTransport>(stun::IpProtocol::udp);
      fill(b);
    });
  }
  unsigned allocate_code(auto fill) {
    const std::optional<Sent> answer = allocate(fill);
    return answer ? error_code_of(answer->message()) : 1;
  }
  /// Allocates. The first relayed address; none where that failed.
  Endpoint allocated(auto fill) {
    const std::optional<Sent> answer = allocate(fill);
    return answer ? answer->message().get<stun::attr::XorRelayedAddress>().value_or(Endpoint{}) : Endpoint{};
  }
  Endpoint allocated() {
    return allocated([](stun::Builder&) {});
  }
  unsigned permit(const Endpoint& peer) {
    return code(stun::Method::create_permission, [&](stun::Builder& b) { b.add<stun::attr::XorPeerAddress>(peer); });
  }
  unsigned bind(std::uint16_t channel, const Endpoint& peer) {
    return code(stun::Method::channel_bind, [&](stun::Builder& b) {
      b.add<stun::attr::ChannelNumber>(channel).add<stun::attr::XorPeerAddress>(peer);
    });
  }
  unsigned refresh(auto fill) { return code(stun::Method::refresh, fill); }
  unsigned refresh() {
    return refresh([](stun::Builder&) {});
  }

  /// What the server makes of data for a peer.
  std::optional<Sent> send(const Endpoint& peer, std::string_view data) {
    const Packet packet = stun_message(
        stun::Class::indication, stun::TransactionId::random(rig_.random),
        [&](stun::Builder& b) { b.add<stun::attr::XorPeerAddress>(peer).add<stun::attr::Data>(bytes_of(data)); },
        stun::Method::send);
    return rig_.give(packet.bytes(), socket, from);
  }
  std::optional<Sent> send_channel(std::uint16_t channel, std::string_view data) {
    std::vector<std::uint8_t> bytes(4);
    stun::wire::store_u16(bytes.data(), channel);
    stun::wire::store_u16(bytes.data() + 2, static_cast<std::uint16_t>(data.size()));
    bytes.insert(bytes.end(), data.begin(), data.end());
    return rig_.give(bytes, socket, from);
  }

  stun::Credential key() const { return *stun::Credential::long_term(name, realm, password, algorithm); }
  void learn_nonce() {
    const std::optional<Sent> answer = ask_unsigned(
        stun::Method::allocate, [](stun::Builder& b) { b.add<stun::attr::RequestedTransport>(stun::IpProtocol::udp); });
    if (!answer) std::abort();  // every test needs it, in a release build too
    nonce = answer->message().get<stun::attr::Nonce>().value_or("");
    realm = answer->message().get<stun::attr::Realm>().value_or("");
  }

 private:
  void sign_by_token(stun::Builder& b, stun::Method method) const {
    if (shows_token && (method == stun::Method::allocate || method == stun::Method::refresh))
      b.add<stun::attr::AccessToken>(token->token());
    const stun::Credential key = stun::Credential::from_key(token->mac_key());
    if (token->mac_key().size() >= 32) {
      b.integrity_sha256(key);
    } else {
      b.integrity(key);
    }
  }

  TurnServerRig& rig_;
};

}  // namespace ice::test
