#pragma once

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>

#include "common/language.hpp"
#include "common/output.hpp"
#include "mesh_demo/mesh.hpp"

namespace ice::mesh {

/// The event as an object for programs: joined, connected, message, failed, disconnected, left or signalling-lost.
/// Nothing for what is told by other means, such as JoinFailed.
std::optional<boost::json::object> to_json(std::string_view self, const MeshEvent& event, programs::Language language);

/// The same for people, as one line or two.
std::optional<std::string> to_text(const MeshEvent& event, const programs::Output& output, programs::Language language);

/// Why joining failed.
std::string to_text(const JoinFailed& failed, const Endpoint& server, programs::Language language);

}  // namespace ice::mesh
