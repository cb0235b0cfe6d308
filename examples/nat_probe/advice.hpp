#pragma once

#include <string>
#include <vector>

#include "nat_probe/result.hpp"

namespace ice::nat_probe {

/// What to do about it: sentences, the most important one first.
std::vector<std::string> advice_for(const Result& result, programs::Language language);

}  // namespace ice::nat_probe
