#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

#include "ice/base/bytes.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/stun/attributes.hpp"
#include "ice/stun/credential.hpp"
#include "ice/stun/header.hpp"
#include "ice/stun/message.hpp"

namespace ice::stun {

/// Writes one message into the caller's buffer, without an allocation:
///
///   Builder{out, Method::binding, Class::request, id}.add<attr::Priority>(p).integrity(key).fingerprint().finish()
///
/// The first thing that goes wrong is remembered, what follows does nothing, and finish() tells. Order: attributes,
/// integrity(), integrity_sha256(), fingerprint(), each at most once; anything else is a broken precondition.
class ICE_API Builder {
 public:
  /// `out` must outlive the builder. The message has the magic cookie.
  Builder(MutableBytes out, Method method, Class message_class, const TransactionId& id) noexcept;

  /// A response to `request`: its method, its transaction id and, where it is one of RFC 3489, its form.
  static Builder response(MutableBytes out, const Message& request, Class message_class) noexcept;

  /// Adds an attribute. errc::buffer_too_small, and what A's codec tells (errc::text_too_long, …).
  template <WritableAttribute A>
  Builder& add(const typename A::value_type& value) noexcept {
    const MutableBytes room = open_value();
    if (!error_) close_value(A::type, A::encode(value, header(), room));
    return *this;
  }
  /// Adds an attribute that has no value.
  template <WritableAttribute A>
  requires std::same_as<typename A::value_type, Flag> Builder& add() noexcept { return add<A>(Flag{}); }

  /// Adds any attribute, its value as it will be on the wire.
  Builder& add_raw(AttributeType type, Bytes value) noexcept;

  /// Signs what was added so far with HMAC-SHA1 (RFC 8489 §14.5).
  Builder& integrity(const Credential& credential) noexcept;

  /// Signs with HMAC-SHA256 (§14.6); `length` is 16 to 32, a multiple of four, and 32 unless the usage allows less.
  Builder& integrity_sha256(const Credential& credential, std::size_t length = 32) noexcept;

  /// Ends the message with FINGERPRINT (§14.7).
  Builder& fingerprint() noexcept;

  /// The message, a view of `out`; or the first error.
  result<Bytes> finish() noexcept;

 private:
  friend struct BuilderAccess;  // src/stun: other padding, for the test vectors of RFC 5769
  enum class Stage : std::uint8_t { attributes, sha1, sha256, fingerprint };

  Builder(MutableBytes out, const std::uint8_t* header_tail, std::uint16_t type) noexcept;

  HeaderBytes header() const noexcept { return HeaderBytes{out_.data(), header_size}; }
  MutableBytes open_value() noexcept;
  void close_value(AttributeType type, const result<std::size_t>& size) noexcept;
  std::uint8_t* begin_computed(Stage stage, AttributeType type, std::size_t size) noexcept;

  MutableBytes out_;
  std::size_t size_ = header_size;
  std::error_code error_{};
  Stage stage_ = Stage::attributes;
  std::uint8_t padding_ = 0;
};

}  // namespace ice::stun
