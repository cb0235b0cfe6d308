#include <array>
#include <boost/asio/io_context.hpp>
#include <ice/io/stun_server.hpp>
#include <iostream>

int main() {
  boost::asio::io_context io;
  ice::io::StunServer server{ice::io::Context{io.get_executor()}};
  const auto bound = server.listen(std::array{ice::Endpoint{ice::Address::v4(127, 0, 0, 1), 0}});
  if (!bound) {
    std::cerr << bound.error().message() << '\n';
    return 1;
  }
  io.poll();
  std::cout << bound->primary.front().to_string() << '\n';
  return 0;
}
