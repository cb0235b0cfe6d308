#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ice::programs {

/// The language of the texts that people read (`--lang`). Words that programs read are the same in all.
enum class Language : std::uint8_t { en, ko };

/// A fixed text in each language.
struct Text {
  std::string_view en;
  std::string_view ko;

  constexpr std::string_view in(Language language) const noexcept { return language == Language::ko ? ko : en; }
};

/// The text in the language, its arguments filled in. Both formats are checked against the arguments when compiled.
template <class... Args>
std::string format_in(Language language, fmt::format_string<Args...> en, fmt::format_string<Args...> ko,
                      Args&&... args) {
  return fmt::format(language == Language::ko ? ko : en, std::forward<Args>(args)...);
}

}  // namespace ice::programs
