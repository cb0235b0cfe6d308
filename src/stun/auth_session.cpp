#include "ice/stun/auth_session.hpp"

#include <cassert>
#include <utility>

#include "base/crypto.hpp"
#include "ice/stun/access_token.hpp"
#include "ice/stun/nonce_cookie.hpp"

namespace ice::stun {

namespace {

using Step = AuthSession::Judgement::Step;

void wipe(std::string& secret) noexcept {
  crypto::cleanse({reinterpret_cast<std::uint8_t*>(secret.data()), secret.size()});
}

AuthSession::Judgement failed(const Message& message, std::error_code error) noexcept {
  return {.step = Step::fail, .message = message, .error = error};
}

std::optional<ErrorCode> error_code_of(const Message& response) noexcept {
  if (response.message_class() != Class::error_response) return std::nullopt;
  const auto error = response.get<attr::ErrorCode>();
  if (!error) return std::nullopt;
  return error->code;
}

}  // namespace

result<Login> Login::make(std::string_view username, std::string_view password) {
  auto prepared_name = opaque_string(username);
  if (!prepared_name) return fail(prepared_name.error());
  auto prepared_password = opaque_string(password);
  if (!prepared_password) return fail(prepared_password.error());
  Login login;
  login.username_ = std::move(*prepared_name);
  login.secret_.assign(prepared_password->begin(), prepared_password->end());
  wipe(*prepared_password);
  return login;
}

result<Login> Login::with_token(std::string_view kid, Bytes mac_key, Bytes token, std::optional<TimePoint> good_until) {
  auto prepared = opaque_string(kid);
  if (!prepared) return fail(prepared.error());
  if (mac_key.empty() || mac_key.size() > MacKey::most_size || token.empty() || token.size() > most_token)
    return fail(errc::invalid_argument);
  Login login;
  login.username_ = std::move(*prepared);
  login.secret_.assign(mac_key.begin(), mac_key.end());
  login.token_.assign(token.begin(), token.end());
  login.good_until_ = good_until;
  return login;
}

Login& Login::operator=(Login other) noexcept {
  username_.swap(other.username_);
  secret_.swap(other.secret_);
  token_.swap(other.token_);
  good_until_ = other.good_until_;
  return *this;
}

Login::~Login() { crypto::cleanse({reinterpret_cast<std::uint8_t*>(secret_.data()), secret_.size()}); }

result<AuthSession> AuthSession::short_term(const Login& login, Integrity known) {
  auto credential = Credential::short_term(login.password());
  if (!credential) return fail(credential.error());
  AuthSession session;
  session.mechanism_ = Mechanism::short_term;
  session.known_ = session.integrity_ = known;
  session.login_ = login;
  session.credential_ = *credential;
  return session;
}

AuthSession AuthSession::long_term(const Login& login) {
  AuthSession session;
  session.mechanism_ = Mechanism::long_term;
  session.login_ = login;
  return session;
}

AuthSession AuthSession::restarted() const {
  AuthSession session;
  session.mechanism_ = mechanism_;
  session.login_ = login_;
  if (mechanism_ == Mechanism::short_term) {
    session.known_ = session.integrity_ = known_;
    session.credential_ = credential_;
  }
  return session;
}

void AuthSession::sign(Builder& request, Token token) const noexcept {
  if (!credential_) return;  // RFC 8489 §9.2.3.1: the first request is sent as if there were no authentication
  if (userhash_) {
    request.add<attr::Userhash>(*userhash_);
  } else {
    request.add<attr::Username>(login_->username());
  }
  if (mechanism_ == Mechanism::long_term) {
    // As received, byte for byte: RFC 5389 allowed longer ones than may be sent today (RFC 8489 §14.9, §14.10).
    request.add_raw(attr::Realm::type, bytes_of(realm_));
    request.add_raw(attr::Nonce::type, bytes_of(nonce_));
    if (login_->has_token() && token == Token::included) request.add<attr::AccessToken>(login_->token());
    if (!algorithms_.empty()) {
      request.add_raw(attr::PasswordAlgorithms::type, algorithms_);
      request.add<attr::PasswordAlgorithm>({.algorithm = algorithm_});
    }
  }
  if (integrity_ != Integrity::sha256) request.integrity(*credential_);
  if (integrity_ != Integrity::sha1) request.integrity_sha256(*credential_);
}

AuthSession::Judgement AuthSession::judge(const Message& response, Generation signed_at) {
  if (mechanism_ == Mechanism::none) return {.step = Step::accept, .message = response};
  if (mechanism_ == Mechanism::short_term) return verify(response);

  const std::optional<ErrorCode> code = error_code_of(response);
  if (code == ErrorCode::unauthenticated || code == ErrorCode::stale_nonce)
    return challenged(response, *code, signed_at);
  // RFC 8489 §9.2.5: for all other responses, ignored.
  if (!check_bid_down(response)) return {.step = Step::ignore, .message = response};
  // What follows speaks of "the same password it utilized for the request"; the first request utilized none, and its
  // answer is taken "as if there were no authentication" (§9.2.3.1), as from a server that does not ask for any.
  if (signed_at == 0) return {.step = Step::accept, .message = response};
  // RFC 8489 §9.2.5: discarded, or anybody on the way could end a session with a word.
  if (code == ErrorCode::bad_request && response.integrity() == Integrity::none)
    return {.step = Step::ignore, .message = response};
  return verify(response);
}

AuthSession::Judgement AuthSession::verify(const Message& response) noexcept {
  const Integrity used = response.integrity();
  // RFC 8489 §9.1.4: where only one algorithm was sent the response has to match it; §9.2.5 has it that way as well
  // once the server has named its algorithms.
  if (used == Integrity::none || (integrity_ != Integrity::none && used != integrity_))
    return {.step = Step::reject, .message = response};
  const result<Message> trusted = response.authenticate(*credential_);
  if (!trusted) return {.step = Step::reject, .message = response};
  challenges_ = 0;
  if (integrity_ == Integrity::none) {  // RFC 8489 §9.1.5: from now on only what the server has answered with
    integrity_ = used;
    ++generation_;
  }
  return {.step = Step::accept, .message = *trusted, .authenticated = true};
}

AuthSession::Judgement AuthSession::challenged(const Message& response, ErrorCode code, Generation signed_at) {
  // RFC 8489 §9.2.5: without PASSWORD-ALGORITHMS although the nonce announces them, no retry.
  if (const auto honest = check_bid_down(response); !honest) return failed(response, honest.error());
  // The answer to another transaction was the same challenge, and has been taken already.
  if (signed_at != generation_) return {.step = Step::retry, .message = response};
  if (challenges_ == most_challenges) return failed(response, make_error_code(errc::unauthorized));
  if (const std::error_code error = take_challenge(response, code)) return failed(response, error);
  ++challenges_;
  ++generation_;
  return {.step = Step::retry, .message = response};
}

std::error_code AuthSession::take_challenge(const Message& response, ErrorCode code) {
  const auto nonce = response.get<attr::Nonce>();
  const auto told_realm = response.get<attr::Realm>();
  // A 438 only needs the nonce (RFC 8489 §9.2.5), where the realm is known.
  const bool known = credential_.has_value();
  if (!nonce || (!told_realm && (code == ErrorCode::unauthenticated || !known))) return errc::bad_response;
  const std::string_view realm = told_realm ? *told_realm : std::string_view{realm_};
  // RFC 8489 §9.2.5: no retry that changes neither user name, realm nor password.
  if (code == ErrorCode::unauthenticated && known && realm == realm_) return errc::unauthorized;

  const std::error_code error =
      login_->has_token() ? use_token(response, *nonce) : use_password(response, realm, *nonce);
  if (error) return error;
  if (realm.data() != realm_.data()) realm_ = realm;
  nonce_ = *nonce;
  return {};
}

/// RFC 8489 §9.2.3
std::error_code AuthSession::use_password(const Message& response, std::string_view realm, std::string_view nonce) {
  PasswordAlgorithm algorithm = PasswordAlgorithm::md5;
  Bytes algorithms;
  if (response.has<attr::PasswordAlgorithms>()) {
    const auto offered = response.get<attr::PasswordAlgorithms>();
    if (!offered || offered->wire().size() > most_algorithm_bytes) return errc::bad_response;
    const auto chosen = offered->first_supported();
    if (!chosen) return errc::unsupported;
    algorithm = *chosen;
    algorithms = offered->wire();
  } else if (!algorithms_.empty()) {
    return errc::bid_down;  // §9.2.5: once offered, "all the subsequent requests" use MESSAGE-INTEGRITY-SHA256
  }

  const auto features = read_nonce_cookie(nonce);
  const bool anonymous = features && features->has(SecurityFeatures::username_anonymity);
  std::optional<std::array<std::uint8_t, 32>> hash;
  if (anonymous) {
    const auto hashed = userhash(login_->username(), realm);
    if (!hashed) return hashed.error();
    hash = *hashed;
  }
  if (!credential_ || realm != realm_ || algorithm != algorithm_) {
    const auto credential = Credential::long_term(login_->username(), realm, login_->password(), algorithm);
    if (!credential) return credential.error();
    credential_ = *credential;
  }
  userhash_ = hash;
  algorithm_ = algorithm;
  algorithms_.assign(algorithms.begin(), algorithms.end());
  integrity_ = algorithms.empty() ? Integrity::sha1 : Integrity::sha256;
  return {};
}

/// RFC 7635 §5: the session key is the key; there is no password to be hashed, and no user whose name would matter.
std::error_code AuthSession::use_token(const Message& response, std::string_view nonce) noexcept {
  // §6.1: without the attribute the server takes passwords alone. A 438 has no need to say it again.
  if (!credential_ && !response.has<attr::ThirdPartyAuthorization>()) return errc::unsupported;
  // §6.2: 160 bits are for HMAC-SHA-1. A longer key is for HMAC-SHA-256, if the server knows that (RFC 8489 §9.2).
  const auto features = read_nonce_cookie(nonce);
  const bool modern = features && features->has(SecurityFeatures::password_algorithms);
  integrity_ = modern && login_->mac_key().size() >= 32 ? Integrity::sha256 : Integrity::sha1;
  if (!credential_) credential_ = Credential::from_key(login_->mac_key());
  return {};
}

}  // namespace ice::stun
