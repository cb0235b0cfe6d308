#include "ice/generation.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

namespace ice {
namespace {

constexpr std::chrono::milliseconds default_interval{50};  // RFC 8445 §14.2: Ta where a side is silent

constexpr std::string_view ice_chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static_assert(ice_chars.size() == 64);

// 6 bits a character. RFC 8839 §5.4 wants 24 bits for the ufrag and 128 for the password.
constexpr std::size_t ufrag_length = 8;
constexpr std::size_t password_length = 24;

std::string random_ice_text(RandomSource& random, std::size_t length) {
  std::string text(length, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  for (char& c : text) c = ice_chars[static_cast<unsigned char>(c) % ice_chars.size()];
  return text;
}

// Fragmentation needed (RFC 1191), or Packet Too Big (RFC 4443 §3.2).
bool is_too_big(const SocketUnreachable& event) noexcept {
  return event.to.address.is_v6() ? event.icmp_type == 2 : event.icmp_type == 3 && event.icmp_code == 4;
}

Session make_session(Role role, std::uint64_t tie_breaker, RandomSource& random) {
  std::string ufrag = random_ice_text(random, ufrag_length);
  std::string password = random_ice_text(random, password_length);
  auto credential = stun::Credential::short_term(password);
  assert(credential);
  return {role, tie_breaker, std::move(ufrag), std::move(password), *credential};
}

}  // namespace

Generation::Generation(const AgentConfig& its_config, const Environment& environment, Journal& its_journal, Role role,
                       std::uint64_t tie_breaker)
    : config{its_config},
      journal{its_journal},
      session{make_session(role, tie_breaker, environment.random)},
      local{config.allow_loopback, config.limits.local_candidates, session.local_ufrag,
            config.policy == CandidatePolicy::relay_only},
      remote{config.allow_loopback, config.limits},
      checklist{local, remote, session, config.limits.pairs},
      checks{checklist, session},
      responder{session},
      consent{checklist, session, environment.random, config.consent},
      keepalive{checklist, environment.random},
      servers{config},
      gatherer{config, servers, local, environment.random},
      early{config.limits.early_checks},
      proven{config.limits.pairs + config.limits.early_checks} {}

Duration Generation::interval() const noexcept {
  if (!session.remote_known()) return config.pacing;
  // Both agents must agree that there is no pacing: it is for peers in one process.
  return std::max(config.pacing, remote_pacing.value_or(default_interval));
}

Description Generation::local_description() const {
  Description description;
  description.ufrag = session.local_ufrag;
  description.password = session.local_password;
  description.options = {std::string{option_ice2}, std::string{option_trickle}};
  description.pacing = config.pacing;
  StreamDescription stream;
  stream.mid = config.mid;
  for (const LocalCandidate& candidate : local.all())
    if (candidate.told) stream.candidates.push_back(candidate.candidate);
  stream.end_of_candidates = gathering_told;
  description.streams.push_back(std::move(stream));
  return description;
}

std::optional<PairIndex> Generation::data_pair(TimePoint now) const noexcept {
  if (selected) return consent.given(now) ? selected : std::nullopt;
  return checklist.best_valid(now - Consent::lifetime);
}

void Generation::data_sent(TimePoint now, PairIndex pair) noexcept {
  if (selected)
    consent.sent(now);
  else
    keepalive.sent(now, pair);
}

void Generation::finish(TimePoint now, Cause why) {
  consent.stop();
  keepalive.stop();
  servers.stop();
  gatherer.stop();
  checks.forget_all();
  for (PairIndex i = 0; i < checklist.pairs().size(); ++i)
    if (checklist[i].undecided()) checklist.fail(now, i, why);
  nominate_again.reset();
}

void Generation::retire() noexcept {
  servers.stop();
  gatherer.stop();
  checks.cancel_all();
  nominate_again.reset();
}

void Generation::remove_base(TimePoint now, BaseIndex base, std::error_code why, Cause cause) {
  gatherer.remove_base(now, base);
  for (PairIndex i = 0; i < checklist.pairs().size(); ++i)
    if (checklist[i].base == base && checklist[i].state != PairState::failed) fail_pair(now, i, cause);
  local.remove_base(now, base, why);
  if (selected && checklist[*selected].base == base) consent.stop();
}

void Generation::fail_pair(TimePoint now, PairIndex pair, Cause cause) {
  checks.forget(pair);
  checklist.fail(now, pair, cause);
}

void Generation::handle_unreachable(const SocketUnreachable& event) noexcept {
  // Kept as evidence and nothing more: anybody can forge ICMP, and a NAT that has not been opened yet may send it for
  // a pair that is about to work (RFC 8445 §7.2.5.2.2 makes it a MAY).
  for (PairIndex i = 0; i < checklist.pairs().size(); ++i)
    if (checklist.base_of(checklist[i]).socket == event.socket && checklist.destination(checklist[i]) == event.to) {
      ++checklist[i].unreachable;
      if (is_too_big(event)) ++checklist[i].too_big;
    }
  gatherer.handle_unreachable(event.socket, event.to);
}

void Generation::note(TimePoint now, std::string_view what, const Pair& pair, std::uint32_t number) {
  journal.note(now, what, checklist.base_of(pair).local, checklist.destination(pair), number);
}

}  // namespace ice
