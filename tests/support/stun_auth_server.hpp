#pragma once

#include <cassert>
#include <functional>
#include <string>

#include "ice/stun/nonce_cookie.hpp"
#include "support/stun_messages.hpp"

namespace ice::test {

/// The server's side of the long-term credential mechanism, RFC 8489 §9.2.4 check by check, for one user.
class AuthServer {
 public:
  std::string username = "user";
  std::string password = "pass";
  std::string realm = "example.org";
  std::string nonce = "first-nonce";
  bool modern = true;      ///< RFC 8489: nonce cookie and PASSWORD-ALGORITHMS; else RFC 5389
  bool anonymous = false;  ///< wants USERHASH
  stun::PasswordAlgorithms offered = stun::PasswordAlgorithms::sha256_and_md5();
  std::function<void(stun::Builder&)> add_to_success = [](stun::Builder& b) {
    b.add<stun::attr::XorMappedAddress>(endpoint("203.0.113.9:40000"));
  };
  unsigned refuse_with = 0;  ///< answers authenticated requests with this error, signed

  std::string full_nonce() const {
    if (!modern) return nonce;
    stun::SecurityFeatures features;
    features.bits |= stun::SecurityFeatures::password_algorithms;
    if (anonymous) features.bits |= stun::SecurityFeatures::username_anonymity;
    const auto cookie = stun::make_nonce_cookie(features);
    return std::string{cookie.begin(), cookie.end()} + nonce;
  }

  Packet answer(const stun::Message& request) const {
    using namespace stun;
    if (request.integrity() == Integrity::none) return challenge(request, ErrorCode::unauthenticated);
    const auto told_nonce = request.get<attr::Nonce>();
    if ((!request.has<attr::Username>() && !request.has<attr::Userhash>()) || !request.has<attr::Realm>() ||
        !told_nonce)
      return error_response(request.transaction_id(), ErrorCode::bad_request, NoAttributes{}, request.method());
    auto algorithm = PasswordAlgorithm::md5;
    bool as_rfc5389 = true;
    if (const auto features = read_nonce_cookie(*told_nonce);
        features && features->has(SecurityFeatures::password_algorithms)) {
      const auto checked = check_password_algorithm(request, offered);
      if (!checked)
        return error_response(request.transaction_id(), ErrorCode::bad_request, NoAttributes{}, request.method());
      algorithm = *checked;
      as_rfc5389 = !request.has<attr::PasswordAlgorithm>();
    }
    const bool known_user = request.has<attr::Userhash>() ? *request.get<attr::Userhash>() == *userhash(username, realm)
                                                          : *request.get<attr::Username>() == username;
    const auto key = Credential::long_term(username, realm, password, algorithm);
    if (!known_user || !request.authenticate(*key)) return challenge(request, ErrorCode::unauthenticated);
    if (*told_nonce != full_nonce()) return challenge(request, ErrorCode::stale_nonce);
    const auto fill = [&](Builder& b) {
      if (refuse_with != 0) b.add<attr::ErrorCode>({.code = static_cast<ErrorCode>(refuse_with)});
      add_to_success(b);
      if (as_rfc5389) {
        b.integrity(*key);
      } else {
        b.integrity_sha256(*key);
      }
    };
    return stun_message(refuse_with != 0 ? Class::error_response : Class::success_response, request.transaction_id(),
                        fill, request.method());
  }

  Packet challenge(const stun::Message& request, stun::ErrorCode code) const {
    const auto fill = [&](stun::Builder& b) {
      b.add<stun::attr::Realm>(realm).add<stun::attr::Nonce>(full_nonce());
      if (modern) b.add<stun::attr::PasswordAlgorithms>(offered);
    };
    return error_response(request.transaction_id(), code, fill, request.method());
  }
};

}  // namespace ice::test
