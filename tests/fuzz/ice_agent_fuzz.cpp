// A whole agent driven with bytes and time: verbs in any order, restarts of either side, checks and answers signed with
// right and wrong keys, whatever else may arrive, timeouts at any moment. It keeps its bounds, moves only as
// documented, sends nothing but what it should, lets nobody's data in who has not proven himself, and comes to an end
// when the world falls silent.

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "ice/agent.hpp"
#include "ice/consent.hpp"
#include "ice/past_generations.hpp"
#include "ice/stun/builder.hpp"

using namespace ice;
using namespace std::chrono_literals;

namespace {

constexpr std::array<Endpoint, 6> locals = {
    Endpoint{Address::v4(192, 0, 2, 1), 5000},
    Endpoint{Address::v4(192, 0, 2, 2), 5000},
    Endpoint{Address::v6({0x20, 0x01, 0x0d, 0xb8, 1}), 5000},
    Endpoint{Address::v6({0xfe, 0x80, 1}, 2), 5000},
    Endpoint{Address::v4(127, 0, 0, 1), 5000},
    Endpoint{},
};
constexpr std::array<Address, 8> remotes = {
    Address::v4(198, 51, 100, 1),    Address::v4(198, 51, 100, 1),
    Address::v4(198, 51, 100, 2),    Address::v6({0x20, 0x01, 0x0d, 0xb8, 2}),
    Address::v6({0xfe, 0x80, 2}, 2), Address::v4(127, 0, 0, 1),
    Address::v4(224, 0, 0, 1),       Address{},
};
// Each but the first is another peer's, or the same one's after its restart.
constexpr std::array<std::string_view, 4> ufrags = {"peer", "stranger", "restarted", "again"};
constexpr std::array<std::string_view, 4> passwords = {"thePasswordOfThePeer123456", "thePasswordOfAStranger1234",
                                                       "thePasswordAfterARestart12", "thePasswordAfterTwoOfThem1"};

AgentConfig config_of(fuzz::Input& input) {
  const std::uint8_t flags = input.number();
  AgentConfig config;
  config.role = (flags & 1) != 0 ? Role::controlled : Role::controlling;
  config.allow_loopback = (flags & 2) != 0;
  config.consent = (flags & 4) == 0;
  if ((flags & 8) != 0) config.pacing = 0ms;
  if ((flags & 16) != 0) config.servers.push_back(*stun::Uri::parse("stun:198.51.100.1:6000"));
  if ((flags & 32) != 0) config.servers.push_back(*stun::Uri::parse("stun:stun.example.org"));
  if ((flags & 64) != 0) config.servers.push_back(*stun::Uri::parse("stun:[2001:db8:200::]:6001"));
  config.mapping_keepalive = 5min;  // so that falling silent does not take long
  // Small ones, so that they are reached.
  config.limits = {.pairs = 6,
                   .remote_candidates = 5,
                   .peer_reflexive = 4,
                   .early_checks = 3,
                   .local_candidates = 6,
                   .history = (flags & 128) != 0 ? std::size_t{0} : std::size_t{8}};
  return config;
}

/// The world that a script of bytes makes for an agent.
class World {
 public:
  explicit World(fuzz::Input input)
      : input_{input}, config_{config_of(input_)}, agent_{config_, {.random = random_, .pacer = pacer_}} {
    generations_.emplace_back(agent_.local_description());
  }

  void run() {
    while (!input_.empty()) {
      act();
      settle();
      check_report();
    }
    fall_silent();
    agent_.close(now_);
    settle();
    ICE_FUZZ_CHECK(agent_.state() == AgentState::closed && !agent_.next_timeout());
    check_report();
  }

  void transmit(const Transmit& packet) {
    ++out_;
    ICE_FUZZ_CHECK(!ended());
    ICE_FUZZ_CHECK(sockets_.contains(packet.socket) && packet.to && packet.to.port != 0);
    ICE_FUZZ_CHECK(!packet.to.address.is_multicast() && packet.body.empty() && packet.padding == 0);
    ICE_FUZZ_CHECK(in_scratch(packet.head));
    const auto message = stun::Message::parse(packet.head);
    ICE_FUZZ_CHECK(message && message->method() == stun::Method::binding);
    if (message->message_class() == stun::Class::indication) {
      ICE_FUZZ_CHECK(carries_data() || agent_.state() == AgentState::checking);
      return;
    }
    ICE_FUZZ_CHECK(message->message_class() == stun::Class::request);
    const bool check = message->has<stun::attr::Username>();
    std::optional<std::size_t> peer;
    if (check) peer = check_check(*message);
    if (requests_.size() == 8) requests_.erase(requests_.begin());
    requests_.push_back({packet.socket, packet.to, message->transaction_id(), peer});
  }

  void event(const AgentEvent& event) {
    ++out_;
    if (std::holds_alternative<Restarted>(event)) {
      present_ = ++announced_;
      restarted_ = true;
    }
    if (const auto* changed = std::get_if<StateChanged>(&event)) moved_to(*changed);
    Generation& present = generations_[present_];
    if (const auto* gathered = std::get_if<CandidateGathered>(&event)) {
      ICE_FUZZ_CHECK(!present.gathering_done && gathered->candidate.ufrag == present.ufrag);
      ICE_FUZZ_CHECK(++present.gathered <= config_.limits.local_candidates);
    }
    if (std::holds_alternative<GatheringDone>(event)) ICE_FUZZ_CHECK(!std::exchange(present.gathering_done, true));
    if (std::holds_alternative<FirstPairValid>(event)) ICE_FUZZ_CHECK(!std::exchange(present.first_valid, true));
    if (const auto* name = std::get_if<ServerNameNeeded>(&event)) names_.insert(name->server);
  }

  void request(const SocketRequest&) { ICE_FUZZ_CHECK(false); }

 private:
  struct Request {
    SocketId socket;
    Endpoint to;
    stun::TransactionId id;
    std::optional<std::size_t> peer;  // who is asked, where it is a check
  };
  /// What one generation of the agent's has told.
  struct Generation {
    explicit Generation(const Description& mine)
        : ufrag{mine.ufrag}, password{mine.password}, key{*stun::Credential::short_term(mine.password)} {}
    std::string ufrag;
    std::string password;
    stun::Credential key;
    std::optional<std::size_t> described{};
    std::size_t gathered = 0;
    bool gathering_done = false;
    bool first_valid = false;
  };
  using Source = std::pair<SocketId, Endpoint>;

  bool ended() const { return agent_.state() >= AgentState::disconnected; }
  bool in_scratch(Bytes bytes) const {
    return bytes.data() >= scratch_.data() && bytes.data() + bytes.size() <= scratch_.data() + scratch_.size();
  }

  bool carries_data() const {
    const ConnectivityReport report = agent_.report();
    return report.state == AgentState::connected ||
           std::any_of(report.earlier.begin(), report.earlier.end(), [](const auto& one) { return one.carries_data; });
  }

  Generation& generation_of(std::string_view ufrag) {
    const auto found = std::find_if(generations_.begin(), generations_.end(),
                                    [&](const Generation& known) { return known.ufrag == ufrag; });
    ICE_FUZZ_CHECK(found != generations_.end());
    return *found;
  }
  /// A verb may have begun another generation.
  void note_generation() {
    const Description mine = agent_.local_description();
    for (const Generation& known : generations_) {
      if (known.ufrag == mine.ufrag) return;
      ICE_FUZZ_CHECK(known.password != mine.password);
    }
    generations_.emplace_back(mine);
  }

  // RFC 8445 §7.1, §7.2.2: signed for the peer, with what a check must have. Which peer of which generation is asked.
  std::size_t check_check(const stun::Message& message) {
    const std::string_view username = *message.get<stun::attr::Username>();
    const std::size_t colon = username.find(':');
    const auto described = generation_of(username.substr(colon + 1)).described;
    ICE_FUZZ_CHECK(described && message.check_fingerprint());
    ICE_FUZZ_CHECK(message.authenticate(*stun::Credential::short_term(passwords[*described])));
    ICE_FUZZ_CHECK(username.substr(0, colon) == ufrags[*described]);
    ICE_FUZZ_CHECK(*message.get<stun::attr::Priority>() <= max_priority);
    ICE_FUZZ_CHECK(message.has<stun::attr::IceControlling>() != message.has<stun::attr::IceControlled>());
    if (message.has<stun::attr::UseCandidate>()) ICE_FUZZ_CHECK(message.has<stun::attr::IceControlling>());
    return *described;
  }

  // AgentState: only downwards but for restarts, `disconnected` from `connected` alone, and back to `connected` where
  // a restart has failed.
  void moved_to(const StateChanged& changed) {
    const AgentState next = changed.state;
    if (std::exchange(restarted_, false)) {
      if (next <= AgentState::checking) {
        told_ = next;
        return;
      }
    }
    ICE_FUZZ_CHECK(next > told_);
    if (next == AgentState::disconnected) ICE_FUZZ_CHECK(told_ == AgentState::connected);
    if (next == AgentState::failed) ICE_FUZZ_CHECK(told_ == AgentState::checking);
    if (next == AgentState::connected) ICE_FUZZ_CHECK(told_ == AgentState::checking);
    if (next == AgentState::connected && changed.cause != Cause::none) {
      const Generation& before = generation_of(agent_.local_description().ufrag);
      present_ = static_cast<std::size_t>(&before - generations_.data());
    }
    told_ = next;
  }

  void settle() {
    out_ = 0;
    const auto next = drain(agent_, now_, scratch_, *this);
    ICE_FUZZ_CHECK(told_ == agent_.state());
    ICE_FUZZ_CHECK(out_ <= 64);  // a handful for every pair and every server
    if (late_) return;
    ICE_FUZZ_CHECK(!next || *next > now_);
    // A timeout that comes early is harmless.
    agent_.handle_timeout(now_);
    out_ = 0;
    drain(agent_, now_, scratch_, *this);
    ICE_FUZZ_CHECK(out_ == 0);
  }

  void act() {
    switch (input_.below(16)) {
      case 0:
        agent_.gather(now_);
        break;
      case 1:
        add_socket();
        break;
      case 2:
        remove_socket();
        break;
      case 3:
        describe();
        break;
      case 4:
        static_cast<void>(agent_.add_remote_candidate(now_, candidate()).has_value());
        break;
      case 5:
        answer_dns();
        break;
      case 6:
        wrap();
        break;
      case 7:
        now_ += std::chrono::milliseconds{input_.number<std::uint16_t>()};
        late_ = input_.below(4) == 0;
        if (!late_) agent_.handle_timeout(now_);
        break;
      case 8:
        if (const auto next = agent_.next_timeout()) now_ = std::max(now_, *next);
        late_ = false;
        agent_.handle_timeout(now_);
        break;
      case 9:
        receive(socket(), source(), input_.long_chunk());
        break;
      case 10:
      case 11:
        receive_check();
        break;
      case 12:
      case 13:
        receive_answer();
        break;
      case 14:
        agent_.handle_socket(now_, SocketUnreachable{socket(), source(), input_.number(), input_.number()});
        break;
      default:
        end_or_restart(input_.number());
    }
  }
  void end_or_restart(std::uint8_t how) {
    if (how == 0)
      agent_.close(now_);
    else if (how % 4 != 1)
      agent_.end_of_remote_candidates(now_, how % 4 == 2 ? ufrags[how / 4 % 4] : "");
    else if (agent_.restart(now_))
      note_generation();
  }

  SocketId socket() { return SocketId{static_cast<std::uint32_t>(1 + input_.below(4))}; }
  Endpoint source() {
    const std::uint8_t which = input_.number();
    return {remotes[which % remotes.size()], static_cast<std::uint16_t>(6000 + which / remotes.size())};
  }

  void add_socket() {
    const SocketId id = socket();
    const Endpoint& local = locals[input_.below(locals.size())];
    if (agent_.add_socket(now_, {id, local, "eth0", ComponentId{1}}))
      ICE_FUZZ_CHECK(sockets_.insert(id).second && local);
  }
  void remove_socket() {
    const SocketId id = socket();
    const bool removed = agent_.remove_socket(now_, id, make_error_code(errc::closed)).has_value();
    ICE_FUZZ_CHECK(removed == (sockets_.erase(id) == 1));
  }

  Candidate candidate() {
    const std::uint8_t how = input_.number();
    Candidate made;
    made.foundation = std::string(1, static_cast<char>('1' + how % 4));
    made.type = CandidateType{static_cast<std::uint8_t>(how / 4 % 4)};
    made.priority = candidate_priority(made.type, input_.number(), ComponentId{1});
    made.endpoint = source();
    if ((how & 0xF0) == 0x10) made.ufrag = ufrags[input_.below(4)];
    if ((how & 0xF0) == 0x20) made.transport = Transport::tcp;
    if ((how & 0xF0) == 0x30) made.name = "host.local";
    if ((how & 0xF0) == 0x40) made.priority = 0;
    if ((how & 0xF0) == 0x50) made.foundation.clear();
    if ((how & 0xF0) == 0x60) made.component = ComponentId{2};
    return made;
  }

  void describe() {
    const std::uint8_t how = input_.number();
    const std::size_t who = (how & 0x3F) == 0x3F ? 1 : (how & 0x0C) == 0x0C ? 2 + how / 16 % 2 : 0;
    Description told;
    told.ufrag = ufrags[who];
    told.password = (how & 0x3F) == 0x3E ? "short" : passwords[who];
    told.lite = (how & 0x30) == 0x20;
    if ((how & 0x40) != 0) told.pacing = std::chrono::milliseconds{input_.number<std::uint16_t>()};
    told.streams.emplace_back();
    told.streams[0].end_of_candidates = (how & 0x80) != 0;
    for (int i = 0; i < how % 4; ++i) told.streams[0].candidates.push_back(candidate());
    if (!agent_.set_remote_description(now_, told)) return;
    note_generation();
    Generation& present = generation_of(agent_.local_description().ufrag);
    ICE_FUZZ_CHECK(!present.described || *present.described == who);
    present.described = who;
  }

  void answer_dns() {
    if (names_.empty()) return;
    const std::array<Endpoint, 2> found = {source(), source()};
    if (input_.below(2) == 0)
      agent_.fail_server(now_, *names_.begin(), make_error_code(errc::name_not_resolved));
    else
      agent_.resolve_server(now_, *names_.begin(), found);
  }

  // Data leaves only where a check was answered, and never later than consent allows (RFC 7675 §5.1).
  void wrap() {
    static constexpr std::array<std::uint8_t, 3> payload = {1, 2, 3};
    const auto packet =
        agent_.wrap(now_, ComponentId{static_cast<std::uint16_t>(1 + input_.below(8) / 7)}, payload, scratch_);
    if (!packet) return;
    ICE_FUZZ_CHECK(!ended() && packet->body.data() == payload.data() && packet->body.size() == payload.size());
    ICE_FUZZ_CHECK(packet->head.empty() && packet->padding == 0 && sockets_.contains(packet->socket));
    const auto answered = answered_.find(Source{packet->socket, packet->to});
    ICE_FUZZ_CHECK(answered != answered_.end());
    if (config_.consent) ICE_FUZZ_CHECK(now_ - answered->second < Consent::lifetime);
  }

  Received receive(SocketId to, const Endpoint& from, Bytes bytes) {
    const bool had_ended = ended();  // what arrives may end it, and is answered as before
    const Received received = agent_.handle_datagram(now_, {to, from, bytes, {}}, scratch_);
    if (received.verdict == Verdict::application_data) {
      ICE_FUZZ_CHECK(!ended() && proven_.contains(Source{to, from.canonical()}));
      ICE_FUZZ_CHECK(received.data.data() == bytes.data() && received.data.size() == bytes.size());
    } else {
      ICE_FUZZ_CHECK(received.data.empty());
    }
    if (received.forward) check_response(to, from, bytes, *received.forward, had_ended);
    return received;
  }

  void check_response(SocketId to, const Endpoint& from, Bytes bytes, const Transmit& packet, bool had_ended) {
    ICE_FUZZ_CHECK(packet.socket == to && packet.to == from.canonical() && in_scratch(packet.head));
    ICE_FUZZ_CHECK(agent_.state() != AgentState::closed && sockets_.contains(to));
    const auto request = stun::Message::parse(bytes);
    const auto response = stun::Message::parse(packet.head);
    ICE_FUZZ_CHECK(request && request->is(stun::Method::binding, stun::Class::request) && response);
    ICE_FUZZ_CHECK(response->transaction_id() == request->transaction_id() && response->check_fingerprint());
    if (response->message_class() != stun::Class::success_response) return;
    const std::string_view username = *request->get<stun::attr::Username>();
    const Generation& asked = generation_of(username.substr(0, username.find(':')));
    if (&asked == &generations_[present_]) ICE_FUZZ_CHECK(!had_ended);
    ICE_FUZZ_CHECK(request->authenticate(asked.key) && response->authenticate(asked.key));
    proven_.insert(Source{to, from.canonical()});
  }

  void receive_check() {
    const std::uint8_t how = input_.number();
    const std::uint8_t what = input_.number();
    std::array<std::uint8_t, 1024> out;
    stun::TransactionId id;
    random_.fill(id.bytes);
    stun::Builder builder{out, stun::Method::binding, (how & 7) == 7 ? stun::Class::indication : stun::Class::request,
                          id};
    const Generation& present = generation_of(agent_.local_description().ufrag);
    const Generation& asked = (how & 0x18) == 0x10 ? generations_[input_.below(generations_.size())] : present;
    const std::string mine = (how & 0x18) == 0x18 ? "unknown" : asked.ufrag;
    const std::string theirs{ufrags[(what & 3) == 3 ? 1 : asked.described.value_or(0)]};
    if ((how & 0x60) != 0x60) builder.add<stun::attr::Username>(mine + ":" + theirs);
    if ((what & 0x0C) != 0x0C) builder.add<stun::attr::Priority>(1 + input_.number<std::uint32_t>() % max_priority);
    const bool agent_controls = agent_.role() == Role::controlling;
    if (((what & 0x30) == 0x30) == agent_controls)
      builder.add<stun::attr::IceControlling>(input_.number<std::uint64_t>());
    else
      builder.add<stun::attr::IceControlled>(input_.number<std::uint64_t>());
    if ((what & 0x40) != 0) builder.add<stun::attr::UseCandidate>();
    if ((what & 0x80) != 0) builder.add_raw(stun::AttributeType{input_.number<std::uint16_t>()}, input_.chunk());
    if ((how & 7) < 6) builder.integrity((how & 7) == 5 ? *stun::Credential::short_term(passwords[1]) : asked.key);
    if ((how & 0x80) == 0) builder.fingerprint();
    const SocketId to = socket();
    const Endpoint from = source();
    if (const auto made = builder.finish()) receive(to, from, *made);
  }

  void receive_answer() {
    if (requests_.empty()) return;
    static constexpr std::array<std::uint16_t, 8> codes = {0, 0, 0, 0, 400, 403, 487, 500};
    const Request asked = requests_[requests_.size() - 1 - input_.below(requests_.size())];
    const std::uint8_t how = input_.number();
    const std::uint16_t code = codes[how % codes.size()];
    std::array<std::uint8_t, 1024> out;
    stun::Builder builder{out, stun::Method::binding,
                          code == 0 ? stun::Class::success_response : stun::Class::error_response, asked.id};
    if (code != 0) builder.add<stun::attr::ErrorCode>({.code = static_cast<stun::ErrorCode>(code)});
    const bool elsewhere = (how & 0x38) == 0x38;
    if ((how & 0x38) == 0x08)
      builder.add<stun::attr::XorMappedAddress>(source());
    else if ((how & 0x38) != 0x10)
      builder.add<stun::attr::XorMappedAddress>(locals[0]);
    if ((how & 0x38) == 0x18) builder.add_raw(stun::AttributeType{input_.number<std::uint16_t>()}, input_.chunk());
    const bool honest = (how & 0xC0) != 0xC0;
    if (asked.peer)
      builder.integrity(*stun::Credential::short_term(passwords[honest ? *asked.peer : (*asked.peer + 1) % 4]));
    if (asked.peer || (how & 0x40) != 0) builder.fingerprint();
    const auto made = builder.finish();
    if (!made) return;
    const Endpoint from = elsewhere ? source() : asked.to;
    if (asked.peer && honest && code == 0) {
      answered_[Source{asked.socket, asked.to}] = now_;
      if (from == asked.to) proven_.insert(Source{asked.socket, asked.to});
    }
    receive(asked.socket, from, *made);
  }

  /// The world says nothing more, DNS answers, and time goes on.
  void fall_silent() {
    late_ = false;
    agent_.handle_timeout(now_);
    settle();
    for (const ServerId name : std::exchange(names_, {}))
      agent_.fail_server(now_, name, make_error_code(errc::name_not_resolved));
    settle();
    // Gathering and checks take 79 RTOs of 2 s each at most, and all checks have begun when patience is over; a pair
    // of before a restart, and then the one after it, is given up after 30 s.
    const TimePoint end = now_ + 10min;
    // Without consent a pair carries data for ever. It may be one of before a restart, whose checks still have to end.
    const auto keeps_going = [this] {
      return !config_.consent && agent_.state() != AgentState::checking && carries_data();
    };
    while (agent_.next_timeout() && *agent_.next_timeout() <= end && !keeps_going()) {
      now_ = *agent_.next_timeout();
      agent_.handle_timeout(now_);
      settle();
    }
    const AgentState state = agent_.state();
    ICE_FUZZ_CHECK(config_.consent ? !carries_data() : true);
    // Whoever never gathers has candidates still to come.
    ICE_FUZZ_CHECK(state != AgentState::checking || !agent_.report().gathering_started);
    check_report();
  }

  void check_report() const {
    const ConnectivityReport report = agent_.report();
    ICE_FUZZ_CHECK(report.state == agent_.state() && report.role == agent_.role());
    ICE_FUZZ_CHECK((report.cause != Cause::none) == ended() && report.ended.has_value() == ended());
    const Generation& present = generations_[present_];
    ICE_FUZZ_CHECK(report.description_received.has_value() == present.described.has_value());
    ICE_FUZZ_CHECK(report.gathering_done.has_value() == present.gathering_done &&
                   report.first_valid.has_value() == present.first_valid);
    ICE_FUZZ_CHECK(report.earlier.size() <= PastGenerations::most_reported && report.restarts == announced_);
    ICE_FUZZ_CHECK(report.history.size() <= config_.limits.history);
    ICE_FUZZ_CHECK(report.local_candidates.size() <= config_.limits.local_candidates);
    check_remotes(report);
    check_pairs(report);
    const Description mine = agent_.local_description();
    ICE_FUZZ_CHECK(mine.ufrag == present.ufrag && mine.streams.at(0).candidates.size() == present.gathered);
  }

  void check_remotes(const ConnectivityReport& report) const {
    std::set<Endpoint> endpoints;
    std::size_t signalled = 0;
    for (const RemoteCandidateReport& known : report.remote_candidates) {
      ICE_FUZZ_CHECK(endpoints.insert(known.candidate.endpoint).second && (known.signalled || known.discovered));
      ICE_FUZZ_CHECK(known.candidate.endpoint.address.scope() == 0);
      if (known.signalled) ++signalled;
    }
    ICE_FUZZ_CHECK(signalled <= config_.limits.remote_candidates);
    ICE_FUZZ_CHECK(endpoints.size() - signalled <= config_.limits.peer_reflexive);
  }

  void check_pairs(const ConnectivityReport& report) const {
    std::set<std::pair<Endpoint, Endpoint>> ways;
    std::size_t open = 0;
    std::size_t selected = 0;
    for (const PairReport& pair : report.pairs) {
      const bool failed = pair.state == PairState::failed;
      if (!failed) {
        ++open;
        ICE_FUZZ_CHECK(ways.insert({pair.base, pair.remote}).second);
      }
      ICE_FUZZ_CHECK(failed == (pair.cause != Cause::none));
      ICE_FUZZ_CHECK(!pair.valid || (pair.mapped && pair.last_heard && !failed));
      ICE_FUZZ_CHECK(pair.state != PairState::succeeded || pair.valid);
      ICE_FUZZ_CHECK(pair.ended.has_value() == (failed || pair.state == PairState::succeeded));
      ICE_FUZZ_CHECK((pair.requests_sent > 0) == pair.first_sent.has_value());
      if (pair.selected) {
        ++selected;
        ICE_FUZZ_CHECK(pair.nominated);
      }
      if (ended()) ICE_FUZZ_CHECK(failed || pair.state == PairState::succeeded);
    }
    ICE_FUZZ_CHECK(open <= config_.limits.pairs && report.pairs.size() <= 2 * config_.limits.pairs);
    ICE_FUZZ_CHECK(selected == (report.connected ? 1U : 0U));
  }

  fuzz::Input input_;
  AgentConfig config_;
  SeededRandom random_{1};
  Pacer pacer_;
  Agent agent_;
  TimePoint now_{};
  bool late_ = false;  // time has moved and the agent was not told
  std::set<SocketId> sockets_;
  std::set<ServerId> names_;
  std::vector<Generation> generations_;
  std::size_t present_ = 0;    // the one that the agent works on, by its events
  std::size_t announced_ = 0;  // the last of them, likewise
  bool restarted_ = false;     // the next state may be an earlier one
  std::vector<Request> requests_;
  std::map<Source, TimePoint> answered_;  // checks of the agent's
  std::set<Source> proven_;               // by checks that it has answered, and by answers to its own
  AgentState told_ = AgentState::idle;
  std::size_t out_ = 0;
  std::array<std::uint8_t, scratch_size> scratch_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world{fuzz::Input{{data, size}}};
  world.run();
  return 0;
}
