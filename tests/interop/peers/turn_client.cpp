// turn_client SERVER TRANSPORT USER PASSWORD [--family ipv4|ipv6|both] [--local ADDRESS] [--ca FILE] [--name NAME]
//
// An allocation at the end of two pipes, for tests: it obeys lines on stdin (`permit IP`, `bind IP:PORT`,
// `send IP:PORT TEXT`, `check`, `login USER PASSWORD`, `release`) and says on stdout what it is told, one line each.
// Ends with stdin.

#include <fmt/core.h>

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "ice/io/driver.hpp"
#include "ice/turn/allocation.hpp"

namespace {

using namespace ice;
namespace asio = boost::asio;

const std::map<std::string, Transport> transports{
    {"udp", Transport::udp}, {"tcp", Transport::tcp}, {"tls", Transport::tls}, {"dtls", Transport::dtls}};
const std::map<std::string, turn::RequestedFamily> families{{"ipv4", turn::RequestedFamily::ipv4},
                                                            {"ipv6", turn::RequestedFamily::ipv6},
                                                            {"both", turn::RequestedFamily::both}};

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

std::string why(const turn::Refusal& refusal) {
  return fmt::format("{} {}", stun::to_number(refusal.code), refusal.error.message());
}

struct Say {
  void operator()(const turn::Allocated& made) const {
    const std::string refused =
        made.refused ? fmt::format("refused-{}", stun::to_number(made.refused->error.code)) : "-";
    say(fmt::format("allocated {} {} mapped {}", made.relayed.to_string(),
                    made.relayed_other ? made.relayed_other.to_string() : refused, made.mapped.to_string()));
  }
  void operator()(const turn::AllocationFailed& failed) const {
    say(fmt::format("failed {}{}", failed.retry_at ? "for-now " : "", why(failed.why)));
  }
  void operator()(const turn::AllocationLost& lost) const { say(fmt::format("lost {}", why(lost.why))); }
  void operator()(const turn::PermissionGranted& granted) const {
    say(fmt::format("granted {}", granted.peer.to_string()));
  }
  void operator()(const turn::PermissionRefused& refused) const {
    say(fmt::format("refused {} {}", refused.peer.to_string(), why(refused.why)));
  }
  void operator()(const turn::ChannelReady& ready) const { say(fmt::format("channel {}", ready.peer.to_string())); }
  void operator()(const turn::ChannelRefused& refused) const {
    say(fmt::format("no-channel {} {}", refused.peer.to_string(), why(refused.why)));
  }
  void operator()(const turn::PeerUnreachable& peer) const {
    say(fmt::format("unreachable {} {}/{}", peer.peer.to_string(), peer.icmp.type, peer.icmp.code));
  }
  void operator()(const turn::Released&) const { say("released"); }
  void operator()(const turn::Moved&) const { say("moved"); }
  void operator()(const turn::MoveFailed& failed) const { say(fmt::format("not-moved {}", why(failed.why))); }
  void operator()(const turn::AccessTokenWanted& wanted) const {
    say(fmt::format("wants-token {}", wanted.server_name));
  }
};

class Client {
 public:
  Client(asio::io_context& io, const io::Context& context, const turn::AllocationConfig& config)
      : driver_{context, config, context.environment()}, input_{io, ::dup(STDIN_FILENO)} {
    driver_.on_event([](turn::AllocationEvent event) { std::visit(Say{}, event); });
    driver_.on_data(
        [](const Received& data) { say(fmt::format("data {} {}", data.from.to_string(), text_of(data.data))); });
    told(driver_.with([](turn::Allocation& allocation, TimePoint now) { return allocation.allocate(now); }));
    read();
  }

 private:
  void read() {
    asio::async_read_until(input_, asio::dynamic_buffer(buffer_), '\n',
                           [this](const boost::system::error_code& error, std::size_t size) {
                             if (error) return input_.get_executor().context().stop();
                             obey(buffer_.substr(0, size - 1));
                             buffer_.erase(0, size);
                             read();
                           });
  }

  void obey(const std::string& line) {
    std::istringstream words{line};
    std::string verb, first, second;
    words >> verb >> first >> second;
    const auto endpoint = Endpoint::parse(first).value_or(Endpoint{});
    const auto with = [&](auto what) { return driver_.with(what); };
    if (verb == "permit") {
      told(with([&](auto& a, TimePoint now) { return a.permit(now, Address::parse(first).value_or(Address{})); }));
    } else if (verb == "bind") {
      told(with([&](auto& a, TimePoint now) { return a.bind_channel(now, endpoint); }));
    } else if (verb == "send") {
      told(driver_.send([&](turn::Allocation& a, TimePoint now, MutableBytes scratch) {
        return a.wrap(now, endpoint, bytes_of(second), scratch);
      }));
    } else if (verb == "check") {
      with([](auto& a, TimePoint now) { a.check(now); });
    } else if (verb == "login") {
      with([&](auto& a, TimePoint now) { a.replace_credentials(now, *stun::Login::make(first, second)); });
    } else if (verb == "release") {
      with([](auto& a, TimePoint now) { a.release(now); });
    }
  }

  static void told(const result<void>& done) {
    if (!done) say(fmt::format("error {}", done.error().message()));
  }

  io::Driver<turn::Allocation> driver_;
  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> input_;
  std::string buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app;
  std::string server, transport, user, password, family, local, ca, name;
  app.add_option("server", server)->required();
  app.add_option("transport", transport)->required()->check(CLI::IsMember(transports));
  app.add_option("user", user)->required();
  app.add_option("password", password)->required();
  app.add_option("--family", family)->check(CLI::IsMember(families));
  app.add_option("--local", local);
  app.add_option("--ca", ca);
  app.add_option("--name", name);
  CLI11_PARSE(app, argc, argv);

  turn::AllocationConfig config;
  config.server = Endpoint::parse(server).value_or(Endpoint{});
  config.transport = transports.at(transport);
  config.tls_name = name;
  config.login = *stun::Login::make(user, password);
  if (!family.empty()) config.family = families.at(family);
  if (!local.empty()) config.local = Address::parse(local).value_or(Address{});

  asio::io_context io{1};
  io::Context context{io.get_executor()};
  if (!ca.empty()) {
    io::TlsConfig tls;
    tls.ca_file = ca;
    if (!context.configure_tls(tls)) return 2;
  }
  const Client client{io, context, config};
  io.run();
  return 0;
}
