#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/command_line.hpp"
#include "ice/base/address.hpp"
#include "ice/stun/uri.hpp"

namespace ice::nat_probe {

/// What the command line says.
struct Options {
  programs::CommonOptions common;
  std::vector<stun::Uri> servers{};
  bool full = false;           ///< the lifetime of mappings too
  Address bind{};              ///< none: the system chooses
  Family only = Family::none;  ///< none: both
  std::chrono::duration<double> timeout{12};
};

/// Adds them to `app`, which fills `options` when it parses; both outlive that.
void add_options(CLI::App& app, Options& options);

}  // namespace ice::nat_probe
