#include <ice/sim/network.hpp>
#include <ice/sim/node.hpp>
#include <ice/stun/binding_server.hpp>
#include <iostream>

int main() {
  ice::sim::Network network{1};
  ice::sim::Host& host = network.internet().add_host("server", {ice::Address::v4(198, 51, 100, 1)});
  ice::stun::BindingServer server;
  ice::sim::Node<ice::stun::BindingServer> node{host, server};
  const auto socket = node.bind(host.addresses().front(), {3478, 3478});
  if (!socket) return 1;
  std::cout << node.local_endpoint(*socket).to_string() << '\n';
  return 0;
}
