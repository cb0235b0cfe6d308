// What does the network between here and some STUN servers do to UDP, and what does that mean for calls?

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <variant>

#include "common/output.hpp"
#include "common/process.hpp"
#include "ice/io/driver.hpp"
#include "ice/io/interfaces.hpp"
#include "ice/io/server_resolver.hpp"
#include "ice/nat/discovery.hpp"
#include "nat_probe/options.hpp"
#include "nat_probe/page.hpp"
#include "nat_probe/result.hpp"

namespace ice::nat_probe {
namespace {

using namespace programs;

class Program {
 public:
  explicit Program(Options options) : options_{std::move(options)} {}

  int run() {
    signals_.async_wait([this](const auto& error, int) {
      if (error) return;
      interrupted_ = true;
      stop();
    });
    resolve();
    show_progress();
    loop_.run();
    if (interrupted_) return exit_success;
    return found_ ? exit_success : exit_failure;
  }

 private:
  static constexpr auto progress_interval = std::chrono::milliseconds{200};

  /// One address family.
  struct Probe {
    Family family;
    io::Driver<nat::Discovery> driver;
    TimePoint started{};
    bool ended = false;
  };

  static void complain(const std::string& what) { print_error("nat_probe", what); }

  static auto seconds_since(TimePoint then) {
    return std::chrono::duration_cast<std::chrono::seconds>(io::now() - then).count();
  }

  void stop() {
    output_.progress("");
    loop_.stop();
  }

  // --- names

  void resolve() {
    pending_ = options_.servers.size();
    for (const stun::Uri& uri : options_.servers) {
      resolver_.async_resolve(
          uri, {Transport::udp},
          [this, uri](const boost::system::error_code& error, const std::vector<stun::ServerAddress>& addresses) {
            if (error) complain(fmt::format("{}: {}", uri.to_string(), error.message()));
            resolved_.emplace_back(uri.to_string(), addresses);
            if (--pending_ == 0) start();
          });
    }
  }

  /// The first address that each URI has of a family, in the order of the command line.
  std::vector<Endpoint> servers_of(Family family) {
    std::vector<Endpoint> servers;
    for (const stun::Uri& uri : options_.servers) {
      const auto found = std::find_if(resolved_.begin(), resolved_.end(),
                                      [&](const auto& one) { return one.first == uri.to_string(); });
      const auto address = std::find_if(found->second.begin(), found->second.end(),
                                        [&](const auto& one) { return one.endpoint.address.family() == family; });
      if (address == found->second.end()) continue;
      const auto same = std::find(servers.begin(), servers.end(), address->endpoint);
      if (same != servers.end() || servers.size() == nat::Discovery::most_servers) continue;
      servers.push_back(address->endpoint);
      uris_[address->endpoint.to_string()] = uri.to_string();
    }
    return servers;
  }

  /// Whether this host can speak the family to them, unless the user says so himself.
  bool usable(Family family, const std::vector<Endpoint>& servers) const {
    if (options_.bind) return options_.bind.family() == family;
    if (options_.only != Family::none) return options_.only == family;
    const auto is_loopback = [](const Endpoint& server) { return server.address.is_loopback(); };
    if (std::all_of(servers.begin(), servers.end(), is_loopback)) return true;
    const auto addresses = io::interface_addresses();
    if (!addresses) return true;
    return std::any_of(addresses->begin(), addresses->end(), [&](const io::InterfaceAddress& one) {
      return one.address.family() == family && !one.loopback && !one.address.is_link_local();
    });
  }

  // --- probes

  void start() {
    for (const Family family : {Family::ipv4, Family::ipv6}) {
      const std::vector<Endpoint> servers = servers_of(family);
      if (!servers.empty() && usable(family, servers)) begin(family, servers);
    }
    if (!probes_.empty()) return;
    // What was not resolved has been told already.
    if (!uris_.empty()) complain("no server has an address that this host can reach from where it was told to ask");
    stop();
  }

  void begin(Family family, std::vector<Endpoint> servers) {
    nat::DiscoveryConfig config;
    config.servers = std::move(servers);
    config.local = options_.bind;
    config.lifetime = options_.full;
    config.limit = std::chrono::duration_cast<Duration>(options_.timeout);
    Probe& probe = probes_.emplace_back(
        Probe{family, io::Driver<nat::Discovery>{context_, std::move(config), context_.environment()}, io::now()});
    probe.driver.on_event([this, &probe](const nat::DiscoveryEvent& event) {
      if (const auto* answer = std::get_if<nat::ServerAnswered>(&event)) tell(*answer);
      if (const auto* done = std::get_if<nat::Discovered>(&event)) conclude(probe, done->behavior);
    });
    const auto started = probe.driver.with([](nat::Discovery& machine, TimePoint now) { return machine.start(now); });
    if (!started) complain(started.error().message());
  }

  void tell(const nat::ServerAnswered& answer) {
    const std::string server = answer.what.server.to_string();
    if (options_.common.json) output_.json(answer_json(answer, uris_[server]));
  }

  void conclude(Probe& probe, const nat::Behavior& behavior) {
    const nat::Discovery& machine = probe.driver.machine();
    Result result{behavior, nat::ClassicDiscovery{behavior}.type(), machine.observations(), io::now() - probe.started};
    probe.ended = true;
    found_ = found_ || behavior.udp_answered || behavior.tcp_answered.value_or(false);
    if (options_.common.json) {
      output_.json(result_json(result, options_.common.language));
    } else {
      output_.line((told_ ? "\n" : "") + render(result, output_, options_.common.language));
    }
    told_ = true;
    if (std::all_of(probes_.begin(), probes_.end(), [](const Probe& one) { return one.ended; })) stop();
  }

  void show_progress() {
    if (options_.common.json) return;
    nat::DiscoveryProgress sum;
    for (const Probe& probe : probes_) {
      const nat::DiscoveryProgress one = probe.driver.machine().progress();
      sum.asked += one.asked;
      sum.expected += one.expected;
      sum.measuring_lifetime = sum.measuring_lifetime || one.measuring_lifetime;
    }
    output_.progress(sum.measuring_lifetime
                         ? format_in(options_.common.language, "measuring how long a mapping lives, {0} s so far",
                                     "매핑의 수명을 재는 중, {0}초 지남", seconds_since(probes_.front().started))
                         : format_in(options_.common.language, "{0} of {1} questions so far",
                                     "지금까지 질문 {1}개 중 {0}개", sum.asked, sum.expected));
    timer_.expires_after(progress_interval);
    timer_.async_wait([this](const auto& error) {
      if (!error) show_progress();
    });
  }

  Options options_;
  Output output_{STDOUT_FILENO};
  boost::asio::io_context loop_{1};
  io::Context context_{loop_.get_executor()};
  io::ServerResolver resolver_{context_};
  boost::asio::signal_set signals_{context_.get_executor(), SIGINT, SIGTERM};
  boost::asio::steady_timer timer_{context_.get_executor()};
  std::size_t pending_ = 0;
  std::vector<std::pair<std::string, std::vector<stun::ServerAddress>>> resolved_;
  std::map<std::string, std::string> uris_;  // by the server's endpoint
  std::list<Probe> probes_;
  bool found_ = false;
  bool told_ = false;
  bool interrupted_ = false;
};

}  // namespace
}  // namespace ice::nat_probe

int main(int argc, char** argv) {
  using namespace ice;
  using namespace ice::programs;
  prepare_process();
  CLI::App app{"What NAT or firewall is in front of this host, and what that means for calls", "nat_probe"};
  nat_probe::Options options;
  nat_probe::add_options(app, options);
  if (const auto status = parse_command_line(app, argc, argv)) return *status;
  return nat_probe::Program{std::move(options)}.run();
}
