#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/command_line.hpp"
#include "common/external_address.hpp"
#include "ice/turn/server.hpp"

namespace ice::turn_server {

/// What the command line says.
struct Options {
  struct User {
    std::string name;
    std::string password;
  };

  programs::CommonOptions common;
  std::vector<Endpoint> listen{};
  std::vector<Endpoint> tls_listen{};
  std::uint16_t alternate_port = 0;
  std::string certificate_file{};
  std::string key_file{};
  std::vector<programs::ExternalAddress> externals{};
  std::vector<User> users{};
  std::vector<std::string> secrets{};
  Endpoint metrics{};  ///< none: not served
  turn::ServerConfig server{};
};

/// Adds them to `app`, which fills `options` when it parses; both outlive that.
void add_options(CLI::App& app, Options& options);

}  // namespace ice::turn_server
