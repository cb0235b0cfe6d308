#pragma once

#include <boost/json/object.hpp>

#include <string>

#include "common/output.hpp"
#include "explain_truth/judgement.hpp"

namespace ice::truth {

/// What issue and documentation promise: the first finding is real in 99 % of failures and never impossible, unknown in
/// at most 1 %, each cause is found in 90 % of its scenarios, healthy calls have no failure, and one report is right in
/// 90 % by what one side can know.
bool meets_the_bar(const Tally& tally) noexcept;

/// Causes against findings, and the figures above.
std::string render(const Tally& tally, const programs::Output& output);
boost::json::object to_json(const Tally& tally, const std::string& seed);

/// One scenario: what was staged, what is real of it, and what was found.
std::string render(const Judgement& judgement);
boost::json::object to_json(const Judgement& judgement);

}  // namespace ice::truth
