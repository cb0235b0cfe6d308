#include "nat/filtering_test.hpp"

#include <algorithm>
#include <utility>

namespace ice::nat {
namespace {

constexpr Judged<Filtering> unknown(Doubt doubt) noexcept { return {.doubt = doubt}; }
constexpr Judged<Filtering> known(Filtering filtering, Confidence confidence) noexcept {
  return {filtering, confidence, Doubt::no_doubt};
}

}  // namespace

void FilteringTest::begin(const Endpoint& primary, const Endpoint& other) {
  primary_ = primary;
  other_ = other;
}

FilteringTest::Port& FilteringTest::port_of(Role role) noexcept {
  if (role == Role::control) return control_;
  return ports_[static_cast<std::size_t>(role) - static_cast<std::size_t>(Role::filter_1)];
}

bool FilteringTest::done() const noexcept {
  const auto ended = [](const Port& port) { return port.open == 0 && !port.waiting; };
  return ended(control_) && std::all_of(ports_.begin(), ports_.end(), ended);
}

void FilteringTest::put(Questions& questions, Test test, Role role, stun::BindingRequest request) {
  Port& port = port_of(role);
  ++port.open;
  request.socket = port.socket;
  questions.ask({test, role, std::move(request)});
}

void FilteringTest::ask(Questions& questions, Role role, SocketId socket, const Endpoint& mapped) {
  Port& port = port_of(role);
  port.socket = socket;
  port.mapped = mapped;
  port.asked = true;
  if (role == Role::control) {
    put(questions, Test::opening, role, {.server = other_});
    put(questions, Test::opening, role, {.server = {primary_.address, other_.port}});
  } else if (begun_ && !first_done_) {
    port.waiting = true;
  } else {
    begun_ = true;
    probe(questions, role);
  }
}

void FilteringTest::probe(Questions& questions, Role role) {
  constexpr stun::ChangeRequest both{.change_ip = true, .change_port = true};
  constexpr stun::ChangeRequest port{.change_port = true};
  const bool control = role == Role::control;
  put(questions, control ? Test::change_address_control : Test::filtering_address, role,
      {.server = primary_, .change_request = both});
  put(questions, control ? Test::change_port_control : Test::filtering_port, role,
      {.server = primary_, .change_request = port});
}

void FilteringTest::ask_again(Questions& questions) {
  for (const Role role : {Role::filter_1, Role::filter_2, Role::filter_3, Role::control})
    if (const Port& port = port_of(role); port.asked && !port.moved) probe(questions, role);
}

void FilteringTest::take(Questions& questions, const Answer& answer) {
  const Role role = answer.question.role;
  Port& port = port_of(role);
  --port.open;
  if (answer.result.error == errc::closed) port.asked = false;
  if (answer.question.test == Test::filtering_control) return take_control(questions, answer);
  if (answer.question.test == Test::opening) {
    if (port.open == 0) probe(questions, role);
    return;
  }
  note(port, answer);
  if (port.open == 0 && role != Role::control) put(questions, Test::filtering_control, role, {.server = primary_});
}

void FilteringTest::take_control(Questions& questions, const Answer& answer) {
  const Role role = answer.question.role;
  Port& port = port_of(role);
  const bool after_outage = port.lost_controls > 0;
  if (answer.good()) {
    port.moved = answer.result.mapped != port.mapped;
    for (Arrival* arrival : {&port.address, &port.port}) arrival->silent += std::exchange(arrival->unconfirmed, 0);
    port.lost_controls = 0;
    if (after_outage && !port.moved) return probe(questions, role);
  } else {
    for (Arrival* arrival : {&port.address, &port.port}) arrival->unconfirmed = 0;
    if (++port.lost_controls < most_lost_controls)
      return put(questions, Test::filtering_control, role, {.server = primary_});
  }
  let_others_begin(questions);
}

void FilteringTest::let_others_begin(Questions& questions) {
  first_done_ = true;
  for (const Role role : {Role::filter_1, Role::filter_2, Role::filter_3})
    if (std::exchange(port_of(role).waiting, false)) probe(questions, role);
}

void FilteringTest::note(Port& port, const Answer& answer) noexcept {
  const bool both = answer.question.request.change_request->change_ip;
  Arrival& asked = both ? port.address : port.port;
  if (answer.result.error == errc::timed_out) {
    asked.unconfirmed += answer.result.transmissions;
    return;
  }
  if (!answer.good()) {
    if (answer.result.error == errc::server_refused) refused_ = true;  // 420, RFC 5780 §6.1
    return;
  }
  const Endpoint from = answer.result.from.canonical();
  if (from.address != primary_.address) {
    port.address.arrived = true;
  } else if (from.port != primary_.port) {
    port.port.arrived = true;
    if (both) refused_ = true;  // it changes its port where it was asked to change both
  } else {
    refused_ = true;
  }
}

FilteringTest::Sum FilteringTest::sum(Arrival Port::*kind, const PathQuality& quality) const noexcept {
  Sum sum;
  for (const Port& port : ports_) {
    if (!port.asked || port.moved) continue;
    const Arrival& arrival = port.*kind;
    if (arrival.arrived) {
      ++sum.arrived;
    } else {
      sum.silent += arrival.silent;
      if (quality.silence_counts(arrival.silent)) ++sum.missed;
    }
  }
  return sum;
}

Doubt FilteringTest::why_silence_proves_nothing(const Sum& sum, const Arrival& control, bool control_can_arrive,
                                                const PathQuality& quality) const noexcept {
  if (std::all_of(ports_.begin(), ports_.end(), [](const Port& port) { return !port.asked || port.moved; }))
    return Doubt::mapping_moved;
  if (control_can_arrive && !control.arrived)
    return quality.silence_counts(control.unconfirmed) ? Doubt::server_does_not_change : Doubt::too_few_answers;
  return quality.silence_counts(sum.silent) ? Doubt::no_doubt : Doubt::too_few_answers;
}

Judged<Filtering> FilteringTest::judge(const Known& known_facts, const PathQuality& quality) const noexcept {
  if (!other_) return unknown(Doubt::no_other_address);
  if (!known_facts.other_address_answers) return unknown(Doubt::other_address_silent);
  const Sum address = sum(&Port::address, quality);
  const Sum port = sum(&Port::port, quality);
  const auto sure = [](const Sum& sum) { return sum.arrived > 1 ? Confidence::high : Confidence::medium; };

  if (address.arrived > 0 && address.missed > 0) return unknown(Doubt::disagreement);
  if (address.arrived > 0) return known(Filtering::endpoint_independent, sure(address));

  // From here on something is concluded from silence.
  if (refused_) return unknown(Doubt::server_does_not_change);
  const Mapping mapping = known_facts.mapping.value;
  // The control has opened the filter of one mapping, and the server answers to it, only if they are the same.
  const bool one_for_addresses = mapping == Mapping::endpoint_independent || mapping == Mapping::unknown;
  const bool one_for_ports = one_for_addresses || mapping == Mapping::address_dependent;
  const Doubt doubt = why_silence_proves_nothing(address, control_.address, one_for_addresses, quality);
  if (doubt != Doubt::no_doubt) return unknown(doubt);
  const Confidence silence = one_for_addresses ? Confidence::high : Confidence::medium;
  if (port.arrived > 0 && port.missed > 0) return unknown(Doubt::disagreement);
  if (port.arrived > 0) return known(Filtering::address_dependent, std::min(silence, sure(port)));
  if (!known_facts.other_port_answers) return unknown(Doubt::other_address_silent);
  const Doubt port_doubt = why_silence_proves_nothing(port, control_.port, one_for_ports, quality);
  if (port_doubt != Doubt::no_doubt) return unknown(port_doubt);
  return known(Filtering::address_and_port_dependent, silence);
}

}  // namespace ice::nat
