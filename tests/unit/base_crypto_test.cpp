#include "base/crypto.hpp"

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include <string>
#include <type_traits>
#include <vector>

namespace ice::crypto {
namespace {

std::string hex(Bytes bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

struct HmacVector {
  std::string key;
  std::string data;
  std::string_view sha1;
  std::string_view sha256;
};

std::string counting(int first, int last) {
  std::string text;
  for (int byte = first; byte <= last; ++byte) text += static_cast<char>(byte);
  return text;
}

TEST(HmacSha1, GivesTheVectorsOfRfc2202) {
  const HmacVector vectors[] = {
      {std::string(20, '\x0b'), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00", {}},
      {"Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", {}},
      {std::string(20, '\xaa'), std::string(50, '\xdd'), "125d7342b9ac11cd91a39af48aa17b4f63f175d3", {}},
      {counting(1, 25), std::string(50, '\xcd'), "4c9007f4026250c6bc8414f9bf50c86c2d7235da", {}},
      {std::string(20, '\x0c'), "Test With Truncation", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04", {}},
      {std::string(80, '\xaa'),
       "Test Using Larger Than Block-Size Key - Hash Key First",
       "aa4ae5e15272d00e95705637ce8a3b55ed402112",
       {}},
      {std::string(80, '\xaa'),
       "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
       "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
       {}},
  };
  for (const HmacVector& v : vectors) {
    EXPECT_EQ(hex(HmacSha1{bytes_of(v.key)}({bytes_of(v.data)})), v.sha1) << v.data;
  }
}

TEST(HmacSha256, GivesTheVectorsOfRfc4231) {
  const HmacVector vectors[] = {
      {std::string(20, '\x0b'), "Hi There", {}, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", {}, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'),
       std::string(50, '\xdd'),
       {},
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {counting(1, 25),
       std::string(50, '\xcd'),
       {},
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {std::string(131, '\xaa'),
       "Test Using Larger Than Block-Size Key - Hash Key First",
       {},
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
       "hashed before being used by the HMAC algorithm.",
       {},
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const HmacVector& v : vectors) {
    EXPECT_EQ(hex(HmacSha256{bytes_of(v.key)}({bytes_of(v.data)})), v.sha256) << v.data;
  }
}

TEST(Hmac, AgreesWithOpenSslForEveryLengthOfKeyAndText) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += static_cast<char>(i * 7 + 1);
  for (std::size_t key_size = 0; key_size <= 130; key_size += 13) {
    const std::string key = text.substr(0, key_size);
    const HmacSha1 sha1{bytes_of(key)};
    const HmacSha256 sha256{bytes_of(key)};
    for (std::size_t size = 0; size <= text.size(); ++size) {
      const Bytes data = bytes_of(text).first(size);
      std::uint8_t expected[EVP_MAX_MD_SIZE];
      unsigned length = 0;
      HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), expected, &length);
      ASSERT_EQ(hex(sha1({data})), hex({expected, length})) << key_size << ' ' << size;
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), expected, &length);
      ASSERT_EQ(hex(sha256({data})), hex({expected, length})) << key_size << ' ' << size;
    }
  }
}

TEST(Hmac, OfPartsIsThatOfTheWhole) {
  const std::string text(150, 'x');
  const Bytes all = bytes_of(text);
  const HmacSha1 sha1{bytes_of("key")};
  const HmacSha256 sha256{bytes_of("key")};
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    EXPECT_EQ(sha1({all.first(cut), all.subspan(cut)}), sha1({all}));
    EXPECT_EQ(sha256({all.first(cut), {}, all.subspan(cut)}), sha256({all}));
  }
}

TEST(Hmac, LeavesNoKeyBehindWhenDestroyed) {
  alignas(HmacSha1) std::array<std::uint8_t, sizeof(HmacSha1)> memory;
  memory.fill(0xee);
  auto* const mac = new (memory.data()) HmacSha1{bytes_of("a secret")};
  EXPECT_NE(hex(memory), std::string(2 * memory.size(), '0'));
  mac->~HmacSha1();
  EXPECT_EQ(hex(memory), std::string(2 * memory.size(), '0'));
}

TEST(Hash, GivesTheKnownDigests) {
  EXPECT_EQ(hex(md5({bytes_of("a"), bytes_of("bc")})), "900150983cd24fb0d6963f7d28e17f72");  // RFC 1321 §A.5
  EXPECT_EQ(hex(md5({})), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(hex(sha1(bytes_of("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");  // FIPS 180-2 §A.1
  EXPECT_EQ(hex(sha256({bytes_of("abc")})),                                           // FIPS 180-2 §B.1
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256({bytes_of("a"), bytes_of("bc")}), sha256({bytes_of("abc")}));
}

TEST(ConstantTime, EqualityIsThatOfTheBytes) {
  const std::string a(20, 'a');
  EXPECT_TRUE(equal_in_constant_time(bytes_of(a), bytes_of(std::string(20, 'a'))));
  EXPECT_TRUE(equal_in_constant_time({}, {}));
  EXPECT_FALSE(equal_in_constant_time(bytes_of(a), bytes_of(a).first(19)));
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::string b = a;
    b[i] = 'b';
    EXPECT_FALSE(equal_in_constant_time(bytes_of(a), bytes_of(b))) << i;
  }
}

TEST(Base64, GivesTheVectorsOfRfc4648) {
  for (const auto& [plain, encoded] : {std::pair<std::string, std::string>{"", ""},
                                       {"f", "Zg=="},
                                       {"fo", "Zm8="},
                                       {"foo", "Zm9v"},
                                       {"foob", "Zm9vYg=="},
                                       {"fooba", "Zm9vYmE="},
                                       {"foobar", "Zm9vYmFy"}}) {
    std::string out(encoded.size(), '?');
    base64(bytes_of(plain), out);
    EXPECT_EQ(out, encoded);
  }
}

}  // namespace
}  // namespace ice::crypto
