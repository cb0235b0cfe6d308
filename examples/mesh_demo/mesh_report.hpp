#pragma once

#include <boost/json/object.hpp>

#include "mesh_demo/mesh.hpp"

namespace ice::mesh {

/// What `--report` writes: who we were, and of every peer each attempt with its whole connectivity report. Moments are
/// milliseconds since `origin`. No secret is in it.
boost::json::object to_json(const Mesh& mesh, TimePoint origin);

}  // namespace ice::mesh
