#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ice/base/bytes.hpp"
#include "ice/base/export.hpp"

namespace ice {

/// Where transaction ids, ufrags, passwords, tie-breakers and every random choice come from. It is injected, so that
/// a run can be replayed from its seed. Not thread-safe: objects that share one share a strand.
class ICE_API RandomSource {
 public:
  virtual ~RandomSource() = default;

  /// Fills all of `out`.
  virtual void fill(MutableBytes out) noexcept = 0;

  /// 64 random bits.
  std::uint64_t next() noexcept;

  /// A number from 0 to `bound` - 1, each equally likely. `bound` must not be 0.
  std::uint64_t below(std::uint64_t bound) noexcept;

 protected:
  RandomSource() = default;
  RandomSource(const RandomSource&) = default;
  RandomSource& operator=(const RandomSource&) = default;
};

/// The system's cryptographic source, asked for a pool at a time because one system call a transaction id would cost
/// more than the whole of its STUN message. Bytes are wiped from the pool as they are given out, and a child process
/// never repeats its parent's.
class ICE_API CryptoRandom final : public RandomSource {
 public:
  CryptoRandom() noexcept;
  ~CryptoRandom() override;
  CryptoRandom(const CryptoRandom&) = delete;
  CryptoRandom& operator=(const CryptoRandom&) = delete;

  void fill(MutableBytes out) noexcept override;

 private:
  static constexpr std::size_t pool_size = 1024;
  void refill() noexcept;

  std::array<std::uint8_t, pool_size> pool_;
  std::size_t used_ = pool_size;
  std::uint64_t fork_generation_ = 0;
};

/// The same bytes for the same seed, on every machine (xoshiro256**, seeded with splitmix64). For tests, the
/// simulator and replay only: it is no secret to anybody.
class ICE_API SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) noexcept;

  void fill(MutableBytes out) noexcept override;

 private:
  std::uint64_t step() noexcept;

  std::array<std::uint64_t, 4> state_;
};

}  // namespace ice
