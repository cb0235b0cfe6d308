#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ice/stun/attribute_codec.hpp"

namespace ice::stun {

/// An attribute: its number, its name, and a codec's value_type and decode(). Those below are known to the library;
/// an application may define one of its own in the same way, `struct Mine : codec::Uint32 { type, name };`.
template <class A>
concept Attribute = requires(Bytes value, HeaderBytes header) {
  typename A::value_type;
  { A::type } -> std::convertible_to<AttributeType>;
  { A::name } -> std::convertible_to<std::string_view>;
  { A::decode(value, header) } -> std::same_as<result<typename A::value_type>>;
};

/// One that can be added to a message as it is. The integrity attributes and FINGERPRINT are not: Builder makes them.
template <class A>
concept WritableAttribute = Attribute<A> &&
    requires(const typename A::value_type& value, HeaderBytes header, MutableBytes out) {
  { A::encode(value, header, out) } -> std::same_as<result<std::size_t>>;
};

// The one table: type in C++, number, name, codec, where it is specified. Everything else about attributes is made of
// it. Unknown comprehension-required attributes are those that are not here, and those of RFC 3489 that RFC 8489 has
// taken back.
// clang-format off
#define ICE_STUN_ATTRIBUTES(X) \
  X(MappedAddress,              0x0001, "MAPPED-ADDRESS",               PlainEndpoint,        "RFC 8489 §14.1") \
  X(ResponseAddress,            0x0002, "RESPONSE-ADDRESS",             PlainEndpoint,        "RFC 3489 §11.2.2") \
  X(ChangeRequest,              0x0003, "CHANGE-REQUEST",               ChangeRequestValue,   "RFC 5780 §7.2") \
  X(SourceAddress,              0x0004, "SOURCE-ADDRESS",               PlainEndpoint,        "RFC 3489 §11.2.5") \
  X(ChangedAddress,             0x0005, "CHANGED-ADDRESS",              PlainEndpoint,        "RFC 3489 §11.2.3") \
  X(Username,                   0x0006, "USERNAME",                     UsernameText,         "RFC 8489 §14.3") \
  X(Password,                   0x0007, "PASSWORD",                     FreeText,             "RFC 3489 §11.2.7") \
  X(MessageIntegrity,           0x0008, "MESSAGE-INTEGRITY",            Sha1Mac,              "RFC 8489 §14.5") \
  X(ErrorCode,                  0x0009, "ERROR-CODE",                   ErrorValue,           "RFC 8489 §14.8") \
  X(UnknownAttributes,          0x000A, "UNKNOWN-ATTRIBUTES",           TypeList,             "RFC 8489 §14.13") \
  X(ReflectedFrom,              0x000B, "REFLECTED-FROM",               PlainEndpoint,        "RFC 3489 §11.2.11") \
  X(ChannelNumber,              0x000C, "CHANNEL-NUMBER",               ChannelNumberValue,   "RFC 8656 §18.1") \
  X(Lifetime,                   0x000D, "LIFETIME",                     SecondsValue,         "RFC 8656 §18.2") \
  X(XorPeerAddress,             0x0012, "XOR-PEER-ADDRESS",             XorEndpoint,          "RFC 8656 §18.3") \
  X(Data,                       0x0013, "DATA",                         Opaque,               "RFC 8656 §18.4") \
  X(Realm,                      0x0014, "REALM",                        PhraseText,           "RFC 8489 §14.9") \
  X(Nonce,                      0x0015, "NONCE",                        NonceText,            "RFC 8489 §14.10") \
  X(XorRelayedAddress,          0x0016, "XOR-RELAYED-ADDRESS",          XorEndpoint,          "RFC 8656 §18.5") \
  X(RequestedAddressFamily,     0x0017, "REQUESTED-ADDRESS-FAMILY",     FamilyValue,          "RFC 8656 §18.6") \
  X(EvenPort,                   0x0018, "EVEN-PORT",                    EvenPortValue,        "RFC 8656 §18.7") \
  X(RequestedTransport,         0x0019, "REQUESTED-TRANSPORT",          ProtocolValue,        "RFC 8656 §18.8") \
  X(DontFragment,               0x001A, "DONT-FRAGMENT",                Empty,                "RFC 8656 §18.9") \
  X(AccessToken,                0x001B, "ACCESS-TOKEN",                 Opaque,               "RFC 7635 §6.2") \
  X(MessageIntegritySha256,     0x001C, "MESSAGE-INTEGRITY-SHA256",     Sha256Mac,            "RFC 8489 §14.6") \
  X(PasswordAlgorithm,          0x001D, "PASSWORD-ALGORITHM",           AlgorithmValue,       "RFC 8489 §14.12") \
  X(Userhash,                   0x001E, "USERHASH",                     Bytes32,              "RFC 8489 §14.4") \
  X(XorMappedAddress,           0x0020, "XOR-MAPPED-ADDRESS",           XorEndpoint,          "RFC 8489 §14.2") \
  X(ReservationToken,           0x0022, "RESERVATION-TOKEN",            Bytes8,               "RFC 8656 §18.10") \
  X(Priority,                   0x0024, "PRIORITY",                     Uint32,               "RFC 8445 §16.1") \
  X(UseCandidate,               0x0025, "USE-CANDIDATE",                Empty,                "RFC 8445 §16.1") \
  X(Padding,                    0x0026, "PADDING",                      Opaque,               "RFC 5780 §7.6") \
  X(ResponsePort,               0x0027, "RESPONSE-PORT",                PortValue,            "RFC 5780 §7.5") \
  X(ConnectionId,               0x002A, "CONNECTION-ID",                Uint32,               "RFC 6062 §6.2.1") \
  X(AdditionalAddressFamily,    0x8000, "ADDITIONAL-ADDRESS-FAMILY",    FamilyValue,          "RFC 8656 §18.11") \
  X(AddressErrorCode,           0x8001, "ADDRESS-ERROR-CODE",           AddressErrorValue,    "RFC 8656 §18.12") \
  X(PasswordAlgorithms,         0x8002, "PASSWORD-ALGORITHMS",          AlgorithmList,        "RFC 8489 §14.11") \
  X(AlternateDomain,            0x8003, "ALTERNATE-DOMAIN",             DomainName,           "RFC 8489 §14.16") \
  X(Icmp,                       0x8004, "ICMP",                         IcmpValue,            "RFC 8656 §18.13") \
  X(Software,                   0x8022, "SOFTWARE",                     PhraseText,           "RFC 8489 §14.14") \
  X(AlternateServer,            0x8023, "ALTERNATE-SERVER",             PlainEndpoint,        "RFC 8489 §14.15") \
  X(TransactionTransmitCounter, 0x8025, "TRANSACTION_TRANSMIT_COUNTER", TransmitCounterValue, "RFC 7982 §3.1") \
  X(CacheTimeout,               0x8027, "CACHE-TIMEOUT",                Uint32,               "RFC 5780 §9.1") \
  X(Fingerprint,                0x8028, "FINGERPRINT",                  Crc32,                "RFC 8489 §14.7") \
  X(IceControlled,              0x8029, "ICE-CONTROLLED",               Uint64,               "RFC 8445 §16.1") \
  X(IceControlling,             0x802A, "ICE-CONTROLLING",              Uint64,               "RFC 8445 §16.1") \
  X(ResponseOrigin,             0x802B, "RESPONSE-ORIGIN",              PlainEndpoint,        "RFC 5780 §7.3") \
  X(OtherAddress,               0x802C, "OTHER-ADDRESS",                PlainEndpoint,        "RFC 5780 §7.4") \
  X(ThirdPartyAuthorization,    0x802E, "THIRD-PARTY-AUTHORIZATION",    FreeText,             "RFC 7635 §6.1") \
  X(MobilityTicket,             0x8030, "MOBILITY-TICKET",              Opaque,               "RFC 8016 §3.3") \
  X(Nomination,                 0xC001, "NOMINATION",                   Uint32,               "draft-thatcher-ice-renomination-01")
// clang-format on

/// The attributes, each with its `type`, `name` and `section`, and of its codec `value_type`, decode() and encode().
namespace attr {
#define ICE_STUN_ATTRIBUTE(id, number, text, value_codec, where) \
  struct id : codec::value_codec { \
    static constexpr AttributeType type{number}; \
    static constexpr std::string_view name = text; \
    static constexpr std::string_view section = where; \
  };
ICE_STUN_ATTRIBUTES(ICE_STUN_ATTRIBUTE)
#undef ICE_STUN_ATTRIBUTE
}  // namespace attr

struct AttributeInfo {
  AttributeType type;
  std::string_view name;
  std::string_view section;

  /// Taken back by RFC 5389: a message of today that has it is one with an unknown attribute.
  constexpr bool is_classic() const noexcept { return section.substr(0, 8) == "RFC 3489"; }
};

/// The table again, as data, in the order of the numbers.
inline constexpr auto known_attributes = std::to_array<AttributeInfo>({
#define ICE_STUN_ATTRIBUTE(id, number, text, value_codec, where) {attr::id::type, attr::id::name, attr::id::section},
    ICE_STUN_ATTRIBUTES(ICE_STUN_ATTRIBUTE)
#undef ICE_STUN_ATTRIBUTE
});
#undef ICE_STUN_ATTRIBUTES

/// The place of a type in known_attributes; no_slot for an unknown one. Two loads for the types that the IETF assigns.
inline constexpr std::size_t no_slot = 0xFF;
constexpr std::size_t slot_of(AttributeType type) noexcept;

namespace detail {
// IETF types begin anew at 0x0000 and at 0x8000: seven bits and the highest one tell them apart. The others are at the
// end of the table.
constexpr bool is_near(AttributeType type) noexcept { return (static_cast<unsigned>(type) & 0x7F80U) == 0; }
constexpr std::size_t near_index(AttributeType type) noexcept {
  return (static_cast<unsigned>(type) & 0x7FU) | (static_cast<unsigned>(type) >> 8U & 0x80U);
}
inline constexpr std::size_t near_count = [] {
  std::size_t count = 0;
  while (count < known_attributes.size() && is_near(known_attributes[count].type)) ++count;
  return count;
}();
inline constexpr auto near_slots = [] {
  std::array<std::uint8_t, 256> slots{};
  slots.fill(no_slot);
  for (std::size_t slot = 0; slot < near_count; ++slot)
    slots[near_index(known_attributes[slot].type)] = static_cast<std::uint8_t>(slot);
  return slots;
}();
constexpr std::uint64_t bit(std::size_t slot) noexcept { return slot < 64 ? std::uint64_t{1} << slot : 0; }
}  // namespace detail

constexpr std::size_t slot_of(AttributeType type) noexcept {
  if (detail::is_near(type)) return detail::near_slots[detail::near_index(type)];
  for (std::size_t slot = detail::near_count; slot < known_attributes.size(); ++slot)
    if (known_attributes[slot].type == type) return slot;
  return no_slot;
}

/// "XOR-MAPPED-ADDRESS"; "" for an unknown type.
ICE_API std::string_view attribute_name(AttributeType type) noexcept;

/// A set of known attributes: what an agent understands in a message.
class AttributeSet {
 public:
  constexpr AttributeSet() noexcept = default;

  template <Attribute... A>
  static constexpr AttributeSet of() noexcept {
    AttributeSet set;
    ((set.bits_ |= detail::bit(slot_of(A::type))), ...);
    return set;
  }
  /// All that the library knows, without those that only RFC 3489 has.
  static constexpr AttributeSet current() noexcept {
    constexpr std::uint64_t bits = [] {
      std::uint64_t known = 0;
      for (std::size_t slot = 0; slot < known_attributes.size(); ++slot)
        if (!known_attributes[slot].is_classic()) known |= detail::bit(slot);
      return known;
    }();
    AttributeSet set;
    set.bits_ = bits;
    return set;
  }
  /// This set and those of another.
  constexpr AttributeSet with(AttributeSet other) const noexcept {
    AttributeSet set;
    set.bits_ = bits_ | other.bits_;
    return set;
  }
  /// This set without those of another, for whoever does not implement them.
  constexpr AttributeSet without(AttributeSet other) const noexcept {
    AttributeSet set;
    set.bits_ = bits_ & ~other.bits_;
    return set;
  }

  constexpr bool contains_slot(std::size_t slot) const noexcept { return (bits_ & detail::bit(slot)) != 0; }
  constexpr bool contains(AttributeType type) const noexcept { return contains_slot(slot_of(type)); }

 private:
  static_assert(known_attributes.size() <= 64);
  std::uint64_t bits_ = 0;
};

}  // namespace ice::stun
