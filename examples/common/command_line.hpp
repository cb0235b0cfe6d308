#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/language.hpp"
#include "ice/base/endpoint.hpp"

namespace ice {

/// How CLI11 reads an Endpoint; it finds this by the namespace of the type.
bool lexical_cast(const std::string& text, Endpoint& endpoint);

}  // namespace ice

namespace ice::programs {

/// What the programs end with.
enum ExitStatus : int {
  exit_success = 0,
  exit_failure = 1,  ///< the thing was tried and failed
  exit_usage = 2,    ///< wrong usage: nothing was tried
};

/// Options that every program has.
struct CommonOptions {
  bool json = false;  ///< one JSON object a line on standard output, and nothing else there
  Language language = Language::en;
};

/// Adds an option that is one of a few words, each of which stands for a value.
template <class T>
CLI::Option* add_choice(CLI::App& app, const std::string& name, T& value,
                        const std::vector<std::pair<std::string, T>>& choices, const std::string& description) {
  std::vector<std::string> words;
  for (const auto& choice : choices) words.push_back(choice.first);
  const auto set = [&value, choices](const std::string& word) {
    for (const auto& choice : choices) {
      if (choice.first == word) value = choice.second;
    }
  };
  return app.add_option_function<std::string>(name, set, description)
      ->check(CLI::IsMember(words).description(""))
      ->type_name(CLI::detail::join(words, "|"));
}

/// Adds --json and --lang.
void add_common_options(CLI::App& app, CommonOptions& options);

/// For options that take an Endpoint or several: "IP:PORT" or "[IP6]:PORT".
CLI::Validator endpoint_form();

/// Parses. A status means that the program ends with it now: --help was asked for and printed, or what was given is
/// wrong and one line on standard error says how.
std::optional<ExitStatus> parse_command_line(CLI::App& app, int argc, const char* const* argv);

/// One line on standard error, "program: text".
void print_error(std::string_view program, std::string_view text);

}  // namespace ice::programs
