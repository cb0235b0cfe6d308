// mesh_demo serve: signalling, and a STUN and TURN server beside it.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/array.hpp>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "common/external_address.hpp"
#include "common/output.hpp"
#include "common/realm_option.hpp"
#include "common/unix_time.hpp"
#include "common/utf8.hpp"
#include "ice/io/driver.hpp"
#include "ice/io/turn_server.hpp"
#include "ice/stun/uri.hpp"
#include "mesh_demo/commands.hpp"
#include "mesh_demo/relay_grant.hpp"
#include "mesh_demo/server_addresses.hpp"
#include "mesh_demo/signalling_server.hpp"

namespace ice::mesh {
namespace {

using namespace programs;

constexpr std::uint16_t default_signalling_port = 9000;

struct Options {
  CommonOptions common;
  Endpoint listen{Address::any(Family::ipv4), default_signalling_port};
  std::vector<Endpoint> ice_listen{};
  std::uint16_t alternate_port = 0;
  std::vector<ExternalAddress> externals{};
  std::string realm = turn::ServerConfig{}.realm;
  std::string secret{};
};

/// Who reaches the server over loopback alone is this host itself, and may relay to itself.
turn::ServerConfig server_config(const Options& options) {
  turn::ServerConfig config;
  config.realm = options.realm;
  const bool local = std::all_of(options.ice_listen.begin(), options.ice_listen.end(),
                                 [](const Endpoint& one) { return one.address.is_loopback(); });
  if (local) config.allow_peers = loopback_ranges();
  return config;
}

class Serve {
 public:
  explicit Serve(Options options)
      : options_{std::move(options)},
        context_{loop_.get_executor()},
        server_{context_, server_config(options_)},
        signalling_{context_, SignallingConfig{.ice_servers =
                                                   [this](const Address& arrived_at, std::string_view user) {
                                                     return ice_servers_for(
                                                         arrived_at, bound_.plain, options_.externals,
                                                         grant_relay(options_.secret, user, unix_time()));
                                                   }}},
        signals_{context_.get_executor(), SIGINT, SIGTERM} {}

  int run() {
    if (options_.secret.empty()) options_.secret = make_secret(context_.environment().random);
    server_.set_secrets({options_.secret});
    io::TurnServerAddresses addresses;
    addresses.plain = options_.ice_listen;
    addresses.alternate_port = options_.alternate_port;
    addresses.external = [this](const Address& local) { return external_of(local, options_.externals); };
    auto bound = server_.listen(addresses);
    if (!bound) {
      print_error("mesh_demo serve", fmt::format("cannot listen for STUN and TURN on {}: {}",
                                                 options_.ice_listen.front().to_string(), bound.error().message()));
      return exit_failure;
    }
    bound_ = std::move(*bound);
    signalling_.on_event(
        [this](const SignallingEvent& event) { std::visit([this](const auto& one) { on_event(one); }, event); });
    signalling_.with([this](SignallingServer& server, TimePoint) { server.listen(options_.listen); });
    signals_.async_wait([this](const auto& error, int) {
      if (!error) loop_.stop();
    });
    if (!failed_) loop_.run();
    return failed_ ? exit_failure : exit_success;
  }

 private:
  void on_event(const Listening& listening) {
    const std::string signalling = listening.local.to_string();
    boost::json::array all;
    for (const Endpoint& one : bound_.plain) all.emplace_back(one.to_string());
    const std::string ice = bound_.plain.front().to_string();
    const turn::Server& server = server_.machine();
    const bool rfc5780 = server.discovers_nat_behavior(Family::ipv4) || server.discovers_nat_behavior(Family::ipv6);
    if (options_.common.json) {
      output_.json({{"event", "ready"},
                    {"signalling", signalling},
                    {"ice", ice},
                    {"ice_all", std::move(all)},
                    {"rfc5780", rfc5780}});
      return;
    }
    output_.line(format_in(options_.common.language, "signalling on {0}, STUN and TURN on {1}{2}",
                           "시그널링 {0}, STUN과 TURN {1}{2}", signalling, ice,
                           rfc5780 ? ", NAT behaviour discovery (RFC 5780)" : ""));
    const std::string port = std::to_string(listening.local.port);
    output_.line(format_in(options_.common.language, "peers join with: mesh_demo join IP:{} --room ROOM --name NAME",
                           "피어 참가 명령: mesh_demo join IP:{} --room ROOM --name NAME", port));
  }

  void on_event(const ListenFailed& failure) {
    print_error("mesh_demo serve", fmt::format("cannot listen for signalling on {}: {}", options_.listen.to_string(),
                                               failure.why.message()));
    failed_ = true;
    loop_.stop();
  }

  void on_event(const MemberEntered& entered) {
    if (options_.common.json) {
      output_.json({{"event", "member-joined"},
                    {"room", entered.room},
                    {"name", entered.member.name},
                    {"address", entered.from.to_string()}});
    } else {
      output_.line(format_in(options_.common.language, "{0}: {1} joined from {2}", "{0}: {1} 참가 ({2})", entered.room,
                             entered.member.name, entered.from.to_string()));
    }
  }

  void on_event(const MemberLeft& left) {
    if (options_.common.json) {
      output_.json({{"event", "member-left"}, {"room", left.room}, {"name", left.member.name}, {"bye", left.said_bye}});
    } else if (left.said_bye) {
      output_.line(format_in(options_.common.language, "{0}: {1} left", "{0}: {1} 나감", left.room, left.member.name));
    } else {
      output_.line(
          format_in(options_.common.language, "{0}: {1} vanished", "{0}: {1} 연결 끊김", left.room, left.member.name));
    }
  }

  Options options_;
  boost::asio::io_context loop_;
  io::Context context_;
  io::TurnServer::Bound bound_;
  io::TurnServer server_;
  io::Driver<SignallingServer> signalling_;
  boost::asio::signal_set signals_;
  Output output_{STDOUT_FILENO};
  bool failed_ = false;
};

}  // namespace

int run_serve(int argc, const char* const* argv) {
  CLI::App app{"The signalling server of a mesh, and a STUN and TURN server", "mesh_demo serve"};
  Options options;
  add_common_options(app, options.common);
  app.add_option("--listen", options.listen, "signalling, over TCP; default 0.0.0.0:9000, port 0 picks a free one")
      ->check(endpoint_form().description(""))
      ->type_name("IP:PORT");
  app.add_option("--ice-listen", options.ice_listen,
                 "STUN and TURN, over UDP and TCP; default 0.0.0.0:3478. Two addresses of one family turn RFC 5780 on")
      ->check(endpoint_form().description(""))
      ->type_name("IP:PORT")
      ->allow_extra_args(false);
  app.add_option("--alternate-port", options.alternate_port, "the second port of RFC 5780; default any free one")
      ->type_name("PORT");
  add_external_option(app, options.externals);
  add_realm_option(app, options.realm);
  app.add_option("--secret", options.secret,
                 "what vouches for the credentials that peers relay with; default a new one")
      ->type_name("SECRET");
  if (const auto status = parse_command_line(app, argc, argv)) return *status;
  if (options.ice_listen.empty()) options.ice_listen = {{Address::any(Family::ipv4), stun::default_port}};
  return Serve{std::move(options)}.run();
}

}  // namespace ice::mesh
