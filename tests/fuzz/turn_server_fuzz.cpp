// Bytes, sockets and time at a relay server, with requests that are correctly signed among them, so that it gets past
// the password. A model of what was granted stands beside it: nothing is forwarded to where it must not go, from where
// it was not permitted, or on another client's account; nobody touches another user's allocation; nothing grows beyond
// its limit.

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "support/turn_server_rig.hpp"
#include "turn/channels.hpp"

using namespace ice;
using namespace ice::stun;
using test::endpoint;
using test::TurnServerRig;
using test::TurnTestClient;

namespace {

constexpr std::size_t client_count = 4;  // the last one comes by a stream
constexpr SocketId stream{500};

constexpr std::array<Endpoint, 12> peers = {
    Endpoint{Address::v4(203, 0, 113, 77), 5000},
    Endpoint{Address::v4(203, 0, 113, 77), 5001},
    Endpoint{Address::v4(203, 0, 113, 78), 5000},
    Endpoint{Address::v4(198, 51, 100, 2), 50000},  // the relays' own address
    Endpoint{Address::v4(198, 51, 100, 1), 3478},   // the server itself
    Endpoint{Address::v4(127, 0, 0, 1), 80},
    Endpoint{Address::v4(169, 254, 169, 254), 80},
    Endpoint{Address::v6({0x20, 0x01, 0x0d, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}), 5000},
    Endpoint{Address::v6({0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}), 50001},  // relays
    Endpoint{Address::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}), 80},
    Endpoint{Address::v6({0x20, 0x02, 10, 0, 0, 1}), 80},
    Endpoint{Address::loopback(Family::ipv6), 80},
};

/// Said apart from the policy, and more coarsely: what must never be sent to.
bool is_never_a_peer(const Address& address) {
  const Address plain = address.canonical();
  return plain.is_loopback() || plain.is_private() || plain.is_link_local() || plain.is_multicast() ||
         plain.is_unspecified() || address.is_v4_mapped() || address.is_v4_compatible() || address.is_site_local() ||
         (address.is_v6() && address.bytes()[0] == 0x20 && address.bytes()[1] == 0x02);
}

turn::ServerConfig config_of(std::uint8_t flags) {
  turn::ServerConfig config;
  config.relay_ports = {50000, static_cast<std::uint16_t>((flags & 1) != 0 ? 50003 : 50015)};
  config.limits = {.allocations = 5,
                   .allocations_per_user = 4,
                   .allocations_per_source = 3,
                   .permissions = 4,
                   .channels = 3,
                   .reservations = 2,
                   .connections = 3,
                   .connections_per_source = 2,
                   .bytes_per_second = (flags & 2) != 0 ? 2000U : 0U,
                   .failures_at_once = (flags & 4) != 0 ? 6U : 1000U,
                   .failures_per_second = 1};
  if ((flags & 8) != 0) config.software = "fuzz";
  config.mobility = (flags & 32) != 0;
  return config;
}

class World {
 public:
  World(std::uint8_t flags, fuzz::Input& input)
      : input_{input}, rig_{config_of(flags)}, clients_stay_{(flags & 32) == 0} {
    ICE_FUZZ_CHECK(rig_.server.add_user("other", "word"));
    for (std::size_t i = 0; i < client_count; ++i) {
      const bool last = i + 1 == client_count;
      clients_.emplace_back(
          rig_,
          Endpoint{Address::v4(192, 0, 2, static_cast<std::uint8_t>(i / 2 + 1)), static_cast<std::uint16_t>(1000 + i)},
          last ? stream : TurnServerRig::udp);
      users_.push_back(i % 2);
      if (i % 2 != 0) clients_.back().name = "other", clients_.back().password = "word";
    }
    // One nonce each, before the budget is spent on guesses.
    for (TurnTestClient& client : clients_) client.learn_nonce();
    rig_.tell(SocketAccepted{TurnServerRig::listener, stream, rig_.listen, clients_.back().from});
    if ((flags & 16) != 0) begin_with_allocations();
  }

  void step() {
    switch (input_.below(9)) {
      case 0:
        return raw();
      case 1:
      case 2:
        return request();
      case 3:
        return send_indication();
      case 4:
        return channel_data();
      case 5:
        return from_peer();
      case 6:
        rig_.sleep(std::chrono::seconds{input_.number<std::uint16_t>() % 700});
        return check_state();
      case 7:
        return socket_event();
      default:
        return verb();
    }
  }

 private:
  std::size_t any_client() { return input_.below(client_count); }

  Endpoint any_peer() {
    const std::size_t which = input_.below(24);
    if (which < peers.size()) return peers[which];
    if (which < 18) return peers[which % 3];  // what begin_with_allocations() permits
    if (which < 21 && !rig_.open.empty()) return rig_.open[input_.below(rig_.open.size())].second;
    std::array<std::uint8_t, 16> bytes{};
    const Bytes chunk = input_.chunk();
    std::copy_n(chunk.begin(), std::min(chunk.size(), bytes.size()), bytes.begin());
    const std::uint16_t port = input_.number<std::uint16_t>();
    if (which == 22) return {Address::v6(bytes), port};
    return {Address::v4(bytes[0], bytes[1], bytes[2], bytes[3]), port};
  }

  void raw() {
    TurnTestClient& client = clients_[any_client()];
    const Bytes chunk = input_.long_chunk();
    const std::vector<std::uint8_t> bytes{chunk.begin(), chunk.end()};
    give(client, bytes);
  }

  void request() {
    const std::size_t at = any_client();
    const std::size_t as = input_.below(8) == 0 ? any_client() : at;  // another's name on one's own 5-tuple
    constexpr std::array methods = {Method::allocate, Method::refresh, Method::create_permission, Method::channel_bind};
    const Method method = methods[input_.below(methods.size())];
    std::vector<Endpoint> named;
    ask(at, as, method, named, [&](Builder& b) { fill(b, method, named); });
  }

  /// A request of client `at`, signed by the user of client `as`, that names these peers.
  void ask(std::size_t at, std::size_t as, Method method, const std::vector<Endpoint>& named, auto what) {
    TurnTestClient client = clients_[at];
    client.name = clients_[as].name;
    client.password = clients_[as].password;
    const test::Packet packet = client.request(method, what);
    const std::optional<test::Sent> answer = give(client, packet.bytes());
    if (!answer || answer->to != client.from || answer->bytes.size() < header_size) return;
    const Message message = answer->message();
    if (message.is(method, Class::success_response)) granted(at, as, method, named);
    if (const auto token = message.get<attr::ReservationToken>()) token_ = *token;
    if (const auto ticket = message.get<attr::MobilityTicket>()) ticket_.assign(ticket->begin(), ticket->end());
    if (const auto nonce = message.get<attr::Nonce>()) clients_[at].nonce = *nonce;
  }

  /// Three clients with allocations, permissions and channels, so that not all time is spent on getting there.
  void begin_with_allocations() {
    for (std::size_t at : {0U, 1U, 3U}) {
      ask(at, at, Method::allocate, {}, [](Builder& b) {
        b.add<attr::RequestedTransport>(IpProtocol::udp).add<attr::AdditionalAddressFamily>(Family::ipv6);
      });
    }
    for (std::size_t at : {0U, 1U, 3U}) {
      std::vector<Endpoint> named{peers[0], {rig_.relay_v4, 1}};
      ask(at, at, Method::create_permission, named, [&](Builder& b) {
        for (const Endpoint& peer : named) b.add<attr::XorPeerAddress>(peer);
      });
      if (rig_.open.size() < 2) continue;
      named = {at == 0 ? peers[1] : rig_.open[0].second};
      ask(at, at, Method::channel_bind, named,
          [&](Builder& b) { b.add<attr::ChannelNumber>(turn::first_channel).add<attr::XorPeerAddress>(named[0]); });
    }
  }

  void fill(Builder& b, Method method, std::vector<Endpoint>& named) {
    const auto add_peer = [&] {
      named.push_back(any_peer());
      b.add<attr::XorPeerAddress>(named.back());
    };
    if (method == Method::allocate && input_.below(8) != 0) b.add<attr::RequestedTransport>(IpProtocol::udp);
    if (method == Method::channel_bind)
      b.add<attr::ChannelNumber>(static_cast<std::uint16_t>(0x3FFF + input_.below(6)));
    if (method == Method::channel_bind || method == Method::create_permission) add_peer();
    for (std::size_t more = input_.below(4); more > 0; --more) {
      switch (input_.below(9)) {
        case 0:
          b.add<attr::Lifetime>(Seconds{input_.number<std::uint16_t>()});
          break;
        case 1:
          b.add<attr::RequestedAddressFamily>(input_.below(2) == 0 ? Family::ipv4 : Family::ipv6);
          break;
        case 2:
          b.add<attr::AdditionalAddressFamily>(input_.below(4) == 0 ? Family::ipv4 : Family::ipv6);
          break;
        case 3:
          b.add<attr::EvenPort>({input_.below(2) == 0});
          break;
        case 4:
          b.add<attr::ReservationToken>(token_);
          break;
        case 5:
          if (method == Method::create_permission) add_peer();
          break;
        case 6:
          b.add<attr::Lifetime>(Seconds{0});
          break;
        case 7:
          b.add<attr::MobilityTicket>(Bytes{ticket_});
          break;
        default:
          b.add_raw(AttributeType{input_.number<std::uint16_t>()}, input_.chunk());
      }
    }
  }

  /// What a success response means for the model.
  void granted(std::size_t at, std::size_t as, Method method, const std::vector<Endpoint>& named) {
    const auto owner = owners_.find(clients_[at].from);
    if (method == Method::allocate) {
      if (owner == owners_.end()) owners_[clients_[at].from] = users_[as];
    } else {
      ICE_FUZZ_CHECK(!clients_stay_ || owner == owners_.end() ||
                     owner->second == users_[as]);  // gone with this very request, or his own
    }
    if (method == Method::create_permission || method == Method::channel_bind)
      for (const Endpoint& peer : named)
        permitted_[{clients_[at].from, peer.address}] = rig_.now + std::chrono::seconds{300};
  }

  void send_indication() {
    TurnTestClient& client = clients_[any_client()];
    const Endpoint peer = any_peer();
    const Bytes data = input_.chunk();
    const test::Packet packet = test::stun_message(
        Class::indication, {{1}}, [&](Builder& b) { b.add<attr::XorPeerAddress>(peer).add<attr::Data>(data); },
        Method::send);
    give(client, packet.bytes());
  }

  void channel_data() {
    TurnTestClient& client = clients_[any_client()];
    std::vector<std::uint8_t> bytes{0x40, static_cast<std::uint8_t>(input_.below(6)), 0, input_.number()};
    const Bytes data = input_.chunk();
    bytes.insert(bytes.end(), data.begin(), data.end());
    give(client, bytes);
  }

  /// A client's packet, and where it went.
  std::optional<test::Sent> give(const TurnTestClient& client, Bytes bytes) {
    const std::optional<test::Sent> sent = rig_.give(bytes, client.socket, client.from);
    take_events();
    check_state();
    if (!sent) return sent;
    const auto relay =
        std::find_if(rig_.open.begin(), rig_.open.end(), [&](const auto& one) { return one.first == sent->socket; });
    if (relay != rig_.open.end()) {  // to a peer, as data
      ICE_FUZZ_CHECK(!is_never_a_peer(sent->to.address) && sent->to.port != 0);
      ICE_FUZZ_CHECK(sent->to.address != rig_.listen.address && sent->to.address != rig_.relay_v4 &&
                     sent->to.address != rig_.relay_v6);
      if (!clients_stay_) return sent;
      ICE_FUZZ_CHECK(relayed_.contains(relay->second) && relayed_.at(relay->second) == client.from);
      ICE_FUZZ_CHECK(is_permitted(client.from, sent->to.address));
    } else if (clients_stay_ && sent->to != client.from) {  // to another client, inside
      check_inside(client.from, *sent);
    }
    return sent;
  }

  void check_inside(const Endpoint& from, const test::Sent& sent) {
    ICE_FUZZ_CHECK(owners_known_.contains(sent.to));
    const bool ways[] = {is_permitted(from, rig_.relay_v4) && is_permitted(sent.to, rig_.relay_v4),
                         is_permitted(from, rig_.relay_v6) && is_permitted(sent.to, rig_.relay_v6)};
    ICE_FUZZ_CHECK(ways[0] || ways[1]);
  }

  void from_peer() {
    if (rig_.open.empty()) return;
    const auto [socket, local] = rig_.open[input_.below(rig_.open.size())];
    const Endpoint peer = any_peer();
    const std::optional<test::Sent> sent = rig_.give(input_.long_chunk(), socket, peer);
    take_events();
    check_state();
    if (!sent) return;
    ICE_FUZZ_CHECK(!is_never_a_peer(peer.address));
    if (clients_stay_) {
      ICE_FUZZ_CHECK(relayed_.contains(local) && relayed_.at(local) == sent->to);
      ICE_FUZZ_CHECK(is_permitted(sent->to, peer.address));
    }
    const bool on_stream = sent->socket == stream;
    ICE_FUZZ_CHECK(!on_stream || sent->bytes.size() % 4 == 0);
  }

  void socket_event() {
    switch (input_.below(6)) {
      case 0:
        rig_.refused_sockets = static_cast<int>(input_.below(20));
        break;
      case 1:
        rig_.serves_sockets = false;
        break;
      case 2:
        rig_.serve_all();
        break;
      case 3:
        rig_.tell(SocketAccepted{TurnServerRig::listener, SocketId{500U + static_cast<std::uint32_t>(input_.below(5))},
                                 rig_.listen, clients_.back().from});
        break;
      case 4: {
        SocketId gone{500U + static_cast<std::uint32_t>(input_.below(5))};
        if (!rig_.open.empty() && input_.below(2) == 0) {
          const std::size_t at = input_.below(rig_.open.size());
          gone = rig_.open[at].first;
          rig_.open.erase(rig_.open.begin() + static_cast<std::ptrdiff_t>(at));
        }
        rig_.tell(SocketClosed{gone, {}});
        break;
      }
      default:
        if (rig_.open.empty()) break;
        rig_.tell(SocketUnreachable{rig_.open[input_.below(rig_.open.size())].first, any_peer(), input_.number(), 0});
        for (const test::Sent& sent : rig_.sent) ICE_FUZZ_CHECK(!clients_stay_ || owners_known_.contains(sent.to));
    }
    take_events();
    check_state();
  }

  void verb() {
    switch (input_.below(8)) {
      case 0:
        rig_.server.remove_user(rig_.now, "other");
        break;
      case 1:
        ICE_FUZZ_CHECK(rig_.server.add_user("other", "word"));
        break;
      case 2:
        if (input_.below(4) == 0) rig_.server.stop_accepting(peers[0]);
        break;
      case 3:
        if (input_.below(8) == 0) rig_.server.close(rig_.now);
        break;
      default:
        rig_.now += std::chrono::seconds{input_.number()};  // the timer is late
    }
    rig_.settle();
    take_events();
    check_state();
  }

  bool is_permitted(const Endpoint& client, const Address& peer) const {
    const auto found = permitted_.find({client, peer});
    return found != permitted_.end() && found->second > rig_.now;
  }

  void take_events() {
    for (const turn::Server::Event& event : rig_.events) {
      if (const auto* opened = std::get_if<turn::AllocationOpened>(&event)) {
        ++live_;
        owners_known_.insert(opened->client);
        owners_[opened->client] = opened->user == "other" ? 1U : 0U;
        for (const Endpoint& relayed : {opened->relayed_v4, opened->relayed_v6})
          if (relayed) relayed_[relayed] = opened->client;
      } else if (const auto* closed = std::get_if<turn::AllocationClosed>(&event)) {
        ICE_FUZZ_CHECK(live_ > 0);
        --live_;
        owners_.erase(closed->client);
        std::erase_if(permitted_, [&](const auto& one) { return one.first.first == closed->client; });
      }
    }
    rig_.events.clear();
  }

  void check_state() {
    take_events();
    const turn::ServerGauges now = rig_.server.gauges();
    ICE_FUZZ_CHECK(now.allocations <= 5 && now.allocations >= live_);
    ICE_FUZZ_CHECK(now.permissions <= now.allocations * 2 * 4 && now.channels <= now.allocations * 3);
    ICE_FUZZ_CHECK(now.reservations <= 2 && now.connections <= 3 && now.users <= 2);
    ICE_FUZZ_CHECK(!rig_.serves_sockets || now.allocations == live_);
    ICE_FUZZ_CHECK(!rig_.serves_sockets || rig_.open.size() <= now.allocations * 2 + now.reservations);
    rig_.server.handle_timeout(rig_.now);
    rig_.settle();
    take_events();
    const auto next = rig_.server.next_timeout();
    ICE_FUZZ_CHECK(!next || *next > rig_.now);
  }

  fuzz::Input& input_;
  TurnServerRig rig_;
  const bool clients_stay_;  // the model knows allocations by where their clients are
  std::vector<TurnTestClient> clients_;
  std::vector<std::size_t> users_;  // whose each client is
  std::array<std::uint8_t, 8> token_{};
  std::vector<std::uint8_t> ticket_;

  std::size_t live_ = 0;
  std::map<Endpoint, std::size_t> owners_;  // the user of the allocation that a client has
  std::set<Endpoint> owners_known_;         // clients that have ever had one
  std::map<Endpoint, Endpoint> relayed_;    // whose relayed addresses are, or were
  std::map<std::pair<Endpoint, Address>, TimePoint> permitted_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{{data, size}};
  World world{input.number(), input};
  while (!input.empty()) world.step();
  return 0;
}
