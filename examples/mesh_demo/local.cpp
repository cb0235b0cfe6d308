// mesh_demo local: everything on loopback, in one process and one thread.

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/output.hpp"
#include "common/unix_time.hpp"
#include "ice/io/driver.hpp"
#include "ice/io/turn_server.hpp"
#include "mesh_demo/commands.hpp"
#include "mesh_demo/event_view.hpp"
#include "mesh_demo/mesh.hpp"
#include "mesh_demo/relay_grant.hpp"
#include "mesh_demo/scoreboard.hpp"
#include "mesh_demo/server_addresses.hpp"
#include "mesh_demo/signalling_server.hpp"

namespace ice::mesh {
namespace {

using namespace std::chrono_literals;
using namespace programs;

// It ends by itself within 60 s, whatever happens: two attempts fit.
constexpr Duration longest_run = 55s;
constexpr Duration attempt_timeout = 20s;

constexpr int most_local_peers = 32;  // 496 pairs, which a pace of 5 ms a transaction sees through in time

struct Options {
  CommonOptions common;
  int peers = 4;
  CandidatePolicy policy = CandidatePolicy::all;
};

class Local {
 public:
  explicit Local(const Options& options)
      : options_{options},
        context_{loop_.get_executor()},
        server_{context_, server_config()},
        secret_{make_secret(context_.environment().random)},
        signalling_{context_, SignallingConfig{.ice_servers =
                                                   [this](const Address& arrived_at, std::string_view user) {
                                                     return ice_servers(arrived_at, user);
                                                   }}},
        deadline_{context_.get_executor()},
        signals_{context_.get_executor(), SIGINT, SIGTERM},
        names_{make_names(options.peers)},
        scores_{names_} {}

  int run() {
    const Endpoint any_port{Address::loopback(Family::ipv4), 0};
    server_.set_secrets({secret_});
    auto bound = server_.listen({.plain = {any_port}});
    if (!bound) return fail_with(bound.error());
    bound_ = std::move(*bound);
    signalling_.on_event([this](const SignallingEvent& event) { on_signalling(event); });
    signalling_.with([&](SignallingServer& server, TimePoint) { server.listen(any_port); });
    deadline_.expires_after(longest_run);
    deadline_.async_wait([this](const auto& error) {
      if (!error) loop_.stop();
    });
    signals_.async_wait([this](const auto& error, int) {
      if (!error) interrupted_ = true, loop_.stop();
    });
    loop_.run();
    if (listen_error_) return fail_with(listen_error_);
    report();
    return scores_.complete() || (interrupted_ && !failed_) ? exit_success : exit_failure;
  }

 private:
  struct Peer {
    std::string name;
    std::unique_ptr<io::Driver<Mesh>> driver;
  };

  static std::vector<std::string> make_names(int count) {
    std::vector<std::string> names;
    for (int i = 1; i <= count; ++i) names.push_back(fmt::format("p{}", i));
    return names;
  }

  /// Every pair on loopback has a direct path. Allocations beside it would only take slots of the pacer that all peers
  /// share, so they are made where nothing else may be used.
  std::vector<IceServer> ice_servers(const Address& arrived_at, std::string_view user) const {
    const auto grant =
        options_.policy == CandidatePolicy::relay_only ? grant_relay(secret_, user, unix_time()) : std::nullopt;
    return ice_servers_for(arrived_at, bound_.plain, {}, grant);
  }

  /// All peers come from one address, and everybody is known: what bounds strangers has no place here.
  static turn::ServerConfig server_config() {
    turn::ServerConfig config;
    config.allow_peers = loopback_ranges();
    config.limits.allocations_per_source = config.limits.allocations;
    config.limits.connections_per_source = config.limits.connections;
    config.limits.failures_at_once = static_cast<std::uint32_t>(config.limits.allocations);
    return config;
  }

  static int fail_with(std::error_code why) {
    print_error("mesh_demo", fmt::format("cannot listen on loopback: {}", why.message()));
    return exit_failure;
  }

  void on_signalling(const SignallingEvent& event) {
    if (const auto* listening = std::get_if<Listening>(&event)) {
      for (const std::string& name : names_) add_peer(name, listening->local);
    } else if (const auto* failed = std::get_if<ListenFailed>(&event)) {
      listen_error_ = failed->why;
      loop_.stop();
    }
  }

  void add_peer(const std::string& name, const Endpoint& server) {
    MeshConfig config{.server = server, .room = "local", .name = name};
    config.loopback_addresses = {{Address::loopback(Family::ipv4), "lo"}};
    config.call.attempt_timeout = attempt_timeout;
    config.call.agent.policy = options_.policy;
    peers_.push_back({name, std::make_unique<io::Driver<Mesh>>(context_, config, context_.environment())});
    io::Driver<Mesh>& driver = *peers_.back().driver;
    driver.on_event([this, name, &driver](const MeshEvent& event) { on_event(name, driver, event); });
    driver.with([](Mesh& mesh, TimePoint now) { mesh.join(now); });
  }

  void on_event(const std::string& self, io::Driver<Mesh>& driver, const MeshEvent& event) {
    scores_.note(self, event);
    if (const auto* of_peer = std::get_if<PeerEvent>(&event)) {
      if (std::holds_alternative<CallConnected>(of_peer->event)) greet(self, driver, of_peer->peer);
      failed_ = failed_ || std::holds_alternative<CallFailed>(of_peer->event);
    } else if (const auto* refused = std::get_if<JoinFailed>(&event)) {
      failed_ = true;
      print_error("mesh_demo", to_text(*refused, driver.machine().config().server, options_.common.language));
      loop_.stop();
    }
    if (options_.common.json) {
      if (const auto object = to_json(self, event, options_.common.language)) output_.json(*object);
    } else {
      output_.progress(scores_.progress(options_.common.language));
    }
    if (scores_.settled()) loop_.stop();
  }

  /// Once: what was said before an attempt failed is heard over the next one.
  void greet(const std::string& self, io::Driver<Mesh>& driver, const std::string& peer) {
    if (scores_.has_sent(self, peer)) return;
    const auto said = driver.with(
        [&](Mesh& mesh, TimePoint now) { return mesh.say_to(now, peer, fmt::format("hello from {}", self)); });
    if (said) scores_.note_sent(self, peer);
  }

  void report() {
    output_.progress("");
    if (options_.common.json)
      output_.json(scores_.summary());
    else
      output_.line(scores_.render(output_, options_.common.language));
  }

  const Options& options_;
  boost::asio::io_context loop_;
  io::Context context_;
  io::TurnServer server_;
  io::TurnServer::Bound bound_;
  std::string secret_;
  io::Driver<SignallingServer> signalling_;
  boost::asio::steady_timer deadline_;
  boost::asio::signal_set signals_;
  std::vector<std::string> names_;
  Scoreboard scores_;
  Output output_{STDOUT_FILENO};
  std::vector<Peer> peers_;
  std::error_code listen_error_;
  bool interrupted_ = false;
  bool failed_ = false;
};

}  // namespace

int run_local(int argc, const char* const* argv) {
  CLI::App app{"Peers find each other on this machine: signalling, a STUN and TURN server and all peers in one process",
               "mesh_demo local"};
  Options options;
  add_common_options(app, options.common);
  app.add_option("--peers", options.peers, fmt::format("how many, 2 to {}", most_local_peers))
      ->check(CLI::Range(2, most_local_peers).description(""))
      ->type_name("N")
      ->capture_default_str();
  add_policy_option(app, options.policy);
  app.footer("Other commands, each with --help: mesh_demo serve, mesh_demo join");
  if (const auto status = parse_command_line(app, argc, argv)) return *status;
  return Local{options}.run();
}

}  // namespace ice::mesh
