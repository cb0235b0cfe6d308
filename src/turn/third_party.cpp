#include "turn/third_party.hpp"

#include "base/crypto.hpp"
#include "ice/stun/wire.hpp"

namespace ice::turn {
namespace {

/// Tells sessions of one kid apart; says nothing of the key.
std::uint64_t session_of(const stun::MacKey& key) noexcept {
  return stun::wire::load_u64(crypto::sha256({key.bytes()}).data());
}

}  // namespace

void ThirdParty::set_keys(const std::vector<stun::TokenKey>& keys) {
  keys_.clear();
  for (const stun::TokenKey& key : keys) keys_.insert_or_assign(key.kid(), key);
}

result<Users::Proof> ThirdParty::authenticate(TimePoint now, const stun::Message& request,
                                              const std::string& kid) const {
  const auto key = keys_.find(kid);
  const auto time = clock_.at(now);
  if (key == keys_.end() || !time) return fail(errc::unauthorized);
  const auto bytes = request.get<stun::attr::AccessToken>();
  if (!bytes) return fail(errc::bad_token);
  const auto token = stun::open_access_token(*bytes, key->second, server_name_);
  if (!token) return fail(token.error());
  // §7: "lifetime + Delta > abs(RDnew - TS)", in whole seconds, since LIFETIME has no others.
  const auto left =
      std::chrono::floor<std::chrono::seconds>(token->left(std::chrono::floor<std::chrono::milliseconds>(*time)));
  if (left <= std::chrono::seconds{0}) return fail(errc::token_expired);
  const stun::Credential credential = stun::Credential::from_key(token->mac_key.bytes());
  const auto covered = request.authenticate(credential);
  if (!covered) return fail(covered.error());
  const UserId user{UserId::Kind::token, kid, session_of(token->mac_key)};
  return Users::Proof{*covered, credential, user, kid, now + left};
}

}  // namespace ice::turn
