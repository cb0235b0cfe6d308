#pragma once

#include <boost/json/object.hpp>

#include "ice/base/result.hpp"
#include "ice/report.hpp"

namespace ice::programs {

/// How many entries of one list of a report are read; those beyond are left out. No agent writes as many.
inline constexpr std::size_t most_entries = 1024;

/// The report that to_json() wrote, for explain(). Moments count from the origin that it was written with. What has no
/// key has not happened; what has another type than it should, or a word that is on no list, is
/// errc::invalid_argument. Errors of the system are text there and stay behind.
result<ConnectivityReport> report_from_json(const boost::json::object& object);

}  // namespace ice::programs
