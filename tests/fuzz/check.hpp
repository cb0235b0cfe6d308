#pragma once

#include <cstdio>
#include <cstdlib>

/// An invariant of a fuzz target. Unlike assert() it holds in release builds too, where the corpus is replayed as well.
#define ICE_FUZZ_CHECK(condition) \
  do { \
    if (!(condition)) { \
      std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      std::abort(); \
    } \
  } while (false)
