#pragma once

#include <boost/json/object.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/language.hpp"
#include "common/output.hpp"
#include "mesh_demo/mesh.hpp"

namespace ice::mesh {

/// What became of a mesh whose peers are all known: who is connected to whom, and which messages arrived.
class Scoreboard {
 public:
  explicit Scoreboard(std::vector<std::string> names) : names_{std::move(names)} {}

  void note(std::string_view self, const MeshEvent& event);
  void note_sent(std::string_view self, std::string_view peer);

  std::size_t pairs() const noexcept { return names_.size() * (names_.size() - 1) / 2; }
  /// Unordered pairs that are connected at both ends; those of them that use a relay.
  std::size_t connected() const;
  std::size_t relayed() const;
  std::size_t messages_sent() const;
  std::size_t messages_delivered() const;
  bool has_sent(const std::string& self, const std::string& peer) const { return end(self, peer).sent > 0; }

  /// Every pair is connected at both ends, and each has heard all that the other sent, which is something.
  bool complete() const;
  /// Nothing more will happen: each pair is complete, or has finally failed.
  bool settled() const;

  /// {"event":"summary", peers, pairs, connected, relayed, messages_sent, messages_delivered}.
  boost::json::object summary() const;
  /// One line of the same while it is under way.
  std::string progress(programs::Language language) const;
  /// A table of the pairs and the summary, for people.
  std::string render(const programs::Output& output, programs::Language language) const;

 private:
  /// One end of a pair.
  struct End {
    std::optional<CallConnected> connected;
    std::optional<CallFailed> failed;  ///< finally, or the attempt that stands has not begun
    std::size_t sent = 0;
    std::size_t heard = 0;
  };
  using Key = std::pair<std::string, std::string>;

  static bool complete(const End& a, const End& b);

  const End& end(const std::string& self, const std::string& peer) const;
  template <class F>
  void for_each_pair(F visit) const;

  std::vector<std::string> names_;
  std::map<Key, End> ends_;
};

}  // namespace ice::mesh
