#pragma once

#include <string>

#include "common/language.hpp"
#include "common/output.hpp"
#include "nat_probe/result.hpp"

namespace ice::nat_probe {

/// The page for people: what was asked, what came back, what it means, what to do about it.
std::string render(const Result& result, const programs::Output& output, programs::Language language);

}  // namespace ice::nat_probe
