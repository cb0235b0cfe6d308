// mesh_demo serve: signalling, and a STUN server beside it.

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
#include "common/utf8.hpp"
#include "ice/io/driver.hpp"
#include "ice/io/stun_server.hpp"
#include "ice/stun/uri.hpp"
#include "mesh_demo/commands.hpp"
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
};

class Serve {
 public:
  explicit Serve(Options options)
      : options_{std::move(options)},
        context_{loop_.get_executor()},
        stun_{context_},
        signalling_{context_, SignallingConfig{.ice_servers =
                                                   [this](const Address& arrived_at) {
                                                     return ice_servers_for(arrived_at, bound_.primary,
                                                                            options_.externals);
                                                   }}},
        signals_{context_.get_executor(), SIGINT, SIGTERM} {}

  int run() {
    std::vector<Address> externals;
    for (const Endpoint& one : options_.ice_listen) externals.push_back(external_of(one.address, options_.externals));
    auto bound = stun_.listen(options_.ice_listen, options_.alternate_port, externals);
    if (!bound) {
      print_error("mesh_demo serve", fmt::format("cannot listen for STUN on {}: {}",
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
    for (const Endpoint& one : bound_.primary) all.emplace_back(one.to_string());
    const std::string ice = bound_.primary.front().to_string();
    const bool rfc5780 = stun_.discovers_nat_behavior(Family::ipv4) || stun_.discovers_nat_behavior(Family::ipv6);
    if (options_.common.json) {
      output_.json({{"event", "ready"},
                    {"signalling", signalling},
                    {"ice", ice},
                    {"ice_all", std::move(all)},
                    {"rfc5780", rfc5780}});
      return;
    }
    output_.line(format_in(options_.common.language, "signalling on {0}, STUN on {1}{2}", "시그널링 {0}, STUN {1}{2}",
                           signalling, ice, rfc5780 ? ", NAT behaviour discovery (RFC 5780)" : ""));
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
  io::StunServer::Bound bound_;
  io::StunServer stun_;
  io::Driver<SignallingServer> signalling_;
  boost::asio::signal_set signals_;
  Output output_{STDOUT_FILENO};
  bool failed_ = false;
};

}  // namespace

int run_serve(int argc, const char* const* argv) {
  CLI::App app{"The signalling server of a mesh, and a STUN server", "mesh_demo serve"};
  Options options;
  add_common_options(app, options.common);
  app.add_option("--listen", options.listen, "signalling, over TCP; default 0.0.0.0:9000, port 0 picks a free one")
      ->check(endpoint_form().description(""))
      ->type_name("IP:PORT");
  app.add_option("--ice-listen", options.ice_listen,
                 "STUN, over UDP and TCP; default 0.0.0.0:3478. Two addresses of one family turn RFC 5780 on")
      ->check(endpoint_form().description(""))
      ->type_name("IP:PORT")
      ->allow_extra_args(false);
  app.add_option("--alternate-port", options.alternate_port, "the second port of RFC 5780; default any free one")
      ->type_name("PORT");
  add_external_option(app, options.externals);
  const TurnOptions turn{app, {"--realm", "--secret"}};
  if (const auto status = parse_command_line(app, argc, argv)) return *status;
  if (turn.refuse()) return exit_usage;
  if (options.ice_listen.empty()) options.ice_listen = {{Address::any(Family::ipv4), stun::default_port}};
  return Serve{std::move(options)}.run();
}

}  // namespace ice::mesh
