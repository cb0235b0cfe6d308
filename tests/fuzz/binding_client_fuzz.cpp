// A binding client driven with bytes and time: every request that is not cancelled ends with one result, everything it
// sends parses, and it falls silent.

#include <array>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "ice/base/machine.hpp"
#include "ice/base/random.hpp"
#include "ice/stun/binding_client.hpp"
#include "ice/stun/builder.hpp"

using namespace ice;
using namespace ice::stun;

namespace {

constexpr std::array<Endpoint, 3> servers = {Endpoint{Address::v4(192, 0, 2, 1), 3478},
                                             Endpoint{Address::v4(192, 0, 2, 2), 3478},
                                             Endpoint{Address::v6({0x20, 0x01, 0x0d, 0xb8}), 3478}};

BindingClientConfig config_of(std::uint8_t flags) {
  BindingClientConfig config;
  config.count_transmissions = (flags & 1) != 0;
  config.follow_alternate_server = (flags & 2) == 0;
  const auto login = Login::make("user", "pass");
  if ((flags & 12) == 4) config.session = *AuthSession::short_term(*login);
  if ((flags & 12) == 8) config.session = AuthSession::long_term(*login);
  return config;
}

/// The world that a script of bytes makes for a client.
class World {
 public:
  explicit World(fuzz::Input input)
      : input_{input}, client_{config_of(input_.number()), {.random = random_, .pacer = pacer_}} {}

  void run() {
    while (!input_.empty()) {
      act();
      settle();
    }
    for (const SocketTicket ticket : tickets_)
      client_.handle_socket(now_, SocketFailed{ticket, std::make_error_code(std::errc::connection_refused)});
    tickets_.clear();
    settle();
    // 64 requests, each with five redirections, four server errors and some challenges at most.
    for (int timeouts = 0; client_.next_timeout(); ++timeouts) {
      ICE_FUZZ_CHECK(timeouts < 10'000);
      now_ = std::max(now_, *client_.next_timeout());
      client_.handle_timeout(now_);
      settle();
    }
    ICE_FUZZ_CHECK(open_.empty() && client_.in_progress() == 0);
  }

  void transmit(const Transmit& packet) {
    const auto request = Message::parse(packet.head);
    ICE_FUZZ_CHECK(request && request->is(Method::binding, Class::request));
    ICE_FUZZ_CHECK(packet.to && packet.to.port != 0);
    last_ = {packet.head.begin(), packet.head.end()};
    last_to_ = packet.to;
    last_socket_ = packet.socket;
  }
  void event(const BindingResult& result) {
    ICE_FUZZ_CHECK(open_.erase(result.request) == 1);
    ICE_FUZZ_CHECK(static_cast<bool>(result.mapped) || result.error);
    ICE_FUZZ_CHECK(result.redirects <= BindingClient::most_redirects);
    ICE_FUZZ_CHECK(result.transmissions <= RetransmissionSchedule::most_rc);
  }
  void request(const SocketRequest& request) {
    if (const auto* open = std::get_if<OpenSocket>(&request)) tickets_.push_back(open->ticket);
  }

 private:
  void settle() {
    drain(client_, now_, scratch_, *this);
    ICE_FUZZ_CHECK(client_.in_progress() == open_.size() && open_.size() <= BindingClient::most_requests);
  }

  void act() {
    switch (input_.below(8)) {
      case 0:
        ask();
        break;
      case 1:
        if (!open_.empty()) {
          client_.cancel(*open_.begin());
          open_.erase(open_.begin());
        }
        break;
      case 2:
        now_ += std::chrono::milliseconds{input_.number<std::uint16_t>()};
        client_.handle_timeout(now_);
        break;
      case 3:
        client_.handle_socket(now_, SocketUnreachable{last_socket_, last_to_, input_.number(), input_.number()});
        break;
      case 4:
        if (!tickets_.empty()) {
          client_.handle_socket(now_, SocketOpened{tickets_.back(), SocketId{input_.number()}, {}});
          tickets_.pop_back();
        }
        break;
      case 5:
        client_.handle_socket(now_, SocketClosed{SocketId{input_.number()}, {}});
        break;
      default:
        receive();
    }
  }

  void ask() {
    BindingRequest request;
    request.socket = SocketId{static_cast<std::uint32_t>(input_.below(3))};
    request.server = servers[input_.below(servers.size())];
    const std::uint8_t wishes = input_.number();
    if ((wishes & 3) == 3) request.transport = Transport::tcp;
    if ((wishes & 4) != 0) request.change_request = ChangeRequest{.change_ip = true};
    if ((wishes & 8) != 0) request.response_port = 7;
    if ((wishes & 16) != 0) request.padding = input_.number();
    request.fingerprint = (wishes & 32) != 0;
    if (const auto id = client_.ask(now_, request)) ICE_FUZZ_CHECK(open_.insert(*id).second);
  }

  void receive() {
    const std::uint8_t how = input_.number();
    std::array<std::uint8_t, 4096> out;
    Bytes bytes;
    if ((how & 1) != 0 || last_.empty()) {
      bytes = input_.long_chunk();
    } else {
      static constexpr std::array<std::uint16_t, 8> codes = {0, 0, 300, 400, 401, 420, 438, 500};
      const std::uint16_t code = codes[input_.below(codes.size())];
      const auto id = Message::parse(last_)->transaction_id();
      Builder builder{out, Method::binding, code == 0 ? Class::success_response : Class::error_response, id};
      if (code != 0) builder.add<attr::ErrorCode>({.code = static_cast<ErrorCode>(code)});
      if ((how & 2) != 0) builder.add<attr::XorMappedAddress>(servers[0]);
      if ((how & 4) != 0) builder.add<attr::AlternateServer>(servers[input_.below(servers.size())]);
      if ((how & 8) != 0) builder.add<attr::Realm>("realm").add_raw(attr::Nonce::type, input_.chunk());
      if ((how & 16) != 0) builder.add_raw(AttributeType{input_.number<std::uint16_t>()}, input_.chunk());
      if ((how & 32) != 0) builder.integrity(*Credential::short_term("pass"));
      if ((how & 64) != 0) builder.fingerprint();
      if (const auto made = builder.finish()) bytes = *made;
    }
    const Endpoint from = (how & 128) != 0 ? servers[2] : last_to_;
    const Received received = client_.handle_datagram(now_, {last_socket_, from, bytes, {}}, scratch_);
    ICE_FUZZ_CHECK(!received.forward && received.verdict != Verdict::application_data);
  }

  fuzz::Input input_;
  SeededRandom random_{1};
  Pacer pacer_;
  BindingClient client_;
  TimePoint now_{};
  std::set<BindingRequestId> open_;
  std::vector<SocketTicket> tickets_;
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
