// Peers in a full mesh: signalling over TCP, SDP, ICE, and texts over what ICE found.

#include <string_view>

#include "common/process.hpp"
#include "mesh_demo/commands.hpp"

int main(int argc, char** argv) {
  using namespace ice;
  programs::prepare_process();
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "local") return mesh::run_local(argc - 1, argv + 1);
  if (command == "serve") return mesh::run_serve(argc - 1, argv + 1);
  if (command == "join") return mesh::run_join(argc - 1, argv + 1);
  if (command == "explain") return mesh::run_explain(argc - 1, argv + 1);
  return mesh::run_local(argc, argv);
}
