// Does explain() tell the truth? Thousands of calls with known causes, in virtual time, and what it says of each.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "common/command_line.hpp"
#include "common/output.hpp"
#include "common/process.hpp"
#include "explain_truth/judgement.hpp"
#include "explain_truth/view.hpp"

namespace {

using namespace ice;
using namespace ice::programs;

/// A seed from any text, such as the name of a commit (FNV-1a).
std::uint64_t seed_of(const std::string& text) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1'099'511'628'211U;
  return hash;
}

}  // namespace

int main(int argc, char** argv) {
  prepare_process();
  CLI::App app{"Calls with causes that are known, and what ice::explain says of them", "explain_truth"};
  CommonOptions common;
  std::string seed = "1";
  std::uint64_t scenarios = 300;
  bool list = false;
  add_common_options(app, common);
  app.add_option("--seed", seed, "any text, such as the name of a commit; the run follows from it alone")
      ->capture_default_str();
  app.add_option("--scenarios", scenarios, "how many")->capture_default_str();
  app.add_flag("--wrong", list, "tell of each scenario in which something was not found, or not rightly");
  if (const auto status = parse_command_line(app, argc, argv)) return *status;

  Output output{STDOUT_FILENO};
  truth::Tally tally;
  const std::uint64_t first = seed_of(seed);
  for (std::uint64_t i = 0; i < scenarios; ++i) {
    if (i % 50 == 0) output.progress(fmt::format("{} / {}", i, scenarios));
    const truth::Judgement judgement = truth::judge(truth::draw(first + i));
    tally.add(judgement);
    if (!list || judgement.all_right()) continue;
    if (common.json)
      output.json(truth::to_json(judgement));
    else
      output.line(truth::render(judgement));
  }
  output.progress("");
  if (common.json)
    output.json(truth::to_json(tally, seed));
  else
    output.line(truth::render(tally, output));
  return truth::meets_the_bar(tally) ? exit_success : exit_failure;
}
