// mesh_demo explain: why it failed, from the reports that join --report wrote.

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "common/output.hpp"
#include "common/process.hpp"
#include "mesh_demo/commands.hpp"
#include "mesh_demo/saved_report.hpp"

namespace ice::mesh {
namespace {

using namespace programs;

constexpr std::string_view program = "mesh_demo explain";

std::optional<SavedMesh> load(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    print_error(program, fmt::format("cannot read {}", path));
    return std::nullopt;
  }
  auto saved = parse_saved(text.str());
  if (!saved) {
    print_error(program, fmt::format("{} is no report of join --report", path));
    return std::nullopt;
  }
  return std::move(*saved);
}

}  // namespace

int run_explain(int argc, const char* const* argv) {
  CLI::App app{"Why a call failed, or came out as it did, from the report of one side or of both",
               std::string{program}};
  CommonOptions common;
  std::vector<std::string> paths;
  add_common_options(app, common);
  app.add_option("REPORT", paths, "what join --report wrote; the second one is the peer's")
      ->required()
      ->expected(1, 2)
      ->type_name("FILE");
  if (const auto status = parse_command_line(app, argc, argv)) return *status;

  std::vector<SavedMesh> saved;
  for (const std::string& path : paths) {
    auto loaded = load(path);
    if (!loaded) return exit_usage;
    saved.push_back(std::move(*loaded));
  }
  const std::vector<Explained> all = explain_saved(saved.front(), saved.size() > 1 ? &saved.back() : nullptr);
  if (all.empty()) {
    print_error(program, "the reports have no call in common");
    return exit_failure;
  }
  Output output{STDOUT_FILENO};
  for (const Explained& each : all) {
    if (!common.json) {
      output.line(render(each, common.language));
      continue;
    }
    for (std::size_t rank = 0; rank < each.findings.size(); ++rank) output.json(to_json(each, rank, common.language));
    if (each.findings.empty()) output.json({{"event", "healthy"}, {"self", each.self}, {"peer", each.peer}});
  }
  return exit_success;
}

}  // namespace ice::mesh
