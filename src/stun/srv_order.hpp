#pragma once

#include <vector>

#include "ice/base/random.hpp"
#include "ice/stun/server_lookup.hpp"

namespace ice::stun {

/// Puts the records in the order in which their targets are to be tried: by priority, and at random by weight where
/// that is equal (RFC 2782, "Usage rules"). Quadratic in how many there are.
void order_srv(std::vector<SrvRecord>& records, RandomSource& random);

}  // namespace ice::stun
