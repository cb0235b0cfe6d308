// Peers in a full mesh: signalling over TCP, SDP, ICE, and texts over what ICE found.

#include <string_view>

#include "mesh_demo/commands.hpp"

namespace ice::mesh {

void add_policy_option(CLI::App& app, Policy& policy) {
  programs::add_choice(app, "--policy", policy, {{"all", Policy::all}, {"relay", Policy::relay}},
                       "which paths may be used");
}

bool needs_turn(const CLI::App& app, Policy policy) {
  if (policy != Policy::relay) return false;
  programs::print_error(app.get_name(),
                        "--policy relay needs TURN, which this build does not have yet; use --policy all");
  return true;
}

}  // namespace ice::mesh

int main(int argc, char** argv) {
  using namespace ice::mesh;
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "local") return run_local(argc - 1, argv + 1);
  return run_local(argc, argv);
}
