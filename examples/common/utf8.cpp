#include "common/utf8.hpp"

#include <utf8proc.h>

#include <algorithm>

namespace ice::programs {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

struct Decoded {
  utf8proc_int32_t code;  ///< below 0 where there is no character
  std::size_t size;       ///< at least 1
};

/// `text` must not be empty.
Decoded decode(std::string_view text) noexcept {
  utf8proc_int32_t code = -1;
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &code);
  if (size <= 0) return {-1, 1};
  return {code, static_cast<std::size_t>(size)};
}

bool is_invisible(utf8proc_int32_t code) noexcept {
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:  // among them the bidirectional overrides
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      return false;
  }
}

/// Calls `each(code, bytes)` for every character, until it returns false.
template <class F>
void for_each_character(std::string_view text, F&& each) {
  while (!text.empty()) {
    const Decoded character = decode(text);
    if (!each(character.code, text.substr(0, character.size))) return;
    text.remove_prefix(character.size);
  }
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  bool good = true;
  for_each_character(text, [&](utf8proc_int32_t code, std::string_view) { return good = code >= 0; });
  return good;
}

bool is_name(std::string_view text, std::size_t least, std::size_t most) noexcept {
  if (text.size() < least || text.size() > most) return false;
  if (text.starts_with(' ') || text.ends_with(' ') || text.find("  ") != std::string_view::npos) return false;
  bool good = true;
  for_each_character(text, [&](utf8proc_int32_t code, std::string_view) {
    const bool other_space = code != ' ' && code >= 0 && utf8proc_category(code) == UTF8PROC_CATEGORY_ZS;
    return good = code >= 0 && !is_invisible(code) && !other_space;
  });
  return good;
}

std::string to_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_character(text, [&](utf8proc_int32_t code, std::string_view bytes) {
    out += code < 0 ? replacement : bytes;
    return true;
  });
  return out;
}

std::string to_printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_character(text, [&](utf8proc_int32_t code, std::string_view bytes) {
    out += code < 0 || is_invisible(code) ? replacement : bytes;
    return true;
  });
  return out;
}

std::size_t display_width(std::string_view text) noexcept {
  std::size_t width = 0;
  for_each_character(text, [&](utf8proc_int32_t code, std::string_view) {
    width += code < 0 ? 1U : static_cast<std::size_t>(std::max(utf8proc_charwidth(code), 0));
    return true;
  });
  return width;
}

}  // namespace ice::programs
