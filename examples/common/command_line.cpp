#include "common/command_line.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "common/utf8.hpp"

namespace ice {

bool lexical_cast(const std::string& text, Endpoint& endpoint) {
  const auto parsed = Endpoint::parse(text);
  if (parsed) endpoint = *parsed;
  return parsed.has_value();
}

}  // namespace ice

namespace ice::programs {

void add_common_options(CLI::App& app, CommonOptions& options) {
  app.add_flag("--json", options.json, "one JSON object a line on standard output, for programs");
  add_choice(app, "--lang", options.language, {{"en", Language::en}, {"ko", Language::ko}}, "language of the texts");
}

CLI::Validator endpoint_form() {
  return {[](const std::string& text) {
            return Endpoint::parse(text) ? std::string{} : text + " is not IP:PORT or [IP6]:PORT";
          },
          "IP:PORT"};
}

std::optional<ExitStatus> parse_command_line(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::Success& wish) {  // --help, --version
    app.exit(wish);
    return exit_success;
  } catch (const CLI::ParseError& error) {
    print_error(app.get_name(), fmt::format("{} (see {} --help)", error.what(), app.get_name()));
    return exit_usage;
  }
}

void print_error(std::string_view program, std::string_view text) {
  fmt::print(stderr, "{}: {}\n", program, to_printable(text));
}

}  // namespace ice::programs
