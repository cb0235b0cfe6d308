#include "common/realm_option.hpp"

namespace ice::programs {
namespace {

constexpr std::size_t longest_realm = 127;  // RFC 8489 §14.9 allows 127 characters, and none is shorter than a byte

}  // namespace

void add_realm_option(CLI::App& app, std::string& realm) {
  const auto form = [](const std::string& text) {
    return !text.empty() && text.size() <= longest_realm ? std::string{} : std::string{"a realm has 1 to 127 bytes"};
  };
  app.add_option("--realm", realm, "what the users belong to")
      ->check(CLI::Validator{form, ""})
      ->type_name("REALM")
      ->capture_default_str();
}

}  // namespace ice::programs
