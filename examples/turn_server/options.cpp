#include "turn_server/options.hpp"

#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include "common/realm_option.hpp"

namespace ice::turn_server {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::optional<PortRange> parse_ports(std::string_view text) noexcept {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_port(text.substr(0, dash));
  const auto last = parse_port(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return PortRange{*first, *last};
}

std::optional<Options::User> parse_user(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string::npos || colon + 1 == text.size()) return std::nullopt;
  return Options::User{text.substr(0, colon), text.substr(colon + 1)};
}

/// An option whose texts `parse` understands; each is given to `take`. `form` says what is wanted.
template <class Parse, class Take>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, Parse parse, Take take, const std::string& form,
                        const std::string& description) {
  const auto check = [parse, form](const std::string& text) {
    return parse(text) ? std::string{} : text + " is not " + form;
  };
  return app
      .add_option_function<std::vector<std::string>>(
          name,
          [parse, take](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) take(*parse(text));
          },
          description)
      ->check(CLI::Validator{check, ""})
      ->type_name(form)
      ->allow_extra_args(false);
}

CLI::Option* add_endpoints(CLI::App& app, const std::string& name, std::vector<Endpoint>& endpoints,
                           const std::string& description) {
  return app.add_option(name, endpoints, description)
      ->check(programs::endpoint_form().description(""))
      ->type_name("IP:PORT")
      ->allow_extra_args(false);
}

std::optional<turn::AddressRange> parse_range(const std::string& text) noexcept {
  const auto range = turn::AddressRange::parse(text);
  return range ? std::optional{*range} : std::nullopt;
}

}  // namespace

void add_options(CLI::App& app, Options& options) {
  programs::add_common_options(app, options.common);
  add_endpoints(app, "--listen", options.listen,
                "STUN and TURN, over UDP and TCP; default 0.0.0.0:3478, port 0 picks a free one. Two addresses of one "
                "family turn RFC 5780 on");
  app.add_option("--alternate-port", options.alternate_port, "the second port of RFC 5780; default any free one")
      ->type_name("PORT");
  CLI::Option* secured = add_endpoints(app, "--tls-listen", options.tls_listen, "the same over TLS and DTLS");
  CLI::Option* certificate = app.add_option("--cert", options.certificate_file,
                                            "certificate for --tls-listen, then those up to its authority (PEM)")
                                 ->type_name("FILE");
  CLI::Option* key = app.add_option("--key", options.key_file, "its private key (PEM)")->type_name("FILE");
  secured->needs(certificate)->needs(key);
  certificate->needs(secured);
  key->needs(secured);
  programs::add_external_option(app, options.externals);
  programs::add_realm_option(app, options.server.realm);
  add_parsed(
      app, "--user", parse_user, [&options](Options::User user) { options.users.push_back(std::move(user)); },
      "NAME:PASSWORD", "who may relay");
  app.add_option("--secret", options.secrets,
                 "whoever has credentials of this secret may relay (TURN REST); several may be good at one time")
      ->type_name("SECRET")
      ->allow_extra_args(false);
  add_parsed(
      app, "--relay-ports", parse_ports, [&options](PortRange ports) { options.server.relay_ports = ports; }, "A-B",
      "where relayed addresses have their ports; default 49152-65535")
      ->expected(1);
  add_parsed(
      app, "--allow-peer", parse_range,
      [&options](const turn::AddressRange& range) { options.server.allow_peers.push_back(range); }, "CIDR",
      "peers that may be relayed to though they are loopback, private or otherwise refused");
  app.add_option("--quota", options.server.limits.allocations_per_user, "allocations of one user at a time")
      ->check(CLI::Range(std::size_t{1}, std::size_t{std::numeric_limits<std::uint32_t>::max()}).description(""))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--metrics", options.metrics, "GET /metrics for Prometheus, over HTTP")
      ->check(programs::endpoint_form().description(""))
      ->type_name("IP:PORT");
}

}  // namespace ice::turn_server
