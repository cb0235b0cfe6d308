#pragma once

#include <string>

#include "common/command_line.hpp"

namespace ice::programs {

/// Adds --realm, for servers with users.
void add_realm_option(CLI::App& app, std::string& realm);

}  // namespace ice::programs
