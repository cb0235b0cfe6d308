// A discovery driven with bytes and time: whatever arrives, it ends once, in time, with every socket closed, and claims
// nothing of a network that never answered.

#include <algorithm>
#include <array>
#include <set>
#include <variant>
#include <vector>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "ice/base/machine.hpp"
#include "ice/base/random.hpp"
#include "ice/nat/classic.hpp"
#include "ice/nat/discovery.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"

using namespace ice;

namespace {

constexpr std::array<Endpoint, 4> endpoints = {
    Endpoint{Address::v4(192, 0, 2, 1), 3478}, Endpoint{Address::v4(192, 0, 2, 2), 3479},
    Endpoint{Address::v4(192, 0, 2, 1), 3479}, Endpoint{Address::v4(192, 0, 2, 2), 3478}};
constexpr Address own = Address::v4(10, 0, 0, 1);

nat::DiscoveryConfig config_of(std::uint8_t flags) {
  nat::DiscoveryConfig config;
  config.servers = {endpoints[0]};
  if ((flags & 1) != 0) config.servers.push_back(endpoints[3]);
  config.lifetime = (flags & 2) != 0;
  if ((flags & 4) != 0) config.local = own;
  return config;
}

/// The world that a script of bytes makes for a discovery.
class World {
 public:
  explicit World(fuzz::Input input)
      : input_{input}, discovery_{config_of(input_.number()), {.random = random_, .pacer = pacer_}} {}

  void run() {
    ICE_FUZZ_CHECK(discovery_.start(now_).has_value());
    settle();
    while (!input_.empty()) {
      act();
      settle();
    }
    for (const SocketTicket ticket : tickets_)
      discovery_.handle_socket(now_, SocketFailed{ticket, std::make_error_code(std::errc::connection_refused)});
    settle();
    for (int timeouts = 0; discovery_.next_timeout(); ++timeouts) {
      ICE_FUZZ_CHECK(timeouts < 100'000);
      now_ = std::max(now_, *discovery_.next_timeout());
      discovery_.handle_timeout(now_);
      settle();
    }
    ICE_FUZZ_CHECK(ended_ && discovery_.finished() && open_.empty());
  }

  void transmit(const Transmit& packet) {
    ICE_FUZZ_CHECK(!ended_ && open_.contains(packet.socket));
    const auto request = stun::Message::parse(packet.head);
    ICE_FUZZ_CHECK(request && request->is(stun::Method::binding, stun::Class::request));
    ICE_FUZZ_CHECK(packet.to && packet.to.port != 0);
    last_ = {packet.head.begin(), packet.head.end()};
    last_to_ = packet.to;
    last_socket_ = packet.socket;
  }
  void event(const nat::DiscoveryEvent& event) {
    const auto* done = std::get_if<nat::Discovered>(&event);
    if (done == nullptr) return;
    ICE_FUZZ_CHECK(!ended_);
    ended_ = true;
    const nat::Behavior& found = done->behavior;
    ICE_FUZZ_CHECK(found.udp_answered || found.mapping.value == nat::Mapping::unknown);
    ICE_FUZZ_CHECK(found.udp_answered || found.filtering.value == nat::Filtering::unknown);
    ICE_FUZZ_CHECK((found.mapping.value == nat::Mapping::unknown) ==
                   (found.mapping.confidence == nat::Confidence::none));
    ICE_FUZZ_CHECK((found.filtering.value == nat::Filtering::unknown) ==
                   (found.filtering.confidence == nat::Confidence::none));
    ICE_FUZZ_CHECK(!nat::ClassicDiscovery{found}.steps().empty());
    // Ten a second, for the limit and the lifetime test.
    ICE_FUZZ_CHECK(discovery_.observations().size() <= 10u * (12 + 60 * 30) + 10);
  }
  void request(const SocketRequest& request) {
    if (const auto* wanted = std::get_if<OpenSocket>(&request)) tickets_.push_back(wanted->ticket);
    if (const auto* close = std::get_if<CloseSocket>(&request)) ICE_FUZZ_CHECK(open_.erase(close->socket) == 1);
  }

 private:
  void settle() { drain(discovery_, now_, scratch_, *this); }

  void act() {
    switch (input_.below(8)) {
      case 0:
        open(tickets_.size());
        break;
      case 1:
        open(1);
        break;
      case 2:
        now_ += std::chrono::milliseconds{input_.number<std::uint16_t>()};
        discovery_.handle_timeout(now_);
        break;
      case 3:
        if (const auto next = discovery_.next_timeout()) now_ = std::max(now_, *next);
        discovery_.handle_timeout(now_);
        break;
      case 4:
        discovery_.handle_socket(now_, SocketUnreachable{last_socket_, last_to_, input_.number(), input_.number()});
        break;
      case 5:
        close();
        break;
      default:
        receive();
    }
  }

  void open(std::size_t count) {
    for (; count > 0 && !tickets_.empty(); --count) {
      const SocketTicket ticket = tickets_.front();
      tickets_.erase(tickets_.begin());
      const SocketId socket{next_socket_++};
      open_.insert(socket);
      discovery_.handle_socket(now_,
                               SocketOpened{ticket, socket, {own, static_cast<std::uint16_t>(40'000 + next_socket_)}});
    }
  }

  void close() {
    const std::uint8_t which = input_.number();
    if (which >= open_.size()) return;
    const SocketId socket = *std::next(open_.begin(), which);
    open_.erase(socket);
    discovery_.handle_socket(now_, SocketClosed{socket, {}});
  }

  void receive() {
    const std::uint8_t how = input_.number();
    std::array<std::uint8_t, 4096> out;
    Bytes bytes;
    if ((how & 1) != 0 || last_.empty()) {
      bytes = input_.long_chunk();
    } else if ((how & 2) != 0) {
      bytes = last_;  // as a NAT that hairpins brings it back
    } else {
      const auto id = stun::Message::parse(last_)->transaction_id();
      const bool refused = (how & 4) != 0;
      stun::Builder builder{out, stun::Method::binding,
                            refused ? stun::Class::error_response : stun::Class::success_response, id};
      if (refused) builder.add<stun::attr::ErrorCode>({.code = static_cast<stun::ErrorCode>(420)});
      Endpoint mapped{(how & 8) != 0 ? own : Address::v4(198, 51, 100, 1), 40'000};
      mapped.port = static_cast<std::uint16_t>(mapped.port + input_.below(16));
      builder.add<stun::attr::XorMappedAddress>(mapped);
      if ((how & 16) != 0) builder.add<stun::attr::OtherAddress>(endpoints[input_.below(endpoints.size())]);
      if (const auto made = builder.finish()) bytes = *made;
    }
    const Endpoint from = (how & 32) != 0 ? endpoints[input_.below(endpoints.size())] : last_to_;
    const SocketId socket = (how & 64) != 0 ? SocketId{input_.number()} : last_socket_;
    const Received received = discovery_.handle_datagram(now_, {socket, from, bytes, {}}, scratch_);
    ICE_FUZZ_CHECK(!received.forward && received.verdict != Verdict::application_data);
  }

  fuzz::Input input_;
  SeededRandom random_{1};
  Pacer pacer_;
  nat::Discovery discovery_;
  TimePoint now_{};
  std::vector<SocketTicket> tickets_;
  std::set<SocketId> open_;
  std::uint32_t next_socket_ = 1;
  bool ended_ = false;
  std::vector<std::uint8_t> last_;
  Endpoint last_to_{};
  SocketId last_socket_{};
  std::array<std::uint8_t, scratch_size> scratch_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world{fuzz::Input{{data, size}}};
  world.run();
  return 0;
}
