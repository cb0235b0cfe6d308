#include <gtest/gtest.h>

#include <string>

#include "ice/stun/credential.hpp"

namespace ice::stun {
namespace {

/// UTF-8 of code points.
std::string utf8(std::initializer_list<char32_t> points) {
  std::string text;
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  for (const char32_t c : points) {
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xc0 | c >> 6);
      put(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
      put(0xe0 | c >> 12);
      put(0x80 | (c >> 6 & 0x3f));
      put(0x80 | (c & 0x3f));
    } else {
      put(0xf0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3f));
      put(0x80 | (c >> 6 & 0x3f));
      put(0x80 | (c & 0x3f));
    }
  }
  return text;
}

std::string prepared(const std::string& text) {
  const auto result = opaque_string(text);
  return result ? *result : "refused";
}

bool is_refused(std::initializer_list<char32_t> points) {
  const auto result = opaque_string(utf8(points));
  return !result && result.error() == errc::bad_text;
}

// RFC 8265 §4.3, table 3.
TEST(OpaqueString, KeepsTheLegalPasswordsOfTheRfc) {
  for (const std::string& legal :
       {std::string{"correct horse battery staple"}, std::string{"Correct Horse Battery Staple"},
        utf8({0x3c0, 0xdf, 0xe5}), "Jack of " + utf8({0x2666}) + "s"})
    EXPECT_EQ(prepared(legal), legal);
  EXPECT_EQ(prepared("foo" + utf8({0x1680}) + "bar"), "foo bar");
}

// Table 4.
TEST(OpaqueString, RefusesTheIllegalPasswordsOfTheRfc) {
  EXPECT_EQ(opaque_string("").error(), errc::bad_text);
  EXPECT_EQ(opaque_string("my cat is a \tby").error(), errc::bad_text);
}

TEST(OpaqueString, MapsEverySpaceToSpace) {
  for (const char32_t space :
       std::initializer_list<char32_t>{0xa0, 0x1680, 0x2000, 0x2003, 0x200a, 0x202f, 0x205f, 0x3000})
    EXPECT_EQ(prepared("a" + utf8({space}) + "b"), "a b") << std::hex << static_cast<unsigned>(space);
  EXPECT_EQ(prepared(utf8({0x3000})), " ");
}

TEST(OpaqueString, NormalisesToNfc) {
  EXPECT_EQ(prepared(utf8({'e', 0x301})), utf8({0xe9}));
  EXPECT_EQ(prepared(utf8({0x212b})), utf8({0xc5}));                    // ANGSTROM SIGN
  EXPECT_EQ(prepared(utf8({'a', 0x323, 0x302})), utf8({0x1ead}));       // marks in their order
  EXPECT_EQ(prepared(utf8({'a', 0x302, 0x323})), utf8({0x1ead}));       // and not
  EXPECT_EQ(prepared(utf8({0x1112, 0x1161, 0x11ab})), utf8({0xd55c}));  // what macOS makes of Hangul
}

// Not to NFKC, which is what SASLprep did (RFC 8489 §14.3, notes).
TEST(OpaqueString, KeepsWidthsAndCompatibilityCharacters) {
  for (const char32_t c : std::initializer_list<char32_t>{0xff21, 0xaa, 0x2168, 0xfb01, 0x3392})
    EXPECT_EQ(prepared(utf8({c})), utf8({c}));
}

TEST(OpaqueString, KeepsCase) { EXPECT_EQ(prepared(utf8({0xc4, 0xe4})), utf8({0xc4, 0xe4})); }

TEST(OpaqueString, RefusesWhatIsNoUtf8) {
  for (const std::string bad : {"\xff", "\xc3", "a\x80", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"})
    EXPECT_EQ(opaque_string(bad).error(), errc::bad_text);
}

TEST(OpaqueString, RefusesControlIgnorableUnassignedAndPrivateCharacters) {
  EXPECT_TRUE(is_refused({0}));
  EXPECT_TRUE(is_refused({'a', 0x7f}));
  EXPECT_TRUE(is_refused({0x85}));
  EXPECT_TRUE(is_refused({0xad}));     // SOFT HYPHEN: "The<U+00AD>M..." of RFC 8489 B.1 is no OpaqueString
  EXPECT_TRUE(is_refused({0x200b}));   // ZERO WIDTH SPACE
  EXPECT_TRUE(is_refused({0xfe0f}));   // VARIATION SELECTOR-16
  EXPECT_TRUE(is_refused({0x115f}));   // HANGUL CHOSEONG FILLER
  EXPECT_TRUE(is_refused({0x378}));    // unassigned
  EXPECT_TRUE(is_refused({0xffff}));   // noncharacter
  EXPECT_TRUE(is_refused({0xe000}));   // private use
  EXPECT_TRUE(is_refused({0x2028}));   // LINE SEPARATOR
  EXPECT_TRUE(is_refused({0x600}));    // ARABIC NUMBER SIGN, a format character
  EXPECT_TRUE(is_refused({0xe0041}));  // a tag
}

// RFC 5892 §2.6 and §2.9.
TEST(OpaqueString, RefusesTheExceptionsAndOldHangul) {
  for (const char32_t c : std::initializer_list<char32_t>{0x640, 0x7fa, 0x302e, 0x302f, 0x3031, 0x3035, 0x303b})
    EXPECT_TRUE(is_refused({'a', c}));
  EXPECT_TRUE(is_refused({0x1100}));
  EXPECT_TRUE(is_refused({0x11ff}));
  EXPECT_TRUE(is_refused({0xa960}));
  EXPECT_TRUE(is_refused({0xd7b0}));
}

// RFC 5892 appendix A.
TEST(OpaqueString, AllowsJoinersOnlyWhereTheyJoin) {
  EXPECT_FALSE(is_refused({0x915, 0x94d, 0x200d, 0x937}));  // after a virama
  EXPECT_FALSE(is_refused({0x915, 0x94d, 0x200c, 0x937}));
  EXPECT_FALSE(is_refused({0x645, 0x6cc, 0x200c, 0x62e}));         // Persian: between letters that would join
  EXPECT_FALSE(is_refused({0x645, 0x64e, 0x200c, 0x64e, 0x62e}));  // marks set aside
  EXPECT_TRUE(is_refused({0x62f, 0x200c, 0x62e}));                 // DAL does not join to what follows
  EXPECT_TRUE(is_refused({0x645, 0x200c}));
  EXPECT_TRUE(is_refused({0x200c, 0x645}));
  EXPECT_TRUE(is_refused({'a', 0x200c, 'b'}));
  EXPECT_TRUE(is_refused({0x645, 0x200d, 0x62e}));
  EXPECT_TRUE(is_refused({0x200d}));
}

TEST(OpaqueString, AllowsPunctuationOfAScriptOnlyInThatScript) {
  EXPECT_FALSE(is_refused({'l', 0xb7, 'l'}));
  EXPECT_TRUE(is_refused({'l', 0xb7, 'a'}));
  EXPECT_TRUE(is_refused({0xb7, 'l'}));
  EXPECT_FALSE(is_refused({0x375, 0x3b1}));
  EXPECT_TRUE(is_refused({0x375, 'a'}));
  EXPECT_TRUE(is_refused({0x3b1, 0x375}));
  EXPECT_FALSE(is_refused({0x5d0, 0x5f3}));
  EXPECT_FALSE(is_refused({0x5d0, 0x5f4}));
  EXPECT_TRUE(is_refused({'a', 0x5f3}));
  EXPECT_TRUE(is_refused({0x5f4, 0x5d0}));
  EXPECT_FALSE(is_refused({0x30fb, 'a', 0x30a2}));
  EXPECT_FALSE(is_refused({0x4e00, 0x30fb}));
  EXPECT_TRUE(is_refused({'a', 0x30fb, 'b'}));
}

TEST(OpaqueString, DoesNotMixTheTwoSetsOfArabicDigits) {
  EXPECT_FALSE(is_refused({0x660, 0x669}));
  EXPECT_FALSE(is_refused({0x6f0, 0x6f9}));
  EXPECT_TRUE(is_refused({0x660, 0x6f0}));
  EXPECT_TRUE(is_refused({0x6f5, 'a', 0x665}));
}

// What went through the profile goes through it unchanged (RFC 8264 §7).
TEST(OpaqueString, IsStable) {
  for (char32_t c = 1; c < 0x30000; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    const auto once = opaque_string(utf8({'a', c, 'b'}));
    if (!once) continue;
    const auto twice = opaque_string(*once);
    ASSERT_TRUE(twice) << std::hex << static_cast<unsigned>(c);
    ASSERT_EQ(*twice, *once) << std::hex << static_cast<unsigned>(c);
  }
}

}  // namespace
}  // namespace ice::stun
