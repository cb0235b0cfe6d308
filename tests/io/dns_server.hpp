#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/bytes.hpp"

namespace ice::io {

/// A DNS server on loopback for A and AAAA, on the test's own loop (RFC 1035 §4). It answers a name that it does not
/// know with NXDOMAIN.
class DnsServer {
 public:
  enum class Mood { helpful, silent, truncating, babbling, failing };

  explicit DnsServer(boost::asio::io_context& loop);

  void add(const std::string& name, const std::string& address) { names_[name].push_back(*Address::parse(address)); }

  /// As ares_set_servers_ports_csv() wants it.
  std::string text() const { return "127.0.0.1:" + std::to_string(udp_.local_endpoint().port()); }

  Mood mood = Mood::helpful;  ///< over UDP; over TCP it is helpful
  int udp_questions = 0;
  int tcp_questions = 0;

 private:
  struct Connection {
    explicit Connection(boost::asio::ip::tcp::socket accepted) : socket{std::move(accepted)} {}
    boost::asio::ip::tcp::socket socket;
    std::array<std::uint8_t, 1024> in{};
    std::size_t size = 0;
    std::vector<std::uint8_t> out{};
  };

  void bind();
  void receive();
  void accept();
  void read(const std::shared_ptr<Connection>& connection);
  std::vector<std::uint8_t> answer(Bytes question, Mood how) const;

  boost::asio::ip::udp::socket udp_;
  boost::asio::ip::tcp::acceptor tcp_;
  boost::asio::ip::udp::endpoint from_;
  std::array<std::uint8_t, 1024> in_{};
  std::map<std::string, std::vector<Address>> names_;
};

}  // namespace ice::io
