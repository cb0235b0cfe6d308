#include "turn/nonces.hpp"

#include <algorithm>

#include "ice/stun/wire.hpp"

namespace ice::turn {
namespace {

constexpr std::size_t time_size = 3;
constexpr std::size_t mac_size = 8;
constexpr std::uint32_t time_mask = (1U << (8 * time_size)) - 1;
constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";  // RFC 4648 §4

crypto::HmacSha1 random_key(RandomSource& random) noexcept {
  std::array<std::uint8_t, 32> key;
  random.fill(key);
  const crypto::HmacSha1 hmac{key};
  crypto::cleanse(key);
  return hmac;
}

std::uint32_t second_of(TimePoint now) noexcept {
  return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count()) &
         time_mask;
}

/// The value of the digits of base64 at the front of a text; too large for one that is none.
std::uint32_t read_time(std::string_view text) noexcept {
  std::uint32_t value = 0;
  for (const char digit : text.substr(0, 4)) {
    const std::size_t at = digits.find(digit);
    if (at == std::string_view::npos) return time_mask + 1;
    value = value << 6 | static_cast<std::uint32_t>(at);
  }
  return value;
}
static_assert(time_size * 8 == 4 * 6, "the time is the first four digits");

}  // namespace

Nonces::Nonces(stun::SecurityFeatures features, std::chrono::seconds lifetime, RandomSource& random)
    : cookie_{stun::make_nonce_cookie(features)}, lifetime_{lifetime}, key_{random_key(random)} {}

Nonces::Text Nonces::made_at(std::uint32_t second, const Endpoint& client) const noexcept {
  std::array<std::uint8_t, time_size + mac_size> bytes;
  for (std::size_t i = 0; i < time_size; ++i) bytes[i] = static_cast<std::uint8_t>(second >> (8 * (time_size - 1 - i)));
  std::array<std::uint8_t, 2> port;
  stun::wire::store_u16(port.data(), client.port);
  const auto mac = key_({Bytes{bytes}.first(time_size), client.address.bytes(), port});
  std::copy_n(mac.begin(), mac_size, bytes.begin() + time_size);

  std::array<char, size - stun::nonce_cookie_size + 1> encoded;  // with one "=" at the end
  crypto::base64(bytes, encoded);
  Text text;
  std::copy(cookie_.begin(), cookie_.end(), text.begin());
  std::copy_n(encoded.begin(), encoded.size() - 1, text.begin() + cookie_.size());
  return text;
}

Nonces::Text Nonces::make(TimePoint now, const Endpoint& client) const noexcept {
  return made_at(second_of(now), client);
}

bool Nonces::fresh(TimePoint now, const Endpoint& client, std::string_view nonce) const noexcept {
  if (nonce.size() != size) return false;
  const std::uint32_t second = read_time(nonce.substr(stun::nonce_cookie_size));
  if (second > time_mask || ((second_of(now) - second) & time_mask) > lifetime_.count()) return false;
  const Text expected = made_at(second, client);
  return crypto::equal_in_constant_time(bytes_of({expected.data(), expected.size()}), bytes_of(nonce));
}

}  // namespace ice::turn
