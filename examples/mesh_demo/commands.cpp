#include "mesh_demo/commands.hpp"

#include <fmt/format.h>

namespace ice::mesh {
namespace {

bool refuse_option(const CLI::App& app, std::string_view what) {
  programs::print_error(app.get_name(), fmt::format("{} needs TURN, which this build does not have yet", what));
  return true;
}

}  // namespace

TurnOptions::TurnOptions(CLI::App& app, std::initializer_list<std::string> names) : app_{app} {
  for (const std::string& name : names)
    options_.push_back(app.add_option_function<std::string>(
                              name, [](const std::string&) {}, "of TURN, which this build does not have yet")
                           ->type_name(""));
}

void TurnOptions::add_policy() {
  programs::add_choice(app_, "--policy", relay_only_, {{"all", false}, {"relay", true}}, "which paths may be used");
}

bool TurnOptions::refuse() const {
  if (relay_only_) return refuse_option(app_, "--policy relay");
  for (const CLI::Option* option : options_)
    if (option->count() > 0) return refuse_option(app_, option->get_name());
  return false;
}

}  // namespace ice::mesh
