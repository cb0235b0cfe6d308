#include "turn/shared_secret.hpp"

#include <charconv>
#include <string>

#include "ice/turn/server.hpp"

namespace ice::turn {

std::optional<SharedSecretName> SharedSecretName::parse(std::string_view name) noexcept {
  std::int64_t until = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data(), end, until);
  if (error != std::errc{} || until < 0) return std::nullopt;
  if (rest == end) return SharedSecretName{std::chrono::seconds{until}, name};
  if (*rest != ':') return std::nullopt;
  const std::string_view id = name.substr(static_cast<std::size_t>(rest + 1 - name.data()));
  return SharedSecretName{std::chrono::seconds{until}, id.empty() ? name : id};
}

SharedSecretPassword shared_secret_password(const crypto::HmacSha1& secret, std::string_view name) noexcept {
  SharedSecretPassword password;
  crypto::base64(secret({bytes_of(name)}), password);
  return password;
}

result<stun::Login> make_shared_secret_login(std::string_view secret, std::string_view id, std::chrono::seconds until) {
  std::string name = std::to_string(until.count());
  if (!id.empty()) name.append(1, ':').append(id);
  // The name that the MAC is over is the one that goes over the wire.
  const result<std::string> prepared = stun::opaque_string(name);
  if (!prepared) return fail(prepared.error());
  SharedSecretPassword password = shared_secret_password(crypto::HmacSha1{bytes_of(secret)}, *prepared);
  result<stun::Login> login = stun::Login::make(*prepared, {password.data(), password.size()});
  crypto::cleanse({reinterpret_cast<std::uint8_t*>(password.data()), password.size()});
  return login;
}

}  // namespace ice::turn
