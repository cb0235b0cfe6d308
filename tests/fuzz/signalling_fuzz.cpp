// Clients of a signalling server that do what they like: connect, send bytes in any pieces, vanish. The server keeps
// to its bounds, says nothing to who is gone, and everything it says is a message.

#include <map>
#include <set>
#include <string>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "ice/base/machine.hpp"
#include "mesh_demo/signalling_server.hpp"

using namespace ice;
using namespace ice::mesh;

namespace {

constexpr SignallingLimits limits{.clients = 6, .rooms = 2};
constexpr SocketId listener{1000};

/// What the server does to connections.
struct Outlet {
  std::set<SocketId> open;

  void transmit(const Transmit& out) {
    ICE_FUZZ_CHECK(open.contains(out.socket) && out.head.empty() && out.padding == 0);
    const std::string_view line = text_of(out.body);
    ICE_FUZZ_CHECK(line.ends_with('\n') && line.find('\n') == line.size() - 1);
    ICE_FUZZ_CHECK(line.size() <= longest_line);
    const auto message = parse(line);
    ICE_FUZZ_CHECK(message && format(*message) == line);
  }
  void event(const SignallingEvent&) {}
  void request(const SocketRequest& request) {
    if (const auto* close = std::get_if<CloseSocket>(&request)) ICE_FUZZ_CHECK(open.erase(close->socket) == 1);
  }
};

/// Messages that get past the parser, so that not all time is spent on guessing JSON.
std::string message_for(fuzz::Input& input) {
  const auto word = [&] { return std::string(1, static_cast<char>('a' + input.below(4))); };
  const auto peer = [&] { return 1 + input.below(8); };
  const auto attempt = [&] { return static_cast<Attempt>(1 + input.below(2)); };
  switch (input.below(6)) {
    case 0:
      return format(Join{word(), word()});
    case 1:
      return format(Bye{});
    case 2:
      return format(Offer{peer(), attempt(), word()});
    case 3:
      return format(Answer{peer(), attempt(), word()});
    case 4:
      return format(CandidateLine{peer(), attempt(), word()});
    default:
      return format(Error{ErrorCode::attempt_failed, word(), peer(), attempt()});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{{data, size}};
  SignallingServer server{{.limits = limits}};
  Outlet outlet;
  std::array<std::uint8_t, scratch_size> scratch{};
  TimePoint now{};
  std::uint32_t last = 0;
  server.listen({Address::v4(192, 0, 2, 1), 9000});
  while (!input.empty()) {
    const std::uint8_t what = input.number();
    const SocketId socket{static_cast<std::uint32_t>(input.below(last + 2))};  // some never were
    now += std::chrono::milliseconds{input.number()};
    switch (what % 6) {
      case 0: {
        const SocketId accepted{++last};
        outlet.open.insert(accepted);
        server.handle_socket(now, SocketAccepted{listener, accepted, {}, {}});
        break;
      }
      case 1:
        outlet.open.erase(socket);
        server.handle_socket(now, SocketClosed{socket, {}});
        break;
      case 2:
        now += std::chrono::seconds{input.number()};
        server.handle_timeout(now);
        break;
      case 3: {
        const Bytes bytes = input.long_chunk();
        static_cast<void>(parse(text_of(bytes)));
        static_cast<void>(server.handle_datagram(now, {socket, {}, bytes, {}}, scratch));
        break;
      }
      default: {
        const std::string line = message_for(input);
        static_cast<void>(server.handle_datagram(now, {socket, {}, bytes_of(line), {}}, scratch));
        break;
      }
    }
    static_cast<void>(drain(server, now, scratch, outlet));
    ICE_FUZZ_CHECK(server.clients() <= limits.clients && server.clients() <= outlet.open.size());
    ICE_FUZZ_CHECK(server.rooms() <= limits.rooms);
    ICE_FUZZ_CHECK(server.buffered() <= server.clients() * longest_line);
  }
  return 0;
}
