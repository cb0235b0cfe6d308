#include "ice/stun/credential.hpp"

#include "base/crypto.hpp"
#include "stun/credential_access.hpp"
#include "stun/opaque_text.hpp"

namespace ice::stun {
namespace {

/// RFC 8489 §9.2.2: "with any quotes and trailing nulls removed".
std::string_view without_nulls(std::string_view text) noexcept {
  while (text.ends_with('\0')) text.remove_suffix(1);
  return text;
}
std::string_view without_quotes(std::string_view text) noexcept {
  text = without_nulls(text);
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"')) text = text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

Credential::Credential(Bytes key) noexcept { new (storage_.data()) CredentialAccess::Hmacs{key}; }

Credential::Credential(const Credential& other) noexcept {
  new (storage_.data()) CredentialAccess::Hmacs{CredentialAccess::hmacs(other)};
}

Credential& Credential::operator=(const Credential& other) noexcept {
  CredentialAccess::hmacs(*this) = CredentialAccess::hmacs(other);
  return *this;
}

// The HMACs wipe themselves.
Credential::~Credential() { CredentialAccess::hmacs(*this).~Hmacs(); }

result<Credential> Credential::short_term(std::string_view password) {
  const result<OpaqueText> key = OpaqueText::prepare(password);
  if (!key) return fail(key.error());
  return Credential{bytes_of(key->view())};
}

result<Credential> Credential::long_term(std::string_view username, std::string_view realm, std::string_view password,
                                         PasswordAlgorithm algorithm) {
  const result<OpaqueText> user = OpaqueText::prepare(without_quotes(username));
  const result<OpaqueText> where = OpaqueText::prepare(without_quotes(realm));
  const result<OpaqueText> secret = OpaqueText::prepare(without_nulls(password));
  if (!user || !where || !secret) return fail(errc::bad_text);

  const Bytes colon = bytes_of(":");
  const auto keyed_with = [&](auto hash) {
    auto key = hash({bytes_of(user->view()), colon, bytes_of(where->view()), colon, bytes_of(secret->view())});
    Credential credential{key};
    crypto::cleanse(key);
    return credential;
  };
  switch (algorithm) {
    case PasswordAlgorithm::md5:
      return keyed_with([](std::initializer_list<Bytes> parts) { return crypto::md5(parts); });
    case PasswordAlgorithm::sha256:
      return keyed_with([](std::initializer_list<Bytes> parts) { return crypto::sha256(parts); });
  }
  return fail(errc::unsupported);
}

Credential Credential::from_key(Bytes key) noexcept { return Credential{key}; }

result<std::array<std::uint8_t, 32>> userhash(std::string_view username, std::string_view realm) {
  const result<OpaqueText> user = OpaqueText::prepare(without_quotes(username));
  const result<OpaqueText> where = OpaqueText::prepare(without_quotes(realm));
  if (!user || !where) return fail(errc::bad_text);
  return crypto::sha256({bytes_of(user->view()), bytes_of(":"), bytes_of(where->view())});
}

result<std::string> opaque_string(std::string_view text) {
  const result<OpaqueText> prepared = OpaqueText::prepare(text);
  if (!prepared) return fail(prepared.error());
  return std::string{prepared->view()};
}

}  // namespace ice::stun
