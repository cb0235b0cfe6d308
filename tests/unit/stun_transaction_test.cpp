#include "ice/stun/transaction.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ice::stun {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using Step = Transaction::Step;

constexpr TimePoint start{};
constexpr TransactionId some_id{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

/// What became of a transaction that nobody answers, as an owner with an exact timer sees it.
struct Outcome {
  std::vector<Duration> sent;
  Duration ended{};
  Step how = Step::wait;
};

Outcome run(Transaction transaction, TimePoint now = start) {
  Outcome result;
  while (transaction.in_progress()) {
    if (transaction.transmit_due()) {
      transaction.transmitted(now);
      result.sent.push_back(now - start);
    }
    now = *transaction.next_timeout();
    result.how = transaction.handle_timeout(now);
  }
  result.ended = now - start;
  return result;
}

TEST(Transaction, IsSentAtTheTimesOfRfc8489AndFailsAfter39500Milliseconds) {
  const Outcome result = run(Transaction{some_id, RetransmissionSchedule::datagram()});
  EXPECT_THAT(result.sent, ElementsAre(0ms, 500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms));
  EXPECT_EQ(result.ended, 39500ms);
  EXPECT_EQ(result.how, Step::timed_out);
}

TEST(Transaction, TakesRtoRcAndRmFromItsSchedule) {
  const Outcome result = run(Transaction{some_id, {.rto = 100ms, .rc = 3, .rm = 5}});
  EXPECT_THAT(result.sent, ElementsAre(0ms, 100ms, 300ms));
  EXPECT_EQ(result.ended, 800ms);
}

TEST(Transaction, IsSentOnceOnAStreamAndFailsAfterTi) {
  const Outcome result = run(Transaction{some_id, RetransmissionSchedule::stream()});
  EXPECT_THAT(result.sent, ElementsAre(0ms));
  EXPECT_EQ(result.ended, 39500ms);
  EXPECT_EQ(result.how, Step::timed_out);
}

TEST(Transaction, IsNeverRetransmittedWhenItIsAskedOnce) {
  const Outcome result = run(Transaction{some_id, RetransmissionSchedule::once(5s)});
  EXPECT_THAT(result.sent, ElementsAre(0ms));
  EXPECT_EQ(result.ended, 5s);
}

TEST(Transaction, WantsNoTimeoutWhileATransmissionIsDue) {
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  EXPECT_TRUE(transaction.transmit_due());
  EXPECT_FALSE(transaction.next_timeout());
  transaction.transmitted(start);
  EXPECT_FALSE(transaction.transmit_due());
  EXPECT_EQ(transaction.next_timeout(), start + 500ms);
}

TEST(Transaction, IgnoresEarlyAndRepeatedTimeouts) {
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  EXPECT_EQ(transaction.handle_timeout(start + 1h), Step::wait);
  transaction.transmitted(start);
  EXPECT_EQ(transaction.handle_timeout(start + 499ms), Step::wait);
  EXPECT_EQ(transaction.handle_timeout(start + 500ms), Step::transmit);
  EXPECT_EQ(transaction.handle_timeout(start + 500ms), Step::wait);
  EXPECT_EQ(transaction.handle_timeout(start + 1h), Step::wait);
  EXPECT_TRUE(transaction.transmit_due());
}

TEST(Transaction, SendsNoBurstAfterALateTimer) {
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  transaction.transmitted(start);
  EXPECT_EQ(transaction.handle_timeout(start + 60s), Step::transmit);  // the laptop slept
  transaction.transmitted(start + 60s);
  EXPECT_EQ(transaction.handle_timeout(start + 60s), Step::wait);
  EXPECT_EQ(transaction.next_timeout(), start + 61s);
}

TEST(Transaction, FallsSilentWhenItIsFinished) {
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  transaction.transmitted(start);
  transaction.finish();
  EXPECT_FALSE(transaction.in_progress());
  EXPECT_FALSE(transaction.next_timeout());
  EXPECT_EQ(transaction.handle_timeout(start + 1h), Step::wait);
}

TEST(Transaction, ThatIsFinishedBeforeItsFirstTransmissionIsNeverSent) {
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  transaction.finish();
  EXPECT_FALSE(transaction.transmit_due());
}

TEST(Transaction, ThatIsCancelledIsSentNoMoreButWaitsAsLongAsItWouldHave) {
  for (int sends = 1; sends <= 7; ++sends) {
    Transaction transaction{some_id, RetransmissionSchedule::datagram()};
    TimePoint now = start;
    transaction.transmitted(now);
    for (int i = 1; i < sends; ++i) {
      now = *transaction.next_timeout();
      ASSERT_EQ(transaction.handle_timeout(now), Step::transmit);
      transaction.transmitted(now);
    }
    transaction.cancel();
    transaction.cancel();
    EXPECT_TRUE(transaction.cancelled());
    EXPECT_EQ(transaction.next_timeout(), start + 39500ms) << sends;
    EXPECT_EQ(transaction.handle_timeout(start + 39499ms), Step::wait);
    EXPECT_EQ(transaction.handle_timeout(start + 39500ms), Step::timed_out);
    EXPECT_EQ(transaction.transmissions(), sends);
  }
}

TEST(Transaction, ThatIsCancelledWhileARetransmissionIsDueDoesNotSendIt) {
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  transaction.transmitted(start);
  ASSERT_EQ(transaction.handle_timeout(start + 500ms), Step::transmit);
  transaction.cancel();
  EXPECT_FALSE(transaction.transmit_due());
  EXPECT_EQ(transaction.next_timeout(), start + 39500ms);
}

TEST(Transaction, ThatIsCancelledBeforeItWasSentIsOver) {
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  transaction.cancel();
  EXPECT_FALSE(transaction.in_progress());
  EXPECT_FALSE(transaction.transmit_due());
}

TEST(Transaction, TellsOfViolatedIntegrityInsteadOfATimeoutOverDatagrams) {
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  transaction.transmitted(start);
  EXPECT_EQ(transaction.reject_response(), Step::wait);
  const Outcome result = run(transaction, start);
  EXPECT_EQ(result.sent.size(), 6u) << "retransmissions go on as if it had never been received";
  EXPECT_EQ(result.how, Step::integrity_violated);
}

TEST(Transaction, EndsAtOnceWithViolatedIntegrityOverAStream) {
  Transaction transaction{some_id, RetransmissionSchedule::stream()};
  transaction.transmitted(start);
  EXPECT_EQ(transaction.reject_response(), Step::integrity_violated);
  EXPECT_FALSE(transaction.in_progress());
  EXPECT_EQ(transaction.reject_response(), Step::wait) << "it is over already";
}

TEST(Transaction, CountsRejectedResponsesWithoutWrappingAround) {
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  transaction.transmitted(start);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(transaction.reject_response(), Step::wait);
  EXPECT_EQ(transaction.rejected_responses(), 255);
}

TEST(Transaction, MeasuresTheRoundTripOfARequestThatWasSentOnce) {
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  EXPECT_FALSE(transaction.round_trip(start));
  transaction.transmitted(start);
  EXPECT_EQ(transaction.round_trip(start + 30ms), 30ms);
  EXPECT_EQ(transaction.round_trip(start + 30ms, 1), 30ms);
  EXPECT_FALSE(transaction.round_trip(start + 30ms, 2)) << "an answer to what was never sent";
}

TEST(Transaction, MeasuresNothingAfterARetransmission) {  // Karn
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  transaction.transmitted(start);
  ASSERT_EQ(transaction.handle_timeout(start + 500ms), Step::transmit);
  transaction.transmitted(start + 500ms);
  EXPECT_FALSE(transaction.round_trip(start + 530ms));
}

TEST(Transaction, MeasuresAfterARetransmissionWhenTheAnswerSaysWhichOneItAnswers) {  // RFC 7982
  Transaction transaction{some_id, RetransmissionSchedule::datagram()};
  TimePoint now = start;
  transaction.transmitted(now);
  for (int i = 0; i < 2; ++i) {
    now = *transaction.next_timeout();
    ASSERT_EQ(transaction.handle_timeout(now), Step::transmit);
    transaction.transmitted(now);
  }
  EXPECT_EQ(transaction.round_trip(start + 1530ms, 1), 1530ms);
  EXPECT_FALSE(transaction.round_trip(start + 1530ms, 2)) << "the time of the second is not kept";
  EXPECT_EQ(transaction.round_trip(start + 1530ms, 3), 30ms);
  EXPECT_FALSE(transaction.round_trip(start + 1530ms, 4)) << "it was never sent four times";
}

TEST(RtoEstimate, IsTheDefaultUntilSomethingWasMeasured) {
  const RtoEstimate estimate;
  EXPECT_EQ(estimate.rto(start), 500ms);
  EXPECT_EQ(estimate.rto(start, 20ms), 20ms);
  EXPECT_FALSE(estimate.smoothed_round_trip());
}

TEST(RtoEstimate, FollowsRfc6298) {
  RtoEstimate estimate;
  estimate.sample(start, 400ms);
  EXPECT_EQ(estimate.smoothed_round_trip(), 400ms);
  EXPECT_EQ(estimate.rto(start), 1200ms);  // 400 + 4 * 200
  estimate.sample(start, 800ms);
  EXPECT_EQ(estimate.smoothed_round_trip(), 450ms);  // 7/8 * 400 + 1/8 * 800
  EXPECT_EQ(estimate.rto(start), 1450ms);            // 450 + 4 * (3/4 * 200 + 1/4 * 400)
}

TEST(RtoEstimate, IsNeverBelowTheLeastNorAboveTheLongest) {
  RtoEstimate estimate;
  estimate.sample(start, 1ms);
  EXPECT_EQ(estimate.rto(start), 500ms);
  EXPECT_EQ(estimate.rto(start, 1ms), 3ms);
  estimate.sample(start, 10min);
  EXPECT_EQ(estimate.rto(start), 60s);
  EXPECT_EQ(estimate.rto(start, 70s), 70s) << "the owner's least goes before RFC 6298's most";
}

TEST(RtoEstimate, IsForgottenTenMinutesAfterItsLastUse) {
  RtoEstimate estimate;
  estimate.sample(start, 400ms);
  EXPECT_EQ(estimate.rto(start + 10min), 1200ms);
  EXPECT_EQ(estimate.rto(start + 10min + 1ns), 500ms);
  estimate.sample(start + 11min, 600ms);
  EXPECT_EQ(estimate.smoothed_round_trip(), 600ms) << "a stale estimate is not averaged with";
}

TEST(RtoEstimate, SurvivesAClockThatWentBackwards) {
  RtoEstimate estimate;
  estimate.sample(start, -5ms);
  EXPECT_EQ(estimate.smoothed_round_trip(), 0ms);
}

}  // namespace
}  // namespace ice::stun
