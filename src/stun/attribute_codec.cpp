#include "ice/stun/attribute_codec.hpp"

#include <algorithm>
#include <array>

#include "ice/stun/attributes.hpp"
#include "stun/utf8.hpp"

namespace ice::stun {

std::string_view attribute_name(AttributeType type) noexcept {
  const std::size_t slot = slot_of(type);
  return slot == no_slot ? std::string_view{} : known_attributes[slot].name;
}

namespace codec {
namespace {

// RFC 8489 §14.1.
constexpr std::uint8_t family_ipv4 = 1;
constexpr std::uint8_t family_ipv6 = 2;

constexpr std::uint8_t wire_family(Family family) noexcept {
  return family == Family::ipv6 ? family_ipv6 : family_ipv4;
}

result<Family> read_family(std::uint8_t byte) noexcept {
  if (byte == family_ipv4) return Family::ipv4;
  if (byte == family_ipv6) return Family::ipv6;
  return fail(errc::unknown_address_family);
}

bool is_classic(HeaderBytes header) noexcept { return wire::load_u32(header.data() + 4) != magic_cookie; }

constexpr std::size_t rounded_up(std::size_t size) noexcept { return (size + 3) & ~std::size_t{3}; }

/// Four bytes, most of the attributes of TURN.
result<std::size_t> put_u32(std::uint32_t value, MutableBytes out) noexcept {
  if (out.size() < 4) return fail(errc::buffer_too_small);
  wire::store_u32(out.data(), value);
  return std::size_t{4};
}

result<std::size_t> put_bytes(Bytes value, MutableBytes out) noexcept {
  if (out.size() < value.size()) return fail(errc::buffer_too_small);
  std::copy(value.begin(), value.end(), out.begin());
  return value.size();
}

using Mask = std::span<const std::uint8_t, 16>;
constexpr std::array<std::uint8_t, 16> no_mask{};

result<Endpoint> read_endpoint(Bytes value, Mask mask) noexcept {
  if (value.size() < 4) return fail(errc::malformed_attribute);
  const result<Family> family = read_family(value[1]);
  if (!family) return fail(family.error());
  const std::size_t size = *family == Family::ipv4 ? 4 : 16;
  if (value.size() != 4 + size) return fail(errc::malformed_attribute);
  const auto port = static_cast<std::uint16_t>(wire::load_u16(value.data() + 2) ^ wire::load_u16(mask.data()));
  const auto unmasked = [&]<std::size_t N>(std::array<std::uint8_t, N> bytes) {
    for (std::size_t i = 0; i < N; ++i) bytes[i] = value[4 + i] ^ mask[i];
    return bytes;
  };
  if (*family == Family::ipv4) return Endpoint{Address::v4(unmasked(std::array<std::uint8_t, 4>{})), port};
  return Endpoint{Address::v6(unmasked(std::array<std::uint8_t, 16>{})), port};
}

result<std::size_t> write_endpoint(const Endpoint& value, Mask mask, MutableBytes out) noexcept {
  const Bytes address = value.address.bytes();
  if (address.empty()) return fail(errc::invalid_argument);
  if (out.size() < 4 + address.size()) return fail(errc::buffer_too_small);
  out[0] = 0;
  out[1] = wire_family(value.address.family());
  wire::store_u16(out.data() + 2, static_cast<std::uint16_t>(value.port ^ wire::load_u16(mask.data())));
  for (std::size_t i = 0; i < address.size(); ++i) out[4 + i] = address[i] ^ mask[i];
  return 4 + address.size();
}

/// What ERROR-CODE and ADDRESS-ERROR-CODE have in common: three bits of hundreds, eight of the rest, and a phrase.
result<Error> read_error(Bytes value) noexcept {
  if (value.size() < 4) return fail(errc::malformed_attribute);
  const unsigned hundreds = value[2] & 7U;
  const unsigned rest = value[3];
  if (hundreds < 3 || hundreds > 6 || rest > 99) return fail(errc::malformed_attribute);
  return Error{static_cast<stun::ErrorCode>(hundreds * 100 + rest),
               decode_text(value.subspan(4), phrase_limits).value_or(std::string_view{})};
}

result<std::size_t> write_error(std::uint8_t first_byte, const Error& error, HeaderBytes header,
                                MutableBytes out) noexcept {
  const unsigned code = to_number(error.code);
  if (code < 300 || code > 699) return fail(errc::invalid_argument);
  if (out.size() < 4) return fail(errc::buffer_too_small);
  out[0] = first_byte;
  out[1] = 0;
  out[2] = static_cast<std::uint8_t>(code / 100);
  out[3] = static_cast<std::uint8_t>(code % 100);
  const std::string_view reason = error.reason.empty() ? reason_phrase(error.code) : error.reason;
  const result<std::size_t> written = encode_text(reason, phrase_limits, out.subspan(4));
  if (!written) return fail(written.error());
  if (!is_classic(header)) return 4 + *written;

  // RFC 3489 §11.2.9: the length of the phrase is a multiple of four, if need be with spaces at the end.
  const std::size_t whole = rounded_up(*written);
  if (out.size() < 4 + whole) return fail(errc::buffer_too_small);
  std::fill_n(out.data() + 4 + *written, whole - *written, std::uint8_t{' '});
  return 4 + whole;
}

/// RFC 1123 §2.1: labels of 1 to 63 letters, digits and hyphens, none of which begins or ends with a hyphen.
bool is_dns_name(std::string_view name) noexcept {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (name.ends_with('.')) name.remove_suffix(1);
  for (;;) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > 63 || !is_alphanumeric(label.front()) || !is_alphanumeric(label.back()) ||
        !std::all_of(label.begin(), label.end(), [&](char c) { return is_alphanumeric(c) || c == '-'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

result<std::size_t> Opaque::encode(Bytes value, HeaderBytes, MutableBytes out) noexcept {
  return put_bytes(value, out);
}

result<Endpoint> PlainEndpoint::decode(Bytes value, HeaderBytes) noexcept { return read_endpoint(value, no_mask); }
result<std::size_t> PlainEndpoint::encode(const Endpoint& value, HeaderBytes, MutableBytes out) noexcept {
  return write_endpoint(value, no_mask, out);
}

// RFC 8489 §14.2: the cookie and the transaction id follow each other in the header, and are the mask.
result<Endpoint> XorEndpoint::decode(Bytes value, HeaderBytes header) noexcept {
  return read_endpoint(value, header.subspan<4>());
}
result<std::size_t> XorEndpoint::encode(const Endpoint& value, HeaderBytes header, MutableBytes out) noexcept {
  return write_endpoint(value, header.subspan<4>(), out);
}

result<std::string_view> decode_text(Bytes value, const TextLimits& limits) noexcept {
  if (value.size() > limits.bytes_decoded) return fail(errc::text_too_long);
  const std::string_view text = text_of(value);
  if (!limits.any_bytes && !is_ascii(text) && !count_characters(text)) return fail(errc::bad_text);
  return text;
}

result<std::size_t> encode_text(std::string_view text, const TextLimits& limits, MutableBytes out) noexcept {
  if (text.size() > limits.bytes) return fail(errc::text_too_long);
  const std::optional<std::size_t> characters = count_characters(text);
  if (!characters && !limits.any_bytes) return fail(errc::bad_text);
  if (characters.value_or(text.size()) > limits.characters) return fail(errc::text_too_long);
  return put_bytes(bytes_of(text), out);
}

result<std::string_view> DomainName::decode(Bytes value, HeaderBytes) noexcept {
  if (value.size() > longest) return fail(errc::text_too_long);
  if (!is_dns_name(text_of(value))) return fail(errc::bad_text);
  return text_of(value);
}
result<std::size_t> DomainName::encode(std::string_view name, HeaderBytes header, MutableBytes out) noexcept {
  if (const auto checked = decode(bytes_of(name), header); !checked) return fail(checked.error());
  return put_bytes(bytes_of(name), out);
}

result<Error> ErrorValue::decode(Bytes value, HeaderBytes) noexcept { return read_error(value); }
result<std::size_t> ErrorValue::encode(const Error& value, HeaderBytes header, MutableBytes out) noexcept {
  return write_error(0, value, header, out);
}

result<AddressError> AddressErrorValue::decode(Bytes value, HeaderBytes) noexcept {
  const result<Error> error = read_error(value);
  if (!error) return fail(error.error());
  const result<Family> family = read_family(value[0]);
  if (!family) return fail(family.error());
  return AddressError{*family, *error};
}
result<std::size_t> AddressErrorValue::encode(const AddressError& value, HeaderBytes header,
                                              MutableBytes out) noexcept {
  if (value.family == Family::none) return fail(errc::invalid_argument);
  return write_error(wire_family(value.family), value.error, header, out);
}

result<AttributeTypeList> TypeList::decode(Bytes value, HeaderBytes) noexcept {
  if (value.size() % 2 != 0) return fail(errc::malformed_attribute);
  AttributeTypeList types;
  for (; !value.empty(); value = value.subspan(2)) types.push_back(AttributeType{wire::load_u16(value.data())});
  return types;
}
result<std::size_t> TypeList::encode(const AttributeTypeList& value, HeaderBytes header, MutableBytes out) noexcept {
  // RFC 3489 §11.2.10: an odd list repeats one of its types, there was no other padding.
  const bool repeat = is_classic(header) && value.size() % 2 != 0;
  const std::size_t size = 2 * (value.size() + (repeat ? 1 : 0));
  if (out.size() < size) return fail(errc::buffer_too_small);
  std::uint8_t* at = out.data();
  for (const AttributeType type : value) {
    wire::store_u16(at, static_cast<std::uint16_t>(type));
    at += 2;
  }
  if (repeat) std::copy_n(at - 2, 2, at);
  return size;
}

result<std::size_t> AlgorithmList::encode(const PasswordAlgorithms& value, HeaderBytes, MutableBytes out) noexcept {
  if (value.empty()) return fail(errc::invalid_argument);
  return put_bytes(value.wire(), out);
}

result<PasswordAlgorithmEntry> AlgorithmValue::decode(Bytes value, HeaderBytes) noexcept {
  const result<PasswordAlgorithms> list = PasswordAlgorithms::parse(value);
  if (!list || ++list->begin() != list->end()) return fail(errc::malformed_attribute);
  return *list->begin();
}
result<std::size_t> AlgorithmValue::encode(const PasswordAlgorithmEntry& value, HeaderBytes,
                                           MutableBytes out) noexcept {
  const std::size_t whole = rounded_up(4 + value.parameters.size());
  if (out.size() < whole) return fail(errc::buffer_too_small);
  wire::store_u16(out.data(), static_cast<std::uint16_t>(value.algorithm));
  wire::store_u16(out.data() + 2, static_cast<std::uint16_t>(value.parameters.size()));
  const auto end = std::copy(value.parameters.begin(), value.parameters.end(), out.begin() + 4);
  std::fill(end, out.begin() + static_cast<std::ptrdiff_t>(whole), std::uint8_t{0});
  return whole;
}

result<std::uint16_t> ChannelNumberValue::decode(Bytes value, HeaderBytes) noexcept {
  if (value.size() != 4) return fail(errc::malformed_attribute);
  return wire::load_u16(value.data());
}
result<std::size_t> ChannelNumberValue::encode(std::uint16_t value, HeaderBytes, MutableBytes out) noexcept {
  return put_u32(std::uint32_t{value} << 16, out);
}

result<std::uint16_t> PortValue::decode(Bytes value, HeaderBytes) noexcept {
  if (value.size() != 2 && value.size() != 4) return fail(errc::malformed_attribute);
  return wire::load_u16(value.data());
}
result<std::size_t> PortValue::encode(std::uint16_t value, HeaderBytes, MutableBytes out) noexcept {
  return put_u32(std::uint32_t{value} << 16, out);
}

result<Seconds> SecondsValue::decode(Bytes value, HeaderBytes) noexcept {
  if (value.size() != 4) return fail(errc::malformed_attribute);
  return Seconds{wire::load_u32(value.data())};
}
result<std::size_t> SecondsValue::encode(Seconds value, HeaderBytes, MutableBytes out) noexcept {
  return put_u32(value.count(), out);
}

result<Family> FamilyValue::decode(Bytes value, HeaderBytes) noexcept {
  if (value.size() != 4) return fail(errc::malformed_attribute);
  return read_family(value[0]);
}
result<std::size_t> FamilyValue::encode(Family value, HeaderBytes, MutableBytes out) noexcept {
  if (value == Family::none) return fail(errc::invalid_argument);
  return put_u32(std::uint32_t{wire_family(value)} << 24, out);
}

result<EvenPort> EvenPortValue::decode(Bytes value, HeaderBytes) noexcept {
  if (value.size() != 1) return fail(errc::malformed_attribute);
  return EvenPort{(value[0] & 0x80) != 0};
}
result<std::size_t> EvenPortValue::encode(EvenPort value, HeaderBytes, MutableBytes out) noexcept {
  if (out.empty()) return fail(errc::buffer_too_small);
  out[0] = value.reserve_next ? 0x80 : 0;
  return std::size_t{1};
}

result<IpProtocol> ProtocolValue::decode(Bytes value, HeaderBytes) noexcept {
  if (value.size() != 4) return fail(errc::malformed_attribute);
  return static_cast<IpProtocol>(value[0]);
}
result<std::size_t> ProtocolValue::encode(IpProtocol value, HeaderBytes, MutableBytes out) noexcept {
  return put_u32(static_cast<std::uint32_t>(value) << 24, out);
}

result<IcmpError> IcmpValue::decode(Bytes value, HeaderBytes) noexcept {
  if (value.size() != 8) return fail(errc::malformed_attribute);
  // Figure 11 draws the type with seven bits and the code with nine; both have eight (§18.13, "the ICMP type").
  return IcmpError{value[2], value[3], wire::load_u32(value.data() + 4)};
}
result<std::size_t> IcmpValue::encode(const IcmpError& value, HeaderBytes, MutableBytes out) noexcept {
  if (out.size() < 8) return fail(errc::buffer_too_small);
  wire::store_u16(out.data(), 0);
  out[2] = value.type;
  out[3] = value.code;
  wire::store_u32(out.data() + 4, value.data);
  return std::size_t{8};
}

result<ChangeRequest> ChangeRequestValue::decode(Bytes value, HeaderBytes) noexcept {
  if (value.size() != 4) return fail(errc::malformed_attribute);
  return ChangeRequest{(value[3] & 4) != 0, (value[3] & 2) != 0};
}
result<std::size_t> ChangeRequestValue::encode(ChangeRequest value, HeaderBytes, MutableBytes out) noexcept {
  return put_u32((value.change_ip ? 4U : 0U) | (value.change_port ? 2U : 0U), out);
}

result<TransmitCounter> TransmitCounterValue::decode(Bytes value, HeaderBytes) noexcept {
  if (value.size() != 4) return fail(errc::malformed_attribute);
  return TransmitCounter{value[2], value[3]};
}
result<std::size_t> TransmitCounterValue::encode(TransmitCounter value, HeaderBytes, MutableBytes out) noexcept {
  return put_u32(std::uint32_t{value.request} << 8 | value.response, out);
}

}  // namespace codec
}  // namespace ice::stun
