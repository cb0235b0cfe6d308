#include "ice/responder.hpp"

namespace ice {

namespace {

// RFC 8489 §9.1.3: with the attribute that the request was verified by, and with that one alone. Peers that follow
// RFC 8445 sign with SHA-1; those that do not know what we support sign with both (§9.1.2).
void sign(stun::Builder& answer, const stun::Message& request, const stun::Credential& key) noexcept {
  if (request.integrity() == stun::Integrity::sha256) {
    answer.integrity_sha256(key);
  } else {
    answer.integrity(key);
  }
}

}  // namespace

// RFC 8445 §7.3.1.1: who has the larger tie-breaker controls. True where this side's claim to its role wins.
bool Responder::keeps_role(Role claimed, std::uint64_t tie_breaker) const noexcept {
  const bool larger = session_.tie_breaker >= tie_breaker;
  return claimed == Role::controlling ? larger : !larger;
}

Responder::Outcome Responder::handle_request(TimePoint now, const stun::Message& request, const Endpoint& from,
                                             bool revoked, MutableBytes scratch) {
  // RFC 8489 §9.1.3.
  const auto username = request.get<stun::attr::Username>();
  if (!username || request.integrity() == stun::Integrity::none)
    return refuse(now, request, stun::ErrorCode::bad_request, scratch);
  // RFC 8445 §7.3: the user name is valid if its first half is ours. The second half is the peer's word, which only
  // counts once its description is known.
  const std::size_t colon = username->find(':');
  if (colon == std::string_view::npos || username->substr(0, colon) != session_.local_ufrag) {
    Outcome outcome = refuse(now, request, stun::ErrorCode::unauthenticated, scratch);
    outcome.other_ufrag = true;
    return outcome;
  }
  const auto authentic = request.authenticate(session_.local);
  if (!authentic) return refuse(now, request, stun::ErrorCode::unauthenticated, scratch);

  Outcome outcome;
  outcome.verdict = Verdict::forward;
  outcome.authentic = true;
  if (revoked) {
    outcome.answer = error(*authentic, stun::ErrorCode::forbidden, scratch);
    return outcome;
  }
  if (const auto unknown = authentic->unknown_required(); !unknown.empty()) {
    auto builder = stun::Builder::response(scratch, *authentic, stun::Class::error_response);
    builder.add<stun::attr::ErrorCode>({stun::ErrorCode::unknown_attribute, {}});
    builder.add<stun::attr::UnknownAttributes>(unknown);
    sign(builder, *authentic, session_.local);
    const auto built = builder.fingerprint().finish();
    if (built) outcome.answer = *built;
    return outcome;
  }
  const auto priority = authentic->get<stun::attr::Priority>();
  if (!priority || *priority == 0 || *priority > max_priority) {
    outcome.answer = error(*authentic, stun::ErrorCode::bad_request, scratch);
    return outcome;
  }

  // From another branch of a forked offer, say. It is answered, since its user name is valid, and that is all: it must
  // not touch this session.
  const std::string_view remote_ufrag = username->substr(colon + 1);
  const bool other_session = session_.remote_known() && remote_ufrag != session_.remote_ufrag;

  const auto controlling = authentic->get<stun::attr::IceControlling>();
  const auto controlled = authentic->get<stun::attr::IceControlled>();
  if (!other_session && (controlling || controlled)) {
    const Role claimed = controlling ? Role::controlling : Role::controlled;
    if (claimed == session_.role) {
      if (keeps_role(claimed, controlling ? *controlling : *controlled)) {
        outcome.answer = error(*authentic, stun::ErrorCode::role_conflict, scratch);
        return outcome;
      }
      session_.role = claimed == Role::controlling ? Role::controlled : Role::controlling;
      outcome.role_switched = true;
    }
  }

  auto builder = stun::Builder::response(scratch, *authentic, stun::Class::success_response);
  builder.add<stun::attr::XorMappedAddress>(from);
  sign(builder, *authentic, session_.local);
  const auto built = builder.fingerprint().finish();
  if (built) outcome.answer = *built;
  if (!other_session) outcome.check = {remote_ufrag, *priority, authentic->has<stun::attr::UseCandidate>()};
  outcome.other_session = other_session;
  return outcome;
}

Responder::Outcome Responder::refuse(TimePoint now, const stun::Message& request, stun::ErrorCode code,
                                     MutableBytes scratch) {
  Outcome outcome;
  outcome.verdict = Verdict::unauthenticated;
  if (window_start_ == TimePoint::min() || now - window_start_ >= error_window) {
    window_start_ = now;
    errors_ = 0;
  }
  if (errors_ >= max_errors) return outcome;
  ++errors_;
  // No MESSAGE-INTEGRITY: there is no key that both sides are known to have (RFC 8489 §9.1.3).
  auto builder = stun::Builder::response(scratch, request, stun::Class::error_response);
  const auto built = builder.add<stun::attr::ErrorCode>({code, {}}).fingerprint().finish();
  if (built) outcome.answer = *built;
  return outcome;
}

Bytes Responder::error(const stun::Message& request, stun::ErrorCode code, MutableBytes scratch) const noexcept {
  auto builder = stun::Builder::response(scratch, request, stun::Class::error_response);
  builder.add<stun::attr::ErrorCode>({code, {}});
  sign(builder, request, session_.local);
  const auto built = builder.fingerprint().finish();
  return built ? *built : Bytes{};
}

}  // namespace ice
