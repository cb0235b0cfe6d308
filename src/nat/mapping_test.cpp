#include "nat/mapping_test.hpp"

#include <algorithm>
#include <utility>

namespace ice::nat {
namespace {

constexpr std::size_t index_of(Role role) noexcept { return role == Role::mapping_2 ? 1 : 0; }

/// Of the pairs of sights that differ in one way: how many saw the same, and how many did not.
struct Tally {
  unsigned same = 0;
  unsigned other = 0;

  void add(bool equal) noexcept { ++(equal ? same : other); }
  bool all_same() const noexcept { return same > 0 && other == 0; }
  bool all_other() const noexcept { return other > 0 && same == 0; }
};

constexpr Judged<Mapping> unknown(Doubt doubt) noexcept { return {.doubt = doubt}; }
constexpr Judged<Mapping> known(Mapping mapping, Confidence confidence = Confidence::medium) noexcept {
  return {mapping, confidence, Doubt::no_doubt};
}

/// What two ports say together.
Judged<Mapping> combine(const Judged<Mapping>& a, const Judged<Mapping>& b) noexcept {
  if (a.value == Mapping::unknown || b.value == Mapping::unknown) {
    // What one of them saw contradict itself the other cannot put right.
    for (const Judged<Mapping>& one : {a, b})
      if (one.doubt == Doubt::disagreement || one.doubt == Doubt::mapping_moved) return one;
    return a.value == Mapping::unknown ? b : a;
  }
  if (a.value == b.value) return known(a.value, Confidence::high);
  const auto fits = [](Mapping vague, Mapping exact) {
    return vague == Mapping::endpoint_dependent && exact != Mapping::endpoint_independent;
  };
  if (fits(a.value, b.value)) return b;
  if (fits(b.value, a.value)) return a;
  return unknown(Doubt::disagreement);
}

}  // namespace

Judged<Mapping> judge_sights(const std::vector<Sight>& sights) {
  if (sights.empty()) return unknown(Doubt::no_answer);
  Tally ports;      // one address, two ports
  Tally addresses;  // two addresses
  for (auto a = sights.begin(); a != sights.end(); ++a)
    for (auto b = std::next(a); b != sights.end(); ++b)
      (a->server.address == b->server.address ? ports : addresses).add(a->mapped == b->mapped);

  if (addresses.all_same() && ports.other == 0) return known(Mapping::endpoint_independent);
  if (ports.all_other() && addresses.same == 0) return known(Mapping::address_and_port_dependent);
  if (ports.all_same() && addresses.all_other()) return known(Mapping::address_dependent);
  if (ports.same + ports.other == 0 && addresses.all_other()) return known(Mapping::endpoint_dependent);
  if (addresses.same + addresses.other == 0 && ports.other == 0) return unknown(Doubt::one_server);
  return unknown(Doubt::disagreement);
}

void MappingTest::begin(const Endpoint& primary, std::vector<Endpoint> targets) {
  primary_ = primary;
  targets_ = std::move(targets);
}

void MappingTest::seen(Role role, const Endpoint& server, const Endpoint& mapped) {
  Port& port = ports_[index_of(role)];
  const auto before =
      std::find_if(port.sights.begin(), port.sights.end(), [&](const Sight& sight) { return sight.server == server; });
  if (before == port.sights.end()) {
    port.sights.push_back({server, mapped});
  } else if (before->mapped != mapped) {
    port.moved = true;
  }
}

void MappingTest::ask(Questions& questions, Role role, SocketId socket) {
  Port& port = ports_[index_of(role)];
  std::vector<Endpoint> order = targets_;
  if (role == Role::mapping_2) std::reverse(order.begin(), order.end());
  for (const Endpoint& target : order) {
    const auto known = [&](const Sight& sight) { return sight.server == target; };
    if (std::any_of(port.sights.begin(), port.sights.end(), known)) continue;
    ++port.open;
    questions.ask({Test::mapping, role, {.socket = socket, .server = target}});
  }
  if (port.open == 0) control(questions, role, socket);
}

void MappingTest::control(Questions& questions, Role role, SocketId socket) {
  ++ports_[index_of(role)].open;
  questions.ask({Test::mapping_control, role, {.socket = socket, .server = primary_}});
}

void MappingTest::take(Questions& questions, const Answer& answer) {
  Port& port = ports_[index_of(answer.question.role)];
  --port.open;
  if (answer.question.test == Test::mapping_control) {
    port.controlled = answer.good();
    if (answer.good()) seen(answer.question.role, primary_, answer.result.mapped);
    return;
  }
  if (answer.good()) seen(answer.question.role, answer.question.request.server, answer.result.mapped);
  if (port.open == 0) control(questions, answer.question.role, answer.question.request.socket);
}

bool MappingTest::done() const noexcept {
  return std::all_of(ports_.begin(), ports_.end(), [](const Port& port) { return port.open == 0; });
}

bool MappingTest::answers(const Endpoint& server) const noexcept {
  return std::any_of(ports_.begin(), ports_.end(), [&](const Port& port) {
    return std::any_of(port.sights.begin(), port.sights.end(), [&](const Sight& s) { return s.server == server; });
  });
}

Judged<Mapping> MappingTest::judge(const Port& port) const {
  if (port.moved) return unknown(Doubt::mapping_moved);
  const Judged<Mapping> judged = judge_sights(port.sights);
  // What looks like a mapping for each remote could be one that has moved meanwhile, unless the first is still there.
  if (judged.value != Mapping::unknown && judged.value != Mapping::endpoint_independent && !port.controlled)
    return unknown(Doubt::too_few_answers);
  return judged;
}

Judged<Mapping> MappingTest::judge(const Endpoint& local) const {
  const Judged<Mapping> judged = combine(judge(ports_[0]), judge(ports_[1]));
  if (judged.doubt == Doubt::one_server || judged.doubt == Doubt::too_few_answers) {
    const std::vector<Sight>& sights = ports_[0].sights;
    const auto as_it_is = [&](const Sight& sight) { return sight.mapped == local; };
    // RFC 5780 §4.3: who is seen as what he is has no NAT, and the effective mapping is endpoint-independent.
    if (!sights.empty() && std::all_of(sights.begin(), sights.end(), as_it_is))
      return known(Mapping::endpoint_independent);
    if (judged.doubt == Doubt::one_server && !targets_.empty()) return unknown(Doubt::too_few_answers);
  }
  return judged;
}

}  // namespace ice::nat
