#include "support/allocations.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t allocations = 0;
thread_local std::size_t allocated_bytes = 0;
thread_local std::ptrdiff_t held_bytes = 0;

void* allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  allocated_bytes += size;
  // aligned_alloc wants a size that is a multiple of the alignment, and some memory is expected even for none.
  const std::size_t rounded = (std::max(size, std::size_t{1}) + alignment - 1) / alignment * alignment;
  void* const memory = alignment <= alignof(std::max_align_t) ? std::malloc(std::max(size, std::size_t{1}))
                                                              : std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc{};
  held_bytes += static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  return memory;
}

void release(void* memory) noexcept {
  held_bytes -= static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

std::size_t ice::test::Allocations::so_far() noexcept { return allocations; }
std::size_t ice::test::Allocations::bytes_so_far() noexcept { return allocated_bytes; }
std::ptrdiff_t ice::test::Allocations::held_now() noexcept { return held_bytes; }

// These replace the library's in every program that uses Allocations. The forms for arrays call them, or, under
// AddressSanitizer, come in pairs of their own; the form that returns null has no delete of its own.
void* operator new(std::size_t size) { return allocate(size, 1); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return allocate(size, 1);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
