#pragma once

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "common/language.hpp"
#include "ice/base/result.hpp"
#include "ice/explain.hpp"

namespace ice::mesh {

/// What `join --report` wrote of one peer: every attempt, in order.
struct SavedPeer {
  std::string peer;
  std::vector<ConnectivityReport> attempts;
};

/// What `join --report` wrote.
struct SavedMesh {
  std::string self;
  std::vector<SavedPeer> peers;
};

/// The text of a report, or a part of one that another program kept: a mesh's, or one connectivity report alone, which
/// is of a nameless peer. errc::invalid_argument.
result<SavedMesh> parse_saved(std::string_view text);

/// What explain() says of one peer: by the last attempt that both reports have, or by the last one where only one is
/// there.
struct Explained {
  std::string self;
  std::string peer;
  bool both = false;  ///< with both reports
  std::vector<Finding> findings;
};
std::vector<Explained> explain_saved(const SavedMesh& mine, const SavedMesh* theirs);

/// {"event":"finding", self, peer, rank, cause, severity, where, confidence, text, rfc, remedy, evidence, alternatives}
boost::json::object to_json(const Explained& explained, std::size_t rank, programs::Language language);
std::string render(const Explained& explained, programs::Language language);

}  // namespace ice::mesh
