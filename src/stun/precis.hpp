#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ice::stun {

/// True for a text of code points that are all in the FreeformClass of PRECIS (RFC 8264 §4.3, §8), those whose
/// admission depends on their neighbours included (RFC 5892 appendix A).
bool is_freeform(std::span<const std::int32_t> text) noexcept;

}  // namespace ice::stun
