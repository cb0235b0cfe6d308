#pragma once

#include <string_view>

#include "common/language.hpp"
#include "ice/nat/behavior.hpp"
#include "ice/nat/discovery.hpp"

namespace ice::nat_probe {

// What a finding means, in a few words.
std::string_view meaning(nat::Mapping mapping, programs::Language language) noexcept;
std::string_view meaning(nat::Filtering filtering, programs::Language language) noexcept;
std::string_view meaning(nat::PortAllocation allocation, programs::Language language) noexcept;
std::string_view meaning(nat::Hairpinning hairpinning, programs::Language language) noexcept;
std::string_view meaning(nat::Fragments fragments, programs::Language language) noexcept;

/// Why something is not known, or not for sure.
std::string_view reason(nat::Doubt doubt, programs::Language language) noexcept;

/// What was asked.
std::string_view question(nat::Test test, programs::Language language) noexcept;

std::string_view word(nat::Confidence confidence, programs::Language language) noexcept;

}  // namespace ice::nat_probe
