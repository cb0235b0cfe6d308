// with_stun_server PROGRAM [ARGUMENT…]: runs the program with one more argument, the URI of a STUN server that lives as
// long as the program does, on a free port of the loopback interface. Ends as the program ends.

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "ice/io/stun_server.hpp"

int main(int argc, char** argv) {
  boost::asio::io_context io;
  ice::io::StunServer server{ice::io::Context{io.get_executor()}};
  const auto bound = server.listen(std::array{ice::Endpoint{ice::Address::loopback(ice::Family::ipv4), 0}});
  if (argc < 2 || !bound) return 2;
  std::string uri = "stun:" + bound->primary.front().to_string();

  boost::asio::signal_set child_ended{io, SIGCHLD};
  child_ended.async_wait([&io](const boost::system::error_code&, int) { io.stop(); });
  const pid_t child = fork();
  if (child == 0) {
    std::vector<char*> arguments{argv + 1, argv + argc};
    arguments.insert(arguments.end(), {uri.data(), nullptr});
    execvp(arguments.front(), arguments.data());
    _exit(127);
  }
  io.run();
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
