#include "nat/lifetime_test.hpp"

#include <algorithm>
#include <utility>

#include "base/earliest.hpp"

namespace ice::nat {

void LifetimeTest::begin(Questions& questions, const Endpoint& primary, const Port& asker,
                         const std::vector<Port>& ports) {
  primary_ = primary;
  asker_ = asker;
  for (const Port& port : ports) trials_.push_back({.port = port});
  // First without any wait: does the server know RESPONSE-PORT (RFC 5780 §5), and does it reach the other port?
  stage_ = Stage::support;
  begin_trial(questions, trials_.front(), Duration{});
}

void LifetimeTest::end(Doubt doubt) noexcept {
  stage_ = Stage::done;
  doubt_ = doubt;
  for (Trial& trial : trials_) trial.phase = Phase::over;
}

void LifetimeTest::begin_trial(Questions& questions, Trial& trial, Duration idle) {
  trial = {.port = trial.port, .phase = Phase::refreshing, .idle = idle};
  put(questions, Test::lifetime_refresh, trial);
}

void LifetimeTest::begin_round(Questions& questions) {
  learned_ = false;
  const auto parts = static_cast<Duration::rep>(trials_.size());
  // The first round looks for the order of magnitude: 320 s, 160 s, 80 s and 40 s.
  Duration idle = longest;
  for (Duration::rep i = 0; i < parts; ++i) {
    Trial& trial = trials_[static_cast<std::size_t>(i)];
    begin_trial(questions, trial, dead_ ? alive_ + (*dead_ - alive_) * (i + 1) / (parts + 1) : idle);
    idle /= 2;
  }
}

void LifetimeTest::put(Questions& questions, Test test, const Trial& trial) {
  const Port& from = test == Test::lifetime_refresh ? trial.port : asker_;
  Question question{test, from.role, {.socket = from.socket, .server = primary_}};
  if (test == Test::lifetime) question.request.response_port = trial.mapped.port;
  question.about = trial.port.role;
  questions.ask(std::move(question));
}

void LifetimeTest::take(TimePoint now, Questions& questions, const Answer& answer) {
  const auto trial = std::find_if(trials_.begin(), trials_.end(),
                                  [&](const Trial& t) { return t.port.role == answer.question.about; });
  if (stage_ == Stage::done || trial == trials_.end()) return;
  switch (answer.question.test) {
    case Test::lifetime_refresh:
      take_refresh(now, questions, *trial, answer);
      break;
    case Test::lifetime:
      take_lifetime(questions, *trial, answer);
      break;
    default:
      take_control(questions, *trial, answer);
  }
  advance(questions);
}

void LifetimeTest::take_refresh(TimePoint now, Questions& questions, Trial& trial, const Answer& answer) {
  trial.phase = answer.good() ? Phase::waiting : Phase::over;
  trial.mapped = answer.result.mapped;
  trial.since = now;
  handle_timeout(now, questions);
}

void LifetimeTest::take_lifetime(Questions& questions, Trial& trial, const Answer& answer) {
  if (trial.phase != Phase::asked) return;
  // An answer at Y has come by a new mapping that got the external port of the dead one.
  if (answer.good()) return found(trial, answer.result.socket == trial.port.socket);
  if (answer.result.error == errc::server_refused) return end(Doubt::server_does_not_support);  // 420
  trial.unconfirmed = answer.result.transmissions;
  trial.phase = Phase::controlled;
  put(questions, Test::lifetime_control, trial);
}

void LifetimeTest::take_control(Questions& questions, Trial& trial, const Answer& answer) {
  if (trial.phase != Phase::controlled) return;
  if (answer.good()) trial.silent += trial.unconfirmed;
  if (answer.good() && questions.quality().silence_counts(trial.silent)) return found(trial, false);
  if (++trial.attempts == most_attempts) {
    trial.phase = Phase::over;
    return;
  }
  trial.phase = Phase::asked;
  put(questions, Test::lifetime, trial);
}

void LifetimeTest::found(Trial& trial, bool alive) {
  trial.phase = Phase::over;
  learned_ = true;
  if (alive) {
    alive_ = std::max(alive_, trial.idle);
    return;
  }
  dead_ = std::min(dead_.value_or(trial.idle), trial.idle);
  for (Trial& other : trials_)
    if (other.phase == Phase::waiting && other.idle >= *dead_) other.phase = Phase::over;
}

void LifetimeTest::handle_timeout(TimePoint now, Questions& questions) {
  for (Trial& trial : trials_) {
    if (trial.phase != Phase::waiting || now < trial.since + trial.idle) continue;
    trial.phase = Phase::asked;
    put(questions, Test::lifetime, trial);
  }
}

std::optional<TimePoint> LifetimeTest::next_timeout() const noexcept {
  std::optional<TimePoint> next;
  for (const Trial& trial : trials_)
    if (trial.phase == Phase::waiting) earliest(next, trial.since + trial.idle);
  return next;
}

void LifetimeTest::advance(Questions& questions) {
  const auto over = [](const Trial& trial) { return trial.phase == Phase::over; };
  if (stage_ == Stage::done || !std::all_of(trials_.begin(), trials_.end(), over)) return;
  if (stage_ == Stage::support) {
    if (!learned_) return end(Doubt::too_few_answers);
    if (dead_) return end(Doubt::server_does_not_support);
    stage_ = Stage::search;
    return begin_round(questions);
  }
  if (!learned_ && ++lost_rounds_ == most_lost_rounds) return end(Doubt::too_few_answers);
  if (dead_ && *dead_ <= alive_) return end(Doubt::disagreement);
  if (!dead_ && alive_ >= longest) return end(Doubt::no_doubt);
  if (dead_ && *dead_ - alive_ <= std::max(resolution, *dead_ / 32)) return end(Doubt::no_doubt);
  begin_round(questions);
}

Judged<Duration> LifetimeTest::judge(const PathQuality& quality) const noexcept {
  if (stage_ != Stage::done || doubt_ != Doubt::no_doubt) return {.doubt = doubt_};
  return {alive_, quality.lossy() ? Confidence::medium : Confidence::high, Doubt::no_doubt};
}

}  // namespace ice::nat
