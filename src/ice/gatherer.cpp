#include "ice/gatherer.hpp"

#include <algorithm>

#include "base/earliest.hpp"
#include "base/reachable.hpp"
#include "ice/rto.hpp"
#include "ice/stun/builder.hpp"

namespace ice {

Gatherer::Gatherer(const AgentConfig& config, const Servers& servers, const LocalCandidates& local,
                   RandomSource& random)
    : servers_{servers}, local_{local}, random_{random}, keepalive_interval_{config.mapping_keepalive} {}

void Gatherer::begin() {
  begun_ = true;
  ask_all();
}

void Gatherer::ask_all() {
  for (BaseIndex base = 0; base < local_.bases().size(); ++base) add_base(base);
}

void Gatherer::add_base(BaseIndex base) {
  if (!begun_ || stopped_ || !local_.bases()[base].live() || local_.bases()[base].relayed) return;
  const auto& servers = servers_.all();
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (servers[i].uri.is_turn()) continue;
    for (const Endpoint& endpoint : servers[i].endpoints) ask(base, static_cast<std::uint16_t>(i), endpoint);
  }
}

void Gatherer::ask(BaseIndex base, std::uint16_t server, const Endpoint& endpoint) {
  if (!same_reach(local_.bases()[base].local.address, endpoint.address)) return;
  for (const Question& known : questions_)
    if (known.base == base && known.endpoint == endpoint) return;
  Question question;
  question.base = base;
  question.server = server;
  question.endpoint = endpoint;
  question.report.uri = servers_.all()[server].uri.to_string();
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
    if (question.report.last_sent)
      question.report.longest_silence = std::max(question.report.longest_silence, now - *question.report.last_sent);
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

std::optional<TimePoint> Gatherer::hopeless_at(const Endpoint& endpoint, Duration patience) const noexcept {
  std::optional<TimePoint> at;
  for (const Question& question : questions_) {
    if (question.endpoint != endpoint || question.report.cause == Cause::socket_gone) continue;
    if (question.report.mapped || !question.report.first_sent) return std::nullopt;
    const bool failed = question.state == Question::State::failed;
    at = std::max(at.value_or(TimePoint::min()), *question.report.first_sent + (failed ? Duration{} : patience));
  }
  return at;
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
  return servers_.settled() && std::none_of(questions_.begin(), questions_.end(), [](const Question& question) {
           return question.state == Question::State::pending || question.state == Question::State::asking;
         });
}

std::vector<ServerReport> Gatherer::report() const {
  std::vector<ServerReport> all;
  for (const Question& question : questions_) all.push_back(question.report);
  return all;
}

}  // namespace ice
