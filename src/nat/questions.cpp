#include "nat/questions.hpp"

#include <algorithm>

#include "base/earliest.hpp"

namespace ice::nat {
namespace {

// RFC 8489 §6.2.1 waits 39.5 s, which is more than a whole discovery may take. Once a round trip is known RTO is half
// as much again, and a question is sent three to five times, so that it ends within 2 to 4 s.
constexpr Duration first_rto = stun::RetransmissionSchedule::default_rto;
constexpr Duration least_rto = std::chrono::milliseconds{100};
constexpr Duration most_rto = std::chrono::milliseconds{600};

}  // namespace

Questions::Questions(stun::BindingClientConfig config, Environment environment)
    : client_{std::move(config), environment}, environment_{environment}, rto_{first_rto} {}

stun::RetransmissionSchedule Questions::schedule() const noexcept {
  const int times = !measured_                               ? 4
                    : rto_ <= std::chrono::milliseconds{150} ? 5
                    : rto_ <= std::chrono::milliseconds{300} ? 4
                                                             : 3;
  return {.rto = rto_, .rc = static_cast<std::uint8_t>(times), .rm = 3};
}

void Questions::ask(Question question) { waiting_.push_back(std::move(question)); }

void Questions::begin(TimePoint now) {
  blocked_ = false;
  while (!waiting_.empty()) {
    if (!slot_) slot_ = environment_.pacer.reserve(now, Discovery::pacing);
    if (*slot_ > now) return;
    Question& next = waiting_.front();
    if (!next.request.schedule && !is_stream(next.request.transport)) next.request.schedule = schedule();
    const auto id = client_.ask(now, next.request);
    if (!id && id.error() == errc::limit_reached) {
      blocked_ = true;  // until one has ended, which is an input
      return;
    }
    slot_.reset();
    if (id) asked_.emplace_back(*id, std::move(next));
    waiting_.pop_front();
  }
}

void Questions::lose(SocketId socket) {
  lost_.push_back(socket);
  // Those in progress wait for their turn again, and there it ends.
  for (auto asked = asked_.begin(); asked != asked_.end();) {
    if (asked->second.request.socket != socket) {
      ++asked;
      continue;
    }
    client_.cancel(asked->first);
    waiting_.push_front(std::move(asked->second));
    asked = asked_.erase(asked);
  }
}

bool Questions::is_lost(const Question& question) const noexcept {
  return std::find(lost_.begin(), lost_.end(), question.request.socket) != lost_.end();
}

bool Questions::stranded() const noexcept {
  return std::any_of(waiting_.begin(), waiting_.end(), [this](const Question& question) { return is_lost(question); });
}

std::optional<Answer> Questions::next_answer() {
  const auto lost =
      std::find_if(waiting_.begin(), waiting_.end(), [this](const Question& question) { return is_lost(question); });
  if (lost != waiting_.end()) {
    Answer answer{std::move(*lost), {}};
    waiting_.erase(lost);
    answer.result.error = errc::closed;
    ++ended_;
    return answer;
  }
  std::optional<stun::BindingResult> result = client_.poll_event();
  if (!result) return std::nullopt;
  const auto found =
      std::find_if(asked_.begin(), asked_.end(), [&](const auto& asked) { return asked.first == result->request; });
  Answer answer{std::move(found->second), std::move(*result)};
  asked_.erase(found);
  ++ended_;
  if (answer.result.round_trip && !is_stream(answer.question.request.transport)) measure(*answer.result.round_trip);
  return answer;
}

void Questions::measure(Duration round_trip) noexcept {
  rto_ = std::clamp(round_trip * 3 / 2, least_rto, most_rto);
  measured_ = true;
}

void Questions::clear() noexcept {
  waiting_.clear();
  for (const auto& asked : asked_) client_.cancel(asked.first);
  asked_.clear();
  slot_.reset();
}

Received Questions::handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
  return client_.handle_datagram(now, in, scratch);
}

std::optional<TimePoint> Questions::next_timeout() const noexcept {
  std::optional<TimePoint> next = client_.next_timeout();
  if (!waiting_.empty() && !blocked_) earliest(next, slot_);
  return next;
}

}  // namespace ice::nat
