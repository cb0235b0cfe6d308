#pragma once

#include <array>
#include <vector>

#include "explain_truth/plan.hpp"
#include "ice/report.hpp"

namespace ice::truth {

/// What a call came to, worst first.
enum class Outcome : std::uint8_t { broken, relayed, direct };

struct Result {
  Outcome outcome = Outcome::broken;
  bool connected_once = false;  ///< both, at the same time
  std::array<ConnectivityReport, 2> reports{};
  std::uint32_t candidates_lost = 0;        ///< by signalling
  std::array<std::uint32_t, 2> filtered{};  ///< packets that the firewall of either host took away
};

/// Runs the plan in the simulator with some of its faults. What happens follows from the plan alone.
Result run(const Plan& plan, const std::vector<Fault>& faults);

}  // namespace ice::truth
