#pragma once

#include <cstdint>
#include <string_view>

namespace ice {

/// The language of texts for people. Words that programs read are the same in all.
enum class Language : std::uint8_t { en, ko };

/// A fixed text in each language.
struct Text {
  std::string_view en;
  std::string_view ko;

  constexpr std::string_view in(Language language) const noexcept { return language == Language::ko ? ko : en; }
};

}  // namespace ice
