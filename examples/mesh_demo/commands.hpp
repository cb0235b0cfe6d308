#pragma once

#include <cstdint>

#include "common/command_line.hpp"

namespace ice::mesh {

/// What a command needs of ICE: any path, or one through a relay.
enum class Policy : std::uint8_t { all, relay };

void add_policy_option(CLI::App& app, Policy& policy);

/// True, after a line on standard error, if the command line asks for what needs TURN.
bool needs_turn(const CLI::App& app, Policy policy);

// The commands of the program. Each takes its own arguments, the first being its name, and returns the exit status.

int run_local(int argc, const char* const* argv);

}  // namespace ice::mesh
