#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ice/base/bytes.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/stun/attribute_values.hpp"
#include "ice/stun/header.hpp"
#include "ice/stun/password_algorithm.hpp"
#include "ice/stun/wire.hpp"

/// How values are written. Each codec has
///
///   value_type
///   decode(Bytes value, HeaderBytes) -> result<value_type>   what is a view in it, is a view of `value`
///   encode(value, HeaderBytes, MutableBytes out) -> result<std::size_t>   bytes used of `out`, without padding
///
/// The header is that of the message: XOR-ed addresses need it, and RFC 3489 pads differently. decode() fails with
/// errc::malformed_attribute and what is told below, encode() with errc::buffer_too_small and the same. Reserved bits
/// are written as 0 and ignored when read. A codec without encode() is for attributes that Builder computes itself.
namespace ice::stun::codec {

template <std::unsigned_integral T>
struct Number {
  using value_type = T;
  static result<T> decode(Bytes value, HeaderBytes) noexcept {
    if (value.size() != sizeof(T)) return fail(errc::malformed_attribute);
    if constexpr (sizeof(T) == 8) {
      return wire::load_u64(value.data());
    } else {
      static_assert(sizeof(T) == 4);
      return wire::load_u32(value.data());
    }
  }
  static result<std::size_t> encode(T value, HeaderBytes, MutableBytes out) noexcept {
    if (out.size() < sizeof(T)) return fail(errc::buffer_too_small);
    if constexpr (sizeof(T) == 8) {
      wire::store_u64(out.data(), value);
    } else {
      wire::store_u32(out.data(), value);
    }
    return sizeof(T);
  }
};
using Uint32 = Number<std::uint32_t>;
using Uint64 = Number<std::uint64_t>;

struct Empty {
  using value_type = Flag;
  static result<Flag> decode(Bytes value, HeaderBytes) noexcept {
    if (!value.empty()) return fail(errc::malformed_attribute);
    return Flag{};
  }
  static result<std::size_t> encode(Flag, HeaderBytes, MutableBytes) noexcept { return std::size_t{0}; }
};

template <std::size_t Size>
struct FixedBytes {
  using value_type = std::array<std::uint8_t, Size>;
  static result<value_type> decode(Bytes value, HeaderBytes) noexcept {
    if (value.size() != Size) return fail(errc::malformed_attribute);
    value_type bytes;
    std::copy_n(value.begin(), Size, bytes.begin());
    return bytes;
  }
  static result<std::size_t> encode(const value_type& value, HeaderBytes, MutableBytes out) noexcept {
    if (out.size() < Size) return fail(errc::buffer_too_small);
    std::copy_n(value.begin(), Size, out.begin());
    return Size;
  }
};
using Bytes8 = FixedBytes<8>;
using Bytes32 = FixedBytes<32>;

/// Bytes that mean something to somebody else; no other limit than the message's.
struct ICE_API Opaque {
  using value_type = Bytes;
  static result<Bytes> decode(Bytes value, HeaderBytes) noexcept { return value; }
  static result<std::size_t> encode(Bytes value, HeaderBytes, MutableBytes out) noexcept;
};

/// MESSAGE-INTEGRITY and FINGERPRINT are computed; so is MESSAGE-INTEGRITY-SHA256, of 16 to 32 bytes (RFC 8489 §14.6).
struct Sha1Mac {
  using value_type = std::array<std::uint8_t, 20>;
  static result<value_type> decode(Bytes value, HeaderBytes header) noexcept {
    return FixedBytes<20>::decode(value, header);
  }
};
struct Sha256Mac {
  using value_type = Bytes;
  static result<Bytes> decode(Bytes value, HeaderBytes) noexcept {
    if (value.size() < 16 || value.size() > 32 || value.size() % 4 != 0) return fail(errc::malformed_attribute);
    return value;
  }
};
struct Crc32 {
  using value_type = std::uint32_t;
  static result<std::uint32_t> decode(Bytes value, HeaderBytes header) noexcept {
    return Uint32::decode(value, header);
  }
};

/// RFC 8489 §14.1. decode(): errc::unknown_address_family. encode(): errc::invalid_argument for no address.
struct ICE_API PlainEndpoint {
  using value_type = Endpoint;
  static result<Endpoint> decode(Bytes value, HeaderBytes header) noexcept;
  static result<std::size_t> encode(const Endpoint& value, HeaderBytes header, MutableBytes out) noexcept;
};

/// RFC 8489 §14.2: XOR-ed with the cookie and the transaction id.
struct ICE_API XorEndpoint {
  using value_type = Endpoint;
  static result<Endpoint> decode(Bytes value, HeaderBytes header) noexcept;
  static result<std::size_t> encode(const Endpoint& value, HeaderBytes header, MutableBytes out) noexcept;
};

/// Limits of RFC 8489 §14: what may be sent, and what must be understood for the sake of RFC 5389.
struct TextLimits {
  std::size_t characters;     ///< to send
  std::size_t bytes;          ///< to send
  std::size_t bytes_decoded;  ///< to understand
  bool any_bytes = false;     ///< what comes need not be UTF-8
};
inline constexpr std::size_t unlimited = max_message_size;
inline constexpr TextLimits username_limits{unlimited, 508, 763};  ///< §14.3
inline constexpr TextLimits phrase_limits{127, 509, 763};          ///< §14.8, §14.9, §14.14
/// §14.10. A client only sends it back, so one that is no text does no harm.
inline constexpr TextLimits nonce_limits{127, 509, 763, true};
inline constexpr TextLimits free_limits{unlimited, unlimited, unlimited};

ICE_API result<std::string_view> decode_text(Bytes value, const TextLimits& limits) noexcept;
ICE_API result<std::size_t> encode_text(std::string_view text, const TextLimits& limits, MutableBytes out) noexcept;

/// UTF-8 text. decode(): errc::text_too_long, and errc::bad_text where it is not UTF-8; encode() the same.
template <const TextLimits& Limits>
struct Text {
  using value_type = std::string_view;
  static result<std::string_view> decode(Bytes value, HeaderBytes) noexcept { return decode_text(value, Limits); }
  static result<std::size_t> encode(std::string_view text, HeaderBytes, MutableBytes out) noexcept {
    return encode_text(text, Limits, out);
  }
};
using UsernameText = Text<username_limits>;
using PhraseText = Text<phrase_limits>;
using NonceText = Text<nonce_limits>;
using FreeText = Text<free_limits>;

/// RFC 8489 §14.16: a DNS name of RFC 1123. errc::text_too_long beyond 255 characters, else errc::bad_text.
struct ICE_API DomainName {
  using value_type = std::string_view;
  static constexpr std::size_t longest = 255;
  static result<std::string_view> decode(Bytes value, HeaderBytes) noexcept;
  static result<std::size_t> encode(std::string_view name, HeaderBytes, MutableBytes out) noexcept;
};

/// RFC 8489 §14.8. A reason phrase that is too long or no UTF-8 is read as "": the code is what counts.
/// encode(): errc::invalid_argument for a code outside 300 to 699.
struct ICE_API ErrorValue {
  using value_type = Error;
  static result<Error> decode(Bytes value, HeaderBytes header) noexcept;
  static result<std::size_t> encode(const Error& value, HeaderBytes header, MutableBytes out) noexcept;
};

/// RFC 8656 §18.12, the same with a family. decode(): errc::unknown_address_family.
struct ICE_API AddressErrorValue {
  using value_type = AddressError;
  static result<AddressError> decode(Bytes value, HeaderBytes header) noexcept;
  static result<std::size_t> encode(const AddressError& value, HeaderBytes header, MutableBytes out) noexcept;
};

/// RFC 8489 §14.13. More than AttributeTypeList holds are read as far as it does.
struct ICE_API TypeList {
  using value_type = AttributeTypeList;
  static result<AttributeTypeList> decode(Bytes value, HeaderBytes header) noexcept;
  static result<std::size_t> encode(const AttributeTypeList& value, HeaderBytes header, MutableBytes out) noexcept;
};

/// RFC 8489 §14.11.
struct ICE_API AlgorithmList {
  using value_type = PasswordAlgorithms;
  static result<PasswordAlgorithms> decode(Bytes value, HeaderBytes) noexcept {
    return PasswordAlgorithms::parse(value);
  }
  static result<std::size_t> encode(const PasswordAlgorithms& value, HeaderBytes header, MutableBytes out) noexcept;
};

/// RFC 8489 §14.12.
struct ICE_API AlgorithmValue {
  using value_type = PasswordAlgorithmEntry;
  static result<PasswordAlgorithmEntry> decode(Bytes value, HeaderBytes header) noexcept;
  static result<std::size_t> encode(const PasswordAlgorithmEntry& value, HeaderBytes, MutableBytes out) noexcept;
};

/// RFC 8656 §18.1: the number, then two reserved bytes.
struct ICE_API ChannelNumberValue {
  using value_type = std::uint16_t;
  static result<std::uint16_t> decode(Bytes value, HeaderBytes) noexcept;
  static result<std::size_t> encode(std::uint16_t value, HeaderBytes, MutableBytes out) noexcept;
};

/// RFC 5780 §7.5: a port, "followed by 2 bytes of padding", which some count as part of the value and some do not.
/// Both are read; it is written with them, as deployed servers do.
struct ICE_API PortValue {
  using value_type = std::uint16_t;
  static result<std::uint16_t> decode(Bytes value, HeaderBytes) noexcept;
  static result<std::size_t> encode(std::uint16_t value, HeaderBytes, MutableBytes out) noexcept;
};

/// RFC 8656 §18.2.
struct ICE_API SecondsValue {
  using value_type = Seconds;
  static result<Seconds> decode(Bytes value, HeaderBytes header) noexcept;
  static result<std::size_t> encode(Seconds value, HeaderBytes header, MutableBytes out) noexcept;
};

/// RFC 8656 §18.6. decode(): errc::unknown_address_family. encode(): errc::invalid_argument for Family::none.
struct ICE_API FamilyValue {
  using value_type = Family;
  static result<Family> decode(Bytes value, HeaderBytes) noexcept;
  static result<std::size_t> encode(Family value, HeaderBytes, MutableBytes out) noexcept;
};

/// RFC 8656 §18.7, one byte.
struct ICE_API EvenPortValue {
  using value_type = EvenPort;
  static result<EvenPort> decode(Bytes value, HeaderBytes) noexcept;
  static result<std::size_t> encode(EvenPort value, HeaderBytes, MutableBytes out) noexcept;
};

/// RFC 8656 §18.8.
struct ICE_API ProtocolValue {
  using value_type = IpProtocol;
  static result<IpProtocol> decode(Bytes value, HeaderBytes) noexcept;
  static result<std::size_t> encode(IpProtocol value, HeaderBytes, MutableBytes out) noexcept;
};

/// RFC 8656 §18.13.
struct ICE_API IcmpValue {
  using value_type = IcmpError;
  static result<IcmpError> decode(Bytes value, HeaderBytes) noexcept;
  static result<std::size_t> encode(const IcmpError& value, HeaderBytes, MutableBytes out) noexcept;
};

/// RFC 5780 §7.2.
struct ICE_API ChangeRequestValue {
  using value_type = ChangeRequest;
  static result<ChangeRequest> decode(Bytes value, HeaderBytes header) noexcept;
  static result<std::size_t> encode(ChangeRequest value, HeaderBytes header, MutableBytes out) noexcept;
};

/// RFC 7982 §3.1.
struct ICE_API TransmitCounterValue {
  using value_type = TransmitCounter;
  static result<TransmitCounter> decode(Bytes value, HeaderBytes) noexcept;
  static result<std::size_t> encode(TransmitCounter value, HeaderBytes, MutableBytes out) noexcept;
};

}  // namespace ice::stun::codec
