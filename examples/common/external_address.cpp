#include "common/external_address.hpp"

namespace ice::programs {

std::optional<ExternalAddress> ExternalAddress::parse(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const auto external = Address::parse(text.substr(0, slash));
  if (!external || external->is_unspecified()) return std::nullopt;
  if (slash == std::string_view::npos) return ExternalAddress{*external, {}};
  const auto local = Address::parse(text.substr(slash + 1));
  if (!local || local->family() != external->family()) return std::nullopt;
  return ExternalAddress{*external, *local};
}

Address external_of(const Address& local, std::span<const ExternalAddress> externals) noexcept {
  if (local.is_loopback()) return {};
  for (const ExternalAddress& one : externals) {
    const bool meant = one.local ? one.local == local : one.external.family() == local.family();
    if (meant) return one.external;
  }
  return {};
}

void add_external_option(CLI::App& app, std::vector<ExternalAddress>& externals) {
  const auto form = [](const std::string& text) {
    return ExternalAddress::parse(text) ? std::string{} : text + " is not PUBLIC or PUBLIC/LOCAL, two addresses";
  };
  app.add_option_function<std::vector<std::string>>(
         "--external-ip",
         [&externals](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) externals.push_back(*ExternalAddress::parse(text));
         },
         "what clients see in place of a local address, behind a 1:1 NAT")
      ->check(CLI::Validator{form, ""})
      ->type_name("PUBLIC[/LOCAL]")
      ->allow_extra_args(false);
}

}  // namespace ice::programs
