// The only file below the io floor that asks the system for anything.

#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>

#include "base/crypto.hpp"
#include "ice/base/random.hpp"

namespace ice {
namespace {

using Generation = std::atomic<std::uint64_t>;

/// A word that the kernel sets to zero in a child process, or null where it cannot (before Linux 4.14). It is never
/// unmapped: sources with static lifetime may need it until the very end.
Generation* map_wiped_on_fork() noexcept {
  const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (madvise(page, size, MADV_WIPEONFORK) != 0) {
    munmap(page, size);
    return nullptr;
  }
  return new (page) Generation{0};
}

/// A number, never 0, that differs between a process and its children. Asked at every fill(), so it must be cheap: one
/// load, against 0.1 µs for getpid(). Nothing is registered with pthread_atfork(), which would outlive an unloaded
/// library and is not called by a bare clone().
std::uint64_t fork_generation() noexcept {
  static Generation* const current = map_wiped_on_fork();
  if (current == nullptr) return static_cast<std::uint64_t>(getpid());
  std::uint64_t generation = current->load(std::memory_order_relaxed);
  if (generation == 0) {
    // The first call in this process. The counter is inherited, so a child goes on where its parent was; of several
    // threads that come here at once, the first decides.
    static Generation last{0};
    const std::uint64_t fresh = last.fetch_add(1, std::memory_order_relaxed) + 1;
    if (current->compare_exchange_strong(generation, fresh, std::memory_order_relaxed)) generation = fresh;
  }
  return generation;
}

}  // namespace

CryptoRandom::CryptoRandom() noexcept = default;

CryptoRandom::~CryptoRandom() { crypto::cleanse(pool_); }

void CryptoRandom::fill(MutableBytes out) noexcept {
  if (const std::uint64_t now = fork_generation(); now != fork_generation_) {
    fork_generation_ = now;
    used_ = pool_size;  // the parent process gives out what is left
  }
  while (!out.empty()) {
    if (used_ == pool_size) refill();
    const MutableBytes taken = MutableBytes{pool_}.subspan(used_, std::min(out.size(), pool_size - used_));
    std::copy(taken.begin(), taken.end(), out.begin());
    crypto::cleanse(taken);
    used_ += taken.size();
    out = out.subspan(taken.size());
  }
}

void CryptoRandom::refill() noexcept {
  for (std::size_t filled = 0; filled < pool_size;) {
    const ssize_t got = getrandom(pool_.data() + filled, pool_size - filled, 0);
    if (got > 0) {
      filled += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      std::abort();  // no system call, no secrets: nothing that could be done instead would be safe
    }
  }
  used_ = 0;
}

}  // namespace ice
