#include "nat/questions.hpp"

#include <algorithm>

#include "base/earliest.hpp"

namespace ice::nat {
namespace {

// RFC 8489 §6.2.1 begins at 500 ms and waits 39.5 s, which is more than a whole discovery may take. Once a round trip
// is known, RTO is that of RFC 6298 §2.2: three of it.
constexpr Duration first_rto = std::chrono::milliseconds{300};
constexpr Duration least_rto = std::chrono::milliseconds{100};
constexpr Duration most_rto = std::chrono::milliseconds{500};
constexpr Duration long_rto = std::chrono::milliseconds{200};  // five transmissions take too long from here on

}  // namespace

Questions::Questions(stun::BindingClientConfig config, Environment environment)
    : client_{std::move(config), environment}, environment_{environment}, rto_{first_rto} {}

stun::RetransmissionSchedule Questions::schedule() const noexcept {
  return {.rto = rto_, .rc = static_cast<std::uint8_t>(rto_ > long_rto ? 4 : 5), .rm = 4};
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

std::optional<Answer> Questions::next_answer() {
  std::optional<stun::BindingResult> result = client_.poll_event();
  if (!result) return std::nullopt;
  const auto found =
      std::find_if(asked_.begin(), asked_.end(), [&](const auto& asked) { return asked.first == result->request; });
  Answer answer{std::move(found->second), std::move(*result)};
  asked_.erase(found);
  ++ended_;
  if (answer.result.round_trip && !is_stream(answer.question.request.transport))
    rto_ = std::clamp(3 * *answer.result.round_trip, least_rto, most_rto);
  return answer;
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
