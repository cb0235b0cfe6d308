#include "ice/nat/classic.hpp"

namespace ice::nat {
namespace {

ClassicOutcome outcome_of(bool yes) noexcept { return yes ? ClassicOutcome::yes : ClassicOutcome::no; }

ClassicOutcome same_mapping(Mapping mapping) noexcept {
  if (mapping == Mapping::unknown) return ClassicOutcome::unknown;
  return outcome_of(mapping == Mapping::endpoint_independent);
}

}  // namespace

std::string_view to_string(ClassicType type) noexcept {
  switch (type) {
    case ClassicType::unknown:
      break;
    case ClassicType::open_internet:
      return "open internet";
    case ClassicType::full_cone:
      return "full cone";
    case ClassicType::restricted_cone:
      return "restricted cone";
    case ClassicType::port_restricted_cone:
      return "port restricted cone";
    case ClassicType::symmetric:
      return "symmetric";
    case ClassicType::symmetric_firewall:
      return "symmetric firewall";
    case ClassicType::udp_blocked:
      return "udp blocked";
  }
  return "unknown";
}

ClassicDiscovery::ClassicDiscovery(const Behavior& behavior) : type_{classify(behavior)} {}

ClassicOutcome ClassicDiscovery::step(ClassicTest test, ClassicOutcome outcome) {
  steps_.push_back({test, outcome});
  return outcome;
}

ClassicType ClassicDiscovery::classify(const Behavior& behavior) {
  // Silence alone is a server that is down as well as UDP that is blocked.
  if (!behavior.udp_answered) {
    const bool blocked = behavior.tcp_answered.value_or(false);
    step(ClassicTest::test_1, blocked ? ClassicOutcome::no : ClassicOutcome::unknown);
    return blocked ? ClassicType::udp_blocked : ClassicType::unknown;
  }
  step(ClassicTest::test_1, ClassicOutcome::yes);
  const Filtering filtering = behavior.filtering.value;
  const auto everybody_gets_in = [&] {
    if (filtering == Filtering::unknown) return step(ClassicTest::test_2, ClassicOutcome::unknown);
    return step(ClassicTest::test_2, outcome_of(filtering == Filtering::endpoint_independent));
  };

  if (behavior.translated == false) {
    const ClassicOutcome open = everybody_gets_in();
    if (open == ClassicOutcome::unknown) return ClassicType::unknown;
    return open == ClassicOutcome::yes ? ClassicType::open_internet : ClassicType::symmetric_firewall;
  }
  const ClassicOutcome same = step(ClassicTest::test_1_again, same_mapping(behavior.mapping.value));
  if (same == ClassicOutcome::no) return ClassicType::symmetric;
  if (same == ClassicOutcome::unknown || !behavior.translated) return ClassicType::unknown;
  const ClassicOutcome open = everybody_gets_in();
  if (open == ClassicOutcome::unknown) return ClassicType::unknown;
  if (open == ClassicOutcome::yes) return ClassicType::full_cone;
  const bool other_port = filtering == Filtering::address_dependent;
  step(ClassicTest::test_3, outcome_of(other_port));
  return other_port ? ClassicType::restricted_cone : ClassicType::port_restricted_cone;
}

}  // namespace ice::nat
