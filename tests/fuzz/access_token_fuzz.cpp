// Access tokens (RFC 7635 §6.2): bytes that a stranger sends, what a careless authorization server encrypts, and tokens
// with one change, against the key that reads them.

#include <algorithm>
#include <array>
#include <vector>

#include "base/aead.hpp"
#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "ice/stun/access_token.hpp"

using namespace ice;
using namespace ice::stun;

namespace {

constexpr std::string_view server_name = "turn.example.org";
constexpr std::array<std::uint8_t, 12> nonce{1, 2, 3};
using ByteList = std::vector<std::uint8_t>;

void check_token(const AccessToken& token, std::int64_t at) {
  ICE_FUZZ_CHECK(token.mac_key.bytes().size() >= MacKey::least_size);
  ICE_FUZZ_CHECK(token.mac_key.bytes().size() <= MacKey::most_size);
  ICE_FUZZ_CHECK(token.issued.count() >= 0 && token.lifetime.count() >= 0);
  ICE_FUZZ_CHECK(token.left(std::chrono::seconds{at}) <= token.lifetime);
  ICE_FUZZ_CHECK(token.left(token.issued) == token.lifetime);
}

/// What was read is what was written, and can be written again.
void check_round_trip(Bytes sealed, const TokenKey& key, const AccessToken& token) {
  const auto again = seal_access_token(token, key, server_name, nonce);
  ICE_FUZZ_CHECK(again.has_value() && again->size() == sealed.size());
  const auto read = open_access_token(*again, key, server_name);
  ICE_FUZZ_CHECK(read.has_value() && read->issued == token.issued && read->lifetime == token.lifetime);
  ICE_FUZZ_CHECK(std::equal(read->mac_key.bytes().begin(), read->mac_key.bytes().end(), token.mac_key.bytes().begin(),
                            token.mac_key.bytes().end()));
}

ByteList seal_inside(Bytes inside, const TokenKey& key) {
  ByteList token(14 + inside.size() + crypto::gcm_tag_size);
  token[1] = 12;
  std::copy(nonce.begin(), nonce.end(), token.begin() + 2);
  ICE_FUZZ_CHECK(crypto::seal_gcm(key.bytes(), nonce, bytes_of(server_name), inside, MutableBytes{token}.subspan(14)));
  return token;
}

}  // namespace

/// A byte that says which key and how, a time, a place and a change for it, then the bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{{data, size}};
  const std::uint8_t how = input.number();
  const auto at = static_cast<std::int64_t>(input.number<std::uint64_t>() >> 16U);
  const std::uint8_t where = input.number();
  const std::uint8_t change = input.number();
  const Bytes bytes = input.chunk();
  const std::array<std::uint8_t, 32> secret{7, 7, 7};
  const TokenKey key = (how & 1) != 0 ? *TokenKey::make("kid", secret)
                                      : *TokenKey::make("kid", Bytes{secret}.first(16), TokenAlgorithm::a128gcm);

  if (const auto token = open_access_token(bytes, key, server_name)) check_token(*token, at);  // from a stranger

  ByteList sealed = seal_inside(bytes, key);
  const auto token = open_access_token(sealed, key, server_name);
  if (token) {
    check_token(*token, at);
    check_round_trip(sealed, key, *token);
  }
  ICE_FUZZ_CHECK(!open_access_token(sealed, key, "turn2.example.org"));
  if (change != 0) {
    sealed[where % sealed.size()] ^= change;
    ICE_FUZZ_CHECK(!open_access_token(sealed, key, server_name));
  }
  return 0;
}
