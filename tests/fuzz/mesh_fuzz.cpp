// A peer of a mesh whose server, peers, sockets and DNS do what they like. It sends on sockets that it has, closes what
// it was given, keeps no more calls than a room has peers, and always comes to rest.

#include <array>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "ice/base/machine.hpp"
#include "mesh_demo/mesh.hpp"

using namespace ice;
using namespace ice::mesh;

namespace {

constexpr std::string_view description =
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-options:ice2 trickle\r\n"
    "m=application 9 UDP octet-stream\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:0123456789012345678901\r\na=candidate:1 1 udp 2130706431 192.0.2.9 9 typ host\r\n";

/// The world around the peer: sockets that it has or asked for, and what became of its packets.
class World {
 public:
  World(Mesh& mesh, TimePoint& now) : mesh_{mesh}, now_{now} {}

  void transmit(const Transmit& out) {
    ICE_FUZZ_CHECK(open_.contains(out.socket));
    ICE_FUZZ_CHECK(out.size() > 0 && out.size() <= longest_line);
  }
  void event(const MeshEvent&) {}
  void request(SocketRequest request) {
    if (const auto* close = std::get_if<CloseSocket>(&request))
      ICE_FUZZ_CHECK(open_.erase(close->socket) == 1);
    else
      asked_.push_back(std::get<OpenSocket>(std::move(request)));
  }

  /// Empties the mesh, and lets it have what is due.
  void settle() {
    constexpr int most_rounds = 1000;
    for (int round = 0;; ++round) {
      const auto next = drain(mesh_, now_, scratch_, *this);
      if (!next || *next > now_) return;
      ICE_FUZZ_CHECK(round < most_rounds);
      mesh_.handle_timeout(now_);
    }
  }

  /// Answers the oldest request for a socket.
  void answer(bool well) {
    if (asked_.empty()) return;
    const OpenSocket asked = asked_.front();
    asked_.pop_front();
    if (!well) return mesh_.handle_socket(now_, SocketFailed{asked.ticket, make_error_code(errc::unreachable)});
    const SocketId socket{++last_};
    open_.insert(socket);
    mesh_.handle_socket(now_, SocketOpened{asked.ticket, socket, {Address::v4(192, 0, 2, 1), 5000}});
  }
  void close(SocketId socket) {
    if (open_.erase(socket) == 1) mesh_.handle_socket(now_, SocketClosed{socket, {}});
  }
  void arrive(SocketId socket, Bytes bytes) {
    const Datagram in{socket, {Address::v4(192, 0, 2, 9), 9}, bytes, {}};
    const Received received = mesh_.handle_datagram(now_, in, scratch_);
    ICE_FUZZ_CHECK((received.verdict == Verdict::forward) == received.forward.has_value());
    if (received.forward) transmit(*received.forward);
  }

 private:
  Mesh& mesh_;
  TimePoint& now_;
  std::deque<OpenSocket> asked_;
  std::set<SocketId> open_;
  std::uint32_t last_ = 0;
  std::array<std::uint8_t, scratch_size> scratch_{};
};

std::string message_for(fuzz::Input& input) {
  const auto member = [&] {
    const std::uint64_t id = 1 + input.below(4);
    return Member{id, "p" + std::to_string(id)};
  };
  const auto attempt = [&] { return static_cast<Attempt>(1 + input.below(2)); };
  const auto sdp = [&] { return input.below(4) != 0 ? std::string{description} : std::string{"v=0\r\n"}; };
  switch (input.below(8)) {
    case 0:
      return format(Welcome{{9, "self"}, "room", {member()}, {{{"stun:192.0.2.7", "stun:name.example"}, {}, {}, 0}}});
    case 1:
      return format(PeerJoined{member()});
    case 2:
      return format(PeerLeft{member(), input.below(2) == 0});
    case 3:
      return format(Offer{member().id, attempt(), sdp()});
    case 4:
      return format(Answer{member().id, attempt(), sdp()});
    case 5:
      return format(CandidateLine{member().id, attempt(), "candidate:2 1 udp 7 192.0.2.8 8 typ host"});
    case 6:
      return format(CandidateLine{member().id, attempt(), ""});
    default:
      return format(Error{ErrorCode::attempt_failed, "", member().id, attempt()});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{{data, size}};
  SeededRandom random{1};
  Pacer pacer;
  MeshConfig config{.server = {Address::v4(192, 0, 2, 2), 9000}, .room = "room", .name = "self"};
  config.call.addresses = {{Address::v4(192, 0, 2, 1), "eth0"}, {Address::v6({0x20, 0x01, 0x0d, 0xb8}), "eth0"}};
  Mesh mesh{config, {random, pacer}};
  TimePoint now{};
  World world{mesh, now};
  mesh.join(now);
  world.settle();
  while (!input.empty()) {
    const std::uint8_t what = input.number();
    const SocketId socket{static_cast<std::uint32_t>(1 + input.below(16))};
    now += std::chrono::milliseconds{input.number()};
    switch (what % 10) {
      case 0:
      case 1:
        world.answer(what % 10 == 0 || input.below(8) != 0);
        break;
      case 2:
        world.close(socket);
        break;
      case 3:
        mesh.handle_socket(now, SocketUnreachable{socket, {Address::v4(192, 0, 2, 9), 9}, 3, 3});
        break;
      case 4:
        world.arrive(socket, input.long_chunk());
        break;
      case 5:
        now += std::chrono::seconds{input.number()};
        break;
      case 6:
        static_cast<void>(mesh.say(now, "text"));
        break;
      case 7:
        if (input.below(8) == 0)
          mesh.leave(now);
        else
          mesh.resolve(now, *stun::Uri::parse("stun:name.example"), {{Address::v4(192, 0, 2, 7), 3478}});
        break;
      default:
        world.arrive(SocketId{1}, bytes_of(message_for(input)));  // the first socket is signalling's
        break;
    }
    world.settle();
    ICE_FUZZ_CHECK(mesh.peers() <= most_peers && mesh.connected() <= mesh.peers());
    ICE_FUZZ_CHECK(mesh.reports().size() <= Mesh::most_past + most_peers);
  }
  return 0;
}
