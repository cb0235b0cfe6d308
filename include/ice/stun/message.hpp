#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "ice/base/bytes.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/stun/attributes.hpp"
#include "ice/stun/credential.hpp"
#include "ice/stun/header.hpp"
#include "ice/stun/wire.hpp"

namespace ice::stun {

/// An attribute as it is on the wire, without its padding.
struct RawAttribute {
  AttributeType type{};
  Bytes value{};
};

/// The attributes of a message in their order, duplicates included; those that must be ignored are left out.
class AttributeRange {
 public:
  class Iterator {
   public:
    using value_type = RawAttribute;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = const value_type*;
    using reference = value_type;

    RawAttribute operator*() const noexcept {
      return {AttributeType{wire::load_u16(at_)}, {at_ + 4, wire::load_u16(at_ + 2)}};
    }
    Iterator& operator++() noexcept {
      at_ += 4 + ((std::size_t{wire::load_u16(at_ + 2)} + 3) & ~std::size_t{3});
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) noexcept = default;

   private:
    friend class AttributeRange;
    explicit Iterator(const std::uint8_t* at) noexcept : at_{at} {}
    const std::uint8_t* at_;
  };

  Iterator begin() const noexcept { return Iterator{attributes_.data()}; }
  Iterator end() const noexcept { return Iterator{attributes_.data() + attributes_.size()}; }

 private:
  friend class Message;
  explicit AttributeRange(Bytes attributes) noexcept : attributes_{attributes} {}
  Bytes attributes_;  // whole attributes, as parse() has checked
};

/// Which of the two attributes proves who sent a message.
enum class Integrity : std::uint8_t { none, sha1, sha256 };

/// A STUN message, as a view of the bytes it was parsed from, which must outlive it. parse() walks every attribute
/// once; no later access can leave the bytes, and none allocates. A value of 24 bytes.
///
/// What does not count is not seen (RFC 8489 §9, §14): what follows an integrity attribute except the attributes of
/// integrity and FINGERPRINT themselves, all that follows FINGERPRINT, and all but the first of several of a type
/// (`attributes()` has those too).
class ICE_API Message {
 public:
  /// The one whole message that `data` is (RFC 8489 §5, §14). errc::not_stun, errc::truncated, errc::trailing_bytes,
  /// errc::malformed_message. Values are not looked into: a strange one spoils its attribute alone.
  static result<Message> parse(Bytes data) noexcept;

  /// The same for RFC 3489, whose messages have a random number in place of the magic cookie; for binding servers that
  /// still answer such clients. Messages with the cookie are errc::not_stun here.
  static result<Message> parse_classic(Bytes data) noexcept;

  Method method() const noexcept { return method_of(type()); }
  Class message_class() const noexcept { return class_of(type()); }
  bool is(Method method, Class message_class) const noexcept { return type() == message_type(method, message_class); }
  TransactionId transaction_id() const noexcept;
  /// True for a message of RFC 3489.
  bool is_classic() const noexcept { return wire::load_u32(data_ + 4) != magic_cookie; }

  /// The message as it is on the wire, also where authenticate() has narrowed the view.
  Bytes bytes() const noexcept { return {data_, header_size + wire::load_u16(data_ + 2)}; }
  HeaderBytes header() const noexcept { return HeaderBytes{data_, header_size}; }

  /// True where there is such an attribute, whatever its value is worth.
  template <Attribute A>
  bool has() const noexcept {
    constexpr std::size_t slot = slot_of(A::type);
    if constexpr (slot == no_slot) return find<A>() != plain_end_;
    return (present_ & detail::bit(slot)) != 0;
  }

  /// The value of the first attribute A, decoded. Views in it live as long as the message's bytes.
  /// errc::no_such_attribute, errc::malformed_attribute, and what A's codec tells.
  template <Attribute A>
  result<typename A::value_type> get() const noexcept {
    if (!has<A>()) return fail(errc::no_such_attribute);
    return A::decode(value_at(find<A>()), header());
  }

  /// All but the attributes of integrity and FINGERPRINT, in order, for what may come more than once:
  /// `for (RawAttribute raw : m.attributes()) if (raw.type == A::type) use(A::decode(raw.value, m.header()))`.
  AttributeRange attributes() const noexcept { return AttributeRange{{data_ + header_size, data_ + plain_end_}}; }

  /// The comprehension-required attributes that the reader does not understand, for 420 (RFC 8489 §6.3.1).
  AttributeTypeList unknown_required(AttributeSet understood = AttributeSet::current()) const noexcept;

  /// What authenticate() would verify: MESSAGE-INTEGRITY-SHA256 where there is one, else MESSAGE-INTEGRITY
  /// (RFC 8489 §9.1.3).
  Integrity integrity() const noexcept;

  /// Verifies that the message was signed with this key and gives the part that the signature covers, which is all
  /// that may be trusted: no FINGERPRINT, nothing after the signature. MESSAGE-INTEGRITY-SHA256 may be truncated down
  /// to `least_sha256` bytes, where the usage allows less than 32 (§14.6). errc::no_integrity, errc::wrong_integrity,
  /// errc::malformed_attribute. RFC 3489 signed differently; such messages are never authentic here.
  result<Message> authenticate(const Credential& credential, std::size_t least_sha256 = 32) const noexcept;

  /// True for what authenticate() returned.
  bool is_authenticated() const noexcept { return authenticated_; }

  /// RFC 8489 §7, §14.7. errc::no_such_attribute, errc::wrong_fingerprint also where it is not the last attribute.
  result<void> check_fingerprint() const noexcept;

 private:
  explicit Message(const std::uint8_t* data) noexcept : data_{data} {}
  static result<Message> walk(Bytes data) noexcept;

  std::uint16_t type() const noexcept { return wire::load_u16(data_); }
  Bytes value_at(std::size_t at) const noexcept { return {data_ + at + 4, wire::load_u16(data_ + at + 2)}; }
  std::size_t next(std::size_t at) const noexcept { return at + 4 + ((value_at(at).size() + 3) & ~std::size_t{3}); }

  // The offset of the first attribute A, or the end of those it could be among: integrity and FINGERPRINT stand behind
  // all others that count.
  template <Attribute A>
  std::size_t find() const noexcept {
    constexpr bool behind = A::type == attr::MessageIntegrity::type || A::type == attr::MessageIntegritySha256::type ||
                            A::type == attr::Fingerprint::type;
    std::size_t at = behind ? plain_end_ : header_size;
    const std::size_t end = behind ? bytes().size() : plain_end_;
    while (at != end && AttributeType{wire::load_u16(data_ + at)} != A::type) at = next(at);
    return at;
  }

  const std::uint8_t* data_;
  // Which of the known attributes count. It makes absence cheap to tell, and a walk for what is there is short: an
  // index of places was measured, and to copy it with the message cost more than it saved.
  std::uint64_t present_ = 0;
  std::uint32_t plain_end_ = header_size;  // of the attributes before integrity and FINGERPRINT
  bool authenticated_ = false;
};

}  // namespace ice::stun
