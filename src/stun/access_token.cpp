#include "ice/stun/access_token.hpp"

#include <algorithm>
#include <limits>

#include "base/aead.hpp"
#include "base/crypto.hpp"
#include "ice/stun/attribute_codec.hpp"
#include "ice/stun/wire.hpp"

namespace ice::stun {
namespace {

constexpr std::size_t nonce_length_size = 2;
constexpr std::size_t nonce_size = std::tuple_size_v<crypto::GcmNonce>;
constexpr std::size_t key_length_size = 2;
constexpr std::size_t times_size = 8 + 4;  // timestamp, lifetime

/// "encrypted_block" in the clear; it has the session key in it.
class Block {
 public:
  explicit Block(std::size_t size) noexcept : size_{size} {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { crypto::cleanse(bytes_); }

  static constexpr std::size_t least = key_length_size + MacKey::least_size + times_size;
  static constexpr std::size_t most = key_length_size + MacKey::most_size + times_size;

  MutableBytes bytes() noexcept { return MutableBytes{bytes_}.first(size_); }

 private:
  std::array<std::uint8_t, most> bytes_{};
  std::size_t size_;
};

// RFC 7635 §6.2: 48 bits of seconds, then 16 bits of 1/64000 of a second, which are 64 to a millisecond.
constexpr std::uint64_t fractions_per_millisecond = 64;
constexpr std::uint64_t seconds_end = std::uint64_t{1} << 48U;

std::uint64_t to_timestamp(std::uint64_t milliseconds) noexcept {
  return milliseconds / 1000 << 16U | milliseconds % 1000 * fractions_per_millisecond;
}
std::chrono::milliseconds from_timestamp(std::uint64_t timestamp) noexcept {
  // There are no more than 64000 fractions, though there is room for some.
  const std::uint64_t below_a_second = std::min<std::uint64_t>((timestamp & 0xFFFFU) / fractions_per_millisecond, 999);
  const std::uint64_t milliseconds = (timestamp >> 16U) * 1000 + below_a_second;  // below 2^58
  return std::chrono::milliseconds{static_cast<std::int64_t>(milliseconds)};
}

}  // namespace

// ---- keys

result<MacKey> MacKey::make(Bytes bytes) noexcept {
  if (bytes.size() < least_size || bytes.size() > most_size) return fail(errc::invalid_argument);
  MacKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  key.size_ = bytes.size();
  return key;
}

MacKey MacKey::random(RandomSource& random) noexcept {
  MacKey key;
  key.size_ = least_size;
  random.fill(MutableBytes{key.bytes_}.first(key.size_));
  return key;
}

MacKey::~MacKey() { crypto::cleanse(bytes_); }

result<TokenKey> TokenKey::make(std::string_view kid, Bytes key, TokenAlgorithm algorithm) {
  auto prepared = opaque_string(kid);
  if (!prepared) return fail(prepared.error());
  if (prepared->size() > codec::username_limits.bytes) return fail(errc::text_too_long);
  if (key.size() != (algorithm == TokenAlgorithm::a256gcm ? 32U : 16U)) return fail(errc::invalid_argument);
  TokenKey made;
  made.kid_ = std::move(*prepared);
  std::copy(key.begin(), key.end(), made.bytes_.begin());
  made.size_ = key.size();
  return made;
}

TokenKey::~TokenKey() { crypto::cleanse(bytes_); }

// ---- tokens

std::chrono::milliseconds AccessToken::left(std::chrono::milliseconds since_1970) const noexcept {
  const std::chrono::milliseconds apart = since_1970 > issued ? since_1970 - issued : issued - since_1970;
  const std::chrono::milliseconds whole = lifetime;
  return std::min(whole, whole + allowed_delta - apart);
}

result<std::vector<std::uint8_t>> seal_access_token(const AccessToken& token, const TokenKey& key,
                                                    std::string_view server_name,
                                                    const std::array<std::uint8_t, 12>& nonce) {
  const Bytes mac_key = token.mac_key.bytes();
  const auto issued = static_cast<std::uint64_t>(token.issued.count());  // a negative one is far beyond the limit
  if (issued / 1000 >= seconds_end || token.lifetime.count() < 0 ||
      token.lifetime.count() > std::numeric_limits<std::uint32_t>::max())
    return fail(errc::invalid_argument);

  Block block{key_length_size + mac_key.size() + times_size};
  std::uint8_t* at = block.bytes().data();
  wire::store_u16(at, static_cast<std::uint16_t>(mac_key.size()));
  at = std::copy(mac_key.begin(), mac_key.end(), at + key_length_size);
  wire::store_u64(at, to_timestamp(issued));
  wire::store_u32(at + 8, static_cast<std::uint32_t>(token.lifetime.count()));

  std::vector<std::uint8_t> sealed(nonce_length_size + nonce_size + block.bytes().size() + crypto::gcm_tag_size);
  wire::store_u16(sealed.data(), nonce_size);
  std::copy(nonce.begin(), nonce.end(), sealed.begin() + nonce_length_size);
  const bool done = crypto::seal_gcm(key.bytes(), nonce, bytes_of(server_name), block.bytes(),
                                     MutableBytes{sealed}.subspan(nonce_length_size + nonce_size));
  if (!done) return fail(errc::unsupported);  // a build of OpenSSL without AES-GCM
  return sealed;
}

result<AccessToken> open_access_token(Bytes token, const TokenKey& key, std::string_view server_name) noexcept {
  constexpr std::size_t around = nonce_length_size + nonce_size + crypto::gcm_tag_size;
  if (token.size() < around + Block::least || token.size() > around + Block::most) return fail(errc::bad_token);
  if (wire::load_u16(token.data()) != nonce_size) return fail(errc::bad_token);  // of GCM there is no other
  crypto::GcmNonce nonce;
  std::copy_n(token.begin() + nonce_length_size, nonce_size, nonce.begin());
  Block block{token.size() - around};
  if (!crypto::open_gcm(key.bytes(), nonce, bytes_of(server_name), token.subspan(nonce_length_size + nonce_size),
                        block.bytes()))
    return fail(errc::bad_token);

  const Bytes plain = block.bytes();
  const std::size_t key_size = wire::load_u16(plain.data());
  if (key_length_size + key_size + times_size != plain.size()) return fail(errc::bad_token);
  const auto mac_key = MacKey::make(plain.subspan(key_length_size, key_size));
  if (!mac_key) return fail(errc::bad_token);
  const std::uint8_t* const times = plain.data() + key_length_size + key_size;
  return AccessToken{*mac_key, from_timestamp(wire::load_u64(times)), std::chrono::seconds{wire::load_u32(times + 8)}};
}

result<Login> make_token_login(const TokenKey& key, std::string_view server_name, TimePoint now,
                               std::chrono::milliseconds since_1970, std::chrono::seconds lifetime,
                               RandomSource& random) {
  const AccessToken token{MacKey::random(random), since_1970, lifetime};
  crypto::GcmNonce nonce;
  random.fill(nonce);  // RFC 5116 §3.2 would count; at random, one key is good for 2^32 tokens (NIST SP 800-38D §8.3)
  const auto sealed = seal_access_token(token, key, server_name, nonce);
  if (!sealed) return fail(sealed.error());
  return Login::with_token(key.kid(), token.mac_key.bytes(), *sealed, now + lifetime);
}

}  // namespace ice::stun
