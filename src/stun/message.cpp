#include "ice/stun/message.hpp"

#include <algorithm>
#include <cassert>

#include "base/crypto.hpp"
#include "stun/credential_access.hpp"

namespace ice::stun {
namespace {

constexpr std::size_t sha1_slot = slot_of(attr::MessageIntegrity::type);
constexpr std::size_t sha256_slot = slot_of(attr::MessageIntegritySha256::type);
constexpr std::size_t fingerprint_slot = slot_of(attr::Fingerprint::type);

constexpr std::size_t padded(std::size_t size) noexcept { return (size + 3) & ~std::size_t{3}; }

}  // namespace

std::string_view to_string(Method method) noexcept {
  switch (method) {
    case Method::binding:
      return "Binding";
    case Method::shared_secret:
      return "Shared Secret";
    case Method::allocate:
      return "Allocate";
    case Method::refresh:
      return "Refresh";
    case Method::send:
      return "Send";
    case Method::data:
      return "Data";
    case Method::create_permission:
      return "CreatePermission";
    case Method::channel_bind:
      return "ChannelBind";
    case Method::connect:
      return "Connect";
    case Method::connection_bind:
      return "ConnectionBind";
    case Method::connection_attempt:
      return "ConnectionAttempt";
  }
  return "unknown method";
}

std::string_view to_string(Class message_class) noexcept {
  switch (message_class) {
    case Class::request:
      return "request";
    case Class::indication:
      return "indication";
    case Class::success_response:
      return "success response";
    case Class::error_response:
      return "error response";
  }
  return "";
}

result<Message> Message::parse(Bytes data) noexcept {
  if (data.size() < header_size || (data[0] & 0xC0) != 0 || wire::load_u32(data.data() + 4) != magic_cookie)
    return fail(errc::not_stun);
  return walk(data);
}

result<Message> Message::parse_classic(Bytes data) noexcept {
  if (data.size() < header_size || (data[0] & 0xC0) != 0 || wire::load_u32(data.data() + 4) == magic_cookie)
    return fail(errc::not_stun);
  return walk(data);
}

result<Message> Message::walk(Bytes data) noexcept {
  const std::size_t length = wire::load_u16(data.data() + 2);
  if (length % 4 != 0) return fail(errc::malformed_message);
  if (data.size() < header_size + length) return fail(errc::truncated);
  if (data.size() > header_size + length) return fail(errc::trailing_bytes);

  Message message{data.data()};
  // RFC 8489 §9, §14.7: once one of these was seen, only those to the right of it still count.
  enum class Seen { plain, sha1, sha256, fingerprint } seen = Seen::plain;
  for (std::size_t at = header_size; at != data.size();) {
    // All lengths are multiples of four here, so there are at least four bytes.
    const AttributeType type{wire::load_u16(data.data() + at)};
    const std::size_t next = at + 4 + padded(wire::load_u16(data.data() + at + 2));
    if (next > data.size()) return fail(errc::malformed_message);

    const std::size_t slot = slot_of(type);
    bool counts = seen == Seen::plain;
    if (slot == sha1_slot && seen < Seen::sha1) {
      seen = Seen::sha1;
    } else if (slot == sha256_slot && seen < Seen::sha256) {
      seen = Seen::sha256;
      counts = true;
    } else if (slot == fingerprint_slot && seen < Seen::fingerprint) {
      seen = Seen::fingerprint;
      counts = true;
    } else if (counts) {
      message.plain_end_ = static_cast<std::uint32_t>(next);
    }
    if (counts) message.present_ |= detail::bit(slot);
    at = next;
  }
  return message;
}

TransactionId Message::transaction_id() const noexcept {
  TransactionId id;
  std::copy_n(data_ + 8, id.bytes.size(), id.bytes.begin());
  return id;
}

AttributeTypeList Message::unknown_required(AttributeSet understood) const noexcept {
  AttributeTypeList unknown;
  for (const RawAttribute attribute : attributes())
    if (is_comprehension_required(attribute.type) && !understood.contains(attribute.type))
      unknown.push_back(attribute.type);
  return unknown;
}

Integrity Message::integrity() const noexcept {
  if (has<attr::MessageIntegritySha256>()) return Integrity::sha256;
  return has<attr::MessageIntegrity>() ? Integrity::sha1 : Integrity::none;
}

result<Message> Message::authenticate(const Credential& credential, std::size_t least_sha256) const noexcept {
  const Integrity kind = integrity();
  if (kind == Integrity::none) return fail(errc::no_integrity);
  const std::size_t at =
      kind == Integrity::sha256 ? find<attr::MessageIntegritySha256>() : find<attr::MessageIntegrity>();
  const Bytes mac = value_at(at);

  // RFC 8489 §14.5: the length in the header counts as if the signature were the last attribute.
  std::array<std::uint8_t, 4> head{data_[0], data_[1]};
  wire::store_u16(head.data() + 2, static_cast<std::uint16_t>(at + 4 + mac.size() - header_size));
  const Bytes rest{data_ + head.size(), data_ + at};
  bool matches = false;
  if (kind == Integrity::sha256) {
    if (!codec::Sha256Mac::decode(mac, header())) return fail(errc::malformed_attribute);
    const crypto::Sha256Digest expected = CredentialAccess::hmacs(credential).sha256({head, rest});
    matches = mac.size() >= least_sha256 && crypto::equal_in_constant_time(mac, Bytes{expected}.first(mac.size()));
  } else {
    if (!codec::Sha1Mac::decode(mac, header())) return fail(errc::malformed_attribute);
    matches = crypto::equal_in_constant_time(mac, CredentialAccess::hmacs(credential).sha1({head, rest}));
  }
  if (!matches || is_classic()) return fail(errc::wrong_integrity);

  Message covered = *this;
  covered.authenticated_ = true;
  covered.present_ &= ~detail::bit(fingerprint_slot);
  return covered;
}

result<void> Message::check_fingerprint() const noexcept {
  if (!has<attr::Fingerprint>()) return fail(errc::no_such_attribute);
  constexpr std::size_t size = 8;
  const std::size_t at = find<attr::Fingerprint>();
  const result<std::uint32_t> told = codec::Crc32::decode(value_at(at), header());
  if (!told || at + size != bytes().size() || *told != (crypto::crc32({data_, at}) ^ fingerprint_xor))
    return fail(errc::wrong_fingerprint);
  return {};
}

}  // namespace ice::stun
