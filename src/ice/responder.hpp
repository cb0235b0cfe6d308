#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "ice/base/datagram.hpp"
#include "ice/session.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"

namespace ice {

/// The server side of connectivity checks and of consent: it authenticates a Binding request with the local password
/// and writes the answer at once, whether or not the peer's description is known (RFC 8445 §7.3). What the request
/// tells is the caller's business.
class Responder {
 public:
  /// Error answers to what could not be authenticated, within `error_window`; ours: they go to an address that anybody
  /// can claim to have, so they are few. Requests beyond it are dropped.
  static constexpr std::uint32_t max_errors = 10;
  static constexpr Duration error_window = std::chrono::seconds{1};

  explicit Responder(Session& session) noexcept : session_{session} {}

  /// What an accepted request told. The view is one of the request.
  struct Check {
    std::string_view remote_ufrag;
    std::uint32_t priority = 0;
    bool nominates = false;
  };
  struct Outcome {
    Verdict verdict = Verdict::handled;
    Bytes answer{};                // to be sent to where the request came from; empty for none
    std::optional<Check> check{};  // set where the answer is a success, and the request one of this session
    bool authentic = false;
    bool other_session = false;  // our ufrag and password, and another peer's ufrag
    bool other_ufrag = false;    // not ours: of another generation, or a stranger's
    bool role_switched = false;  // the session has the other role now (RFC 8445 §7.3.1.1)
  };

  /// `from` must be canonical. With `revoked` every authentic request is answered 403: this side has ended, and its
  /// peer should not have to wait for consent to expire (RFC 7675 §5.2).
  Outcome handle_request(TimePoint now, const stun::Message& request, const Endpoint& from, bool revoked,
                         MutableBytes scratch);

 private:
  Outcome refuse(TimePoint now, const stun::Message& request, stun::ErrorCode code, MutableBytes scratch);
  Bytes error(const stun::Message& request, stun::ErrorCode code, MutableBytes scratch) const noexcept;
  bool keeps_role(Role claimed, std::uint64_t tie_breaker) const noexcept;

  Session& session_;
  TimePoint window_start_ = TimePoint::min();
  std::uint32_t errors_ = 0;
};

}  // namespace ice
