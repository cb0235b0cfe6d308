#include "ice/stun/error_code.hpp"

#include <gtest/gtest.h>

namespace ice::stun {
namespace {

TEST(StunErrorCodes, HaveTheirPhrasesAndSections) {
  EXPECT_EQ(reason_phrase(ErrorCode::try_alternate), "Try Alternate");
  EXPECT_EQ(reason_phrase(ErrorCode::unauthenticated), "Unauthenticated");
  EXPECT_EQ(defining_section(ErrorCode::unauthenticated), "RFC 8489 §14.8");
  EXPECT_EQ(reason_phrase(ErrorCode::role_conflict), "Role Conflict");
  EXPECT_EQ(defining_section(ErrorCode::role_conflict), "RFC 8445 §16.2");
  EXPECT_EQ(reason_phrase(ErrorCode::mobility_forbidden), "Mobility Forbidden");
  EXPECT_EQ(reason_phrase(ErrorCode::connection_timeout_or_failure), "Connection Timeout or Failure");
  EXPECT_EQ(reason_phrase(ErrorCode::use_tls), "Use TLS");
}

TEST(StunErrorCodes, UnknownOnesHaveNone) {
  EXPECT_EQ(reason_phrase(ErrorCode{499}), "");
  EXPECT_EQ(defining_section(ErrorCode{499}), "");
}

TEST(StunErrorCodes, AreSortedAndInTheRangeOfTheAttribute) {
  unsigned last = 299;
  for (const ErrorCodeInfo& info : error_codes()) {
    EXPECT_GT(to_number(info.code), last);
    last = to_number(info.code);
    EXPECT_FALSE(info.reason.empty());
    EXPECT_LT(info.reason.size(), 128U);
    EXPECT_EQ(info.section.substr(0, 4), "RFC ");
  }
  EXPECT_LT(last, 700U);
}

}  // namespace
}  // namespace ice::stun
