#include "turn/users.hpp"

#include "turn/shared_secret.hpp"

namespace ice::turn {

using stun::Credential;
using stun::PasswordAlgorithm;

namespace {

Credential random_key(RandomSource& random) noexcept {
  std::array<std::uint8_t, 32> key;
  random.fill(key);
  const Credential credential = Credential::from_key(key);
  crypto::cleanse(key);
  return credential;
}

}  // namespace

Users::Users(std::string realm, RandomSource& random) : realm_{std::move(realm)}, nobody_{random_key(random)} {}

result<void> Users::add(std::string_view name, std::string_view password) {
  const result<std::string> prepared = stun::opaque_string(name);
  if (!prepared) return fail(prepared.error());
  if (prepared->size() > stun::codec::username_limits.bytes) return fail(errc::text_too_long);
  const auto md5 = Credential::long_term(*prepared, realm_, password, PasswordAlgorithm::md5);
  const auto sha256 = Credential::long_term(*prepared, realm_, password, PasswordAlgorithm::sha256);
  const auto hash = stun::userhash(*prepared, realm_);
  if (!md5 || !sha256 || !hash) return fail(errc::bad_text);
  users_.insert_or_assign(*prepared, User{*md5, *sha256, *hash});
  names_[*hash] = *prepared;
  return {};
}

std::optional<UserId> Users::remove(std::string_view name) {
  const result<std::string> prepared = stun::opaque_string(name);
  const auto user = prepared ? users_.find(*prepared) : users_.end();
  if (user == users_.end()) return std::nullopt;
  names_.erase(user->second.hash);
  users_.erase(user);
  return UserId{UserId::Kind::added, *prepared};
}

void Users::set_secrets(const std::vector<std::string>& secrets) {
  secrets_.clear();
  for (const std::string& secret : secrets)
    if (!secret.empty()) secrets_.emplace_back(bytes_of(secret));
}

result<std::string> Users::name_in(const stun::Message& request) const {
  if (request.has<stun::attr::Userhash>()) {
    const auto hash = request.get<stun::attr::Userhash>();
    const auto found = hash ? names_.find(*hash) : names_.end();
    if (found == names_.end()) return fail(errc::unauthorized);
    return found->second;
  }
  const auto name = request.get<stun::attr::Username>();
  result<std::string> prepared = name ? stun::opaque_string(*name) : result<std::string>{fail(name.error())};
  if (!prepared) return fail(errc::unauthorized);
  return prepared;
}

result<Users::Proof> Users::authenticate(TimePoint now, const stun::Message& request, const std::string& name,
                                         PasswordAlgorithm algorithm) const {
  const auto found = users_.find(name);
  if (found == users_.end()) return authenticate_shared(now, request, name, algorithm);
  const Credential& key = algorithm == PasswordAlgorithm::sha256 ? found->second.sha256 : found->second.md5;
  const auto covered = request.authenticate(key);
  if (!covered) return fail(covered.error());
  return Proof{*covered, key, {UserId::Kind::added, name}, name};
}

result<Users::Proof> Users::refuse(const stun::Message& request) const {
  const auto covered = request.authenticate(nobody_);
  return fail(covered ? make_error_code(errc::unauthorized) : covered.error());
}

result<Users::Proof> Users::authenticate_shared(TimePoint now, const stun::Message& request, const std::string& name,
                                                PasswordAlgorithm algorithm) const {
  const auto parsed = SharedSecretName::parse(name);
  const auto time = clock_.at(now);
  if (!parsed || secrets_.empty() || !time) return refuse(request);
  // Compared as seconds: what the name says may be more than nanoseconds can count.
  if (std::chrono::floor<std::chrono::seconds>(*time) > parsed->until) return fail(errc::unauthorized);
  for (const crypto::HmacSha1& secret : secrets_) {
    SharedSecretPassword password = shared_secret_password(secret, name);
    const auto key = Credential::long_term(name, realm_, {password.data(), password.size()}, algorithm);
    crypto::cleanse({reinterpret_cast<std::uint8_t*>(password.data()), password.size()});
    if (!key) return fail(key.error());
    if (const auto covered = request.authenticate(*key))
      return Proof{*covered, *key, {UserId::Kind::shared_secret, std::string{parsed->id}}, name};
  }
  return fail(errc::unauthorized);
}

}  // namespace ice::turn
