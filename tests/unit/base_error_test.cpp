#include "ice/base/error.hpp"

#include <gtest/gtest.h>

namespace ice {
namespace {

TEST(Error, EveryCodeHasAMessageThatSaysWhatToDo) {
  for (int code = 1; code <= static_cast<int>(errc::name_not_resolved); ++code) {
    const std::string text = error_category().message(code);
    EXPECT_NE(text, "unknown error") << code;
    EXPECT_NE(text.find(';'), std::string::npos) << text;
  }
}

TEST(Error, ACodeOfAnotherKindIsUnknown) { EXPECT_EQ(error_category().message(9999), "unknown error"); }

}  // namespace
}  // namespace ice
