// mesh_demo join: one peer of a mesh.

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/output.hpp"
#include "common/utf8.hpp"
#include "ice/io/driver.hpp"
#include "ice/io/interfaces.hpp"
#include "ice/io/pcapng_trace.hpp"
#include "ice/io/server_resolver.hpp"
#include "mesh_demo/commands.hpp"
#include "mesh_demo/event_view.hpp"
#include "mesh_demo/mesh.hpp"
#include "mesh_demo/mesh_report.hpp"
#include "mesh_demo/stdin_lines.hpp"

namespace ice::mesh {
namespace {

using namespace programs;

constexpr std::string_view program = "mesh_demo join";

// An attempt that is given less time fails on any path worth the name; one that is given more than ICE takes
// (RFC 8863 §4: 39.5 s) is never given up.
constexpr double least_attempt_timeout = 0.5;
constexpr double most_attempt_timeout = 60;
constexpr double default_attempt_timeout = 10;
constexpr double shortest_stay = 0.1;
constexpr double longest_stay = 30.0 * 24 * 3600;

void complain(std::string_view text) { print_error(program, text); }

int unwritable(const std::string& path) {
  complain(fmt::format("cannot write to {}", path));
  return exit_usage;
}

Duration to_duration(double seconds) { return std::chrono::round<Duration>(std::chrono::duration<double>{seconds}); }

struct Options {
  CommonOptions common;
  Endpoint server;
  std::string room;
  std::string name;
  std::vector<ice::IceServer> servers{};
  CandidatePolicy policy = CandidatePolicy::all;
  double attempt_timeout = default_attempt_timeout;
  std::optional<double> exit_after{};  ///< none: stays
  std::string report{};
  std::string trace{};
};

class Participant {
 public:
  /// `trace` may be null, and must outlive it.
  Participant(Options options, TraceSink* trace)
      : options_{std::move(options)},
        context_{loop_.get_executor(), trace},
        resolver_{context_},
        mesh_{context_, mesh_config(), context_.environment()},
        stay_{context_.get_executor()},
        signals_{context_.get_executor(), SIGINT, SIGTERM},
        input_{context_.get_executor(),
               {.line = [this](std::string_view line) { say(line); },
                .may_read = [this] { return mesh_.machine().may_say(); },
                .too_long = [this] { complain("a line of standard input is longer than 64 kB; reading stops"); }}} {}

  int run() {
    std::ofstream report;
    if (!options_.report.empty()) {
      report.open(options_.report);
      if (!report) return unwritable(options_.report);
    }
    began_ = io::now();
    mesh_.on_event([this](const MeshEvent& event) { on_event(event); });
    mesh_.with([](Mesh& mesh, TimePoint now) { mesh.join(now); });
    if (options_.exit_after) {
      stay_.expires_after(to_duration(*options_.exit_after));
      stay_.async_wait([this](const auto& error) {
        if (!error) end_stay();
      });
    }
    wait_for_signal();
    loop_.run();
    if (report.is_open() && !(report << boost::json::serialize(to_json(mesh_.machine(), began_)) << std::endl)) {
      complain(fmt::format("cannot write to {}", options_.report));
      failed_ = true;
    }
    return failed_ ? exit_failure : exit_success;
  }

 private:
  static std::vector<LocalAddress> candidate_addresses(const std::vector<io::InterfaceAddress>& all, bool loopback) {
    std::vector<LocalAddress> addresses;
    for (const io::InterfaceAddress& one : io::host_candidate_addresses(all, loopback))
      addresses.push_back({one.address, one.interface});
    return addresses;
  }

  MeshConfig mesh_config() {
    MeshConfig config{
        .server = options_.server, .room = options_.room, .name = options_.name, .servers = options_.servers};
    config.call.attempt_timeout = to_duration(options_.attempt_timeout);
    config.call.agent.policy = options_.policy;
    if (const auto all = io::interface_addresses()) {
      config.call.addresses = candidate_addresses(*all, false);
      config.loopback_addresses = candidate_addresses(*all, true);
    } else {
      complain(fmt::format("cannot list the addresses of this host: {}", all.error().message()));
    }
    return config;
  }

  void wait_for_signal() {
    signals_.async_wait([this](const auto& error, int) {
      if (error) return;
      if (std::exchange(leaving_, true)) return loop_.stop();  // the second one does not wait
      leave();
      wait_for_signal();
    });
  }

  void end_stay() {
    if (!joined_) {
      complain(format_in(options_.common.language, "signalling at {0} was not reached in {1} s",
                         "{0} 시그널링 서버에 {1}초 안에 연결하지 못했습니다", options_.server.to_string(),
                         *options_.exit_after));
      failed_ = true;
    }
    leave();
  }

  void leave() {
    leaving_ = true;
    mesh_.with([](Mesh& mesh, TimePoint now) { mesh.leave(now); });
  }

  void say(std::string_view line) {
    const std::string text = to_utf8(line);
    const auto said = mesh_.with([&](Mesh& mesh, TimePoint now) { return mesh.say(now, text); });
    if (!said) complain(fmt::format("not said: {}", said.error().message()));
  }

  void on_event(const MeshEvent& event) {
    if (std::holds_alternative<Departed>(event)) return loop_.stop();
    if (const auto* refused = std::get_if<JoinFailed>(&event)) {
      complain(to_text(*refused, options_.server, options_.common.language));
      failed_ = true;
      return loop_.stop();
    }
    show(event);
    if (std::holds_alternative<Joined>(event)) {
      joined_ = true;
      input_.start();
    } else if (const auto* of_peer = std::get_if<PeerEvent>(&event)) {
      const auto* failure = std::get_if<CallFailed>(&of_peer->event);
      failed_ = failed_ || (failure != nullptr && failure->final);
    } else if (const auto* needed = std::get_if<ServerNeeded>(&event)) {
      resolve(needed->uri);
    }
  }

  void resolve(const stun::Uri& uri) {
    const auto found = [this, uri](const auto& error, const std::vector<stun::ServerAddress>& servers) {
      if (error == boost::asio::error::operation_aborted) return;
      if (error) complain(fmt::format("{}: {}", uri.to_string(), error.message()));
      std::vector<Endpoint> addresses;
      for (const stun::ServerAddress& server : servers) addresses.push_back(server.endpoint);
      mesh_.with([&](Mesh& mesh, TimePoint now) { mesh.resolve(now, uri, std::move(addresses)); });
    };
    resolver_.async_resolve(uri, {uri.transport()}, found);
  }

  void show(const MeshEvent& event) {
    if (options_.common.json) {
      if (const auto object = to_json(options_.name, event, options_.common.language)) output_.json(*object);
      return;
    }
    if (const auto text = to_text(event, output_, options_.common.language)) output_.line(*text);
    const std::size_t peers = mesh_.machine().peers();
    const std::size_t connected = mesh_.machine().connected();
    output_.progress(connected == peers ? std::string{}
                                        : format_in(options_.common.language, "{} of {} peers connected",
                                                    "피어 {1}명 중 {0}명 연결됨", connected, peers));
  }

  Options options_;
  boost::asio::io_context loop_;
  io::Context context_;
  io::ServerResolver resolver_;
  io::Driver<Mesh> mesh_;
  boost::asio::steady_timer stay_;
  boost::asio::signal_set signals_;
  StdinLines input_;
  Output output_{STDOUT_FILENO};
  TimePoint began_{};
  bool joined_ = false;
  bool leaving_ = false;
  bool failed_ = false;
};

CLI::Validator name_form() {
  return {[](const std::string& text) {
            return is_name(text, 1, longest_name)
                       ? std::string{}
                       : fmt::format("{} is not 1 to {} bytes of visible text", to_printable(text), longest_name);
          },
          ""};
}

CLI::Validator uri_form() {
  return {[](const std::string& text) {
            return stun::Uri::parse(text) ? std::string{} : text + " is not stun:HOST[:PORT] or its like (RFC 7064)";
          },
          ""};
}

/// What --ice-server and its companions say.
struct ServerOptions {
  std::vector<std::string> uris;
  std::string user;
  std::string password;
};

/// The servers to use, none for those of the signalling server. Nothing, after a line on standard error, where they
/// make no sense.
std::optional<std::vector<ice::IceServer>> usable_servers(const ServerOptions& options, CandidatePolicy policy) {
  const auto refuse = [](std::string_view why) {
    complain(why);
    return std::nullopt;
  };
  if (options.uris.size() > most_ice_servers)
    return refuse(fmt::format("--ice-server: at most {} servers", most_ice_servers));
  std::optional<stun::Login> login;
  if (!options.user.empty()) {
    const auto made = stun::Login::make(options.user, options.password);
    if (!made) return refuse(fmt::format("--ice-user: {}", made.error().message()));
    login = *made;
  }
  std::vector<ice::IceServer> servers;
  bool relay = false;
  for (const std::string& text : options.uris) {
    const stun::Uri uri = *stun::Uri::parse(text);
    relay = relay || uri.is_turn();
    if (uri.scheme == stun::Uri::Scheme::stuns) {
      return refuse(fmt::format("{} needs STUN over TLS, which this build does not have yet", text));
    }
    if (uri.is_turn() && !login) return refuse(fmt::format("{} needs --ice-user and --ice-password", text));
    servers.push_back(uri.is_turn() ? ice::IceServer{uri, login} : ice::IceServer{uri});
  }
  if (!relay && login) return refuse("--ice-user is for a TURN server among --ice-server");
  if (!relay && !servers.empty() && policy == CandidatePolicy::relay_only) {
    return refuse("--policy relay needs a TURN server among --ice-server");
  }
  return servers;
}

}  // namespace

int run_join(int argc, const char* const* argv) {
  CLI::App app{"One peer of a mesh: sends what it reads from standard input, a line at a time, to every other",
               std::string{program}};
  Options options;
  ServerOptions servers;
  add_common_options(app, options.common);
  app.add_option("IP:PORT", options.server, "of the signalling server")
      ->required()
      ->check(endpoint_form().description(""))
      ->type_name("");
  app.add_option("--room", options.room, "which mesh")->required()->check(name_form())->type_name("NAME");
  app.add_option("--name", options.name, "of this peer, its own in the room")
      ->required()
      ->check(name_form())
      ->type_name("NAME");
  app.add_option("--ice-server", servers.uris, "a STUN or TURN server; else those that the signalling server names")
      ->check(uri_form())
      ->type_name("URI")
      ->allow_extra_args(false);
  app.add_option("--attempt-timeout", options.attempt_timeout, "seconds until an attempt at a peer is given up")
      ->check(CLI::Range(least_attempt_timeout, most_attempt_timeout).description(""))
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("--report", options.report, "write what is known of every attempt to this file, as JSON, at the end")
      ->type_name("FILE");
  app.add_option("--trace", options.trace, "write every datagram of ICE to this file, for Wireshark")
      ->type_name("FILE");
  app.add_option("--exit-after", options.exit_after,
                 fmt::format("leave after so many seconds, {} at least", shortest_stay))
      ->check(CLI::Range(shortest_stay, longest_stay).description(""))
      ->type_name("SECONDS");
  CLI::Option* user = app.add_option("--ice-user", servers.user, "who we are to the TURN servers")->type_name("NAME");
  CLI::Option* password = app.add_option("--ice-password", servers.password, "what proves it")->type_name("PASSWORD");
  user->needs(password);
  password->needs(user);
  add_policy_option(app, options.policy);
  if (const auto status = parse_command_line(app, argc, argv)) return *status;
  const auto usable = usable_servers(servers, options.policy);
  if (!usable) return exit_usage;
  options.servers = *usable;
  if (options.trace.empty()) return Participant{std::move(options), nullptr}.run();
  auto file = io::TraceOutput::open(options.trace);
  if (!file) return unwritable(options.trace);
  // Signalling is left out: it is a stream, and there are ICE passwords in it.
  const auto of_ice = [server = options.server](const TracePacket& packet) { return packet.remote != server; };
  io::PcapngTrace trace{std::move(*file), of_ice};
  return Participant{std::move(options), &trace}.run();
}

}  // namespace ice::mesh
