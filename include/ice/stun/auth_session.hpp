#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/credential.hpp"
#include "ice/stun/message.hpp"

namespace ice::stun {

/// Who a client says it is: a user name and a password; or, with third-party authorization (RFC 7635), the key id, the
/// session key and the access token that an authorization server gave it. Secrets are overwritten when they are no
/// longer needed.
class ICE_API Login {
 public:
  static constexpr std::size_t most_token = 512;  ///< RFC 7635 §6.2: it has to fit into a datagram, with the rest

  /// Both in the form that goes over the wire and into keys (RFC 8265 §4.2, OpaqueString). errc::bad_text.
  static result<Login> make(std::string_view username, std::string_view password);

  /// RFC 7635 §5: `kid` goes into USERNAME, `token` into ACCESS-TOKEN, and `mac_key` signs. The token's bytes are the
  /// server's, not the base64 that HTTP delivers them in. `good_until`: when its "expires_in" is over, if that is
  /// known; a token is not used any more then (§8). errc::bad_text for the kid; errc::invalid_argument for an empty
  /// key, a key of more than 64 bytes, an empty token, or one of more than `most_token`.
  static result<Login> with_token(std::string_view kid, Bytes mac_key, Bytes token,
                                  std::optional<TimePoint> good_until = std::nullopt);

  Login(const Login& other) = default;
  Login& operator=(Login other) noexcept;
  Login(Login&& other) noexcept = default;
  ~Login();

  /// With a token, its kid.
  const std::string& username() const noexcept { return username_; }
  /// With a token, "".
  std::string_view password() const noexcept {
    return has_token() ? std::string_view{} : std::string_view{secret_.data(), secret_.size()};
  }

  bool has_token() const noexcept { return !token_.empty(); }
  Bytes token() const noexcept { return token_; }
  /// Without a token, nothing.
  Bytes mac_key() const noexcept { return has_token() ? bytes_of({secret_.data(), secret_.size()}) : Bytes{}; }
  std::optional<TimePoint> good_until() const noexcept { return good_until_; }

 private:
  Login() = default;

  std::string username_;
  std::vector<char> secret_;  // no string: its small ones stay behind in what they were moved from
  std::vector<std::uint8_t> token_;
  std::optional<TimePoint> good_until_;
};

/// The client's side of the two mechanisms of RFC 8489 §9, toward one server: what a request is signed with, and what
/// a response is worth. It holds what has to be remembered from one transaction to the next (realm, nonce, algorithms,
/// key) and knows nothing of timers and packets; BindingClient and TURN use it alike.
///
/// Sessions serve several transactions at a time. A challenge changes what the next request looks like, and a
/// retransmission must look like the first: so the owner notes generation() when it first writes a request. If the
/// generation is another when a retransmission is due, it begins a new transaction instead.
///
/// Redirected to another server (RFC 8489 §10), begin again with restarted(): same login, nothing else.
class ICE_API AuthSession {
 public:
  using Generation = std::uint32_t;

  /// Challenges in a row without one accepted answer between them, until the server is given up: one for the realm, one
  /// for a nonce that was stale at once, one for another realm, and one more. Ours; RFC 8489 §9.2.5 sets no limit and a
  /// server that always says 438 would have us ask forever.
  static constexpr std::uint8_t most_challenges = 4;
  /// The longest PASSWORD-ALGORITHMS that is repeated to a server: 32 algorithms without parameters. Ours.
  static constexpr std::size_t most_algorithm_bytes = 128;

  /// No authentication: requests get nothing, responses are all accepted.
  AuthSession() noexcept = default;

  /// RFC 8489 §9.1. `known` is the algorithm that both sides are known to support, else the first request has both and
  /// the answer decides (§9.1.5). errc::bad_text.
  static result<AuthSession> short_term(const Login& login, Integrity known = Integrity::none);

  /// RFC 8489 §9.2, or RFC 7635 with a login that has a token. The first request goes without credentials; the server's
  /// challenge says which.
  static AuthSession long_term(const Login& login);

  /// The same login toward another server.
  AuthSession restarted() const;

  /// Changes whenever sign() changes.
  Generation generation() const noexcept { return generation_; }

  /// Whether a request has ACCESS-TOKEN, where the login has a token: of TURN's only Allocate and Refresh do (RFC 7635
  /// §9), the server remembers it for the others.
  enum class Token : bool { left_out, included };

  /// Adds what proves who is asking, the signature last; only fingerprint() may follow. Does not allocate.
  void sign(Builder& request, Token token = Token::included) const noexcept;

  struct Judgement {
    enum class Step : std::uint8_t {
      accept,  ///< it counts: `message` is the part of it that does
      ignore,  ///< as if it had never come, and say nothing of it either
      reject,  ///< not proven to come from the server: Transaction::reject_response()
      retry,   ///< a step, not a failure: ask again with a new transaction
      fail,    ///< the transaction is over: `error` says why
    };
    Step step;
    Message message;
    bool authenticated = false;
    std::error_code error{};
  };

  /// What to do with a response that matches a transaction whose request was signed at `signed_at`. A challenge that is
  /// news to the session changes generation(); it may allocate then. Errors: errc::unauthorized, errc::bid_down,
  /// errc::unsupported (none of the server's password algorithms, or it takes no access tokens), errc::bad_response.
  Judgement judge(const Message& response, Generation signed_at);

  /// The realm of the server, "" until it has told.
  std::string_view realm() const noexcept { return realm_; }

 private:
  enum class Mechanism : std::uint8_t { none, short_term, long_term };

  Judgement challenged(const Message& response, ErrorCode code, Generation signed_at);
  std::error_code take_challenge(const Message& response, ErrorCode code);
  std::error_code use_password(const Message& response, std::string_view realm, std::string_view nonce);
  std::error_code use_token(const Message& response, std::string_view nonce) noexcept;
  Judgement verify(const Message& response) noexcept;

  Mechanism mechanism_ = Mechanism::none;
  Integrity known_ = Integrity::none;      // short-term: what the owner knew from the start
  Integrity integrity_ = Integrity::none;  // what requests are signed with; none means both
  std::uint8_t challenges_ = 0;
  Generation generation_ = 0;
  std::optional<Login> login_;
  std::optional<Credential> credential_;
  // Long-term, from the challenge.
  std::string realm_;
  std::string nonce_;
  std::vector<std::uint8_t> algorithms_;  // PASSWORD-ALGORITHMS as received; empty where the server has none
  PasswordAlgorithm algorithm_ = PasswordAlgorithm::md5;
  std::optional<std::array<std::uint8_t, 32>> userhash_;
};

}  // namespace ice::stun
