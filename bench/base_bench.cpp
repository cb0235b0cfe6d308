// The cryptography of a STUN message: a MAC from the kept state against what OpenSSL offers for the same, and the
// CRC-32 both ways.

#define OPENSSL_SUPPRESS_DEPRECATED

#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>

#include <array>
#include <vector>

#include "base/crc32.hpp"
#include "base/crypto.hpp"
#include "ice/base/random.hpp"

namespace {

using namespace ice;

const std::vector<std::uint8_t> key(22, 'k');  // an ICE password

std::vector<std::uint8_t> message_of(const benchmark::State& state) {
  std::vector<std::uint8_t> message(static_cast<std::size_t>(state.range(0)));
  SeededRandom{1}.fill(message);
  return message;
}

void hmac_sha1_kept_state(benchmark::State& state) {
  const auto message = message_of(state);
  const crypto::HmacSha1 mac{key};
  for (auto _ : state) benchmark::DoNotOptimize(mac({message}));
}

void hmac_sha1_evp_mac_keyed(benchmark::State& state) {
  const auto message = message_of(state);
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(mac);
  char digest_name[] = "SHA1";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest_name, 0),
                                   OSSL_PARAM_construct_end()};
  EVP_MAC_init(context, key.data(), key.size(), parameters);
  std::array<std::uint8_t, 20> digest;
  for (auto _ : state) {
    std::size_t size = 0;
    EVP_MAC_init(context, nullptr, 0, nullptr);  // starts again with the key that it has
    EVP_MAC_update(context, message.data(), message.size());
    EVP_MAC_final(context, digest.data(), &size, digest.size());
    benchmark::DoNotOptimize(digest);
  }
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
}

void hmac_sha1_one_shot(benchmark::State& state) {
  const auto message = message_of(state);
  std::array<std::uint8_t, 20> digest;
  for (auto _ : state) {
    HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), message.data(), message.size(), digest.data(), nullptr);
    benchmark::DoNotOptimize(digest);
  }
}

void hmac_sha256_kept_state(benchmark::State& state) {
  const auto message = message_of(state);
  const crypto::HmacSha256 mac{key};
  for (auto _ : state) benchmark::DoNotOptimize(mac({message}));
}

void hmac_sha1_key_schedule(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(crypto::HmacSha1{key});
}

void crc32_by_table(benchmark::State& state) {
  const auto message = message_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(crypto::crc32_by_table(message));
}

void crc32_as_chosen(benchmark::State& state) {
  const auto message = message_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(crypto::crc32(message));
}

void transaction_id(benchmark::State& state) {
  CryptoRandom random;
  std::array<std::uint8_t, 12> id;
  for (auto _ : state) {
    random.fill(id);
    benchmark::DoNotOptimize(id);
  }
}

BENCHMARK(hmac_sha1_kept_state)->Arg(60)->Arg(100)->Arg(1200);
BENCHMARK(hmac_sha1_evp_mac_keyed)->Arg(60)->Arg(100)->Arg(1200);
BENCHMARK(hmac_sha1_one_shot)->Arg(60)->Arg(100)->Arg(1200);
BENCHMARK(hmac_sha256_kept_state)->Arg(100);
BENCHMARK(hmac_sha1_key_schedule);
BENCHMARK(crc32_by_table)->Arg(20)->Arg(100)->Arg(1200);
BENCHMARK(crc32_as_chosen)->Arg(20)->Arg(100)->Arg(1200);
BENCHMARK(transaction_id);

}  // namespace
