// RFC 7635 §6.2 and Appendix A: what is in an access token, and who can read it.

#include "ice/stun/access_token.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/aead.hpp"

namespace ice::stun {
namespace {

using namespace std::chrono_literals;
using ByteList = std::vector<std::uint8_t>;

// Appendix A.
constexpr std::string_view server_name = "blackdow.carleon.gov";
constexpr std::string_view long_term_key = "HGkj32KJGiuy098sdfaqbNjOiaz71923";
constexpr std::string_view sample_mac_key = "ZksjpweoixXmvn67534m";
constexpr std::uint64_t sample_timestamp = 92470300704768;
constexpr std::array<std::uint8_t, 12> nonce{'h', '4', 'j', '3', 'k', '2', 'l', '2', 'n', '4', 'b', '5'};

constexpr std::uint8_t sample_256[] = {0x00, 0x0c, 0x68, 0x34, 0x6a, 0x33, 0x6b, 0x32, 0x6c, 0x32, 0x6e, 0x34, 0x62,
                                       0x35, 0x61, 0x7e, 0xf1, 0x34, 0xa3, 0xd5, 0xe4, 0x4e, 0x9a, 0x19, 0xcc, 0x7d,
                                       0xc1, 0x04, 0xb0, 0xc0, 0x3d, 0x03, 0xb2, 0xa5, 0x51, 0xd8, 0xfd, 0xf5, 0xcd,
                                       0x3b, 0x6d, 0xca, 0x6f, 0x10, 0xcf, 0xb7, 0x7e, 0x5b, 0x2d, 0xde, 0xc8, 0x4d,
                                       0x29, 0x3a, 0x5c, 0x50, 0x49, 0x93, 0x59, 0xf0, 0xc2, 0xe2, 0x6f, 0x76};
constexpr std::uint8_t sample_128[] = {0x00, 0x0c, 0x68, 0x34, 0x6a, 0x33, 0x6b, 0x32, 0x6c, 0x32, 0x6e, 0x34, 0x62,
                                       0x35, 0x7f, 0xb9, 0xe9, 0x9f, 0x08, 0x27, 0xbe, 0x3d, 0xf1, 0xe1, 0xbd, 0x65,
                                       0x14, 0x93, 0xd3, 0x03, 0x1d, 0x36, 0xdf, 0x57, 0x07, 0x97, 0x84, 0xae, 0xe5,
                                       0xea, 0xcb, 0x65, 0xfa, 0xd4, 0xf2, 0x7f, 0xab, 0x1a, 0x3f, 0x97, 0x97, 0x4b,
                                       0x69, 0xf8, 0x51, 0xb2, 0x4b, 0xf5, 0xaf, 0x09, 0xed, 0xa3, 0x57, 0xe0};

TokenKey key_256() { return *TokenKey::make("kid", bytes_of(long_term_key)); }
/// The RFC does not say it, but it is the first half of the key.
TokenKey key_128() { return *TokenKey::make("kid", bytes_of(long_term_key.substr(0, 16)), TokenAlgorithm::a128gcm); }
AccessToken sample() { return {*MacKey::make(bytes_of(sample_mac_key)), 1410984813s, 3600s}; }
ByteList seal(const AccessToken& token) { return *seal_access_token(token, key_256(), server_name, nonce); }

/// A token whose inside is this.
ByteList seal_raw(const ByteList& inside) {
  ByteList token(14 + inside.size() + crypto::gcm_tag_size);
  token[1] = 12;
  std::copy(nonce.begin(), nonce.end(), token.begin() + 2);
  crypto::seal_gcm(bytes_of(long_term_key), nonce, bytes_of(server_name), inside, MutableBytes{token}.subspan(14));
  return token;
}
std::error_code refusal(Bytes token) {
  const auto opened = open_access_token(token, key_256(), server_name);
  return opened ? std::error_code{} : opened.error();
}

TEST(AccessToken, IsTheSamplesOfTheRfc) {
  EXPECT_EQ(sample_timestamp >> 16U, 1410984813U);
  const ByteList a256 = seal(sample());
  EXPECT_TRUE(std::equal(a256.begin(), a256.end(), std::begin(sample_256), std::end(sample_256)));
  const ByteList a128 = *seal_access_token(sample(), key_128(), server_name, nonce);
  EXPECT_TRUE(std::equal(a128.begin(), a128.end(), std::begin(sample_128), std::end(sample_128)));
}

TEST(AccessToken, OfTheRfcIsRead) {
  for (const auto& [bytes, key] : {std::pair{Bytes{sample_256}, key_256()}, std::pair{Bytes{sample_128}, key_128()}}) {
    const auto token = open_access_token(bytes, key, server_name);
    ASSERT_TRUE(token);
    EXPECT_EQ(text_of(token->mac_key.bytes()), sample_mac_key);
    EXPECT_EQ(token->issued, 1410984813s);
    EXPECT_EQ(token->lifetime, 3600s);
  }
}

TEST(AccessToken, CarriesKeysOf20To64BytesAndTimesToTheMillisecond) {
  for (const std::size_t size : {20U, 32U, 64U}) {
    const AccessToken token{*MacKey::make(ByteList(size, 0x5A)), 1234567890123ms, 4294967295s};
    const auto read = open_access_token(seal(token), key_256(), server_name);
    ASSERT_TRUE(read) << size;
    EXPECT_EQ(read->mac_key.bytes().size(), size);
    EXPECT_EQ(read->issued, token.issued);
    EXPECT_EQ(read->lifetime, token.lifetime);
  }
}

TEST(AccessToken, IsForOneServerAndOneKey) {
  EXPECT_EQ(refusal(sample_256), std::error_code{});
  EXPECT_EQ(open_access_token(sample_256, key_256(), "other.carleon.gov").error(), errc::bad_token);
  EXPECT_EQ(open_access_token(sample_256, key_128(), server_name).error(), errc::bad_token);
  EXPECT_EQ(open_access_token(sample_128, key_256(), server_name).error(), errc::bad_token);
}

TEST(AccessToken, IsBelievedWithAllItsBitsOrNotAtAll) {
  for (std::size_t bit = 0; bit < 8 * sizeof sample_256; ++bit) {
    ByteList token{std::begin(sample_256), std::end(sample_256)};
    token[bit / 8] = static_cast<std::uint8_t>(token[bit / 8] ^ 1U << bit % 8);
    EXPECT_EQ(refusal(token), errc::bad_token) << bit;
  }
  for (std::size_t size = 0; size < sizeof sample_256; ++size)
    EXPECT_EQ(refusal(Bytes{sample_256}.first(size)), errc::bad_token) << size;
  ByteList longer{std::begin(sample_256), std::end(sample_256)};
  longer.resize(2000);
  EXPECT_EQ(refusal(longer), errc::bad_token);
}

TEST(AccessToken, OfAnAuthorizationServerThatWritesNonsenseIsNone) {
  const auto inside = [](std::size_t size, std::uint16_t key_length) {
    ByteList bytes(size, 7);
    bytes[0] = static_cast<std::uint8_t>(key_length >> 8U);
    bytes[1] = static_cast<std::uint8_t>(key_length);
    return bytes;
  };
  EXPECT_EQ(refusal(seal_raw(inside(34, 20))), std::error_code{});
  EXPECT_EQ(refusal(seal_raw(inside(34, 19))), errc::bad_token);
  EXPECT_EQ(refusal(seal_raw(inside(34, 21))), errc::bad_token);
  EXPECT_EQ(refusal(seal_raw(inside(34, 0xFFFF))), errc::bad_token);
  EXPECT_EQ(refusal(seal_raw(inside(33, 19))), errc::bad_token) << "a session key of less than 160 bits";
  EXPECT_EQ(refusal(seal_raw(inside(79, 65))), errc::bad_token) << "a longer one than an HMAC has use for";
  EXPECT_EQ(refusal(seal_raw({})), errc::bad_token);
}

TEST(AccessToken, TakesTheLastTimestampThatThereIs) {
  ByteList inside(34, 0xFF);
  inside[0] = 0, inside[1] = 20;
  const auto token = open_access_token(seal_raw(inside), key_256(), server_name);
  ASSERT_TRUE(token);
  EXPECT_LT(token->left(1410984813s), 0ms);
  EXPECT_EQ(token->lifetime, 4294967295s);
}

TEST(AccessToken, IsNotMadeOfTimesThatCannotBeWritten) {
  AccessToken token = sample();
  token.issued = -1ms;
  EXPECT_EQ(seal_access_token(token, key_256(), server_name, nonce).error(), errc::invalid_argument);
  token.issued = std::chrono::seconds{std::int64_t{1} << 48};
  EXPECT_EQ(seal_access_token(token, key_256(), server_name, nonce).error(), errc::invalid_argument);
  token = sample();
  for (const auto lifetime : {-1s, std::chrono::seconds{std::int64_t{1} << 32}}) {
    token.lifetime = lifetime;
    EXPECT_EQ(seal_access_token(token, key_256(), server_name, nonce).error(), errc::invalid_argument);
  }
}

TEST(AccessToken, IsGoodWithin5SecondsOfItsTimeAndNoLongerThanItSays) {  // §7, §9
  const AccessToken token{*MacKey::make(bytes_of(sample_mac_key)), 1000s, 60s};
  EXPECT_EQ(token.left(1000s), 60s) << "the formula of §9 would give 65; what is granted must not be longer than this";
  EXPECT_EQ(token.left(1005s), 60s);
  EXPECT_EQ(token.left(1006s), 59s);
  EXPECT_EQ(token.left(1064999ms), 1ms);
  EXPECT_EQ(token.left(1065s), 0s);
  EXPECT_EQ(token.left(936s), 1s) << "the clock of the other one is ahead";
  EXPECT_EQ(token.left(935s), 0s);
}

TEST(TokenKey, HasTheSizeOfItsAlgorithm) {
  EXPECT_FALSE(TokenKey::make("kid", ByteList(16)));
  EXPECT_FALSE(TokenKey::make("kid", ByteList(32), TokenAlgorithm::a128gcm));
  EXPECT_FALSE(TokenKey::make("kid", {}));
}

TEST(TokenKey, HasAKidThatFitsIntoUsername) {
  EXPECT_EQ(TokenKey::make("", ByteList(32)).error(), errc::bad_text);
  EXPECT_EQ(TokenKey::make(std::string(509, 'k'), ByteList(32)).error(), errc::text_too_long);
  EXPECT_EQ(TokenKey::make("\xEF\xBD\x8B", ByteList(32))->kid(), "\xEF\xBD\x8B") << "OpaqueString folds no width";
}

TEST(TokenLogin, IsWhatAnAuthorizationServerHandsOut) {
  SeededRandom random{1};
  const TimePoint now{10min};
  const auto login = make_token_login(key_256(), server_name, now, 1410984813s, 3600s, random);
  const auto next = make_token_login(key_256(), server_name, now, 1410984813s, 3600s, random);
  ASSERT_TRUE(login && next);
  EXPECT_EQ(login->username(), "kid");
  EXPECT_EQ(login->password(), "");
  EXPECT_EQ(login->mac_key().size(), 20U);
  EXPECT_EQ(login->good_until(), now + 3600s);
  const auto token = open_access_token(login->token(), key_256(), server_name);
  ASSERT_TRUE(token);
  EXPECT_TRUE(std::equal(token->mac_key.bytes().begin(), token->mac_key.bytes().end(), login->mac_key().begin()));
  EXPECT_FALSE(std::equal(login->token().begin() + 2, login->token().begin() + 14, next->token().begin() + 2))
      << "never the same nonce again";
  EXPECT_EQ(make_token_login(key_256(), server_name, now, -1s, 1s, random).error(), errc::invalid_argument);
}

TEST(TokenLogin, HasAllItsParts) {
  const ByteList some(20, 1);
  EXPECT_FALSE(Login::with_token("", some, some));
  EXPECT_FALSE(Login::with_token("kid", {}, some));
  EXPECT_FALSE(Login::with_token("kid", ByteList(65), some));
  EXPECT_FALSE(Login::with_token("kid", some, {}));
  EXPECT_FALSE(Login::with_token("kid", some, ByteList(Login::most_token + 1)));
  const auto login = Login::with_token("kid", some, some);
  ASSERT_TRUE(login);
  EXPECT_FALSE(login->good_until());
  EXPECT_FALSE(Login::make("user", "pass")->has_token());
  EXPECT_TRUE(Login::make("user", "pass")->mac_key().empty());
}

}  // namespace
}  // namespace ice::stun
