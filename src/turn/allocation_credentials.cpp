#include <algorithm>
#include <utility>

#include "turn/allocation_impl.hpp"

// Who the client says it is, and how that changes while the allocation lives.

namespace ice::turn {

namespace {

/// Who we are, or how it is proven, is what it failed at.
bool is_about_credentials(const Refusal& why) noexcept {
  return why.error == errc::unauthorized || why.error == errc::bid_down || why.error == errc::unsupported ||
         why.error == errc::wrong_integrity || why.error == errc::token_expired ||
         why.code == stun::ErrorCode::unauthenticated;
}

bool is_over(const stun::Login& login, TimePoint now) noexcept {
  return login.good_until() && now >= *login.good_until();
}

}  // namespace

void Allocation::Impl::replace_credentials(TimePoint now, const stun::Login& next) {
  if (is_over(next, now)) return;
  const bool in_use = requests.size() > 0 || is_allocated();
  // RFC 7635 §9: the new token is for the allocation that is there. It moves with the session key it has, though.
  const bool tokens = login && login->has_token() && next.has_token();
  const bool another = login && (login->username() != next.username() || login->has_token() != next.has_token());
  if (in_use && (tokens ? moving.has_value() : another)) {
    next_login = next;
    return;
  }
  next_login = next;
  use_next_login(now);
  if (tokens && is_allocated()) {
    token_untold = true;
    check(now);
  }
  if (state == AllocationState::failed && is_about_credentials(last_refusal)) begin(now);
}

/// Answers to what the old one has signed cannot be verified any more.
void Allocation::Impl::use_next_login(TimePoint now) {
  take_next_login(now);
  requests.restart_all(now);
}

void Allocation::Impl::take_next_login(TimePoint now) {
  login = std::exchange(next_login, std::nullopt);
  session = stun::AuthSession::long_term(*login);
  watch_token(now);
}

// ---- access tokens (RFC 7635)

bool Allocation::Impl::token_is_over(TimePoint now) const noexcept { return login && is_over(*login, now); }

void Allocation::Impl::watch_token(TimePoint now) noexcept {
  want_token_at.reset();
  if (!login || !login->good_until()) return;
  const TimePoint end = *login->good_until();
  want_token_at = end - std::min(token_margin, (end - now) / 2);
}

bool Allocation::Impl::needs_token() const noexcept {
  return want_token_at && state != AllocationState::idle && state != AllocationState::releasing &&
         state != AllocationState::released && state != AllocationState::failed;
}

void Allocation::Impl::want_token_if_due(TimePoint now) {
  if (!needs_token() || now < *want_token_at) return;
  want_token_at.reset();
  tell(AccessTokenWanted{third_party, login->good_until()});
}

/// RFC 7635 §6.1: the server's name, for whoever can get a token for it. Who cannot goes on with a password.
void Allocation::Impl::hear_of_third_party(const stun::Message& response) {
  const auto error = response.get<stun::attr::ErrorCode>();
  const auto name = response.get<stun::attr::ThirdPartyAuthorization>();
  if (!error || error->code != stun::ErrorCode::unauthenticated) return;
  if (!name || name->size() > most_server_name || *name == third_party) return;
  third_party = *name;
  if ((!login || !login->has_token()) && events.size() < most_events) tell(AccessTokenWanted{third_party, {}});
}

/// A move goes alone, until it is known from where the others have to leave. RFC 7635 §9: of what a new token is to be
/// used for, only Allocate and Refresh tell the server of it, so they go first.
bool Allocation::Impl::may_leave(const ClientRequest& request) const noexcept {
  if (moving) return request.purpose == Purpose::move && moving->to;
  if (!socket) return false;
  return !token_untold || (request.purpose != Purpose::permissions && request.purpose != Purpose::channel);
}

}  // namespace ice::turn
