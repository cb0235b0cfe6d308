// AES-GCM: the test cases of "The Galois/Counter Mode of Operation" (McGrew, Viega), and what must not be believed.

#include "base/aead.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace ice::crypto {
namespace {

using ByteList = std::vector<std::uint8_t>;

ByteList from_hex(std::string_view text) {
  const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
  ByteList bytes;
  for (std::size_t at = 0; at < text.size(); at += 2)
    bytes.push_back(static_cast<std::uint8_t>(value(text[at]) << 4 | value(text[at + 1])));
  return bytes;
}

constexpr std::string_view plain =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba"
    "637b39";
constexpr std::string_view associated = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
constexpr GcmNonce nonce{0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};

struct Vector {
  std::string_view key;
  std::string_view sealed;
};
constexpr Vector vectors[] = {{"feffe9928665731c6d6a8f9467308308",  // test case 4
                               "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5"
                               "aac84aa051ba30b396a0aac973d"
                               "58e0915bc94fbc3221a5db94fae95ae7121a47"},
                              {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",  // test case 16
                               "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1"
                               "056828838c5f61e6393ba7a0abc"
                               "c9f66276fc6ece0f4e1768cddf8853bb2d551b"}};

TEST(Aead, GivesTheVectorsOfGcm) {
  for (const Vector& v : vectors) {
    const ByteList text = from_hex(plain);
    ByteList sealed(text.size() + gcm_tag_size);
    ASSERT_TRUE(seal_gcm(from_hex(v.key), nonce, from_hex(associated), text, sealed));
    EXPECT_EQ(sealed, from_hex(v.sealed));
    ByteList opened(text.size());
    ASSERT_TRUE(open_gcm(from_hex(v.key), nonce, from_hex(associated), sealed, opened));
    EXPECT_EQ(opened, text);
  }
}

TEST(Aead, BelievesNothingThatHasAnotherBitAnywhereAndLeavesNothingOfIt) {
  for (const Vector& v : vectors) {
    const ByteList zeros(from_hex(plain).size());
    const auto opens = [&](const ByteList& key, const GcmNonce& with, const ByteList& about, const ByteList& sealed) {
      ByteList opened(zeros.size(), 0xAA);
      const bool opened_it = open_gcm(key, with, about, sealed, opened);
      EXPECT_TRUE(opened_it || opened == zeros);
      return opened_it;
    };
    const ByteList key = from_hex(v.key);
    const ByteList about = from_hex(associated);
    const ByteList sealed = from_hex(v.sealed);
    ASSERT_TRUE(opens(key, nonce, about, sealed));
    for (std::size_t at = 0; at < sealed.size(); ++at) {
      ByteList other = sealed;
      other[at] ^= 1;
      EXPECT_FALSE(opens(key, nonce, about, other)) << at;
    }
    ByteList other_key = key, other_about = about;
    GcmNonce other_nonce = nonce;
    other_key.back() ^= 1, other_about.back() ^= 1, other_nonce.back() ^= 1;
    EXPECT_FALSE(opens(other_key, nonce, about, sealed));
    EXPECT_FALSE(opens(key, other_nonce, about, sealed));
    EXPECT_FALSE(opens(key, nonce, other_about, sealed));
  }
}

}  // namespace
}  // namespace ice::crypto
