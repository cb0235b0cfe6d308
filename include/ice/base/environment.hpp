#pragma once

#include "ice/base/pacer.hpp"
#include "ice/base/random.hpp"
#include "ice/base/trace.hpp"

namespace ice {

/// What a machine needs of the world beside bytes and time. Everything referred to must outlive the machine, and
/// objects that share any of it share a strand.
struct Environment {
  RandomSource& random;
  Pacer& pacer;
  TraceSink* trace = nullptr;
};

}  // namespace ice
