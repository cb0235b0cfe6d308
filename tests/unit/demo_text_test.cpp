#include <gtest/gtest.h>

#include "common/language.hpp"
#include "common/utf8.hpp"

namespace ice::programs {
namespace {

const std::string replacement = "\xEF\xBF\xBD";

TEST(ProgramText, KnowsUtf8FromOtherBytes) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain"));
  EXPECT_TRUE(is_utf8("안녕하세요 \xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_utf8("\xFF"));
  EXPECT_FALSE(is_utf8("cut \xEC\x95"));
  EXPECT_FALSE(is_utf8("\xC0\xAF")) << "overlong";
  EXPECT_FALSE(is_utf8("\xED\xA0\x80")) << "a surrogate";
}

TEST(ProgramText, ReplacesWhatIsNotUtf8ByteByByte) {
  EXPECT_EQ(to_utf8("a\xFF\xFEz"), "a" + replacement + replacement + "z");
  EXPECT_EQ(to_utf8("안녕"), "안녕");
}

TEST(ProgramText, KeepsTheCursorOfATerminalFromOthers) {
  EXPECT_EQ(to_printable("a\x1b[2Jb"), "a" + replacement + "[2Jb");
  EXPECT_EQ(to_printable("line\r\nbreak"), "line" + replacement + replacement + "break");
  EXPECT_EQ(to_printable("\xE2\x80\xAE"
                         "desrever"),
            replacement + "desrever")
      << "right-to-left override";
}

TEST(ProgramText, AcceptsNamesThatPeopleCanTellApart) {
  EXPECT_TRUE(is_name("alice", 1, 64));
  EXPECT_TRUE(is_name("철수 김", 1, 64));
  EXPECT_FALSE(is_name("", 1, 64));
  EXPECT_FALSE(is_name(std::string(65, 'a'), 1, 64));
  EXPECT_TRUE(is_name(std::string(64, 'a'), 1, 64));
  EXPECT_FALSE(is_name(" alice", 1, 64));
  EXPECT_FALSE(is_name("alice ", 1, 64));
  EXPECT_FALSE(is_name("a  b", 1, 64));
  EXPECT_FALSE(is_name("a\tb", 1, 64));
  EXPECT_FALSE(
      is_name("a\xC2\xA0"
              "b",
              1, 64))
      << "a no-break space looks like a space";
  EXPECT_FALSE(
      is_name("ali\xE2\x80\x8B"
              "ce",
              1, 64))
      << "a zero-width space looks like nothing";
  EXPECT_FALSE(is_name("a\xFF", 1, 64));
}

TEST(ProgramText, CountsAHangulSyllableAsTwoColumns) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("연결"), 4U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U) << "a combining accent takes no column";
}

TEST(ProgramText, SpeaksTheLanguageThatWasAskedFor) {
  EXPECT_EQ(format_in(Language::en, "{} of {} pairs", "{1}쌍 중 {0}쌍", 3, 6), "3 of 6 pairs");
  EXPECT_EQ(format_in(Language::ko, "{} of {} pairs", "{1}쌍 중 {0}쌍", 3, 6), "6쌍 중 3쌍");
}

}  // namespace
}  // namespace ice::programs
