#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace ice::stun {

/// The number of characters of a text in UTF-8 (RFC 3629); nothing where it is not.
std::optional<std::size_t> count_characters(std::string_view text) noexcept;

}  // namespace ice::stun
