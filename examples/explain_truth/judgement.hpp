#pragma once

#include <array>
#include <map>
#include <vector>

#include "explain_truth/plan.hpp"
#include "explain_truth/world.hpp"

namespace ice::truth {

/// What explain() said of one scenario, beside the truth. A fault is a real cause where the same seed without it comes
/// out better; where two faults are each enough, both are, if both took effect.
struct Judgement {
  Plan plan{};
  std::vector<RootCause> real{};  ///< none: the call is as good as it can be
  std::vector<Finding> findings{};
  bool first_is_real = false;
  bool first_is_impossible = false;  ///< nothing of the kind was there
  bool first_is_unknown = false;
  bool false_alarm = false;                     ///< a failure was found in a healthy call
  std::array<std::vector<Finding>, 2> alone{};  ///< of each report by itself
  std::array<bool, 2> alone_is_right{};         ///< from one report, by what that side can know

  bool healthy() const noexcept { return real.empty(); }
  bool found(RootCause cause) const noexcept;
  bool all_right() const noexcept;
};

/// Runs the scenario, and again without each of its faults.
Judgement judge(const Plan& plan);

/// The figures of many scenarios.
struct Tally {
  struct Row {
    unsigned scenarios = 0;
    unsigned found = 0;
    std::map<RootCause, unsigned> first{};
  };
  unsigned scenarios = 0;
  unsigned healthy = 0;
  unsigned false_alarms = 0;
  unsigned first_real = 0;
  unsigned first_impossible = 0;
  unsigned first_unknown = 0;
  unsigned alone = 0;  ///< single reports
  unsigned alone_right = 0;
  std::map<RootCause, Row> causes{};  ///< by real cause

  void add(const Judgement& judgement);
  unsigned failures() const noexcept { return scenarios - healthy; }
  double share(unsigned part) const noexcept { return failures() == 0 ? 1 : double{1} * part / failures(); }
};

}  // namespace ice::truth
