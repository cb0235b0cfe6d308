// A TURN allocation driven with bytes, time, verbs and answers that are signed as its server would: what it sends is
// TURN, and no more of it than time allows, what it hands on comes from peers that were permitted, numbers of channels
// rest as long as RFC 8656 §12 wants, and once released it falls silent. Some worlds have a server that answers by
// itself, the same to every request of a method until the script wants it otherwise: what goes in circles shows there.

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "ice/base/machine.hpp"
#include "ice/base/random.hpp"
#include "ice/stun/builder.hpp"
#include "ice/turn/allocation.hpp"

using namespace ice;
using namespace ice::turn;
using stun::Class;
using stun::Message;
using stun::Method;
namespace attr = stun::attr;

namespace {

constexpr std::array<Endpoint, 3> servers = {Endpoint{Address::v4(192, 0, 2, 1), 3478},
                                             Endpoint{Address::v4(192, 0, 2, 2), 3478},
                                             Endpoint{Address::v6({0x20, 0x01, 0x0d, 0xb8}), 3478}};
constexpr SocketId shared{1};

AllocationConfig config_of(std::uint8_t flags, std::uint8_t wishes) {
  AllocationConfig config;
  config.server = servers[0];
  config.transport = Transport{static_cast<std::uint8_t>(flags & 3)};
  if ((flags & 4) != 0) config.socket = shared;
  if ((flags & 8) == 0) config.login = *stun::Login::make("user", "pass");
  config.family = RequestedFamily{static_cast<std::uint8_t>(flags >> 4 & 3)};
  if ((wishes & 1) != 0) config.dont_fragment = true;
  if ((wishes & 2) != 0) config.even_port = stun::EvenPort{(wishes & 4) != 0};
  if ((wishes & 8) != 0) config.reservation_token = ReservationToken{1};
  if ((wishes & 16) != 0) config.lifetime = stun::Seconds{wishes};
  if ((wishes & 32) != 0) config.software = "fuzz";
  return config;
}

/// What a server that answers by itself says to all requests of a method.
struct Habit {
  std::uint16_t code = 0;
  std::uint8_t how = 0;
  bool silent = false;
  bool rests = false;  // the next challenge is left out
};

/// The world that a script of bytes makes for an allocation.
class World {
 public:
  explicit World(fuzz::Input input) : World{input, input.number(), input.number()} {}

  void run() {
    input_.number<std::uint16_t>();  // the two of the config
    while (!input_.empty()) {
      act();
      settle();
    }
    sleep(std::chrono::hours{1});
    allocation_.release(now_);
    settle();
    sleep(std::chrono::seconds{80});  // an Allocate whose answer is waited for, then a Refresh
    const AllocationState state = allocation_.state();
    ICE_FUZZ_CHECK(state == AllocationState::idle || state == AllocationState::released ||
                   state == AllocationState::failed);
    ICE_FUZZ_CHECK(!allocation_.next_timeout());
  }

  void transmit(const Transmit& packet) {
    ICE_FUZZ_CHECK(++sent_ <= most_at_once + (now_ - counted_from_) / least_interval);
    const auto message = Message::parse(packet.head);
    ICE_FUZZ_CHECK(message && packet.body.empty() && packet.padding == 0);
    ICE_FUZZ_CHECK(packet.to == allocation_.server() && packet.socket == allocation_.socket());
    if (message->is(Method::binding, Class::indication)) return;
    ICE_FUZZ_CHECK(message->message_class() == Class::request);
    const Method method = message->method();
    ICE_FUZZ_CHECK(method == Method::allocate || method == Method::refresh || method == Method::create_permission ||
                   method == Method::channel_bind);
    if (method == Method::channel_bind) check_channel(*message);
    last_ = {packet.head.begin(), packet.head.end()};
    if (has_server_) asked_.push_back(last_);
  }
  void event(const AllocationEvent& event) {
    if (const auto* made = std::get_if<Allocated>(&event)) {
      ICE_FUZZ_CHECK(made->relayed && made->relayed.port != 0 && made->lifetime > Duration::zero());
    } else if (const auto* failed = std::get_if<AllocationFailed>(&event)) {
      ICE_FUZZ_CHECK(failed->why.error);
    } else if (const auto* lost = std::get_if<AllocationLost>(&event)) {
      ICE_FUZZ_CHECK(lost->why.error && lost->relayed);
      bindings_.clear();  // not with the next one: what that binds leaves before its event is polled
    } else if (std::holds_alternative<Released>(event)) {
      bindings_.clear();
    } else if (const auto* granted = std::get_if<PermissionGranted>(&event)) {
      ICE_FUZZ_CHECK(wanted_.count(granted->peer) == 1);
    } else if (const auto* refused = std::get_if<PermissionRefused>(&event)) {
      ICE_FUZZ_CHECK(wanted_.erase(refused->peer) == 1 && refused->why.error);
    } else if (const auto* ready = std::get_if<ChannelReady>(&event)) {
      ICE_FUZZ_CHECK(wanted_.count(ready->peer.address) == 1);
    }
  }
  void request(const SocketRequest& request) {
    if (const auto* open = std::get_if<OpenSocket>(&request)) ticket_ = open->ticket;
  }

 private:
  World(fuzz::Input input, std::uint8_t flags, std::uint8_t wishes)
      : input_{input},
        has_server_{(wishes & 64) != 0},
        with_login_{(flags & 8) == 0},
        allocation_{config_of(flags, wishes), {.random = random_, .pacer = pacer_}} {}

  /// What an allocation may send in one act of the script: each of its peers in several requests, and each of them
  /// after challenges; and from then on, on the average.
  static constexpr std::int64_t most_at_once = 4000;
  static constexpr Duration least_interval = std::chrono::milliseconds{50};

  void settle() {
    drain(allocation_, now_, scratch_, *this);
    while (!asked_.empty()) {
      for (const std::vector<std::uint8_t>& request : std::exchange(asked_, {})) answer_by_itself(request);
      drain(allocation_, now_, scratch_, *this);
    }
    ICE_FUZZ_CHECK(allocation_.socket() || allocation_.state() != AllocationState::allocated);
  }
  void sleep(Duration duration) {
    const TimePoint end = now_ + duration;
    for (int timeouts = 0; allocation_.next_timeout() && *allocation_.next_timeout() <= end; ++timeouts) {
      ICE_FUZZ_CHECK(timeouts < 20'000);
      now_ = std::max(now_, *allocation_.next_timeout());
      allocation_.handle_timeout(now_);
      settle();
    }
    now_ = end;
  }

  /// RFC 8656 §12: 0x4000 to 0x4FFF, and a number means one peer until five minutes after it has expired.
  void check_channel(const Message& request) {
    const auto number = request.get<attr::ChannelNumber>();
    const auto peer = request.get<attr::XorPeerAddress>();
    ICE_FUZZ_CHECK(number && *number >= 0x4000 && *number <= 0x4FFF && peer);
    for (const auto& [known, binding] : bindings_) {
      if (now_ >= binding.second + std::chrono::minutes{15}) continue;
      ICE_FUZZ_CHECK((known == *number) == (binding.first == *peer));
    }
    bindings_[*number] = {*peer, now_};
  }

  Endpoint peer() {
    const std::uint8_t which = input_.number();
    if ((which & 1) == 0) return {Address::v4(198, 51, 100, which), 9};
    return {Address::v6({0x20, 0x01, 0x0d, 0xb8, which}), which};
  }

  void act() {
    sent_ = 0;
    counted_from_ = now_;
    switch (input_.below(16)) {
      case 0:
        static_cast<void>(allocation_.allocate(now_).has_value());
        break;
      case 1: {
        const Endpoint who = peer();
        if (allocation_.permit(now_, who.address)) wanted_.insert(who.address);
        break;
      }
      case 2: {
        const Endpoint who = peer();
        if (allocation_.bind_channel(now_, who)) wanted_.insert(who.address);
        break;
      }
      case 3: {
        const Endpoint who = peer();
        allocation_.forget(who.address);
        wanted_.erase(who.address);
        break;
      }
      case 4:
        allocation_.release(now_);
        wanted_.clear();
        break;
      case 5:
        allocation_.replace_credentials(now_,
                                        *stun::Login::make((input_.number() & 1) != 0 ? "user" : "other", "pass"));
        break;
      case 6:
        allocation_.check(now_);
        break;
      case 7:
        sleep(std::chrono::milliseconds{input_.number<std::uint16_t>()});
        break;
      case 8:
        sleep(std::chrono::seconds{input_.number()});
        break;
      case 9:
        happen();
        break;
      case 10:
        wrap();
        break;
      case 11:
        receive(input_.long_chunk());
        break;
      case 12:
        receive_data();
        break;
      default:
        answer();
    }
  }

  void happen() {
    switch (input_.below(4)) {
      case 0:
        allocation_.handle_socket(now_, SocketOpened{ticket_, SocketId{100u + input_.number()}, {}});
        break;
      case 1:
        allocation_.handle_socket(now_, SocketFailed{ticket_, std::make_error_code(std::errc::connection_refused)});
        break;
      case 2:
        allocation_.handle_socket(now_, SocketClosed{allocation_.socket().value_or(shared), {}});
        break;
      default:
        allocation_.handle_socket(
            now_, SocketUnreachable{allocation_.socket().value_or(shared), allocation_.server(), 3, input_.number()});
    }
  }

  void wrap() {
    const Endpoint who = peer();
    const Bytes payload = input_.chunk();
    const auto packet = allocation_.wrap(now_, who, payload, scratch_);
    ICE_FUZZ_CHECK(packet.has_value() == allocation_.permitted(now_, who.address));
    if (!packet) return;
    ICE_FUZZ_CHECK(wanted_.count(who.address) == 1);
    ICE_FUZZ_CHECK(packet->body.data() == payload.data() && packet->head.size() <= Allocation::wrap_overhead);
    ICE_FUZZ_CHECK((packet->head.size() == 4) == allocation_.bound(now_, who));
  }

  void receive(Bytes bytes) {
    const Endpoint from = (bytes.size() & 1) != 0 && bytes.size() > 1000 ? servers[2] : allocation_.server();
    const Datagram in{allocation_.socket().value_or(shared), from, bytes, {}};
    const bool owned = allocation_.owns(in);
    const Received received = allocation_.handle_datagram(now_, in, scratch_);
    ICE_FUZZ_CHECK(!received.forward && (owned || received.verdict == Verdict::not_mine));
    if (received.verdict != Verdict::application_data) return;
    ICE_FUZZ_CHECK(wanted_.count(received.from.address) == 1);
    ICE_FUZZ_CHECK(received.data.empty() ||
                   (received.data.data() >= bytes.data() &&
                    received.data.data() + received.data.size() <= bytes.data() + bytes.size()));
  }

  void receive_data() {
    std::array<std::uint8_t, 600> out;
    const Endpoint who = peer();
    const std::uint8_t how = input_.number();
    if ((how & 1) != 0) {
      const Bytes data = input_.chunk();
      const std::uint8_t claimed = (how & 2) != 0 ? input_.number() : static_cast<std::uint8_t>(data.size());
      out = {static_cast<std::uint8_t>(0x40 | (how >> 4 & 1)), static_cast<std::uint8_t>(how >> 5), 0, claimed};
      std::copy(data.begin(), data.end(), out.begin() + 4);
      return receive(Bytes{out}.first(4 + data.size()));
    }
    stun::Builder builder{out, Method::data, Class::indication, {}};
    if ((how & 2) == 0) builder.add<attr::XorPeerAddress>(who);
    if ((how & 4) == 0) builder.add<attr::Data>(input_.chunk());
    if ((how & 8) != 0) builder.add<attr::Icmp>({.type = 3, .code = how, .data = 0});
    if (const auto made = builder.finish()) receive(*made);
  }

  /// Answers the last request, as its server might; or says how the server that answers by itself is to.
  void answer() {
    static constexpr std::array<std::uint16_t, 24> codes = {0,   0,   0,   0,   0,   0,   0,   401, 401, 438, 437, 437,
                                                            300, 400, 403, 420, 440, 441, 442, 443, 486, 500, 508, 699};
    if (has_server_) {
      Habit& habit = habits_[input_.below(habits_.size())];
      const std::size_t which = input_.below(codes.size() + 1);
      habit.silent = which == codes.size();
      habit.code = habit.silent ? 0 : codes[which];
      habit.how = input_.number();
      return;
    }
    if (last_.empty()) return;
    const std::uint16_t code = codes[input_.below(codes.size())];
    const std::uint8_t how = input_.number();
    const bool short_lived = (how & 12) == 8;
    const auto lifetime = short_lived ? input_.number() : std::uint32_t{600};
    const auto more = (how & 16) != 0 ? input_.number<std::uint16_t>() : std::uint16_t{0};
    answer(last_, {code, how}, lifetime, {more, (how & 16) != 0 ? input_.chunk() : Bytes{}});
  }

  /// A challenge to what is not signed, and every other time where challenges are the habit; else what the habit is.
  void answer_by_itself(const std::vector<std::uint8_t>& bytes) {
    const auto request = Message::parse(bytes);
    Habit& habit = habits_[habit_of(request->method())];
    if (habit.silent) return;
    Habit now = habit;
    const bool challenges = now.code == 401 || now.code == 438;
    if (challenges && std::exchange(habit.rests, !habit.rests)) now.code = 0;
    if (with_login_ && !request->has<attr::Username>() && now.code != 300) now.code = 401;
    if (now.code == 438) ++nonces_;
    answer(bytes, now, (now.how & 8) != 0 ? 1u : 600u, {});
  }
  static std::size_t habit_of(Method method) {
    if (method == Method::allocate) return 0;
    if (method == Method::refresh) return 1;
    return method == Method::create_permission ? 2 : 3;
  }

  void answer(const std::vector<std::uint8_t>& to, const Habit& habit, std::uint32_t lifetime,
              const std::pair<std::uint16_t, Bytes>& more) {
    const auto [code, how, silent, rests] = habit;
    const auto request = Message::parse(to);
    std::array<std::uint8_t, 2048> out;
    stun::Builder builder{out, request->method(), code == 0 ? Class::success_response : Class::error_response,
                          request->transaction_id()};
    if (code != 0) builder.add<attr::ErrorCode>({.code = static_cast<stun::ErrorCode>(code)});
    if (code == 401 || code == 438) builder.add<attr::Realm>("realm").add<attr::Nonce>(nonce(how));
    if (code == 300) builder.add<attr::AlternateServer>(servers[how % servers.size()]);
    if (code == 420) {
      stun::AttributeTypeList unknown;
      unknown.push_back((how & 1) != 0 ? attr::DontFragment::type : attr::RequestedAddressFamily::type);
      builder.add<attr::UnknownAttributes>(unknown);
    }
    if (request->method() == Method::allocate && code == 0) {
      if ((how & 1) == 0) builder.add<attr::XorRelayedAddress>({Address::v4(192, 0, 2, 15), 50000});
      if ((how & 2) != 0) builder.add<attr::XorRelayedAddress>({Address::v6({0x20, 1, 0xd, 0xb8}), 50000});
      builder.add<attr::XorMappedAddress>(servers[1]);
    }
    if ((how & 4) == 0) builder.add<attr::Lifetime>(stun::Seconds{lifetime});
    if (!more.second.empty() || more.first != 0) builder.add_raw(stun::AttributeType{more.first}, more.second);
    const auto user = request->get<attr::Username>();
    if (user && code != 401 && code != 438 && (how & 32) == 0)
      builder.integrity(*stun::Credential::long_term(*user, "realm", "pass", stun::PasswordAlgorithm::md5));
    if ((how & 64) != 0) builder.fingerprint();
    if (const auto made = builder.finish()) receive(*made);
  }
  std::string nonce(std::uint8_t how) const {
    if (has_server_) return "n" + std::to_string(nonces_);
    return (how & 1) != 0 ? "n1" : "n2";
  }

  fuzz::Input input_;
  bool has_server_;
  bool with_login_;
  std::array<Habit, 4> habits_{};  // of the server that answers by itself: to Allocate, Refresh, and for peers
  std::vector<std::vector<std::uint8_t>> asked_;
  std::uint32_t nonces_ = 0;
  std::int64_t sent_ = 0;
  SeededRandom random_{1};
  Pacer pacer_;
  Allocation allocation_;
  TimePoint now_{};
  TimePoint counted_from_{};
  SocketTicket ticket_{};
  std::set<Address> wanted_;
  std::map<std::uint16_t, std::pair<Endpoint, TimePoint>> bindings_;
  std::vector<std::uint8_t> last_;
  std::array<std::uint8_t, scratch_size> scratch_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world{fuzz::Input{{data, size}}};
  world.run();
  return 0;
}
