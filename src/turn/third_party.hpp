#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/result.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/access_token.hpp"
#include "ice/stun/message.hpp"
#include "turn/unix_clock.hpp"
#include "turn/users.hpp"

namespace ice::turn {

/// Whom authorization servers vouch for (RFC 7635): the keys that they share with this server, and what a token of
/// theirs is worth. Nothing is kept of a token.
class ThirdParty {
 public:
  explicit ThirdParty(std::string server_name) : server_name_{std::move(server_name)} {}

  void set_keys(const std::vector<stun::TokenKey>& keys);
  void set_unix_time(TimePoint now, std::chrono::seconds since_1970) noexcept { clock_.set(now, since_1970); }

  /// Whether there is anybody whose tokens are good.
  bool offered() const noexcept { return !keys_.empty(); }
  /// THIRD-PARTY-AUTHORIZATION (§6.1).
  const std::string& server_name() const noexcept { return server_name_; }

  /// The proof that the request's token is good now, and that it was signed with the session key in it (§7).
  /// errc::unauthorized for a kid that nobody has, errc::bad_token, errc::token_expired, and what
  /// Message::authenticate() tells.
  result<Users::Proof> authenticate(TimePoint now, const stun::Message& request, const std::string& kid) const;

 private:
  std::string server_name_;
  std::map<std::string, stun::TokenKey, std::less<>> keys_;  // by kid
  UnixClock clock_;
};

}  // namespace ice::turn
