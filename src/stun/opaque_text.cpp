#include "stun/opaque_text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "stun/precis.hpp"

namespace ice::stun {
namespace {

/// RFC 8265 §4.2.2, rule 2.
utf8proc_int32_t map_space(utf8proc_int32_t c, void*) noexcept {
  return utf8proc_category(c) == UTF8PROC_CATEGORY_ZS ? ' ' : c;
}

}  // namespace

result<OpaqueText> OpaqueText::prepare(std::string_view text) {
  if (text.empty()) return fail(errc::bad_text);
  OpaqueText prepared{text};
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7E; })) return prepared;

  // Mapped and decomposed first, to know the size and to know that it is UTF-8; then composed, which is NFC.
  constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  const auto* const bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto size = static_cast<utf8proc_ssize_t>(text.size());
  const auto decompose = [&](utf8proc_int32_t* out, utf8proc_ssize_t room) {
    return utf8proc_decompose_custom(bytes, size, out, room, options, map_space, nullptr);
  };
  const utf8proc_ssize_t room = decompose(nullptr, 0);
  if (room <= 0) return fail(errc::bad_text);
  std::vector<utf8proc_int32_t> characters(static_cast<std::size_t>(room));
  decompose(characters.data(), room);
  const auto count = static_cast<std::size_t>(
      std::max<utf8proc_ssize_t>(utf8proc_normalize_utf32(characters.data(), room, options), 0));

  // RFC 8264 §7: whether a character is allowed is asked last, of the normalised text.
  const bool allowed = is_freeform({characters.data(), count});
  if (allowed) {
    constexpr std::size_t longest = 4;  // bytes of a character
    prepared.owned_.reserve(count * longest);
    for (std::size_t i = 0; i < count; ++i) {
      std::array<utf8proc_uint8_t, longest> encoded;
      const utf8proc_ssize_t used = utf8proc_encode_char(characters[i], encoded.data());
      prepared.owned_.append(reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(used));
    }
  }
  crypto::cleanse({reinterpret_cast<std::uint8_t*>(characters.data()), characters.size() * sizeof characters[0]});
  if (!allowed) return fail(errc::bad_text);
  return prepared;
}

}  // namespace ice::stun
