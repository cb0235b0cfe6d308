#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "ice/language.hpp"

namespace ice::programs {

using ice::Language;
using ice::Text;

/// The text in the language, its arguments filled in. Both formats are checked against the arguments when compiled.
template <class... Args>
std::string format_in(Language language, fmt::format_string<Args...> en, fmt::format_string<Args...> ko,
                      Args&&... args) {
  return fmt::format(language == Language::ko ? ko : en, std::forward<Args>(args)...);
}

}  // namespace ice::programs
