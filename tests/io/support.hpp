#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/machine.hpp"

namespace ice::io {

/// Runs the loop until `done()`; false when that has not come after so long that something is wrong.
template <class Done>
bool run_until(boost::asio::io_context& loop, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!done()) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= std::chrono::seconds{0}) return false;
    if (loop.stopped()) loop.restart();
    if (loop.run_one_for(left) == 0 && !done()) return false;
  }
  return true;
}

inline Endpoint loopback(std::uint16_t port = 0) { return {Address::loopback(Family::ipv4), port}; }

/// A socket of the test itself, blocking unless asked, without this library's code.
class RawSocket {
 public:
  static RawSocket udp(const Endpoint& local = loopback());
  static RawSocket tcp(const Endpoint& local = loopback());
  explicit RawSocket(int fd) : fd_{fd} {}
  RawSocket(RawSocket&& other) noexcept : fd_{other.fd_} { other.fd_ = -1; }
  RawSocket& operator=(RawSocket&&) = delete;
  ~RawSocket();

  int fd() const { return fd_; }
  Endpoint local() const;
  bool connect(const Endpoint& to);
  void send(const Endpoint& to, std::string_view text);
  void send(std::string_view text);
  /// What is there now; nothing if nothing is.
  std::optional<std::string> receive(Endpoint* from = nullptr);
  /// Likewise, with the traffic class it came with.
  std::optional<int> receive_traffic_class();

 private:
  int fd_;
};

}  // namespace ice::io
