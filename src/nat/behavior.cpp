#include "ice/nat/behavior.hpp"

namespace ice::nat {

std::string_view to_string(Mapping mapping) noexcept {
  switch (mapping) {
    case Mapping::unknown:
      break;
    case Mapping::endpoint_independent:
      return "endpoint-independent";
    case Mapping::address_dependent:
      return "address-dependent";
    case Mapping::address_and_port_dependent:
      return "address-and-port-dependent";
    case Mapping::endpoint_dependent:
      return "endpoint-dependent";
  }
  return "unknown";
}

std::string_view to_string(Filtering filtering) noexcept {
  switch (filtering) {
    case Filtering::unknown:
      break;
    case Filtering::endpoint_independent:
      return "endpoint-independent";
    case Filtering::address_dependent:
      return "address-dependent";
    case Filtering::address_and_port_dependent:
      return "address-and-port-dependent";
  }
  return "unknown";
}

std::string_view to_string(PortAllocation allocation) noexcept {
  switch (allocation) {
    case PortAllocation::unknown:
      break;
    case PortAllocation::untranslated:
      return "untranslated";
    case PortAllocation::preserving:
      return "preserving";
    case PortAllocation::sequential:
      return "sequential";
    case PortAllocation::random:
      return "random";
  }
  return "unknown";
}

std::string_view to_string(Hairpinning hairpinning) noexcept {
  switch (hairpinning) {
    case Hairpinning::unknown:
      break;
    case Hairpinning::unsupported:
      return "unsupported";
    case Hairpinning::external_source:
      return "external-source";
    case Hairpinning::internal_source:
      return "internal-source";
  }
  return "unknown";
}

std::string_view to_string(Fragments fragments) noexcept {
  switch (fragments) {
    case Fragments::unknown:
      break;
    case Fragments::passed:
      return "passed";
    case Fragments::dropped:
      return "dropped";
  }
  return "unknown";
}

std::string_view to_string(Confidence confidence) noexcept {
  switch (confidence) {
    case Confidence::none:
      break;
    case Confidence::low:
      return "low";
    case Confidence::medium:
      return "medium";
    case Confidence::high:
      return "high";
  }
  return "none";
}

std::string_view to_string(Doubt doubt) noexcept {
  switch (doubt) {
    case Doubt::no_doubt:
      break;
    case Doubt::not_asked:
      return "not-asked";
    case Doubt::no_answer:
      return "no-answer";
    case Doubt::one_server:
      return "one-server";
    case Doubt::no_other_address:
      return "no-other-address";
    case Doubt::other_address_silent:
      return "other-address-silent";
    case Doubt::server_does_not_change:
      return "server-does-not-change";
    case Doubt::server_does_not_support:
      return "server-does-not-support";
    case Doubt::too_few_answers:
      return "too-few-answers";
    case Doubt::disagreement:
      return "disagreement";
    case Doubt::mapping_moved:
      return "mapping-moved";
    case Doubt::cannot_be_seen:
      return "cannot-be-seen";
  }
  return "no-doubt";
}

}  // namespace ice::nat
