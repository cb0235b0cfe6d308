#include "ice/stun/nonce_cookie.hpp"

#include <algorithm>

namespace ice::stun {
namespace {

constexpr std::string_view prefix = "obMatJos2";  // RFC 8489 §9.2
constexpr std::string_view base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";  // RFC 4648 §4

}  // namespace

std::array<char, nonce_cookie_size> make_nonce_cookie(SecurityFeatures features) noexcept {
  std::array<char, nonce_cookie_size> cookie;
  char* at = std::copy(prefix.begin(), prefix.end(), cookie.begin());
  for (unsigned shift = 24; shift != 0;) {
    shift -= 6;
    *at++ = base64[features.bits >> shift & 0x3FU];
  }
  return cookie;
}

std::optional<SecurityFeatures> read_nonce_cookie(std::string_view nonce) noexcept {
  if (nonce.size() < nonce_cookie_size || !nonce.starts_with(prefix)) return std::nullopt;
  SecurityFeatures features;
  for (const char digit : nonce.substr(prefix.size(), nonce_cookie_size - prefix.size())) {
    const std::size_t value = base64.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    features.bits = features.bits << 6U | static_cast<std::uint32_t>(value);
  }
  return features;
}

result<void> check_bid_down(const Message& response) noexcept {
  const result<std::string_view> nonce = response.get<attr::Nonce>();
  if (!nonce) return {};
  const std::optional<SecurityFeatures> features = read_nonce_cookie(*nonce);
  if (!features || !features->has(SecurityFeatures::password_algorithms)) return {};
  if (!response.get<attr::PasswordAlgorithms>()) return fail(errc::bid_down);
  return {};
}

result<PasswordAlgorithm> check_password_algorithm(const Message& request, const PasswordAlgorithms& offered) noexcept {
  const bool has_list = request.has<attr::PasswordAlgorithms>();
  const bool has_choice = request.has<attr::PasswordAlgorithm>();
  if (!has_list && !has_choice) return PasswordAlgorithm::md5;
  const auto list = request.get<attr::PasswordAlgorithms>();
  const auto choice = request.get<attr::PasswordAlgorithm>();
  if (!list || !choice || *list != offered || !offered.contains(*choice)) return fail(errc::bid_down);
  return choice->algorithm;
}

}  // namespace ice::stun
