#include "ice/checks.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/earliest.hpp"
#include "base/reachable.hpp"
#include "ice/stun/builder.hpp"

namespace ice {

std::optional<Bytes> write_check(MutableBytes scratch, const Session& session, const stun::TransactionId& id,
                                 std::uint32_t priority, const CheckFields& fields) noexcept {
  assert(session.remote_known());
  // RFC 8489 §14.3: two ufrags of up to 256 characters could exceed it; the builder then refuses.
  std::array<char, 2 * max_credential + 1> username;
  char* end = std::copy(session.remote_ufrag.begin(), session.remote_ufrag.end(), username.data());
  *end++ = ':';
  end = std::copy(session.local_ufrag.begin(), session.local_ufrag.end(), end);

  stun::Builder builder{scratch, stun::Method::binding, stun::Class::request, id};
  builder.add<stun::attr::Username>({username.data(), static_cast<std::size_t>(end - username.data())});
  builder.add<stun::attr::Priority>(priority);
  if (fields.role == Role::controlling)
    builder.add<stun::attr::IceControlling>(fields.tie_breaker);
  else
    builder.add<stun::attr::IceControlled>(fields.tie_breaker);
  if (fields.nominate) builder.add<stun::attr::UseCandidate>();
  const auto written = builder.integrity(*session.remote).fingerprint().finish();
  if (!written) return std::nullopt;
  return *written;
}

Checks::Checks(Checklist& checklist, const Session& session) noexcept : checklist_{checklist}, session_{session} {}

void Checks::erase(std::size_t index) noexcept { checks_.erase(checks_.begin() + static_cast<std::ptrdiff_t>(index)); }

void Checks::start(RandomSource& random, PairIndex pair, Duration rto, bool nominate) {
  cancel(pair);
  checks_.push_back(
      {stun::Transaction{stun::TransactionId::random(random), stun::RetransmissionSchedule::datagram(rto)},
       pair,
       {session_.role, session_.tie_breaker, nominate}});
}

void Checks::cancel(PairIndex pair) {
  std::size_t kept = 0;
  for (std::size_t i = checks_.size(); i-- > 0;) {
    if (checks_[i].pair != pair) continue;
    checks_[i].transaction.cancel();
    if (!checks_[i].transaction.in_progress() || ++kept > max_cancelled) erase(i);
  }
}

void Checks::cancel_all() noexcept {
  for (Check& check : checks_) check.transaction.cancel();
  std::erase_if(checks_, [](const Check& check) { return !check.transaction.in_progress(); });
}

void Checks::forget(PairIndex pair) {
  std::erase_if(checks_, [pair](const Check& check) { return check.pair == pair; });
}

void Checks::forget_all() noexcept { checks_.clear(); }

std::optional<Transmit> Checks::poll_transmit(TimePoint now, MutableBytes scratch) {
  for (Check& check : checks_) {
    if (!check.transaction.transmit_due()) continue;
    Pair& pair = checklist_[check.pair];
    const Base& base = checklist_.base_of(pair);
    check.transaction.transmitted(now);
    const auto request = write_check(scratch, session_, check.transaction.id(), base.check_priority(), check.fields);
    if (!request) continue;
    ++pair.requests_sent;
    if (!pair.first_sent) pair.first_sent = now;
    pair.last_sent = now;
    return Transmit{base.socket, checklist_.destination(pair), *request, {}, 0, {}};
  }
  return std::nullopt;
}

std::optional<TimePoint> Checks::next_timeout() const noexcept {
  std::optional<TimePoint> next;
  for (const Check& check : checks_) earliest(next, check.transaction.next_timeout());
  return next;
}

std::optional<Checks::Expired> Checks::expire(TimePoint now) {
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    const stun::Transaction::Step step = checks_[i].transaction.handle_timeout(now);
    if (step == stun::Transaction::Step::wait || step == stun::Transaction::Step::transmit) continue;
    const Check over = checks_[i];
    erase(i);
    --i;
    // One that was replaced is no failure of its pair (RFC 8445 §7.3.1.4).
    if (over.transaction.cancelled()) continue;
    const bool violated = step == stun::Transaction::Step::integrity_violated;
    return Expired{over.pair, violated ? Cause::unauthenticated : Cause::no_response};
  }
  return std::nullopt;
}

std::optional<Checks::Answer> Checks::handle_response(TimePoint now, const stun::Message& response,
                                                      const Datagram& datagram) {
  const auto found = std::find_if(checks_.begin(), checks_.end(), [&](const Check& check) {
    return check.transaction.id() == response.transaction_id();
  });
  if (found == checks_.end()) return std::nullopt;
  Check& check = *found;
  Pair& pair = checklist_[check.pair];
  Answer answer{Answer::Kind::failure, check.pair, check.fields};
  answer.replaced = check.transaction.cancelled();

  const auto authentic = response.authenticate(*session_.remote);
  if (!authentic) {
    // Counts as never received (RFC 8489 §9.1.4): a stranger must not be able to fail a pair.
    ++pair.unauthenticated;
    static_cast<void>(check.transaction.reject_response());
    answer.kind = Answer::Kind::unauthenticated;
    return answer;
  }
  ++pair.responses_heard;
  pair.last_heard = now;
  if (const auto round_trip = check.transaction.round_trip(now)) pair.round_trip = round_trip;
  const bool symmetric =
      datagram.socket == checklist_.base_of(pair).socket && datagram.from == checklist_.destination(pair);
  erase(static_cast<std::size_t>(found - checks_.begin()));

  // A role conflict comes first (RFC 8445 §7.2.5.1): the peer's NAT may answer from a new port, and the roles have to
  // be repaired all the same, or no check of this side will ever be taken for one.
  if (authentic->message_class() == stun::Class::error_response) {
    const auto error = authentic->get<stun::attr::ErrorCode>();
    answer.cause = error ? Cause::error_response : Cause::bad_response;
    if (error) pair.error_code = static_cast<std::uint16_t>(error->code);
    if (error && error->code == stun::ErrorCode::role_conflict) {
      answer.kind = Answer::Kind::role_conflict;
      return answer;
    }
  }
  // RFC 8445 §7.2.5.2.1.
  if (!symmetric) {
    answer.cause = Cause::asymmetric_response;
    return answer;
  }
  if (authentic->message_class() == stun::Class::error_response) return answer;
  // RFC 8489 §6.3.3: an answer with an attribute that must be understood and is not cannot be used. Nor can one that
  // saw this host where no host can be.
  const auto mapped = authentic->get<stun::attr::XorMappedAddress>();
  if (!mapped || !is_reachable(*mapped) || !authentic->unknown_required().empty()) {
    answer.cause = Cause::bad_response;
    return answer;
  }
  answer.kind = Answer::Kind::success;
  answer.mapped = mapped->canonical();
  return answer;
}

std::optional<TimePoint> Checks::under_way_since(PairIndex pair) const noexcept {
  for (const Check& check : checks_)
    if (check.pair == pair && !check.transaction.cancelled() && check.transaction.transmissions() > 0)
      return check.transaction.first_sent();
  return std::nullopt;
}

}  // namespace ice
