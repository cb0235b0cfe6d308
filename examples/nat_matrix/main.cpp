// Every kind of NAT against every other: an agent behind each calls one behind each, in virtual time.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/command_line.hpp"
#include "common/output.hpp"
#include "common/process.hpp"
#include "nat_matrix/cell.hpp"
#include "nat_matrix/view.hpp"

namespace {

using namespace ice;
using namespace ice::programs;

}  // namespace

int main(int argc, char** argv) {
  prepare_process();
  CLI::App app{"Which NATs can be traversed between, tried out in a simulated internet", "nat_matrix"};
  CommonOptions common;
  std::uint64_t seed = 1;
  using matrix::Relay;
  Relay relay = Relay::none;
  bool full = false;
  add_common_options(app, common);
  app.add_option("--seed", seed, "the run follows from it alone")->capture_default_str();
  add_choice(app, "--relay", relay, {{"none", Relay::none}, {"udp", Relay::udp}, {"tcp", Relay::tcp}},
             "offer the agents a relay, reached over UDP or TCP");
  app.add_flag("--full", full, "the grid of mapping × filtering (RFC 4787) in place of the classic kinds");
  if (const auto status = parse_command_line(app, argc, argv)) return *status;

  Output output{STDOUT_FILENO};
  const std::vector<matrix::NatKind> kinds = full ? matrix::grid_kinds() : matrix::classic_kinds(relay);
  std::vector<matrix::Cell> cells;
  for (const matrix::NatKind& a : kinds) {
    for (const matrix::NatKind& b : kinds) {
      output.progress(fmt::format("{} → {}", a.name, b.name));
      cells.push_back(matrix::run_cell(a, b, seed, relay));
      if (common.json) output.json(matrix::to_json(cells.back(), common.language));
    }
  }
  output.progress("");
  if (common.json) {
    output.json(matrix::summary_json(cells, seed));
  } else {
    output.line(matrix::render(kinds, cells, relay, full, output, common.language));
  }
  // Where there is no path, failing is the right answer; an agent that comes to no end is wrong.
  const bool ended = std::all_of(cells.begin(), cells.end(), [](const matrix::Cell& cell) { return cell.ended; });
  return ended ? exit_success : exit_failure;
}
