#pragma once

#include <cstdint>

#include "ice/base/bytes.hpp"

/// The two ways of computing crypto::crc32(), apart so that a test can hold them against each other.
namespace ice::crypto {

/// By table, eight bytes a step (slicing-by-8). Works everywhere.
std::uint32_t crc32_by_table(Bytes data) noexcept;

/// True where this processor can do crc32_by_folding().
bool can_fold_crc32() noexcept;

/// By carry-less multiplication, 16 bytes a step. `data` must have at least 16 bytes, and can_fold_crc32() must hold.
std::uint32_t crc32_by_folding(Bytes data) noexcept;

}  // namespace ice::crypto
