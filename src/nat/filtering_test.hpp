#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ice/base/endpoint.hpp"
#include "ice/nat/behavior.hpp"
#include "nat/path_quality.hpp"
#include "nat/questions.hpp"

namespace ice::nat {

/// The filtering test (RFC 5780 §4.4) on three sockets that send to one endpoint of the server alone. A fourth one, the
/// control, opens its filter to the server's other endpoints first, and so shows that the server does answer from them,
/// where the mapping is the same towards all.
///
/// What counts is where an answer came from, not what was asked for. Silence counts if the server hears the port before
/// and after it; and one port is done before the others begin, so that an outage cannot silence them all.
class FilteringTest {
 public:
  /// `primary` is asked, `other` is its OTHER-ADDRESS.
  void begin(const Endpoint& primary, const Endpoint& other);

  /// The server has seen this port, as `mapped`: its tests begin.
  void ask(Questions& questions, Role role, SocketId socket, const Endpoint& mapped);
  /// For the tests of filtering, their controls and openings.
  void take(Questions& questions, const Answer& answer);
  /// Asks once more on every socket, after too much was lost.
  void ask_again(Questions& questions);

  bool done() const noexcept;

  struct Known {
    Judged<Mapping> mapping{};
    bool other_address_answers = false;  ///< OTHER-ADDRESS was asked itself, and answered
    bool other_port_answers = false;     ///< so did the server's address with the port of OTHER-ADDRESS
  };
  Judged<Filtering> judge(const Known& known, const PathQuality& quality) const noexcept;

 private:
  /// Whether answers from one kind of source came to a port.
  struct Arrival {
    bool arrived = false;
    unsigned silent = 0;       // transmissions without an answer, between two questions that had one
    unsigned unconfirmed = 0;  // the same, as long as the second of these is not answered
  };
  struct Port {
    SocketId socket{};
    Endpoint mapped{};
    bool asked = false;
    bool waiting = false;  // for the first port to be done
    bool moved = false;
    unsigned lost_controls = 0;
    std::size_t open = 0;
    Arrival address{};
    Arrival port{};
  };
  /// All ports together.
  struct Sum {
    unsigned arrived = 0;
    unsigned missed = 0;  // ports whose silence counts by itself
    unsigned silent = 0;  // transmissions
  };

  static constexpr unsigned most_lost_controls = 3;  // ours

  void put(Questions& questions, Test test, Role role, stun::BindingRequest request);
  void probe(Questions& questions, Role role);
  void take_control(Questions& questions, const Answer& answer);
  void let_others_begin(Questions& questions);
  void note(Port& port, const Answer& answer) noexcept;
  Sum sum(Arrival Port::*kind, const PathQuality& quality) const noexcept;
  Doubt why_silence_proves_nothing(const Sum& sum, const Arrival& control, bool control_can_arrive,
                                   const PathQuality& quality) const noexcept;
  Port& port_of(Role role) noexcept;

  Endpoint primary_{};
  Endpoint other_{};
  std::array<Port, 3> ports_;
  Port control_;
  bool begun_ = false;  // the first port
  bool first_done_ = false;
  bool refused_ = false;  // CHANGE-REQUEST was answered with an error, or was not obeyed
};

}  // namespace ice::nat
