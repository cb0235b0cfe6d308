#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "ice/base/random.hpp"
#include "ice/base/result.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/credential.hpp"
#include "ice/stun/message.hpp"
#include "turn/unix_clock.hpp"

namespace ice::turn {

/// Whose an allocation is. A shared-secret user is the ID alone: the time before it is another one in each credential
/// he gets. He is never the same as a user of that name who was added. One who has a token is known by its session key:
/// a kid is that of an authorization server, and all whom it vouches for have the same.
struct UserId {
  enum class Kind : std::uint8_t { added, shared_secret, token };
  Kind kind{};
  std::string name;           ///< of a token: its kid
  std::uint64_t session = 0;  ///< of a token
  friend auto operator<=>(const UserId&, const UserId&) = default;
};

/// Who may use the server: names with their keys, and secrets that names with an end are made of.
class Users {
 public:
  Users(std::string realm, RandomSource& random);

  const std::string& realm() const noexcept { return realm_; }

  /// errc::bad_text, errc::text_too_long.
  result<void> add(std::string_view name, std::string_view password);
  /// Who that is, if there was such a one.
  std::optional<UserId> remove(std::string_view name);
  void set_secrets(const std::vector<std::string>& secrets);
  void set_unix_time(TimePoint now, std::chrono::seconds since_1970) noexcept { clock_.set(now, since_1970); }

  /// A request that its sender has signed with his key.
  struct Proof {
    stun::Message covered;
    stun::Credential key;
    UserId user;
    std::string name;                       ///< as it is in keys, the time of a shared-secret credential included
    std::optional<TimePoint> good_until{};  ///< of a token: nothing it has granted outlives it (RFC 7635 §9)
  };
  /// What name the request is signed in: USERNAME as OpaqueString has it, or whose USERHASH it is. errc::unauthorized.
  result<std::string> name_in(const stun::Message& request) const;

  /// The proof that the request was signed with the key of this name, made by this algorithm. errc::unauthorized for a
  /// name whose time is over or that no secret fits, and what Message::authenticate() tells. An unknown name takes as
  /// long as a wrong password, or the time of an answer would tell which names there are.
  result<Proof> authenticate(TimePoint now, const stun::Message& request, const std::string& name,
                             stun::PasswordAlgorithm algorithm) const;
  /// The same for a name that cannot be anyone's: never a proof.
  result<Proof> refuse(const stun::Message& request) const;

 private:
  using Userhash = std::array<std::uint8_t, 32>;
  struct User {
    stun::Credential md5;
    stun::Credential sha256;
    Userhash hash;
  };

  result<Proof> authenticate_shared(TimePoint now, const stun::Message& request, const std::string& name,
                                    stun::PasswordAlgorithm algorithm) const;

  std::string realm_;
  stun::Credential nobody_;  // a key that nobody has
  std::map<std::string, User, std::less<>> users_;
  std::map<Userhash, std::string> names_;  // USERHASH (RFC 8489 §14.4)
  std::vector<crypto::HmacSha1> secrets_;
  UnixClock clock_;
};

}  // namespace ice::turn
