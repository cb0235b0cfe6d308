// Where do I come from, as a STUN server sees it? One question and one answer (RFC 8489 §2) over a UDP socket.
//
//     my_public_address stun:HOST[:PORT]
//
// HOST may be a domain: DNS says where its STUN server is (RFC 8489 §8.1).
//
// What speaks the protocol is a machine: bytes and time go in, bytes and events come out, and it does nothing by
// itself. io::Driver runs one on sockets and a clock.

#include <boost/asio/io_context.hpp>
#include <ice/io/driver.hpp>
#include <ice/io/server_resolver.hpp>
#include <ice/stun/binding_client.hpp>
#include <ice/stun/uri.hpp>
#include <iostream>

using namespace ice;

int main(int argc, char** argv) {
  const auto uri = stun::Uri::parse(argc == 2 ? argv[1] : "");
  if (!uri || uri->scheme != stun::Uri::Scheme::stun) {
    std::cerr << "usage: my_public_address stun:HOST[:PORT]\n";
    return 2;
  }
  int status = 1;
  const auto failed = [](const std::string& why) { std::cerr << "my_public_address: " << why << '\n'; };

  boost::asio::io_context io;  // everything below happens in its run(), in this thread
  const io::Context context{io.get_executor()};
  io::Driver<stun::BindingClient> client{context, stun::BindingClientConfig{}, context.environment()};
  client.on_event([&](const stun::BindingResult& result) {
    if (result.error) {
      failed(result.error.message());
    } else {
      std::cout << result.from.to_string() << " sees me as " << result.mapped.to_string() << '\n';
      status = 0;
    }
    client.close(result.socket);  // nothing is left to wait for, so that run() returns
  });

  io::ServerResolver resolver{context};
  const auto ask = [&](boost::system::error_code error, const std::vector<stun::ServerAddress>& servers) {
    if (error) return failed(error.message());
    const Endpoint server = servers.front().endpoint;  // the one to try first
    const auto socket = client.bind({Address::any(server.address.family()), 0});
    if (!socket) return failed(socket.error().message());
    // Verbs go through with(): it brings the time, and sends what the machine has to say afterwards. The question is
    // repeated until it is answered, for 39.5 s (RFC 8489 §6.2.1).
    const auto asked = client.with([&](stun::BindingClient& machine, TimePoint now) {
      return machine.ask(now, {.socket = *socket, .server = server});
    });
    if (!asked) failed(asked.error().message());
  };
  resolver.async_resolve(*uri, {Transport::udp}, ask);
  io.run();
  return status;
}
