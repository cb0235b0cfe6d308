#pragma once

#include <boost/json/object.hpp>

#include <string>

#include "common/language.hpp"
#include "ice/io/turn_server.hpp"
#include "ice/turn/server.hpp"

namespace ice::turn_server {

/// Where the server is reached.
struct Ready {
  io::TurnServer::Bound bound;
  bool rfc5780 = false;
  Endpoint metrics;  ///< none where they are not served
};

boost::json::object to_json(const Ready& ready);
std::string to_text(const Ready& ready, programs::Language language);

boost::json::object to_json(const turn::Server::Event& event);
std::string to_text(const turn::Server::Event& event, programs::Language language);

}  // namespace ice::turn_server
