// TCP allocations of a relay server (RFC 6062) under sockets that open, fail, fill, call and close in any order, with
// correctly signed requests among random ones. A model of which connection was bound to which stands beside it: bytes
// go nowhere else, nobody binds what belongs to another user, nothing grows beyond its limit, and what the server was
// given it closes.

#include <map>
#include <set>
#include <vector>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "support/turn_tcp_rig.hpp"

using namespace ice;
using namespace ice::stun;
using test::endpoint;
using test::TurnServerRig;
using test::TurnTestClient;

namespace {

constexpr std::size_t most_connections = 3, most_of_one = 2;

turn::ServerConfig config_of(std::uint8_t flags) {
  turn::ServerConfig config;
  config.limits.peer_connections = most_connections;
  config.limits.peer_connections_per_allocation = most_of_one;
  config.limits.bytes_per_second = (flags & 1) != 0 ? 100 : 0;
  return config;
}

class World {
 public:
  World(std::uint8_t flags, fuzz::Input& input) : input_{input}, tcp_{config_of(flags)}, rig_{tcp_.rig} {
    ICE_FUZZ_CHECK(rig_.server.add_user("other", "word"));
    users_.push_back(tcp_.client);
    users_.push_back(tcp_.comes_by(SocketId{501}, endpoint("203.0.113.10:40000")));
    users_.back().name = "other", users_.back().password = "word";
    if ((flags & 2) == 0) return;
    for (TurnTestClient& one : users_) {
      allocate(one);
      ICE_FUZZ_CHECK(one.permit(peer(0)) == 0);
    }
  }

  void step() {
    switch (input_.below(11)) {
      case 0:
        allocate(users_[input_.below(2)]);
        break;
      case 1:
        users_[input_.below(2)].permit(peer(input_.below(4)));
        break;
      case 2:
        tcp_.connect_code(users_[input_.below(2)], peer(input_.below(8)));
        note_ids();
        break;
      case 3:
        end_connect();
        break;
      case 4:
        call();
        break;
      case 5:
      case 6:
        bind();
        break;
      case 7:
        data();
        break;
      case 8:
        rig_.tell(SocketFlow{any_socket(), input_.below(2) == 0});
        break;
      case 9:
        close();
        break;
      default:
        rest();
    }
    check();
  }

  /// All that it was given is given back.
  void end() {
    rig_.server.close(rig_.now);
    rig_.settle();
    for (const SocketId socket : known_) ICE_FUZZ_CHECK(gone_.contains(socket) || tcp_.is_closed(socket));
    ICE_FUZZ_CHECK(!rig_.server.next_timeout());
  }

 private:
  static Endpoint peer(std::size_t which) {
    if (which == 7) return endpoint("127.0.0.1:80");
    return {Address::v4(203, 0, 113, static_cast<std::uint8_t>(77 + which % 2)),
            static_cast<std::uint16_t>(5000 + which / 2)};
  }
  SocketId any_socket() {
    if (known_.empty()) return SocketId{999};
    return known_[input_.below(known_.size())];
  }
  SocketId new_socket() { return known_.emplace_back(SocketId{next_socket_++}); }

  void allocate(TurnTestClient& one) { tcp_.allocated(one); }

  /// CONNECTION-IDs, as whoever has them learns them.
  void note_ids() {
    for (const test::Sent& sent : rig_.sent)
      if (const auto id = sent.message().get<attr::ConnectionId>())
        owners_[*id] = sent.socket == tcp_.control ? 0U : 1U, ids_.push_back(*id);
  }

  void end_connect() {
    if (rig_.asked.empty()) return;
    const OpenSocket asked = rig_.asked[input_.below(rig_.asked.size())];
    if (asked.kind != OpenSocket::Kind::connect || !answered_.insert(asked.ticket).second) return;
    if (input_.below(3) == 0) {
      rig_.tell(SocketFailed{asked.ticket, make_error_code(std::errc::connection_refused)});
    } else {
      const SocketId socket = new_socket();
      rig_.tell(SocketOpened{asked.ticket, socket, {asked.local.address, asked.ports.first}});
      if (!rig_.sent.empty()) peer_of_[tcp_.id_in_last()] = socket;
      ICE_FUZZ_CHECK(tcp_.is_closed(socket) || !rig_.reads.at(socket));
    }
    note_ids();
  }

  void call() {
    if (rig_.open.empty()) return;
    const SocketId listener = rig_.open[input_.below(rig_.open.size())].first, socket = new_socket();
    rig_.tell(SocketAccepted{listener, socket, {}, peer(input_.below(8))});
    if (!rig_.sent.empty()) peer_of_[tcp_.id_in_last()] = socket;
    ICE_FUZZ_CHECK(tcp_.is_closed(socket) || !rig_.reads.at(socket));
    note_ids();
  }

  void bind() {
    const std::size_t as = input_.below(2);
    const std::uint32_t id = ids_.empty() ? input_.number() : ids_[input_.below(ids_.size())];
    const SocketId socket = new_socket();
    TurnTestClient data = tcp_.comes_by(socket, {users_[as].from.address, static_cast<std::uint16_t>(next_socket_)});
    data.name = users_[as].name, data.password = users_[as].password;
    if (tcp_.is_closed(socket)) return;  // one connection too many
    if (tcp_.bind_code(data, id) != 0) return;
    ICE_FUZZ_CHECK(owners_.contains(id) && owners_.at(id) == as);
    const SocketId other = peer_of_.at(id);
    ICE_FUZZ_CHECK(!partners_.contains(other) && !tcp_.is_closed(other) && !gone_.contains(other));
    partners_[socket] = other;
    partners_[other] = socket;
    ICE_FUZZ_CHECK(rig_.framing.at(socket) == Framing::none);
  }

  void data() {
    const SocketId from = any_socket();
    if (gone_.contains(from) || tcp_.is_closed(from)) return;
    const Bytes chunk = input_.chunk();
    if (chunk.empty()) return;
    const auto sent = rig_.give(chunk, from, peer(0));
    const auto partner = partners_.find(from);
    if (partner == partners_.end()) {
      ICE_FUZZ_CHECK(!sent || sent->socket == from);
    } else if (sent) {
      ICE_FUZZ_CHECK(sent->socket == partner->second && !tcp_.is_closed(sent->socket));
      ICE_FUZZ_CHECK(std::equal(chunk.begin(), chunk.end(), sent->bytes.begin(), sent->bytes.end()));
    } else {
      ICE_FUZZ_CHECK(tcp_.is_closed(from));  // its time was over
    }
  }

  void close() {
    SocketId socket = any_socket();
    if (input_.below(8) == 0) socket = input_.below(2) == 0 ? tcp_.control : SocketId{501};
    if (gone_.contains(socket) || tcp_.is_closed(socket)) return;
    gone_.insert(socket);
    rig_.tell(SocketClosed{socket, {}});
    if (const auto partner = partners_.find(socket); partner != partners_.end())
      ICE_FUZZ_CHECK(tcp_.is_closed(partner->second));
  }

  void rest() {
    switch (input_.below(4)) {
      case 0:
        users_[input_.below(2)].refresh([](Builder& b) { b.add<attr::Lifetime>(Seconds{0}); });
        break;
      case 1:
        rig_.now += std::chrono::seconds{input_.number()};  // the timer is late
        break;
      default:
        rig_.sleep(std::chrono::seconds{input_.number()});
    }
  }

  void check() {
    const turn::ServerGauges now = rig_.server.gauges();
    ICE_FUZZ_CHECK(now.peer_connections <= most_connections && now.peer_connections <= most_of_one * now.allocations);
    for (const auto& [one, other] : partners_) {
      const bool ended = gone_.contains(one) || tcp_.is_closed(one);
      ICE_FUZZ_CHECK(ended == (gone_.contains(other) || tcp_.is_closed(other)));
    }
    rig_.server.handle_timeout(rig_.now);
    rig_.settle();
    const auto next = rig_.server.next_timeout();
    ICE_FUZZ_CHECK(!next || *next > rig_.now);
  }

  fuzz::Input& input_;
  test::TurnTcpRig tcp_;
  TurnServerRig& rig_;
  std::vector<TurnTestClient> users_;
  std::vector<SocketId> known_;  // data connections and those of peers, however they stand
  std::set<SocketId> gone_;      // closed by their other end
  std::set<SocketTicket> answered_;
  std::vector<std::uint32_t> ids_;
  std::map<std::uint32_t, std::size_t> owners_;  // who was told of a CONNECTION-ID
  std::map<std::uint32_t, SocketId> peer_of_;    // what it names
  std::map<SocketId, SocketId> partners_;        // bound to each other, both ways
  std::uint32_t next_socket_ = 10'000;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{{data, size}};
  World world{input.number(), input};
  while (!input.empty()) world.step();
  world.end();
  return 0;
}
