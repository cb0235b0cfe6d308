#include "nat_probe/result.hpp"

#include <chrono>

#include "nat_probe/advice.hpp"

namespace ice::nat_probe {
namespace {

using boost::json::value;

value text_or_null(const Endpoint& endpoint) { return endpoint ? value(endpoint.to_string()) : value(nullptr); }

value milliseconds_or_null(const std::optional<Duration>& duration) {
  if (!duration) return nullptr;
  return std::chrono::duration<double, std::milli>(*duration).count();
}

value seconds_or_null(const std::optional<Duration>& duration) {
  if (!duration) return nullptr;
  return std::chrono::duration<double>(*duration).count();
}

std::optional<Duration> lifetime_of(const nat::Behavior& behavior) {
  if (behavior.lifetime.confidence == nat::Confidence::none) return std::nullopt;
  return behavior.lifetime.value;
}

/// "yes", "no" or "unknown"; from where the packets come is a key of its own.
std::string_view hairpin_word(nat::Hairpinning hairpinning) noexcept {
  switch (hairpinning) {
    case nat::Hairpinning::unknown:
      return "unknown";
    case nat::Hairpinning::unsupported:
      return "no";
    case nat::Hairpinning::external_source:
    case nat::Hairpinning::internal_source:
      break;
  }
  return "yes";
}

}  // namespace

std::size_t Result::sent() const noexcept {
  std::size_t sum = 0;
  for (const nat::Observation& one : observations) sum += one.transmissions;
  return sum;
}

boost::json::object answer_json(const nat::ServerAnswered& answer, const std::string& uri) {
  const nat::Observation& what = answer.what;
  return {{"event", "answer"},
          {"server", what.server.to_string()},
          {"uri", uri},
          {"answered", !what.error},
          {"mapped", text_or_null(what.mapped)},
          {"other_address", text_or_null(answer.other_address)},
          {"transmissions", what.transmissions},
          {"ms", milliseconds_or_null(what.round_trip)},
          {"error", what.error ? value(what.error.message()) : value(nullptr)}};
}

boost::json::object result_json(const Result& result, programs::Language language) {
  const nat::Behavior& behavior = result.behavior;
  std::string advice;
  for (const std::string& sentence : advice_for(result, language)) advice += (advice.empty() ? "" : " ") + sentence;
  return {{"event", "result"},
          {"family", to_string(behavior.family)},
          {"local", text_or_null(behavior.local)},
          {"mapped", text_or_null(behavior.mapped)},
          {"translated", behavior.translated ? value(*behavior.translated) : value(nullptr)},
          {"mapping", to_string(behavior.mapping.value)},
          {"filtering", to_string(behavior.filtering.value)},
          {"classic", to_string(result.classic)},
          {"hairpin", hairpin_word(behavior.hairpinning.value)},
          {"hairpin_source", to_string(behavior.hairpinning.value)},
          {"lifetime_s", seconds_or_null(lifetime_of(behavior))},
          {"lifetime_below_s", seconds_or_null(behavior.lifetime_below)},
          {"port_allocation", to_string(behavior.port_allocation.value)},
          {"port_step", behavior.port_step},
          {"fragments", to_string(behavior.fragments.value)},
          {"confidence", to_string(behavior.confidence())},
          {"mapping_confidence", to_string(behavior.mapping.confidence)},
          {"mapping_doubt", to_string(behavior.mapping.doubt)},
          {"filtering_confidence", to_string(behavior.filtering.confidence)},
          {"filtering_doubt", to_string(behavior.filtering.doubt)},
          {"udp_answered", behavior.udp_answered},
          {"tcp_answered", behavior.tcp_answered ? value(*behavior.tcp_answered) : value(nullptr)},
          {"addresses_rewritten", behavior.addresses_rewritten},
          {"advice", advice},
          {"questions", result.observations.size()},
          {"sent", result.sent()},
          {"ms", milliseconds_or_null(result.took)}};
}

}  // namespace ice::nat_probe
