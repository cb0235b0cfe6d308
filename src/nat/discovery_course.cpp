// What follows on what in a discovery: contact, then every test at once, then the end.

#include <algorithm>
#include <array>
#include <utility>

#include "nat/discovery_impl.hpp"

namespace ice::nat {
namespace {

// A server that has no second address has answered: one that has may still do so, for as long as this (ours).
constexpr Duration choice_patience = std::chrono::milliseconds{1000};
// What one more round of the filtering test takes at most.
constexpr Duration round_time = std::chrono::milliseconds{3500};

constexpr Role fresh_roles[] = {Role::filter_1,  Role::filter_2,  Role::filter_3, Role::control,
                                Role::mapping_2, Role::hairpin_1, Role::hairpin_2};

bool is_filter(Role role) noexcept { return role >= Role::filter_1 && role <= Role::filter_3; }

}  // namespace

void Discovery::Impl::advance(TimePoint now) {
  if (stage_ == Stage::idle || stage_ == Stage::finished) return;
  do step(now);
  while (questions_.stranded());
  questions_.begin(now);
}

void Discovery::Impl::step(TimePoint now) {
  while (std::optional<Answer> answer = questions_.next_answer()) take(now, *answer);
  if (stage_ == Stage::contact) {
    contact();
    try_tcp(now);
    choose(now);
    if (stage_ == Stage::contact && contact_ended()) return finish();
  }
  if (stage_ == Stage::tests && (tests_ended(now) || now >= deadline())) end_tests();
  if (stage_ == Stage::lifetime && lifetime_.done()) return finish();
  if (stage_ != Stage::finished && now >= deadline()) return finish();
}

void Discovery::Impl::take(TimePoint now, const Answer& answer) {
  const Question& question = answer.question;
  const stun::BindingResult& result = answer.result;
  Observation observation{.test = question.test,
                          .at = now,
                          .local = question.role == Role::none ? Endpoint{} : socket_of(question.role).local,
                          .server = question.request.server,
                          .transmissions = result.transmissions,
                          .error = result.error,
                          .code = result.code,
                          .from = result.from,
                          .mapped = result.mapped,
                          .round_trip = result.round_trip};
  observations_.push_back(observation);
  if (answer.good() && result.mapped_plain && result.mapped_plain != result.mapped) rewritten_ = true;
  // A question that nothing but loss can hinder: it was asked where somebody is known to be.
  const bool plain = !question.request.change_request && !question.request.padding &&
                     question.request.response_port == 0 && !is_stream(question.request.transport);
  const bool somebody = answer.good() || (primary_ != nullptr && question.request.server == primary_->endpoint);
  if (plain && somebody) questions_.quality().add(result.transmissions, answer.good());

  switch (question.test) {
    case Test::contact:
      return take_contact(now, answer, observation);
    case Test::tcp:
      for (Server& server : servers_)
        if (server.endpoint == question.request.server) {
          server.tcp_ended = true;
          server.tcp_answered = answer.good();
        }
      return;
    case Test::fresh_mapping:
      return take_fresh(answer);
    case Test::mapping:
    case Test::mapping_control:
      return mapping_.take(questions_, answer);
    case Test::filtering_address:
    case Test::filtering_port:
    case Test::filtering_control:
    case Test::opening:
    case Test::change_address_control:
    case Test::change_port_control:
      return filtering_.take(questions_, answer);
    case Test::hairpin_control:
      return hairpin_.take(answer);
    case Test::fragments:
    case Test::fragments_control:
      return fragments_.take(questions_, answer);
    case Test::lifetime_refresh:
    case Test::lifetime:
    case Test::lifetime_control:
      return lifetime_.take(now, questions_, answer);
  }
}

// --- contact

void Discovery::Impl::contact() {
  const auto settled = [](const Socket& socket) { return socket.id || socket.failed; };
  if (contacted_ || !std::all_of(sockets_.begin(), sockets_.end(), settled)) return;
  contacted_ = true;
  const Socket& socket = socket_of(Role::mapping_1);
  for (Server& server : servers_) {
    if (socket.failed) {
      server.ended = true;
    } else {
      questions_.ask({Test::contact, Role::mapping_1, {.socket = *socket.id, .server = server.endpoint}});
    }
  }
}

/// OTHER-ADDRESS where it can be one: another address and another port (RFC 5780 §6), to which packets may be sent.
Endpoint Discovery::Impl::usable_other(const Endpoint& server, const Endpoint& other) const noexcept {
  const Endpoint one = other.canonical();
  const bool usable = one && one.port != 0 && one.address.family() == server.address.family() &&
                      one.address != server.address && one.port != server.port && !one.address.is_unspecified() &&
                      !one.address.is_multicast();
  return usable ? one : Endpoint{};
}

void Discovery::Impl::take_contact(TimePoint now, const Answer& answer, Observation observation) {
  const auto server = std::find_if(servers_.begin(), servers_.end(), [&](const Server& s) {
    return s.endpoint == answer.question.request.server && !s.ended;
  });
  if (server == servers_.end()) return;  // it was configured twice
  server->ended = true;
  events_.push_back(ServerAnswered{observation, answer.result.other_address});
  if (!answer.good()) return;
  server->answered = true;
  server->mapped = answer.result.mapped;
  server->other = usable_other(server->endpoint, answer.result.other_address);
  if (!choose_at_) choose_at_ = now + choice_patience;
  if (stage_ == Stage::tests) mapping_.seen(Role::mapping_1, server->endpoint, server->mapped);
}

void Discovery::Impl::try_tcp(TimePoint now) {
  const auto answered = [](const Server& server) { return server.answered; };
  if (tcp_tried_ || !contacted_ || std::any_of(servers_.begin(), servers_.end(), answered)) return;
  const auto ended = [](const Server& server) { return server.ended; };
  if (now < started_ + tcp_patience && !std::all_of(servers_.begin(), servers_.end(), ended)) return;
  tcp_tried_ = true;
  for (Server& server : servers_)
    server.tcp_ticket = open({.kind = OpenSocket::Kind::connect,
                              .transport = Transport::tcp,
                              .local = {config_.local ? config_.local : Address::any(server.endpoint.address.family())},
                              .remote = server.endpoint,
                              .framing = Framing::stun});
}

bool Discovery::Impl::contact_ended() const noexcept {
  return tcp_tried_ && std::all_of(servers_.begin(), servers_.end(),
                                   [](const Server& server) { return server.ended && server.tcp_ended; });
}

/// The first server that has a second address, in the order of the configuration; else the first that answers.
void Discovery::Impl::choose(TimePoint now) {
  const Server* ordinary = nullptr;
  bool open = false;  // one before it may still be better
  for (const Server& server : servers_) {
    if (server.answered && server.other && (!open || now >= *choose_at_)) return begin_tests(server);
    if (server.answered && ordinary == nullptr) ordinary = &server;
    open = open || !server.ended;
  }
  if (ordinary != nullptr && (!open || now >= *choose_at_)) begin_tests(*ordinary);
}

// --- tests

void Discovery::Impl::begin_tests(const Server& primary) {
  stage_ = Stage::tests;
  primary_ = &primary;
  std::vector<Endpoint> targets;
  mapping_.seen(Role::mapping_1, primary.endpoint, primary.mapped);
  for (const Server& server : servers_) {
    if (!server.answered || server.endpoint == primary.endpoint) continue;
    mapping_.seen(Role::mapping_1, server.endpoint, server.mapped);
    if (!primary.other) targets.push_back(server.endpoint);
  }
  if (primary.other) {
    targets = {
        {primary.endpoint.address, primary.other.port}, {primary.other.address, primary.endpoint.port}, primary.other};
    filtering_.begin(primary.endpoint, primary.other);
  }
  mapping_.begin(primary.endpoint, std::move(targets));
  // Fresh ports one after the other, so that the NAT gives them their external ones in this order.
  for (const Role role : fresh_roles) {
    const Socket& socket = socket_of(role);
    fresh_.emplace_back();
    if (!socket.id) continue;
    ++fresh_open_;
    questions_.ask({Test::fresh_mapping, role, {.socket = *socket.id, .server = primary.endpoint}});
  }
  if (const Socket& first = socket_of(Role::mapping_1); first.id) mapping_.ask(questions_, Role::mapping_1, *first.id);
}

void Discovery::Impl::take_fresh(const Answer& answer) {
  --fresh_open_;
  const Role role = answer.question.role;
  const Socket& socket = socket_of(role);
  if (!answer.good() || !socket.id) return;
  const Endpoint& mapped = answer.result.mapped;
  // After a retransmission nobody knows which one made the mapping, and so not when.
  if (answer.result.transmissions == 1) {
    const auto place = std::find(std::begin(fresh_roles), std::end(fresh_roles), role) - std::begin(fresh_roles);
    fresh_[static_cast<std::size_t>(place)] = PortSample{socket.local.port, mapped.port};
  }
  if (role == Role::mapping_2) {
    mapping_.seen(role, primary_->endpoint, mapped);
    mapping_.ask(questions_, role, *socket.id);
  }
  if (role == Role::hairpin_1 || role == Role::hairpin_2)
    hairpin_.ready(primary_->endpoint, {role, *socket.id, socket.local, mapped});
  if (primary_->other && (is_filter(role) || role == Role::control))
    filtering_.ask(questions_, role, *socket.id, mapped);
}

/// Whole datagrams, from the ports that have nothing more to find out.
void Discovery::Impl::begin_fragments() {
  std::array<FragmentTest::Asker, 2> askers;
  for (std::size_t i = 0; i < askers.size(); ++i) {
    const Role role = i == 0 ? Role::mapping_1 : Role::mapping_2;
    if (const Socket& socket = socket_of(role); socket.id) askers[i] = {role, *socket.id};
  }
  // Header, the header of PADDING, and SOFTWARE with its own, filled up to four bytes (RFC 8489 §14).
  const std::size_t software = config_.software.empty() ? 0 : 4 + (config_.software.size() + 3) / 4 * 4;
  const std::size_t taken = 20 + 4 + software;
  if (taken >= scratch_size) return;
  fragments_.begin(questions_, primary_->endpoint, static_cast<std::uint16_t>(scratch_size - taken), askers);
}

bool Discovery::Impl::tests_ended(TimePoint now) {
  if (fresh_open_ != 0 || !mapping_.done()) return false;
  if (!fragments_.begun()) begin_fragments();
  if (!filtering_.done() || !hairpin_.done() || !fragments_.done()) return false;
  if (behavior().filtering.doubt != Doubt::too_few_answers || now + round_time > deadline()) return true;
  filtering_.ask_again(questions_);
  return filtering_.done();
}

void Discovery::Impl::end_tests() {
  questions_.clear();
  hairpin_.stop();
  const Socket& asker = socket_of(Role::mapping_1);
  std::vector<LifetimeTest::Port> ports;
  for (const Role role : {Role::filter_1, Role::filter_2, Role::filter_3, Role::control})
    if (const Socket& socket = socket_of(role); socket.id) ports.push_back({role, *socket.id});
  // What is not translated has no mapping; its filter may age all the same.
  if (!config_.lifetime || !asker.id || ports.empty()) return finish();
  stage_ = Stage::lifetime;
  lifetime_.begin(questions_, primary_->endpoint, {Role::mapping_1, *asker.id}, ports);
}

void Discovery::Impl::finish() {
  stage_ = Stage::finished;
  questions_.clear();
  hairpin_.stop();
  events_.push_back(Discovered{behavior()});
  for (const Socket& socket : sockets_)
    if (socket.id) close(*socket.id);
  for (const Server& server : servers_)
    if (server.tcp_socket) close(*server.tcp_socket);
}

}  // namespace ice::nat
