#pragma once

#include "common/command_line.hpp"
#include "ice/agent.hpp"

namespace ice::mesh {

/// Adds --policy all|relay.
inline void add_policy_option(CLI::App& app, CandidatePolicy& policy) {
  programs::add_choice(app, "--policy", policy, {{"all", CandidatePolicy::all}, {"relay", CandidatePolicy::relay_only}},
                       "which paths may be used; relay also keeps the addresses of this host from the peers");
}

// The commands of the program. Each takes its own arguments, the first being its name, and returns the exit status.

int run_local(int argc, const char* const* argv);
int run_serve(int argc, const char* const* argv);
int run_join(int argc, const char* const* argv);
int run_explain(int argc, const char* const* argv);

}  // namespace ice::mesh
