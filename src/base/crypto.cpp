// The low-level hash functions are deprecated in OpenSSL 3 and are wanted here, in this one file: they alone let the
// state after the padded key be kept, which makes a MAC of a STUN message twice as fast as a keyed EVP_MAC and ten
// times as fast as HMAC(). They also cannot fail: EVP may have to fetch a provider, and has no MD5 in FIPS mode.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cassert>
#include <tuple>

namespace ice::crypto {
namespace {

constexpr std::size_t block_size = 64;  // of MD5, SHA-1 and SHA-256 alike; "B" in RFC 2104 §2

using Block = std::array<std::uint8_t, block_size>;

// One interface for both hashes. A "state" is the chaining value between two blocks, as OpenSSL holds it.

struct Sha1 {
  using Context = SHA_CTX;
  using State = std::array<std::uint32_t, 5>;
  using Digest = Sha1Digest;
  static void start(Context& c) noexcept { SHA1_Init(&c); }
  static State state(const Context& c) noexcept { return {c.h0, c.h1, c.h2, c.h3, c.h4}; }
  static void resume(Context& c, const State& state) noexcept {
    c.h0 = state[0];
    c.h1 = state[1];
    c.h2 = state[2];
    c.h3 = state[3];
    c.h4 = state[4];
    c.Nl = block_size * 8;  // the padded key went in
    c.Nh = 0;
    c.num = 0;
  }
  static void update(Context& c, Bytes data) noexcept { SHA1_Update(&c, data.data(), data.size()); }
  static void transform(Context& c, const Block& block) noexcept { SHA1_Transform(&c, block.data()); }
  static void finish(Context& c, std::uint8_t* out) noexcept { SHA1_Final(out, &c); }
};

struct Sha256 {
  using Context = SHA256_CTX;
  using State = std::array<std::uint32_t, 8>;
  using Digest = Sha256Digest;
  static void start(Context& c) noexcept { SHA256_Init(&c); }
  static State state(const Context& c) noexcept {
    State state;
    std::copy_n(c.h, state.size(), state.begin());
    return state;
  }
  static void resume(Context& c, const State& state) noexcept {
    std::copy(state.begin(), state.end(), c.h);
    c.Nl = block_size * 8;
    c.Nh = 0;
    c.num = 0;
    c.md_len = SHA256_DIGEST_LENGTH;
  }
  static void update(Context& c, Bytes data) noexcept { SHA256_Update(&c, data.data(), data.size()); }
  static void transform(Context& c, const Block& block) noexcept { SHA256_Transform(&c, block.data()); }
  static void finish(Context& c, std::uint8_t* out) noexcept { SHA256_Final(out, &c); }
};

/// RFC 2104 §2: the states after K XOR ipad and after K XOR opad.
template <class Hash>
void key_states(Bytes key, typename Hash::State& inner, typename Hash::State& outer) noexcept {
  typename Hash::Context context;
  Block padded{};
  if (key.size() > block_size) {
    Hash::start(context);
    Hash::update(context, key);
    Hash::finish(context, padded.data());
  } else {
    std::copy(key.begin(), key.end(), padded.begin());
  }
  const auto state_after = [&](std::uint8_t pad) {
    Block block;
    std::transform(padded.begin(), padded.end(), block.begin(), [pad](std::uint8_t b) { return b ^ pad; });
    Hash::start(context);
    Hash::transform(context, block);
    cleanse(block);
    return Hash::state(context);
  };
  inner = state_after(0x36);
  outer = state_after(0x5c);
  cleanse(padded);
  cleanse({reinterpret_cast<std::uint8_t*>(&context), sizeof context});
}

/// H(K XOR opad, H(K XOR ipad, text)). The contexts end holding digests, no longer what depends on the key alone, so
/// they need no wiping.
template <class Hash>
typename Hash::Digest mac(const typename Hash::State& inner, const typename Hash::State& outer,
                          std::initializer_list<Bytes> parts) noexcept {
  typename Hash::Digest digest;
  typename Hash::Context context;
  Hash::resume(context, inner);
  for (const Bytes part : parts) Hash::update(context, part);
  Hash::finish(context, digest.data());

  // The second hash has a single block after the key's: the digest, the bit that ends it, zeros, and in the last two
  // bytes the length of both blocks. To write it here saves the general way through update() and finish().
  constexpr std::size_t bits = (block_size + std::tuple_size_v<typename Hash::Digest>)*8;
  Block last{};
  std::copy(digest.begin(), digest.end(), last.begin());
  last[digest.size()] = 0x80;
  last[block_size - 2] = bits >> 8;
  last[block_size - 1] = bits & 0xff;
  Hash::resume(context, outer);
  Hash::transform(context, last);
  std::size_t at = 0;
  for (const std::uint32_t word : Hash::state(context)) {
    for (int shift = 24; shift >= 0; shift -= 8) digest[at++] = static_cast<std::uint8_t>(word >> shift);
  }
  return digest;
}

}  // namespace

Md5Digest md5(std::initializer_list<Bytes> parts) noexcept {
  Md5Digest digest;
  MD5_CTX context;
  MD5_Init(&context);
  for (const Bytes part : parts) MD5_Update(&context, part.data(), part.size());
  MD5_Final(digest.data(), &context);
  return digest;
}

Sha1Digest sha1(Bytes data) noexcept {
  Sha1Digest digest;
  SHA1(data.data(), data.size(), digest.data());
  return digest;
}

Sha256Digest sha256(std::initializer_list<Bytes> parts) noexcept {
  Sha256Digest digest;
  SHA256_CTX context;
  SHA256_Init(&context);
  for (const Bytes part : parts) SHA256_Update(&context, part.data(), part.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

HmacSha1::HmacSha1(Bytes key) noexcept { key_states<Sha1>(key, inner_, outer_); }

HmacSha1::~HmacSha1() {
  cleanse({reinterpret_cast<std::uint8_t*>(inner_.data()), sizeof inner_});
  cleanse({reinterpret_cast<std::uint8_t*>(outer_.data()), sizeof outer_});
}

Sha1Digest HmacSha1::operator()(std::initializer_list<Bytes> parts) const noexcept {
  return mac<Sha1>(inner_, outer_, parts);
}

HmacSha256::HmacSha256(Bytes key) noexcept { key_states<Sha256>(key, inner_, outer_); }

HmacSha256::~HmacSha256() {
  cleanse({reinterpret_cast<std::uint8_t*>(inner_.data()), sizeof inner_});
  cleanse({reinterpret_cast<std::uint8_t*>(outer_.data()), sizeof outer_});
}

Sha256Digest HmacSha256::operator()(std::initializer_list<Bytes> parts) const noexcept {
  return mac<Sha256>(inner_, outer_, parts);
}

bool equal_in_constant_time(Bytes a, Bytes b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void base64(Bytes data, std::span<char> out) noexcept {
  assert(out.size() >= (data.size() + 2) / 3 * 4);
  char* at = out.data();
  while (!data.empty()) {
    const Bytes block = data.first(std::min<std::size_t>(data.size(), 3));
    std::array<std::uint8_t, 5> text;  // with the NUL that EVP_EncodeBlock() puts behind
    EVP_EncodeBlock(text.data(), block.data(), static_cast<int>(block.size()));
    at = std::copy_n(text.begin(), 4, at);
    data = data.subspan(block.size());
  }
}

void cleanse(MutableBytes secret) noexcept { OPENSSL_cleanse(secret.data(), secret.size()); }

}  // namespace ice::crypto
