#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "common/command_line.hpp"

namespace ice::mesh {

/// Options that need TURN, which this build does not have: they are known, so that what they ask for is refused with a
/// reason.
class TurnOptions {
 public:
  /// `names` take a value each.
  TurnOptions(CLI::App& app, std::initializer_list<std::string> names);

  /// --policy all|relay.
  void add_policy();

  /// True, after a line on standard error, if the command line that was parsed asks for one of them.
  bool refuse() const;

 private:
  CLI::App& app_;
  std::vector<CLI::Option*> options_;
  bool relay_only_ = false;
};

// The commands of the program. Each takes its own arguments, the first being its name, and returns the exit status.

int run_local(int argc, const char* const* argv);
int run_serve(int argc, const char* const* argv);
int run_join(int argc, const char* const* argv);

}  // namespace ice::mesh
