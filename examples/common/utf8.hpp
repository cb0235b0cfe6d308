#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ice::programs {

/// Whether all of it is UTF-8 (RFC 3629).
bool is_utf8(std::string_view text) noexcept;

/// Whether it may name something that is shown to people and kept by others: `least` to `most` bytes of UTF-8 in which
/// every character is visible or a single plain space inside; no controls, no invisible or direction-changing ones.
bool is_name(std::string_view text, std::size_t least, std::size_t most) noexcept;

/// The text with each byte that is not part of UTF-8 replaced by U+FFFD.
std::string to_utf8(std::string_view text);

/// The text as a terminal may be given it: UTF-8 without control characters, which become U+FFFD. What somebody else
/// wrote must not move our cursor.
std::string to_printable(std::string_view text);

/// The columns that UTF-8 takes on a terminal, where a Hangul syllable takes two.
std::size_t display_width(std::string_view text) noexcept;

}  // namespace ice::programs
