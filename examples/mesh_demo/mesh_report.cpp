#include "mesh_demo/mesh_report.hpp"

#include <boost/json/array.hpp>
#include <utility>

#include "common/report_json.hpp"

namespace ice::mesh {

boost::json::object to_json(const Mesh& mesh, TimePoint origin) {
  boost::json::array peers;
  for (const PeerReport& peer : mesh.reports()) {
    boost::json::array attempts;
    for (const AttemptReport& attempt : peer.attempts) {
      boost::json::object object{{"attempt", attempt.attempt}};
      if (attempt.failed) object["failed"] = to_string(*attempt.failed);
      object["report"] = programs::to_json(attempt.report, origin);
      attempts.push_back(std::move(object));
    }
    peers.push_back(boost::json::object{{"peer", peer.peer}, {"attempts", std::move(attempts)}});
  }
  return {{"self", mesh.config().name}, {"room", mesh.config().room}, {"peers", std::move(peers)}};
}

}  // namespace ice::mesh
