#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string_view>

#include "base/crypto.hpp"

namespace ice::turn {

/// What a user name of draft-uberti-behave-turn-rest-00 says: "TIME:ID" or "TIME".
struct SharedSecretName {
  std::chrono::seconds until;  ///< Unix time
  std::string_view id;         ///< a view of the name; the whole of it where it has no ID

  static std::optional<SharedSecretName> parse(std::string_view name) noexcept;
};

/// base64 of a MAC of SHA-1.
using SharedSecretPassword = std::array<char, 28>;
SharedSecretPassword shared_secret_password(const crypto::HmacSha1& secret, std::string_view name) noexcept;

}  // namespace ice::turn
