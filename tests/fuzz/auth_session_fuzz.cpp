// Responses at an authentication session: nothing is authentic that was not signed with the password, challenges end,
// and whatever a server says, the next request can be written.

#include <array>
#include <optional>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "ice/stun/auth_session.hpp"

using namespace ice;
using namespace ice::stun;

namespace {

using Step = AuthSession::Judgement::Step;

AuthSession make_session(std::size_t kind) {
  const auto login = Login::make("user", "pass");
  switch (kind) {
    case 0:
      return {};
    case 1:
      return *AuthSession::short_term(*login);
    case 2:
      return *AuthSession::short_term(*login, Integrity::sha1);
    case 3:
      return *AuthSession::short_term(*login, Integrity::sha256);
    default:
      return AuthSession::long_term(*login);
  }
}

/// The response that the next bytes ask for.
result<Bytes> make_response(fuzz::Input& input, MutableBytes out, bool& honest, std::string_view realm) {
  static constexpr std::array<std::uint16_t, 8> codes = {0, 300, 400, 401, 401, 438, 438, 500};
  const std::uint16_t code = codes[input.below(codes.size())];
  Builder builder{out, Method::binding, code == 0 ? Class::success_response : Class::error_response, {}};
  if (code != 0) builder.add<attr::ErrorCode>({.code = static_cast<ErrorCode>(code)});
  const std::uint8_t has = input.number();
  if ((has & 1) != 0) builder.add_raw(attr::Realm::type, input.chunk());
  if ((has & 2) != 0) builder.add_raw(attr::Nonce::type, (has & 4) != 0 ? input.long_chunk() : input.chunk());
  if ((has & 8) != 0) builder.add<attr::PasswordAlgorithms>(PasswordAlgorithms::sha256_and_md5());
  if ((has & 16) != 0) builder.add_raw(attr::PasswordAlgorithms::type, input.chunk());
  if ((has & 32) != 0) builder.add_raw(AttributeType{input.number<std::uint16_t>()}, input.chunk());
  honest = false;
  switch (input.below(6)) {
    case 0:
      break;
    case 1:
      builder.integrity(*Credential::short_term("wrong"));
      break;
    case 2:
      builder.integrity_sha256(*Credential::short_term("wrong"));
      break;
    case 3:
      honest = true;
      builder.integrity(*Credential::short_term("pass"));
      break;
    case 4:
      honest = true;
      builder.integrity_sha256(*Credential::short_term("pass"));
      break;
    case 5:
      if (const auto key = Credential::long_term("user", realm, "pass", PasswordAlgorithm::sha256)) {
        honest = true;
        builder.integrity_sha256(*key);
      }
      break;
  }
  return builder.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{{data, size}};
  AuthSession session = make_session(input.below(6));
  std::array<std::uint8_t, 4096> out;
  std::array<std::uint8_t, 4096> in;
  AuthSession::Generation sent_at = session.generation();
  int challenges = 0;
  while (!input.empty()) {
    Builder builder{out, Method::binding, Class::request, {}};
    session.sign(builder);
    const auto request = builder.finish();
    ICE_FUZZ_CHECK(request && Message::parse(*request));

    const std::uint8_t how = input.number();
    if ((how & 1) != 0) sent_at = session.generation();
    bool honest = false;
    const auto bytes =
        (how & 2) != 0 ? result<Bytes>{input.long_chunk()} : make_response(input, in, honest, session.realm());
    if (!bytes) continue;
    const auto response = Message::parse(*bytes);
    if (!response) continue;
    const AuthSession::Generation before = session.generation();
    const auto judged = session.judge(*response, sent_at);
    ICE_FUZZ_CHECK((judged.step == Step::fail) == static_cast<bool>(judged.error));
    ICE_FUZZ_CHECK(!judged.authenticated || (judged.step == Step::accept && honest));
    ICE_FUZZ_CHECK(judged.authenticated == judged.message.is_authenticated());
    if (judged.step == Step::retry) {
      ICE_FUZZ_CHECK(session.generation() != sent_at);
      if (session.generation() != before) ICE_FUZZ_CHECK(++challenges <= AuthSession::most_challenges);
    } else if (judged.authenticated) {
      challenges = 0;
    } else {
      ICE_FUZZ_CHECK(session.generation() == before);
    }
  }
  return 0;
}
