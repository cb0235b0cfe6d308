#pragma once

#include <string>
#include <string_view>

#include "base/crypto.hpp"
#include "ice/base/result.hpp"

namespace ice::stun {

/// A text that went through the OpaqueString profile (RFC 8265 §4.2). It may be a password, so what it owns is wiped.
class OpaqueText {
 public:
  /// errc::bad_text. Printable ASCII is what it is: no copy is made, and the source must live as long as this.
  static result<OpaqueText> prepare(std::string_view text);

  OpaqueText(const OpaqueText&) = default;
  OpaqueText& operator=(const OpaqueText&) = default;
  ~OpaqueText() { crypto::cleanse({reinterpret_cast<std::uint8_t*>(owned_.data()), owned_.size()}); }

  std::string_view view() const noexcept { return owned_.empty() ? source_ : std::string_view{owned_}; }

 private:
  explicit OpaqueText(std::string_view source) noexcept : source_{source} {}

  std::string_view source_;
  std::string owned_;
};

}  // namespace ice::stun
