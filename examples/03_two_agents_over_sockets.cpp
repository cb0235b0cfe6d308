// Two agents over real sockets, each in a coroutine. Both are in this process, so what a signalling service would carry
// is handed over directly, as the text that would travel.

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include "ice/io/agent.hpp"
#include "ice/sdp/candidate.hpp"
#include "ice/sdp/description.hpp"

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;

namespace {

// A result that is an error ends the program with its message.
void require(const ice::result<void>& done) {
  if (!done) throw std::system_error{done.error()};
}

// What `from` finds reaches `to` as it is found (RFC 8838: trickle).
void signal(ice::io::Agent& from, ice::io::Agent& to) {
  require(to.set_remote(ice::sdp::format(from.local_description())));
  from.on_candidate([&to](const ice::Candidate& found) { require(to.add_remote_candidate(ice::sdp::format(found))); });
  from.on_gathering_done([&to] { to.end_of_remote_candidates(); });
}

asio::awaitable<void> talk(std::string_view name, ice::io::Agent& agent) {
  const ice::io::SelectedPair pair = co_await agent.async_connect(asio::use_awaitable);
  std::cout << name << " is connected: " << pair.local.endpoint.to_string() << " to "
            << pair.remote.endpoint.to_string() << '\n';
  require(agent.send("hello from " + std::string{name}));
  std::array<std::uint8_t, 1500> buffer{};
  const std::size_t size = co_await agent.async_receive(buffer, asio::use_awaitable);
  std::cout << name << " received: " << ice::text_of({buffer.data(), size}) << '\n';
}

}  // namespace

int main() try {
  asio::io_context loop;
  const ice::io::Context context{loop.get_executor()};  // agents of one host share a pace (RFC 8445 §14.2)
  ice::io::AgentConfig config;
  config.allow_loopback = true;  // so that a host without a network can run this
  ice::io::Agent alice{context, config};
  config.role = ice::Role::controlled;
  ice::io::Agent bob{context, config};

  signal(alice, bob);
  signal(bob, alice);
  std::exception_ptr failed;
  asio::co_spawn(loop, talk("alice", alice) && talk("bob", bob), [&](const std::exception_ptr& thrown) {
    failed = thrown;
    alice.close();  // with nothing open any more, run() returns
    bob.close();
  });
  loop.run();
  if (failed) std::rethrow_exception(failed);
} catch (const std::exception& error) {
  std::cerr << "two_agents_over_sockets: " << error.what() << '\n';
  return 1;
}
