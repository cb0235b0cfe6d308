#include "ice/stun/builder.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/crypto.hpp"
#include "stun/credential_access.hpp"

namespace ice::stun {

Builder::Builder(MutableBytes out, Method method, Class message_class, const TransactionId& id) noexcept
    : out_{out.first(std::min(out.size(), max_message_size))} {
  if (out_.size() < header_size) {
    error_ = errc::buffer_too_small;
    return;
  }
  wire::store_u16(out_.data(), message_type(method, message_class));
  wire::store_u32(out_.data() + 4, magic_cookie);
  std::copy(id.bytes.begin(), id.bytes.end(), out_.data() + 8);
}

Builder Builder::response(MutableBytes out, const Message& request, Class message_class) noexcept {
  Builder builder{out, request.method(), message_class, request.transaction_id()};
  // RFC 3489 has 128 bits of transaction id, and the first 32 are where the cookie is now.
  if (!builder.error_) std::copy_n(request.header().data() + 4, 4, builder.out_.data() + 4);
  return builder;
}

MutableBytes Builder::open_value() noexcept {
  assert(stage_ == Stage::attributes);
  if (error_) return {};
  if (out_.size() - size_ < 4) {
    error_ = errc::buffer_too_small;
    return {};
  }
  return out_.subspan(size_ + 4);
}

void Builder::close_value(AttributeType type, const result<std::size_t>& size) noexcept {
  if (!size) {
    error_ = size.error();
    return;
  }
  const std::size_t padding = (4 - *size % 4) % 4;
  if (out_.size() - size_ - 4 - *size < padding) {
    error_ = errc::buffer_too_small;
    return;
  }
  std::uint8_t* const at = out_.data() + size_;
  wire::store_u16(at, static_cast<std::uint16_t>(type));
  wire::store_u16(at + 2, static_cast<std::uint16_t>(*size));
  std::fill_n(at + 4 + *size, padding, padding_);
  size_ += 4 + *size + padding;
}

Builder& Builder::add_raw(AttributeType type, Bytes value) noexcept {
  const MutableBytes room = open_value();
  if (!error_) close_value(type, codec::Opaque::encode(value, header(), room));
  return *this;
}

std::uint8_t* Builder::begin_computed(Stage stage, AttributeType type, std::size_t size) noexcept {
  assert(stage_ < stage);
  stage_ = stage;
  if (!error_ && out_.size() - size_ < 4 + size) error_ = errc::buffer_too_small;
  if (error_) return nullptr;
  std::uint8_t* const at = out_.data() + size_;
  wire::store_u16(at, static_cast<std::uint16_t>(type));
  wire::store_u16(at + 2, static_cast<std::uint16_t>(size));
  size_ += 4 + size;
  // RFC 8489 §14.5 to §14.7: the length is covered, and counts this attribute as the last one.
  wire::store_u16(out_.data() + 2, static_cast<std::uint16_t>(size_ - header_size));
  return at + 4;
}

Builder& Builder::integrity(const Credential& credential) noexcept {
  constexpr std::size_t size = std::tuple_size_v<crypto::Sha1Digest>;
  if (std::uint8_t* const value = begin_computed(Stage::sha1, attr::MessageIntegrity::type, size)) {
    const auto mac = CredentialAccess::hmacs(credential).sha1({Bytes{out_.data(), value - 4}});
    std::copy(mac.begin(), mac.end(), value);
  }
  return *this;
}

Builder& Builder::integrity_sha256(const Credential& credential, std::size_t length) noexcept {
  assert(length >= 16 && length <= 32 && length % 4 == 0);
  if (std::uint8_t* const value = begin_computed(Stage::sha256, attr::MessageIntegritySha256::type, length)) {
    const auto mac = CredentialAccess::hmacs(credential).sha256({Bytes{out_.data(), value - 4}});
    std::copy_n(mac.begin(), length, value);
  }
  return *this;
}

Builder& Builder::fingerprint() noexcept {
  if (std::uint8_t* const value = begin_computed(Stage::fingerprint, attr::Fingerprint::type, 4))
    wire::store_u32(value, crypto::crc32({out_.data(), value - 4}) ^ fingerprint_xor);
  return *this;
}

result<Bytes> Builder::finish() noexcept {
  if (error_) return fail(error_);
  wire::store_u16(out_.data() + 2, static_cast<std::uint16_t>(size_ - header_size));
  return Bytes{out_.first(size_)};
}

}  // namespace ice::stun
