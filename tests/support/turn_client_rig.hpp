#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "ice/base/machine.hpp"
#include "ice/base/random.hpp"
#include "ice/turn/allocation.hpp"
#include "support/stun_auth_server.hpp"

namespace ice::test {

/// A TURN server by script: long-term credentials checked as RFC 8489 §9.2.4 says, one allocation a time, and what a
/// test wants it to refuse. It knows no timers.
struct ScriptedTurnServer {
  AuthServer auth;
  bool alive = true;               ///< else it answers nothing
  std::set<stun::Method> unheard;  ///< requests that it does not answer
  bool has_allocation = false;
  std::map<std::string, std::string> more_users;  ///< name and password of those that it knows beside auth's
  std::string owner;                              ///< who has made the allocation
  bool wants_owner = false;                       ///< answers 441 to others, as RFC 8656 §5 has it
  std::vector<Endpoint> relayed{endpoint("192.0.2.15:50000")};
  Endpoint mapped = endpoint("203.0.113.9:40000");
  stun::Seconds lifetime{600};
  std::map<stun::Method, std::deque<unsigned>> refusals;  ///< for proven requests, one after the other
  std::function<bool(const stun::Message&)> refuses_peer = [](const stun::Message&) { return false; };  ///< 403
  std::function<void(stun::Builder&)> add_to_allocate = [](stun::Builder&) {};
  std::function<void(stun::Builder&)> add_to_refresh = [](stun::Builder&) {};
  std::function<void(stun::Builder&)> add_to_refusal = [](stun::Builder&) {};

  std::optional<Packet> answer(const stun::Message& request) {
    using namespace stun;
    if (!alive || request.message_class() != Class::request || unheard.count(request.method()) != 0)
      return std::nullopt;
    const Method method = request.method();
    std::deque<unsigned>& wanted = refusals[method];
    auth.refuse_with = wanted.empty() ? by_state(request) : wanted.front();
    auth.add_to_success = [&](Builder& b) {
      if (auth.refuse_with != 0) return add_to_refusal(b);
      if (method == Method::allocate) return add_allocation(b);
      if (method != Method::refresh) return;
      b.add<attr::Lifetime>(granted(request));
      add_to_refresh(b);
    };
    const Packet response = as_seen_by(user_of(request)).answer(request);
    const unsigned code = error_code_of(response.message());
    if (code != 0 && code == auth.refuse_with) {
      if (!wanted.empty()) wanted.pop_front();
    } else if (code == 0 && method == Method::allocate) {
      has_allocation = true;
      owner = user_of(request);
    } else if (code == 0 && method == Method::refresh && granted(request).count() == 0) {
      has_allocation = false;
    }
    return response;
  }

 private:
  static std::string user_of(const stun::Message& request) {
    const auto user = request.get<stun::attr::Username>();
    return user ? std::string{*user} : std::string{};
  }
  AuthServer as_seen_by(const std::string& user) const {
    AuthServer seen = auth;
    if (const auto known = more_users.find(user); known != more_users.end())
      std::tie(seen.username, seen.password) = *known;
    return seen;
  }
  unsigned by_state(const stun::Message& request) const {
    if ((request.method() == stun::Method::allocate) == has_allocation) return 437;
    if (wants_owner && has_allocation && user_of(request) != owner) return 441;
    return refuses_peer(request) ? 403 : 0;
  }
  stun::Seconds granted(const stun::Message& request) const {
    const auto wanted = request.get<stun::attr::Lifetime>();
    return wanted && wanted->count() == 0 ? stun::Seconds{0} : lifetime;
  }
  void add_allocation(stun::Builder& b) const {
    for (const Endpoint& address : relayed) b.add<stun::attr::XorRelayedAddress>(address);
    b.add<stun::attr::XorMappedAddress>(mapped).add<stun::attr::Lifetime>(lifetime);
    add_to_allocate(b);
  }
};

/// An allocation in virtual time, with scripted servers around it: what it sends is answered at once.
class TurnClientRig {
 public:
  static constexpr SocketId shared{1};
  struct Sent {
    Duration at;
    Packet packet;

    stun::Method method() const { return packet.message().method(); }
    stun::Class message_class() const { return packet.message().message_class(); }
  };

  static turn::AllocationConfig config() {
    turn::AllocationConfig config;
    config.server = endpoint("192.0.2.1:3478");
    config.socket = shared;
    config.login = *stun::Login::make("user", "pass");
    return config;
  }

  explicit TurnClientRig(turn::AllocationConfig c = config(), TraceSink* trace = nullptr)
      : configured{c}, allocation{std::move(c), {.random = random, .pacer = pacer, .trace = trace}} {}

  ScriptedTurnServer& server() { return servers[configured.server]; }
  ScriptedTurnServer& server(std::string_view at) { return servers[endpoint(at)]; }

  /// Begins, and lets it do what it wants at this moment.
  void allocate() {
    server();
    ASSERT_TRUE(allocation.allocate(now));
    settle();
  }
  void permit(std::string_view peer) {
    ASSERT_TRUE(allocation.permit(now, *Address::parse(peer)));
    settle();
  }
  void bind(std::string_view peer) {
    ASSERT_TRUE(allocation.bind_channel(now, endpoint(peer)));
    settle();
  }

  void check() {
    allocation.check(now);
    settle();
  }

  void settle() {
    for (;;) {
      Outlet outlet{*this, {}};
      drain(allocation, now, scratch, outlet);
      if (outlet.answers.empty()) return;
      for (const auto& [from, packet] : outlet.answers)
        allocation.handle_datagram(now, {packet.socket, from, packet.bytes(), {}}, scratch);
    }
  }

  Received receive_quietly(Bytes payload, const Endpoint& from) {
    return allocation.handle_datagram(now, {allocation.socket().value_or(shared), from, payload, {}}, scratch);
  }
  /// From the server, and what follows from it.
  Received receive(Bytes payload) {
    const Received received = receive_quietly(payload, allocation.server());
    settle();
    return received;
  }
  Received receive(const Packet& packet) { return receive(packet.bytes()); }

  void happen(const SocketEvent& event) {
    allocation.handle_socket(now, event);
    settle();
  }
  /// Opens the socket that was asked for last.
  SocketId open() {
    const auto& wanted = std::get<OpenSocket>(socket_requests.back());
    const SocketId id{next_socket++};
    happen(SocketOpened{wanted.ticket, id, wanted.local});
    return id;
  }

  /// Runs the clock up to `until`, and tells the allocation of its timers on the way.
  void run_until(TimePoint until) {
    for (auto next = allocation.next_timeout(); next && *next <= until; next = allocation.next_timeout()) {
      now = std::max(now, *next);
      allocation.handle_timeout(now);
      settle();
    }
    now = until;
  }
  void run_for(Duration duration) { run_until(now + duration); }

  /// How often it has sent a request of this method; 0 again after forget_sent().
  std::size_t count(stun::Method method) const {
    std::size_t found = 0;
    for (const Sent& s : sent) found += s.method() == method ? 1u : 0u;
    return found;
  }
  const Sent& last(stun::Method method) const {
    for (auto s = sent.rbegin(); s != sent.rend(); ++s)
      if (s->method() == method) return *s;
    ADD_FAILURE() << "none was sent";
    return sent.front();
  }
  std::vector<Duration> times(stun::Method method) const {
    std::vector<Duration> result;
    for (const Sent& s : sent)
      if (s.method() == method) result.push_back(s.at);
    return result;
  }
  void forget_sent() { sent.clear(); }

  /// All events of a kind so far.
  template <class E>
  std::vector<E> told() const {
    std::vector<E> result;
    for (const turn::AllocationEvent& event : events)
      if (const E* const e = std::get_if<E>(&event)) result.push_back(*e);
    return result;
  }

  turn::AllocationConfig configured;
  TimePoint now{};
  SeededRandom random{1};
  Pacer pacer;
  turn::Allocation allocation;
  std::map<Endpoint, ScriptedTurnServer> servers;
  std::vector<Sent> sent;
  std::vector<turn::AllocationEvent> events;
  std::vector<SocketRequest> socket_requests;
  std::array<std::uint8_t, scratch_size> scratch{};

 private:
  struct Outlet {
    TurnClientRig& rig;
    std::vector<std::pair<Endpoint, Packet>> answers;

    void transmit(const Transmit& transmit) {
      const Packet packet{transmit};
      rig.sent.push_back({rig.now - TimePoint{}, packet});
      const auto found = rig.servers.find(transmit.to);
      if (found == rig.servers.end()) return;
      auto answer = found->second.answer(packet.message());
      if (!answer) return;
      answer->socket = transmit.socket;
      answers.emplace_back(transmit.to, *answer);
    }
    void event(const turn::AllocationEvent& event) { rig.events.push_back(event); }
    void request(const SocketRequest& request) { rig.socket_requests.push_back(request); }
  };

  std::uint32_t next_socket = 100;
};

}  // namespace ice::test
