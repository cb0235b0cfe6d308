#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ice/description.hpp"
#include "ice/report.hpp"
#include "ice/stun/credential.hpp"

namespace ice {

/// What both agents have agreed on for one ICE generation: who is who, and how checks are signed.
struct Session {
  Role role;
  std::uint64_t tie_breaker;  // RFC 8445 §16.1
  std::string local_ufrag;
  std::string local_password;
  stun::Credential local;  // verifies the peer's checks and signs the answers to them
  std::string remote_ufrag{};
  std::string remote_password{};
  std::optional<stun::Credential> remote{};  // signs our checks and verifies the answers; none until it is known
  bool remote_lite = false;

  bool remote_known() const noexcept { return remote.has_value(); }
};

}  // namespace ice
