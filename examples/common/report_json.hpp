#pragma once

#include <boost/json/object.hpp>

#include "ice/report.hpp"

namespace ice::programs {

/// A candidate as an object: type, endpoint or name, priority, foundation, component, related.
boost::json::object to_json(const Candidate& candidate);

/// The whole report as an object. Moments are milliseconds since `origin`, with three decimals; what never happened,
/// and what is not known, has no key. Nothing in it is secret.
boost::json::object to_json(const ConnectivityReport& report, TimePoint origin);

}  // namespace ice::programs
