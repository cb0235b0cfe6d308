#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "ice/base/datagram.hpp"

namespace ice {

/// The addresses that have sent an authenticated check or answered one of ours: data is taken from no other. Asked for
/// every datagram, so the last one that was right is asked first.
class ProvenSources {
 public:
  explicit ProvenSources(std::size_t limit) noexcept : limit_{limit} {}

  /// False where the bound is reached.
  bool add(SocketId socket, const Endpoint& from) {
    if (contains(socket, from)) return true;
    if (sources_.size() >= limit_) return false;
    sources_.push_back({socket, from});
    return true;
  }

  void clear() noexcept { sources_.clear(); }

  bool contains(SocketId socket, const Endpoint& from) noexcept {
    if (last_ < sources_.size() && sources_[last_] == Source{socket, from}) return true;
    const auto found = std::find(sources_.begin(), sources_.end(), Source{socket, from});
    if (found == sources_.end()) return false;
    last_ = static_cast<std::size_t>(found - sources_.begin());
    return true;
  }

 private:
  struct Source {
    SocketId socket;
    Endpoint from;
    friend bool operator==(const Source&, const Source&) noexcept = default;
  };
  std::size_t limit_;
  std::size_t last_ = 0;
  std::vector<Source> sources_;
};

}  // namespace ice
