#include "ice/candidate.hpp"

#include <gtest/gtest.h>

#include "ice/description.hpp"

namespace ice {
namespace {

TEST(CandidatePriority, FollowsTheRecommendedFormula) {
  // The host candidate of RFC 8445 §15.1: type preference 126, local preference 65535, component 1.
  EXPECT_EQ(candidate_priority(CandidateType::host, 65535, ComponentId{1}), 2130706431U);
  EXPECT_EQ(candidate_priority(CandidateType::server_reflexive, 65535, ComponentId{1}), 1694498815U);
  EXPECT_EQ(candidate_priority(CandidateType::peer_reflexive, 65535, ComponentId{1}), 1862270975U);
  EXPECT_EQ(candidate_priority(CandidateType::relayed, 65535, ComponentId{1}), 16777215U);
}

TEST(CandidatePriority, PrefersTheLowerComponentAndTheHigherLocalPreference) {
  EXPECT_GT(candidate_priority(CandidateType::host, 7, ComponentId{1}),
            candidate_priority(CandidateType::host, 7, ComponentId{2}));
  EXPECT_GT(candidate_priority(CandidateType::host, 8, ComponentId{256}),
            candidate_priority(CandidateType::host, 7, ComponentId{1}));
}

TEST(PairPriority, IsTheSameAtBothEndsOnlyWithTheRolesTold) {
  EXPECT_EQ(pair_priority(2, 1), (std::uint64_t{1} << 32) + 4 + 1);
  EXPECT_EQ(pair_priority(1, 2), (std::uint64_t{1} << 32) + 4);
  EXPECT_EQ(pair_priority(3, 3), (std::uint64_t{3} << 32) + 6);
}

TEST(IceText, TakesIceCharsAloneWithinItsLength) {
  EXPECT_TRUE(is_ice_text("aZ09+/", 4, 256));
  EXPECT_FALSE(is_ice_text("abc", 4, 256));
  EXPECT_FALSE(is_ice_text("abcde", 1, 4));
  EXPECT_FALSE(is_ice_text("abc d", 4, 256));
  EXPECT_FALSE(is_ice_text("abc:d", 4, 256));
  EXPECT_FALSE(is_ice_text("abc\xc3\xa4", 4, 256));
}

TEST(Description, CredentialsAreCheckedForLengthAndCharacters) {
  Description description;
  description.ufrag = "8hhY";
  description.password = "asd88fgpdd777uzjYhagZg";
  EXPECT_TRUE(validate_credentials(description));
  description.ufrag = "8hh";
  EXPECT_EQ(validate_credentials(description).error(), errc::bad_ufrag);
  description.ufrag = std::string(257, 'a');
  EXPECT_EQ(validate_credentials(description).error(), errc::bad_ufrag);
  description.ufrag = "8hhY";
  description.password = "asd88fgpdd777uzjYhagZ";
  EXPECT_EQ(validate_credentials(description).error(), errc::bad_password);
}

TEST(Description, KnowsItsOptions) {
  Description description;
  description.options = {"ice2", "trickle"};
  EXPECT_TRUE(description.has_option(option_trickle));
  EXPECT_FALSE(description.has_option("renomination"));
}

}  // namespace
}  // namespace ice
