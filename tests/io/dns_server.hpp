#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/bytes.hpp"
#include "ice/stun/server_lookup.hpp"

namespace ice::io {

/// A DNS server on loopback for A, AAAA, SRV and NAPTR, on the test's own loop (RFC 1035 §4). It answers a name that it
/// does not know with NXDOMAIN.
class DnsServer {
 public:
  /// Simple is what some middleboxes are: it knows addresses, and says nothing to other questions.
  enum class Mood { helpful, silent, truncating, babbling, failing, simple };

  explicit DnsServer(boost::asio::io_context& loop);

  void add(const std::string& name, const std::string& address);
  void add(const std::string& name, const stun::SrvRecord& record);
  void add(const std::string& name, const stun::NaptrRecord& record);
  /// Anything: `data` is what stands in the record of that type.
  void add(const std::string& name, std::size_t type, std::vector<std::uint8_t> data) {
    names_[name].push_back({type, std::move(data)});
  }

  /// As ares_set_servers_ports_csv() wants it.
  std::string text() const { return "127.0.0.1:" + std::to_string(udp_.local_endpoint().port()); }

  Mood mood = Mood::helpful;      ///< over UDP; over TCP it is helpful
  std::set<std::string> ignored;  ///< names that it says nothing of
  int udp_questions = 0;
  int tcp_questions = 0;

  static constexpr std::size_t type_srv = 33;
  static constexpr std::size_t type_naptr = 35;

 private:
  struct Record {
    std::size_t type;
    std::vector<std::uint8_t> data;
  };
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
  std::map<std::string, std::vector<Record>> names_;
};

}  // namespace ice::io
