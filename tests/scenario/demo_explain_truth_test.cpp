// Whether explain() tells the truth: calls with causes that the simulator knows, by taking each away. Thousands of them
// are examples/explain_truth; these are few, and the same every time.

#include <gtest/gtest.h>

#include <set>

#include "explain_truth/judgement.hpp"
#include "explain_truth/view.hpp"
#include "scenario/support/seeds.hpp"

namespace ice::truth {
namespace {

// ICE_TRUTH_SEEDS runs more of them, ICE_TRUTH_FIRST begins elsewhere.
TEST(ExplainTruth, TheFirstFindingIsARealCauseNeverAnImpossibleOneAndHealthyCallsHaveNone) {
  const std::uint64_t first = test::environment_or("ICE_TRUTH_FIRST", 1);
  const std::uint64_t seeds = test::environment_or("ICE_TRUTH_SEEDS", 300);
  Tally tally;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const Judgement judgement = judge(draw(seed));
    EXPECT_FALSE(judgement.false_alarm) << render(judgement);
    EXPECT_FALSE(judgement.first_is_impossible) << render(judgement);
    tally.add(judgement);
  }
  EXPECT_GE(tally.share(tally.first_real), 0.97) << "10,000 of them are held to 0.99, so few may have bad luck";
  EXPECT_LE(tally.share(tally.first_unknown), 0.01);
  EXPECT_GE(tally.alone_right, tally.alone * 9 / 10);
  EXPECT_GT(tally.healthy, seeds / 20);
}

TEST(ExplainTruth, EveryCauseThatCanBeStagedIsFoundWhereItIsAlone) {
  std::set<RootCause> staged;
  for (const Shape shape : {Shape::direct, Shape::relayed, Shape::choice, Shape::nested}) {
    for (const RootCause cause : causes_of(shape)) {
      if (!staged.insert(cause).second) continue;
      unsigned real = 0;
      unsigned found = 0;
      for (std::uint64_t seed = 1; real < 3 && seed < 400; ++seed) {
        Plan plan = draw(seed);
        if (plan.shape != shape) continue;
        plan.faults = {{cause, static_cast<int>(seed % 2), seed % 4 < 2}};
        const Judgement judgement = judge(plan);
        if (judgement.healthy()) continue;
        ++real;
        found += judgement.found(cause);
      }
      EXPECT_GE(real, 2U) << to_string(cause) << " does no harm";
      EXPECT_GE(found + 1, real) << to_string(cause);
    }
  }
  EXPECT_GE(staged.size(), 25U);
}

TEST(ExplainTruth, ASecondRunOfASeedSaysTheSame) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) EXPECT_EQ(render(judge(draw(seed))), render(judge(draw(seed))));
}

}  // namespace
}  // namespace ice::truth
