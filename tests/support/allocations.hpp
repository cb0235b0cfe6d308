#pragma once

#include <cstddef>

namespace ice::test {

/// Counts the calls of operator new that this thread makes while it exists, to hold code to the rule that nothing is
/// allocated for a datagram; and bytes, for what is to stay small.
class Allocations {
 public:
  Allocations() noexcept : before_{so_far()}, bytes_before_{bytes_so_far()}, held_before_{held_now()} {}
  std::size_t count() const noexcept { return so_far() - before_; }
  /// What they asked for together, also where it was given back since.
  std::size_t bytes() const noexcept { return bytes_so_far() - bytes_before_; }
  /// What was allocated and not given back since, as the allocator rounds it; negative where more was given back. What
  /// one thread allocates and another frees is counted wrongly.
  std::ptrdiff_t held() const noexcept { return held_now() - held_before_; }

 private:
  static std::size_t so_far() noexcept;
  static std::size_t bytes_so_far() noexcept;
  static std::ptrdiff_t held_now() noexcept;

  std::size_t before_;
  std::size_t bytes_before_;
  std::ptrdiff_t held_before_;
};

}  // namespace ice::test
