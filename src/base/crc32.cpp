#include "base/crc32.hpp"

#include <array>
#include <cassert>
#include <cstring>

#include "base/crypto.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ice::crypto {
namespace {

// ITU-T V.42 is bit-reflected: the lowest bit of a word is the coefficient of the highest power.
constexpr std::uint32_t polynomial = 0xedb88320;  // x^32 left out
constexpr std::uint32_t ones = 0xffffffff;        // what the register starts with, and what it is XORed with in the end

/// `remainder` times x, modulo the polynomial.
constexpr std::uint32_t times_x(std::uint32_t remainder) noexcept {
  return (remainder >> 1) ^ ((remainder & 1) != 0 ? polynomial : 0);
}

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

/// tables[k][b]: what byte b contributes when k bytes follow it in the step.
constexpr Tables make_tables() noexcept {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) remainder = times_x(remainder);
    tables[0][byte] = remainder;
  }
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t shorter = tables[k - 1][byte];
      tables[k][byte] = (shorter >> 8) ^ tables[0][shorter & 0xff];
    }
  }
  return tables;
}

constexpr Tables tables = make_tables();

constexpr std::uint32_t load_little(const std::uint8_t* at) noexcept {
  return std::uint32_t{at[0]} | std::uint32_t{at[1]} << 8 | std::uint32_t{at[2]} << 16 | std::uint32_t{at[3]} << 24;
}

}  // namespace

std::uint32_t crc32_by_table(Bytes data) noexcept {
  std::uint32_t crc = ones;
  const std::uint8_t* at = data.data();
  std::size_t left = data.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint32_t a = crc ^ load_little(at);
    const std::uint32_t b = load_little(at + 4);
    crc = tables[7][a & 0xff] ^ tables[6][a >> 8 & 0xff] ^ tables[5][a >> 16 & 0xff] ^ tables[4][a >> 24] ^
          tables[3][b & 0xff] ^ tables[2][b >> 8 & 0xff] ^ tables[1][b >> 16 & 0xff] ^ tables[0][b >> 24];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xff];
  return crc ^ ones;
}

#if defined(__x86_64__)

namespace {

/// x^n modulo the polynomial, as a factor for a carry-less product: the product of two reflected numbers comes out
/// one bit too low, which the shift makes good.
constexpr std::int64_t power(int n) noexcept {
  std::uint32_t remainder = 0x80000000;  // x^0
  for (int i = 0; i < n; ++i) remainder = times_x(remainder);
  return static_cast<std::int64_t>(std::uint64_t{remainder} << 1);
}

/// The polynomial with its x^32, reflected in 33 bits.
constexpr std::int64_t whole_polynomial = static_cast<std::int64_t>(std::uint64_t{polynomial} << 1 | 1);

/// The quotient of x^64 by the polynomial, reflected in 33 bits: long division, the highest power first.
constexpr std::int64_t make_quotient() noexcept {
  std::uint64_t quotient = 0;
  std::uint64_t rest = 1;  // the coefficients of x^64 down to x^32, reflected; then one lower power a step
  for (int bit = 0; bit <= 32; ++bit) {
    if ((rest & 1) != 0) {
      quotient |= std::uint64_t{1} << bit;
      rest ^= static_cast<std::uint64_t>(whole_polynomial);
    }
    rest >>= 1;
  }
  return static_cast<std::int64_t>(quotient);
}

// A window of 16 bytes into one of these, `n` bytes from its start, is what the first steps need for a message whose
// first block has n bytes.
constexpr std::array<std::uint8_t, 32> shift_up = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                                   0x80, 0x80, 0x80, 0x80, 0x80, 0,    1,    2,    3,    4,    5,
                                                   6,    7,    8,    9,    10,   11,   12,   13,   14,   15};
constexpr std::array<std::uint8_t, 48> start_value = {0, 0, 0, 0, 0, 0, 0,    0,    0,    0,
                                                      0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};

__attribute__((target("pclmul,ssse3"))) __m128i load(const std::uint8_t* at) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

/// `x`, moved 128 bits up, plus the next 16 bytes. Each half of x is multiplied with the power of its distance, less
/// the 32 bits that the whole CRC stands to the left.
__attribute__((target("pclmul,ssse3"))) __m128i fold(__m128i x, __m128i next) noexcept {
  const __m128i factors = _mm_set_epi64x(power(128 - 32), power(128 + 32));
  const __m128i low = _mm_clmulepi64_si128(x, factors, 0x00);
  const __m128i high = _mm_clmulepi64_si128(x, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

}  // namespace

bool can_fold_crc32() noexcept { return __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("ssse3") != 0; }

// V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009, with one
// change: the odd bytes are taken first, since zeros in front of a message change nothing, so there is no tail.
// One chain is enough: STUN messages have about a hundred bytes, and four chains would only be joined again.
__attribute__((target("pclmul,ssse3"))) std::uint32_t crc32_by_folding(Bytes data) noexcept {
  assert(data.size() >= 16);
  const std::uint8_t* at = data.data();
  const std::uint8_t* const end = at + data.size();
  const std::size_t odd = data.size() % 16;

  // The register's start value counts as XORed into the first four bytes, which may be in both of the first blocks.
  __m128i x = _mm_shuffle_epi8(load(at), load(shift_up.data() + odd));
  x = _mm_xor_si128(x, load(start_value.data() + odd));
  at += odd;
  x = fold(x, _mm_xor_si128(load(at), load(start_value.data() + odd + 16)));
  for (at += 16; at != end; at += 16) x = fold(x, load(at));

  // 128 bits to 96, and to 64.
  const __m128i low_word = _mm_set_epi32(0, 0, 0, -1);
  x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, _mm_set_epi64x(0, power(128 - 32)), 0x00));
  x = _mm_xor_si128(_mm_srli_si128(x, 4),
                    _mm_clmulepi64_si128(_mm_and_si128(x, low_word), _mm_set_epi64x(0, power(64)), 0x00));

  // Barrett reduction: the multiple of the polynomial that is nearest, taken away.
  __m128i multiple = _mm_clmulepi64_si128(_mm_and_si128(x, low_word), _mm_set_epi64x(0, make_quotient()), 0x00);
  multiple = _mm_clmulepi64_si128(_mm_and_si128(multiple, low_word), _mm_set_epi64x(0, whole_polynomial), 0x00);
  x = _mm_xor_si128(x, multiple);
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_srli_si128(x, 4))) ^ ones;
}

#else

bool can_fold_crc32() noexcept { return false; }
std::uint32_t crc32_by_folding(Bytes data) noexcept { return crc32_by_table(data); }

#endif

std::uint32_t crc32(Bytes data) noexcept {
  return data.size() >= 16 && can_fold_crc32() ? crc32_by_folding(data) : crc32_by_table(data);
}

}  // namespace ice::crypto
