// What protects the choice of a password algorithm: the nonce cookie, the list of algorithms, and the two checks that
// nobody on the way has touched them (RFC 8489 §9.2.4, §9.2.5).

#include <algorithm>
#include <array>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/nonce_cookie.hpp"

using namespace ice;
using namespace ice::stun;

namespace {

void check_cookie(std::string_view nonce) {
  const auto features = read_nonce_cookie(nonce);
  if (!features) return;
  ICE_FUZZ_CHECK(features->bits < 1U << 24);
  const auto cookie = make_nonce_cookie(*features);
  ICE_FUZZ_CHECK(nonce.starts_with(std::string_view{cookie.data(), cookie.size()}));
}

void check_list(Bytes wire) {
  const auto list = PasswordAlgorithms::parse(wire);
  if (!list) return;
  std::size_t bytes = 0;
  bool supported = false;
  for (const PasswordAlgorithmEntry entry : *list) {
    bytes += 4 + entry.parameters.size();
    supported = supported || is_supported(entry.algorithm);
    ICE_FUZZ_CHECK(list->contains(entry));
  }
  ICE_FUZZ_CHECK(bytes >= 4 && bytes <= wire.size());
  ICE_FUZZ_CHECK(list->first_supported().has_value() == supported);
  ICE_FUZZ_CHECK(*list == *PasswordAlgorithms::parse(list->wire()));
}

}  // namespace

/// A byte of what there is, then NONCE, PASSWORD-ALGORITHMS and PASSWORD-ALGORITHM as chunks.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{{data, size}};
  const std::uint8_t has = input.number();
  const Bytes nonce = input.chunk();
  const Bytes list = input.chunk();
  const Bytes choice = input.chunk();
  check_cookie(text_of(nonce));
  check_list(list);

  std::array<std::uint8_t, 1024> out;
  Builder builder{out, Method::allocate, Class::request, {}};
  if ((has & 1) != 0) builder.add_raw(attr::Nonce::type, nonce);
  if ((has & 2) != 0) builder.add_raw(attr::PasswordAlgorithms::type, list);
  if ((has & 4) != 0) builder.add_raw(attr::PasswordAlgorithm::type, choice);
  const auto bytes = builder.finish();
  ICE_FUZZ_CHECK(bytes.has_value());
  const auto message = Message::parse(*bytes);
  ICE_FUZZ_CHECK(message.has_value());

  const auto features = (has & 1) != 0 ? read_nonce_cookie(text_of(nonce)) : std::nullopt;
  const bool announced = features && features->has(SecurityFeatures::password_algorithms);
  const bool listed = (has & 2) != 0 && PasswordAlgorithms::parse(list);
  ICE_FUZZ_CHECK(check_bid_down(*message).has_value() == (!announced || listed));

  const auto chosen = check_password_algorithm(*message, PasswordAlgorithms::sha256_and_md5());
  if (chosen) ICE_FUZZ_CHECK(is_supported(*chosen));
  if ((has & 6) == 0) ICE_FUZZ_CHECK(chosen && *chosen == PasswordAlgorithm::md5);
  if ((has & 6) == 2 || (has & 6) == 4) ICE_FUZZ_CHECK(!chosen);
  return 0;
}
