#include "ice/gatherer.hpp"

#include <algorithm>
#include <cassert>

#include "base/earliest.hpp"
#include "ice/reachable.hpp"
#include "ice/rto.hpp"
#include "ice/stun/builder.hpp"

namespace ice {
namespace {

// A packet to a global address cannot leave from a loopback or link-local one, nor the other way round.
bool same_reach(const Address& a, const Address& b) noexcept {
  return a.family() == b.family() && a.is_loopback() == b.is_loopback() && a.is_link_local() == b.is_link_local();
}

}  // namespace

Gatherer::Gatherer(const AgentConfig& config, const LocalCandidates& local, RandomSource& random)
    : local_{local}, random_{random}, keepalive_interval_{config.mapping_keepalive} {
  assert(config.servers.size() <= LocalCandidates::max_servers);
  for (const stun::Uri& uri : config.servers) servers_.push_back({uri, Server::Name::unasked, {}});
}

void Gatherer::begin() {
  begun_ = true;
  for (Server& server : servers_) {
    if (server.name != Server::Name::unasked) continue;
    if (const Address literal = server.uri.address()) {
      server.endpoints = {{literal.canonical(), server.uri.effective_port()}};
      server.name = Server::Name::known;
    }
  }
  ask_all();
}

std::optional<ServerNameNeeded> Gatherer::next_name() {
  if (!begun_ || stopped_) return std::nullopt;
  for (std::size_t i = 0; i < servers_.size(); ++i)
    if (servers_[i].name == Server::Name::unasked) {
      servers_[i].name = Server::Name::asked;
      return ServerNameNeeded{ServerId{static_cast<std::uint16_t>(i)}, servers_[i].uri.host};
    }
  return std::nullopt;
}

void Gatherer::resolve(ServerId id, std::span<const Endpoint> addresses) {
  Server& server = servers_[static_cast<std::size_t>(id)];
  if (server.name == Server::Name::known || stopped_) return;
  for (const Endpoint& address : addresses) {
    const bool has_family = std::any_of(server.endpoints.begin(), server.endpoints.end(), [&](const Endpoint& known) {
      return known.address.family() == address.address.family();
    });
    if (is_reachable(address) && !has_family) server.endpoints.push_back(address.canonical());
  }
  server.name = server.endpoints.empty() ? Server::Name::failed : Server::Name::known;
  ask_all();
}

void Gatherer::fail(ServerId id) {
  Server& server = servers_[static_cast<std::size_t>(id)];
  if (server.name != Server::Name::known) server.name = Server::Name::failed;
}

void Gatherer::ask_all() {
  for (BaseIndex base = 0; base < local_.bases().size(); ++base) add_base(base);
}

void Gatherer::add_base(BaseIndex base) {
  if (!begun_ || stopped_ || !local_.bases()[base].live()) return;
  for (std::size_t i = 0; i < servers_.size(); ++i)
    for (const Endpoint& endpoint : servers_[i].endpoints) ask(base, static_cast<std::uint16_t>(i), endpoint);
}

void Gatherer::ask(BaseIndex base, std::uint16_t server, const Endpoint& endpoint) {
  if (!same_reach(local_.bases()[base].local.address, endpoint.address)) return;
  for (const Question& known : questions_)
    if (known.base == base && known.endpoint == endpoint) return;
  Question question;
  question.base = base;
  question.server = server;
  question.endpoint = endpoint;
  question.report.uri = servers_[server].uri.to_string();
  question.report.server = endpoint;
  question.report.local = local_.bases()[base].local;
  questions_.push_back(std::move(question));
}

void Gatherer::remove_base(TimePoint now, BaseIndex base) {
  for (Question& question : questions_)
    if (question.base == base && question.state != Question::State::failed) settle(now, question, Cause::socket_gone);
}

bool Gatherer::has_next() const noexcept {
  return !stopped_ && std::any_of(questions_.begin(), questions_.end(),
                                  [](const Question& question) { return question.state == Question::State::pending; });
}

void Gatherer::start_next(Duration interval) {
  const Duration rto = rto_for(interval, questions_.size());
  for (Question& question : questions_) {
    if (question.state != Question::State::pending) continue;
    question.state = Question::State::asking;
    question.transaction.emplace(stun::TransactionId::random(random_), stun::RetransmissionSchedule::datagram(rto));
    return;
  }
}

std::optional<Transmit> Gatherer::poll_transmit(TimePoint now, MutableBytes scratch) {
  for (Question& question : questions_) {
    if (!question.transaction || !question.transaction->transmit_due()) continue;
    question.transaction->transmitted(now);
    ++question.report.requests;
    if (!question.report.first_sent) question.report.first_sent = now;
    question.report.last_sent = now;
    // Not authenticated (RFC 8445 §5.1.1.2), and as short as can be.
    stun::Builder builder{scratch, stun::Method::binding, stun::Class::request, question.transaction->id()};
    const auto written = builder.finish();
    if (!written) continue;
    return Transmit{local_.bases()[question.base].socket, question.endpoint, *written, {}, 0, {}};
  }
  return std::nullopt;
}

std::optional<TimePoint> Gatherer::next_timeout() const noexcept {
  std::optional<TimePoint> next;
  for (const Question& question : questions_) {
    if (question.transaction)
      earliest(next, question.transaction->next_timeout());
    else
      earliest(next, question.refresh_at);
  }
  return next;
}

void Gatherer::handle_timeout(TimePoint now) {
  for (Question& question : questions_) {
    if (question.transaction) {
      const stun::Transaction::Step step = question.transaction->handle_timeout(now);
      if (step == stun::Transaction::Step::timed_out || step == stun::Transaction::Step::integrity_violated)
        settle(now, question, Cause::no_response);
    } else if (question.refresh_at && now >= *question.refresh_at) {
      question.refresh_at.reset();
      question.transaction.emplace(stun::TransactionId::random(random_), stun::RetransmissionSchedule::datagram());
    }
  }
}

// The request under way is over. A mapping that was once learned is asked for again, since the network may come back.
void Gatherer::settle(TimePoint now, Question& question, Cause cause) {
  question.transaction.reset();
  question.report.cause = cause;
  const bool keep = question.report.mapped && cause != Cause::socket_gone && !stopped_;
  question.state = keep ? Question::State::keeping : Question::State::failed;
  question.refresh_at.reset();
  if (keep) question.refresh_at = now + keepalive_interval_;
}

std::optional<Gatherer::Answer> Gatherer::handle_response(TimePoint now, const stun::Message& response,
                                                          const Datagram& datagram) {
  const auto found = std::find_if(questions_.begin(), questions_.end(), [&](const Question& question) {
    return question.transaction && question.transaction->id() == response.transaction_id();
  });
  // From anybody else it is nobody's answer: the id is all that proves it (RFC 8489 §6.3.3).
  if (found == questions_.end() || datagram.from != found->endpoint ||
      datagram.socket != local_.bases()[found->base].socket)
    return std::nullopt;
  Question& question = *found;
  ++question.report.responses;
  question.report.last_heard = now;
  Answer answer{question.base, question.endpoint, question.server, std::nullopt};
  if (response.message_class() == stun::Class::error_response) {
    const auto error = response.get<stun::attr::ErrorCode>();
    if (error) question.report.error_code = static_cast<std::uint16_t>(error->code);
    // ALTERNATE-SERVER is ignored (RFC 8445 §5.1.1.2).
    settle(now, question, error ? Cause::error_response : Cause::bad_response);
    return answer;
  }
  // A server of RFC 3489 knows MAPPED-ADDRESS alone (RFC 8489 §11).
  auto mapped = response.get<stun::attr::XorMappedAddress>();
  if (!mapped) mapped = response.get<stun::attr::MappedAddress>();
  if (!mapped || !is_reachable(*mapped) || !response.unknown_required().empty()) {
    settle(now, question, Cause::bad_response);
    return answer;
  }
  const Endpoint seen = mapped->canonical();
  if (seen != question.report.mapped) {
    if (question.report.mapped) ++question.report.mapping_changes;
    question.report.mapped = seen;
    answer.mapped = seen;
  }
  question.transaction.reset();
  question.report.cause = Cause::none;
  question.state = Question::State::keeping;
  question.refresh_at.reset();
  // Where no NAT is in the way there is no mapping to keep.
  if (!stopped_ && seen != local_.bases()[question.base].local) question.refresh_at = now + keepalive_interval_;
  return answer;
}

void Gatherer::handle_unreachable(SocketId socket, const Endpoint& to) noexcept {
  for (Question& question : questions_)
    if (question.endpoint == to && local_.bases()[question.base].socket == socket) ++question.report.unreachable;
}

void Gatherer::stop() noexcept {
  stopped_ = true;
  for (Question& question : questions_) {
    question.refresh_at.reset();
    question.transaction.reset();
  }
}

bool Gatherer::done() const noexcept {
  if (!begun_) return false;
  if (stopped_) return true;
  const bool names = std::all_of(servers_.begin(), servers_.end(), [](const Server& server) {
    return server.name == Server::Name::known || server.name == Server::Name::failed;
  });
  return names && std::none_of(questions_.begin(), questions_.end(), [](const Question& question) {
           return question.state == Question::State::pending || question.state == Question::State::asking;
         });
}

std::vector<ServerReport> Gatherer::report() const {
  std::vector<ServerReport> all;
  for (const Question& question : questions_) all.push_back(question.report);
  for (const Server& server : servers_) {
    if (server.name == Server::Name::known) continue;
    ServerReport unresolved;
    unresolved.uri = server.uri.to_string();
    if (server.name == Server::Name::failed) unresolved.cause = Cause::name_not_resolved;
    all.push_back(std::move(unresolved));
  }
  return all;
}

}  // namespace ice
