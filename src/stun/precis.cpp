#include "stun/precis.hpp"

#include <utf8proc.h>

#include <algorithm>

namespace ice::stun {
namespace {

struct Range {
  std::int32_t first;
  std::int32_t last;
};

// What the contextual rules need and utf8proc does not have, from DerivedJoiningType.txt and Scripts.txt of Unicode 14.

// Joining_Type L or D: letters that join to what follows.
constexpr Range joins_after[] = {
    {0x0620, 0x0620},   {0x0626, 0x0626},   {0x0628, 0x0628},   {0x062A, 0x062E},   {0x0633, 0x063F},
    {0x0641, 0x0647},   {0x0649, 0x064A},   {0x066E, 0x066F},   {0x0678, 0x0687},   {0x069A, 0x06BF},
    {0x06C1, 0x06C2},   {0x06CC, 0x06CC},   {0x06CE, 0x06CE},   {0x06D0, 0x06D1},   {0x06FA, 0x06FC},
    {0x06FF, 0x06FF},   {0x0712, 0x0714},   {0x071A, 0x071D},   {0x071F, 0x0727},   {0x0729, 0x0729},
    {0x072B, 0x072B},   {0x072D, 0x072E},   {0x074E, 0x0758},   {0x075C, 0x076A},   {0x076D, 0x0770},
    {0x0772, 0x0772},   {0x0775, 0x0777},   {0x077A, 0x077F},   {0x07CA, 0x07EA},   {0x0841, 0x0845},
    {0x0848, 0x0848},   {0x084A, 0x0853},   {0x0855, 0x0855},   {0x0860, 0x0860},   {0x0862, 0x0865},
    {0x0868, 0x0868},   {0x0886, 0x0886},   {0x0889, 0x088D},   {0x08A0, 0x08A9},   {0x08AF, 0x08B0},
    {0x08B3, 0x08B8},   {0x08BA, 0x08C8},   {0x1807, 0x1807},   {0x1820, 0x1878},   {0x1887, 0x18A8},
    {0x18AA, 0x18AA},   {0xA840, 0xA872},   {0x10AC0, 0x10AC4}, {0x10ACD, 0x10ACD}, {0x10AD3, 0x10ADC},
    {0x10ADE, 0x10AE0}, {0x10AEB, 0x10AEE}, {0x10B80, 0x10B80}, {0x10B82, 0x10B82}, {0x10B86, 0x10B88},
    {0x10B8A, 0x10B8B}, {0x10B8D, 0x10B8D}, {0x10B90, 0x10B90}, {0x10BAD, 0x10BAE}, {0x10D00, 0x10D21},
    {0x10D23, 0x10D23}, {0x10F30, 0x10F32}, {0x10F34, 0x10F44}, {0x10F51, 0x10F53}, {0x10F70, 0x10F73},
    {0x10F76, 0x10F81}, {0x10FB0, 0x10FB0}, {0x10FB2, 0x10FB3}, {0x10FB8, 0x10FB8}, {0x10FBB, 0x10FBC},
    {0x10FBE, 0x10FBF}, {0x10FC1, 0x10FC1}, {0x10FC4, 0x10FC4}, {0x10FCA, 0x10FCB}, {0x1E900, 0x1E943},
};

// Joining_Type R or D: letters that join to what stands before.
constexpr Range joins_before[] = {
    {0x0620, 0x0620},   {0x0622, 0x063F},   {0x0641, 0x064A},   {0x066E, 0x066F},   {0x0671, 0x0673},
    {0x0675, 0x06D3},   {0x06D5, 0x06D5},   {0x06EE, 0x06EF},   {0x06FA, 0x06FC},   {0x06FF, 0x06FF},
    {0x0710, 0x0710},   {0x0712, 0x072F},   {0x074D, 0x077F},   {0x07CA, 0x07EA},   {0x0840, 0x0858},
    {0x0860, 0x0860},   {0x0862, 0x0865},   {0x0867, 0x086A},   {0x0870, 0x0882},   {0x0886, 0x0886},
    {0x0889, 0x088E},   {0x08A0, 0x08AC},   {0x08AE, 0x08C8},   {0x1807, 0x1807},   {0x1820, 0x1878},
    {0x1887, 0x18A8},   {0x18AA, 0x18AA},   {0xA840, 0xA871},   {0x10AC0, 0x10AC5}, {0x10AC7, 0x10AC7},
    {0x10AC9, 0x10ACA}, {0x10ACE, 0x10AD6}, {0x10AD8, 0x10AE1}, {0x10AE4, 0x10AE4}, {0x10AEB, 0x10AEF},
    {0x10B80, 0x10B91}, {0x10BA9, 0x10BAE}, {0x10D01, 0x10D23}, {0x10F30, 0x10F44}, {0x10F51, 0x10F54},
    {0x10F70, 0x10F81}, {0x10FB0, 0x10FB0}, {0x10FB2, 0x10FB6}, {0x10FB8, 0x10FBF}, {0x10FC1, 0x10FC4},
    {0x10FC9, 0x10FCA}, {0x1E900, 0x1E943},
};

// Script Greek.
constexpr Range greek[] = {
    {0x0370, 0x0373}, {0x0375, 0x0377}, {0x037A, 0x037D}, {0x037F, 0x037F},   {0x0384, 0x0384},   {0x0386, 0x0386},
    {0x0388, 0x038A}, {0x038C, 0x038C}, {0x038E, 0x03A1}, {0x03A3, 0x03E1},   {0x03F0, 0x03FF},   {0x1D26, 0x1D2A},
    {0x1D5D, 0x1D61}, {0x1D66, 0x1D6A}, {0x1DBF, 0x1DBF}, {0x1F00, 0x1F15},   {0x1F18, 0x1F1D},   {0x1F20, 0x1F45},
    {0x1F48, 0x1F4D}, {0x1F50, 0x1F57}, {0x1F59, 0x1F59}, {0x1F5B, 0x1F5B},   {0x1F5D, 0x1F5D},   {0x1F5F, 0x1F7D},
    {0x1F80, 0x1FB4}, {0x1FB6, 0x1FC4}, {0x1FC6, 0x1FD3}, {0x1FD6, 0x1FDB},   {0x1FDD, 0x1FEF},   {0x1FF2, 0x1FF4},
    {0x1FF6, 0x1FFE}, {0x2126, 0x2126}, {0xAB65, 0xAB65}, {0x10140, 0x1018E}, {0x101A0, 0x101A0}, {0x1D200, 0x1D245},
};

// Script Hebrew.
constexpr Range hebrew[] = {
    {0x0591, 0x05C7}, {0x05D0, 0x05EA}, {0x05EF, 0x05F4}, {0xFB1D, 0xFB36}, {0xFB38, 0xFB3C},
    {0xFB3E, 0xFB3E}, {0xFB40, 0xFB41}, {0xFB43, 0xFB44}, {0xFB46, 0xFB4F},
};

// Script Hiragana, Katakana or Han.
constexpr Range kana_or_han[] = {
    {0x2E80, 0x2E99},   {0x2E9B, 0x2EF3},   {0x2F00, 0x2FD5},   {0x3005, 0x3005},   {0x3007, 0x3007},
    {0x3021, 0x3029},   {0x3038, 0x303B},   {0x3041, 0x3096},   {0x309D, 0x309F},   {0x30A1, 0x30FA},
    {0x30FD, 0x30FF},   {0x31F0, 0x31FF},   {0x32D0, 0x32FE},   {0x3300, 0x3357},   {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF},   {0xF900, 0xFA6D},   {0xFA70, 0xFAD9},   {0xFF66, 0xFF6F},   {0xFF71, 0xFF9D},
    {0x16FE2, 0x16FE3}, {0x16FF0, 0x16FF1}, {0x1AFF0, 0x1AFF3}, {0x1AFF5, 0x1AFFB}, {0x1AFFD, 0x1AFFE},
    {0x1B000, 0x1B122}, {0x1B150, 0x1B152}, {0x1B164, 0x1B167}, {0x1F200, 0x1F200}, {0x20000, 0x2A6DF},
    {0x2A700, 0x2B738}, {0x2B740, 0x2B81D}, {0x2B820, 0x2CEA1}, {0x2CEB0, 0x2EBE0}, {0x2F800, 0x2FA1D},
    {0x30000, 0x3134A},
};

template <std::size_t Size>
bool is_in(const Range (&ranges)[Size], std::int32_t c) noexcept {
  const Range* const range = std::upper_bound(std::begin(ranges), std::end(ranges), c,
                                              [](std::int32_t value, const Range& r) { return value < r.first; });
  return range != std::begin(ranges) && c <= range[-1].last;
}

bool has_category(std::int32_t c, std::initializer_list<utf8proc_category_t> categories) noexcept {
  return std::find(categories.begin(), categories.end(), utf8proc_category(c)) != categories.end();
}

constexpr std::int32_t zero_width_non_joiner = 0x200C;
constexpr std::int32_t zero_width_joiner = 0x200D;
constexpr std::int32_t middle_dot = 0xB7;
constexpr std::int32_t greek_lower_numeral_sign = 0x375;
constexpr std::int32_t hebrew_geresh = 0x5F3;
constexpr std::int32_t hebrew_gershayim = 0x5F4;
constexpr std::int32_t katakana_middle_dot = 0x30FB;

bool is_arabic_indic_digit(std::int32_t c) noexcept { return c >= 0x660 && c <= 0x669; }
bool is_extended_arabic_indic_digit(std::int32_t c) noexcept { return c >= 0x6F0 && c <= 0x6F9; }

/// RFC 5892 §2.6, those that are disallowed. The valid ones are letters, digits and symbols in any case.
bool is_disallowed_exception(std::int32_t c) noexcept {
  return c == 0x640 || c == 0x7FA || c == 0x302E || c == 0x302F || (c >= 0x3031 && c <= 0x3035) || c == 0x303B;
}

/// RFC 5892 §2.9: the conjoining Jamo. What a modern syllable is written with, normalisation has composed.
bool is_old_hangul_jamo(std::int32_t c) noexcept {
  return (c >= 0x1100 && c <= 0x11FF) || (c >= 0xA960 && c <= 0xA97C) || (c >= 0xD7B0 && c <= 0xD7FB);
}

using Text = std::span<const std::int32_t>;

bool follows_virama(Text text, std::size_t at) noexcept {
  constexpr utf8proc_propval_t virama = 9;
  return at > 0 && utf8proc_get_property(text[at - 1])->combining_class == virama;
}

/// RFC 5892 appendix A.1: between two letters that would join, marks set aside.
bool breaks_joining(Text text, std::size_t at) noexcept {
  const auto is_transparent = [](std::int32_t c) {
    return has_category(c, {UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_ME, UTF8PROC_CATEGORY_CF});
  };
  std::size_t before = at;
  while (before > 0 && is_transparent(text[before - 1])) --before;
  std::size_t after = at + 1;
  while (after < text.size() && is_transparent(text[after])) ++after;
  return before > 0 && after < text.size() && is_in(joins_after, text[before - 1]) && is_in(joins_before, text[after]);
}

/// RFC 5892 appendix A: the characters that are allowed in some places only. Nothing for any other character.
std::optional<bool> is_allowed_in_context(Text text, std::size_t at) noexcept {
  const std::int32_t c = text[at];
  const std::int32_t before = at > 0 ? text[at - 1] : 0;
  const std::int32_t after = at + 1 < text.size() ? text[at + 1] : 0;
  switch (c) {
    case zero_width_non_joiner:
      return follows_virama(text, at) || breaks_joining(text, at);
    case zero_width_joiner:
      return follows_virama(text, at);
    case middle_dot:
      return before == 'l' && after == 'l';
    case greek_lower_numeral_sign:
      return is_in(greek, after);
    case hebrew_geresh:
    case hebrew_gershayim:
      return is_in(hebrew, before);
    case katakana_middle_dot:
      return std::any_of(text.begin(), text.end(), [](std::int32_t other) { return is_in(kana_or_han, other); });
    default:
      break;
  }
  if (is_arabic_indic_digit(c)) return std::none_of(text.begin(), text.end(), is_extended_arabic_indic_digit);
  if (is_extended_arabic_indic_digit(c)) return std::none_of(text.begin(), text.end(), is_arabic_indic_digit);
  return std::nullopt;
}

}  // namespace

// RFC 8264 §8, the algorithm, as far as the answer depends on it. HasCompat is left out: whatever has a compatibility
// decomposition is in one of the categories that are valid anyway.
bool is_freeform(Text text) noexcept {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::int32_t c = text[at];
    if (is_disallowed_exception(c)) return false;
    if (const std::optional<bool> allowed = is_allowed_in_context(text, at)) {
      if (!*allowed) return false;
      continue;
    }
    if (is_old_hangul_jamo(c) || utf8proc_get_property(c)->ignorable) return false;
    if (has_category(c, {UTF8PROC_CATEGORY_CN, UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_CF, UTF8PROC_CATEGORY_CS,
                         UTF8PROC_CATEGORY_CO, UTF8PROC_CATEGORY_ZL, UTF8PROC_CATEGORY_ZP}))
      return false;
  }
  return true;
}

}  // namespace ice::stun
