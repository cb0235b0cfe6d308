#include "nat/fragment_test.hpp"

#include <utility>

namespace ice::nat {

void FragmentTest::begin(Questions& questions, const Endpoint& primary, std::uint16_t room,
                         const std::array<Asker, 2>& askers) {
  begun_ = true;
  primary_ = primary;
  room_ = room;
  askers_ = askers;
  ask_next(questions);
}

void FragmentTest::ask_next(Questions& questions) {
  while (next_ < askers_.size()) {
    const Asker& asker = askers_[next_++];
    if (asker.role == Role::none) continue;
    ++open_;
    return questions.ask({Test::fragments, asker.role, {.socket = asker.socket, .server = primary_, .padding = room_}});
  }
}

void FragmentTest::take(Questions& questions, const Answer& answer) {
  --open_;
  if (answer.question.test == Test::fragments_control) {
    if (answer.good()) silent_ += std::exchange(unconfirmed_, 0);
    return ask_next(questions);
  }
  if (answer.good()) {
    passed_ = true;
    echoed_ = answer.result.padding + most_beside_padding >= room_;
  } else if (answer.result.error == errc::timed_out) {
    unconfirmed_ = answer.result.transmissions;
    ++open_;
    questions.ask({Test::fragments_control,
                   answer.question.role,
                   {.socket = answer.question.request.socket, .server = primary_}});
  } else if (answer.result.error == errc::server_refused) {
    refused_ = true;
  }
}

Judged<Fragments> FragmentTest::judge(const PathQuality& quality) const noexcept {
  if (!begun_) return {};
  if (passed_) return {Fragments::passed, echoed_ ? Confidence::high : Confidence::medium, Doubt::no_doubt};
  if (refused_) return {.doubt = Doubt::server_does_not_support};
  if (!quality.silence_counts(silent_)) return {.doubt = Doubt::too_few_answers};
  return {Fragments::dropped, Confidence::medium, Doubt::no_doubt};
}

}  // namespace ice::nat
