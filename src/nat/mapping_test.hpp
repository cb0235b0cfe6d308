#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/nat/behavior.hpp"
#include "nat/questions.hpp"

namespace ice::nat {

/// How one endpoint saw one port of ours.
struct Sight {
  Endpoint server{};
  Endpoint mapped{};
};

/// What the sights of one port say of the mapping (RFC 5780 §4.3, with as many endpoints as there are). Not known where
/// they fit no kind: such a mapping has moved, or somebody lies.
Judged<Mapping> judge_sights(const std::vector<Sight>& sights);

/// The mapping test on two sockets, each with a control at the end.
class MappingTest {
 public:
  /// `primary` has seen both ports already, or will; `targets` are asked beside it.
  void begin(const Endpoint& primary, std::vector<Endpoint> targets);

  /// This port was seen by an endpoint, perhaps not for the first time.
  void seen(Role role, const Endpoint& server, const Endpoint& mapped);
  /// Asks `targets` from it. `socket` must have been seen by primary.
  void ask(Questions& questions, Role role, SocketId socket);
  /// For Test::mapping and Test::mapping_control.
  void take(Questions& questions, const Answer& answer);

  bool done() const noexcept;
  /// Whether somebody answers there.
  bool answers(const Endpoint& server) const noexcept;

  /// `local` is what the first port is bound to, or none.
  Judged<Mapping> judge(const Endpoint& local) const;

 private:
  struct Port {
    std::vector<Sight> sights;
    std::size_t open = 0;
    bool controlled = false;
    bool moved = false;
  };
  void control(Questions& questions, Role role, SocketId socket);
  Judged<Mapping> judge(const Port& port) const;

  Endpoint primary_{};
  std::vector<Endpoint> targets_;
  std::array<Port, 2> ports_;
};

}  // namespace ice::nat
