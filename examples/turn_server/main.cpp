// A STUN and TURN server.

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <string>
#include <utility>

#include "common/output.hpp"
#include "common/process.hpp"
#include "ice/io/tls.hpp"
#include "ice/io/turn_server.hpp"
#include "ice/stun/uri.hpp"
#include "turn_server/event_view.hpp"
#include "turn_server/options.hpp"

namespace ice::turn_server {
namespace {

using namespace programs;

class Program {
 public:
  explicit Program(Options options) : options_{std::move(options)}, server_{context_, options_.server} {}

  int run() {
    if (!prepare()) return exit_failure;
    signals_.async_wait([this](const auto& error, int) {
      if (error) return;
      // What was given out still leaves, for a bounded time; the next signal ends the process at once.
      signals_.clear();
      server_.close();
    });
    loop_.run();
    return exit_success;
  }

 private:
  static bool fail_with(const std::string& what, const std::error_code& why) {
    print_error("turn_server", fmt::format("{}: {}", what, why.message()));
    return false;
  }

  bool prepare() {
    server_.on_event([this](const turn::Server::Event& event) {
      if (options_.common.json)
        output_.json(to_json(event));
      else
        output_.line(to_text(event, options_.common.language));
    });
    for (const Options::User& one : options_.users) {
      const auto added = server_.add_user(one.name, one.password);
      if (!added) return fail_with(fmt::format("cannot add the user {}", one.name), added.error());
    }
    server_.set_secrets(options_.secrets);
    return secure() && listen();
  }

  bool secure() {
    if (options_.tls_listen.empty()) return true;
    io::TlsConfig tls;
    tls.certificate_file = options_.certificate_file;
    tls.key_file = options_.key_file;
    tls.protocols = {"stun.turn", "stun.nat-discovery"};  // RFC 7443
    const auto configured = context_.configure_tls(tls);
    if (configured) return true;
    return fail_with(fmt::format("cannot use {} and {}", options_.certificate_file, options_.key_file),
                     configured.error());
  }

  bool listen() {
    io::TurnServerAddresses addresses;
    addresses.plain = options_.listen;
    addresses.secured = options_.tls_listen;
    addresses.alternate_port = options_.alternate_port;
    addresses.external = [this](const Address& local) { return external_of(local, options_.externals); };
    auto bound = server_.listen(addresses);
    if (!bound) {
      const auto& asked = options_.listen.empty() ? options_.tls_listen : options_.listen;
      return fail_with(fmt::format("cannot listen on {}", asked.front().to_string()), bound.error());
    }
    Ready ready{std::move(*bound), false, {}};
    for (const Family family : {Family::ipv4, Family::ipv6})
      ready.rfc5780 = ready.rfc5780 || server_.machine().discovers_nat_behavior(family);
    if (options_.metrics) {
      const auto metrics = server_.serve_metrics(options_.metrics);
      if (!metrics) {
        return fail_with(fmt::format("cannot serve metrics on {}", options_.metrics.to_string()), metrics.error());
      }
      ready.metrics = *metrics;
    }
    tell(ready);
    return true;
  }

  void tell(const Ready& ready) {
    if (options_.common.json) return output_.json(to_json(ready));
    output_.line(to_text(ready, options_.common.language));
    if (options_.users.empty() && options_.secrets.empty()) {
      output_.line(format_in(options_.common.language, "nobody may relay: there is neither a --user nor a --secret",
                             "--user도 --secret도 없어 아무도 릴레이를 쓸 수 없음"));
    }
  }

  Options options_;
  Output output_{STDOUT_FILENO};
  boost::asio::io_context loop_{1};
  io::Context context_{loop_.get_executor()};
  io::TurnServer server_;
  boost::asio::signal_set signals_{context_.get_executor(), SIGINT, SIGTERM};
};

}  // namespace
}  // namespace ice::turn_server

int main(int argc, char** argv) {
  using namespace ice;
  using namespace ice::programs;
  prepare_process();
  CLI::App app{"A STUN and TURN server: it tells clients where they come from, and relays for those it knows",
               "turn_server"};
  turn_server::Options options;
  turn_server::add_options(app, options);
  if (const auto status = parse_command_line(app, argc, argv)) return *status;
  if (options.listen.empty() && options.tls_listen.empty()) {
    options.listen = {{Address::any(Family::ipv4), stun::default_port}};
  }
  return turn_server::Program{std::move(options)}.run();
}
