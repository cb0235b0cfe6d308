#include "stun/utf8.hpp"

#include <utf8proc.h>

namespace ice::stun {

std::optional<std::size_t> count_characters(std::string_view text) noexcept {
  if (is_ascii(text)) return text.size();
  std::size_t count = 0;
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto* const end = at + text.size();
  for (; at != end; ++count) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t size = utf8proc_iterate(at, end - at, &code_point);
    if (size <= 0) return std::nullopt;
    at += size;
  }
  return count;
}

}  // namespace ice::stun
