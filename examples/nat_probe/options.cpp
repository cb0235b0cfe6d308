#include "nat_probe/options.hpp"

#include <optional>

namespace ice::nat_probe {
namespace {

constexpr double least_timeout = 1;
constexpr double most_timeout = 120;

/// A STUN server over UDP: NATs are looked at with datagrams.
std::string why_no_server(const std::string& text) {
  const auto uri = stun::Uri::parse(text);
  if (uri && uri->scheme == stun::Uri::Scheme::stun) return {};
  return text + " is not stun:HOST[:PORT]";
}

std::string why_no_address(const std::string& text) {
  return Address::parse(text) ? std::string{} : text + " is not an IP address";
}

}  // namespace

void add_options(CLI::App& app, Options& options) {
  programs::add_common_options(app, options.common);
  app.add_option_function<std::vector<std::string>>(
         "URI",
         [&options](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) options.servers.push_back(*stun::Uri::parse(text));
         },
         "STUN servers to ask, stun:HOST[:PORT]. One with two addresses (RFC 5780) tells most; there is none built in")
      ->check(CLI::Validator{why_no_server, ""})
      ->required()
      ->type_name("");
  app.add_flag("--full", options.full, "measure the lifetime of mappings too, which takes minutes");
  app.add_option_function<std::string>(
         "--bind", [&options](const std::string& text) { options.bind = Address::parse(text)->canonical(); },
         "ask from this address of this host, over its family")
      ->check(CLI::Validator{why_no_address, ""})
      ->type_name("IP");
  CLI::Option* four = app.add_flag_callback(
      "-4", [&options] { options.only = Family::ipv4; }, "IPv4 only");
  CLI::Option* six = app.add_flag_callback(
      "-6", [&options] { options.only = Family::ipv6; }, "IPv6 only");
  four->excludes(six);
  app.callback([&options] {
    if (options.bind && options.only != Family::none && options.only != options.bind.family())
      throw CLI::ValidationError{"--bind", options.bind.to_string() + " is not of the family that is asked for"};
  });
  app.add_option_function<double>(
         "--timeout", [&options](double seconds) { options.timeout = std::chrono::duration<double>{seconds}; },
         "what is not known after so many seconds stays unknown; default 12")
      ->check(CLI::Range(least_timeout, most_timeout).description(""))
      ->type_name("S");
}

}  // namespace ice::nat_probe
