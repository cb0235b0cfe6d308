#include "base/aead.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <memory>

#include "base/crypto.hpp"

namespace ice::crypto {
namespace {

struct Free {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }  // wipes the key schedule
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, Free>;

const EVP_CIPHER* cipher_for(Bytes key) noexcept {
  assert(key.size() == 16 || key.size() == 32);
  return key.size() == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
}

int length_of(Bytes bytes) noexcept { return static_cast<int>(bytes.size()); }

}  // namespace

bool seal_gcm(Bytes key, const GcmNonce& nonce, Bytes associated, Bytes plain, MutableBytes out) noexcept {
  assert(out.size() == plain.size() + gcm_tag_size);
  const Context context{EVP_CIPHER_CTX_new()};
  int written = 0;
  return context != nullptr &&
         EVP_EncryptInit_ex(context.get(), cipher_for(key), nullptr, key.data(), nonce.data()) == 1 &&
         EVP_EncryptUpdate(context.get(), nullptr, &written, associated.data(), length_of(associated)) == 1 &&
         EVP_EncryptUpdate(context.get(), out.data(), &written, plain.data(), length_of(plain)) == 1 &&
         EVP_EncryptFinal_ex(context.get(), out.data() + plain.size(), &written) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, gcm_tag_size, out.data() + plain.size()) == 1;
}

bool open_gcm(Bytes key, const GcmNonce& nonce, Bytes associated, Bytes sealed, MutableBytes out) noexcept {
  assert(sealed.size() == out.size() + gcm_tag_size);
  const Bytes cipher = sealed.first(out.size());
  std::array<std::uint8_t, gcm_tag_size> tag;  // OpenSSL wants one that it might write to
  std::copy(sealed.end() - gcm_tag_size, sealed.end(), tag.begin());
  const Context context{EVP_CIPHER_CTX_new()};
  int written = 0;
  const bool authentic =
      context != nullptr &&
      EVP_DecryptInit_ex(context.get(), cipher_for(key), nullptr, key.data(), nonce.data()) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &written, associated.data(), length_of(associated)) == 1 &&
      EVP_DecryptUpdate(context.get(), out.data(), &written, cipher.data(), length_of(cipher)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, gcm_tag_size, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), out.data() + out.size(), &written) == 1;
  if (!authentic) cleanse(out);  // what was decrypted before the tag was looked at is nobody's
  return authentic;
}

}  // namespace ice::crypto
