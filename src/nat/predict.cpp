#include "ice/nat/predict.hpp"

#include <array>
#include <optional>

namespace ice::nat {
namespace {

/// One kind that a network can be, on the two axes that decide.
struct Kind {
  Mapping mapping;
  Filtering filtering;

  bool one_mapping() const noexcept { return mapping == Mapping::endpoint_independent; }
  bool mapping_for_each_port() const noexcept { return mapping == Mapping::address_and_port_dependent; }
};

constexpr std::array mappings{Mapping::endpoint_independent, Mapping::address_dependent,
                              Mapping::address_and_port_dependent};

constexpr std::array filterings{Filtering::endpoint_independent, Filtering::address_dependent,
                                Filtering::address_and_port_dependent};

/// Whether a check from `from` to the server-reflexive candidate of `to` gets in, when `to` has sent checks to the one
/// of `from` for long enough.
bool gets_in(const Kind& from, const Kind& to) noexcept {
  if (to.filtering == Filtering::endpoint_independent) return true;
  // The filter of this mapping knows only to whom it was used. If there is another one for each remote, the checks of
  // `to` have left through that.
  if (!to.one_mapping()) return false;
  return to.filtering == Filtering::address_dependent || from.one_mapping();
}

/// Whether that leads to a pair that works. The answer comes from the endpoint that was asked, or, where there is a
/// mapping for each remote, from another port of its address. Where both sides have one for each port, every answer
/// comes from a port that nobody has seen before, and no check succeeds (RFC 8445 §7.2.5.2.1).
bool works(const Kind& from, const Kind& to) noexcept {
  if (!gets_in(from, to) || (from.mapping_for_each_port() && to.mapping_for_each_port())) return false;
  return to.one_mapping() || from.filtering != Filtering::address_and_port_dependent;
}

Prediction between(const Kind& mine, const Kind& theirs) noexcept {
  const bool own = works(mine, theirs);
  const bool other = works(theirs, mine);
  if (own && other) return {Outcome::direct, Reason::both_get_in};
  if (own) return {Outcome::direct, Reason::own_get_in};
  if (other) return {Outcome::direct_if_other_first, Reason::other_gets_in};
  return {Outcome::relay_needed, Reason::no_way_in};
}

bool can_be(Mapping seen, Mapping mapping) noexcept {
  if (seen == Mapping::endpoint_dependent) return mapping != Mapping::endpoint_independent;
  return seen == Mapping::unknown || seen == mapping;
}

/// Calls `f` with every kind that this can be.
template <class F>
void for_each_kind(const Behavior& behavior, F f) {
  for (const Mapping mapping : mappings)
    for (const Filtering filtering : filterings)
      if (can_be(behavior.mapping.value, mapping) &&
          (behavior.filtering.value == Filtering::unknown || behavior.filtering.value == filtering))
        f(Kind{mapping, filtering});
}

bool blocked(const Behavior& behavior) noexcept {
  return !behavior.udp_answered && behavior.tcp_answered.value_or(false);
}

bool hairpins(const Behavior& behavior) noexcept { return behavior.hairpinning.value == Hairpinning::external_source; }

}  // namespace

Prediction predict(const Behavior& mine, const Behavior& theirs) noexcept {
  if (mine.family != theirs.family) return {Outcome::relay_needed, Reason::families_differ};
  if (blocked(mine)) return {Outcome::relay_needed, Reason::own_udp_blocked};
  if (blocked(theirs)) return {Outcome::relay_needed, Reason::other_udp_blocked};
  if (!mine.udp_answered || !theirs.udp_answered) return {Outcome::unknown, Reason::not_known_enough};
  const bool one_nat = mine.mapped.address == theirs.mapped.address && mine.translated != false;
  if (one_nat && !hairpins(mine) && !hairpins(theirs)) return {Outcome::unknown, Reason::behind_one_nat};

  std::optional<Prediction> all;
  bool same_outcome = true;
  for_each_kind(mine, [&](const Kind& own) {
    for_each_kind(theirs, [&](const Kind& other) {
      const Prediction one = between(own, other);
      if (!all) {
        all = one;
        return;
      }
      same_outcome = same_outcome && all->outcome == one.outcome;
      // Where only one of two kinds lets both in, no more is said than what they have in common.
      if (one.reason == Reason::own_get_in && all->reason == Reason::both_get_in) all = one;
    });
  });
  return same_outcome ? *all : Prediction{Outcome::unknown, Reason::not_known_enough};
}

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::unknown:
      break;
    case Outcome::direct:
      return "direct";
    case Outcome::direct_if_other_first:
      return "direct-if-other-first";
    case Outcome::relay_needed:
      return "relay-needed";
  }
  return "unknown";
}

std::string_view describe(Reason reason) noexcept {
  switch (reason) {
    case Reason::not_known_enough:
      break;
    case Reason::both_get_in:
      return "The checks of each side get through to the other.";
    case Reason::own_get_in:
      return "This side's checks get through to the other, and the answers come back; the other's own do not.";
    case Reason::other_gets_in:
      return "This side's checks do not get through, but the other's do, and show from where they come.";
    case Reason::no_way_in:
      return "One side gets a new port for each remote, which nobody can know before, and the other lets in only ports "
             "that it has sent to, or does the same.";
    case Reason::own_udp_blocked:
      return "This side's network lets no UDP through.";
    case Reason::other_udp_blocked:
      return "The other side's network lets no UDP through.";
    case Reason::families_differ:
      return "One side has IPv4 and the other IPv6.";
    case Reason::behind_one_nat:
      return "Both are behind one NAT, which is not known to lead its own back inside; within their own network they "
             "may "
             "reach each other.";
  }
  return "Not enough is known of the two networks.";
}

}  // namespace ice::nat
