#include "dns_server.hpp"

#include <algorithm>
#include <boost/asio/write.hpp>

namespace ice::io {
namespace {

using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using boost::system::error_code;

constexpr std::size_t header_size = 12;
constexpr std::size_t type_a = 1;
constexpr std::size_t type_aaaa = 28;

void put16(std::vector<std::uint8_t>& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

/// A character-string, or a label (RFC 1035 §3.3).
void put_text(std::vector<std::uint8_t>& out, std::string_view text) {
  out.push_back(static_cast<std::uint8_t>(text.size()));
  out.insert(out.end(), text.begin(), text.end());
}

/// A name as it stands in records that do not compress it. "." is the root.
void put_name(std::vector<std::uint8_t>& out, std::string_view name) {
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    if (!label.empty()) put_text(out, label);
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  out.push_back(0);
}

struct Question {
  std::string name;
  std::size_t type = 0;
  std::size_t end = 0;
};

Question parse(Bytes message) {
  Question question;
  std::size_t at = header_size;
  while (message[at] != 0) {
    if (!question.name.empty()) question.name += '.';
    question.name += text_of(message.subspan(at + 1, message[at]));
    at += 1U + message[at];
  }
  question.type = static_cast<std::size_t>(message[at + 1] << 8 | message[at + 2]);
  question.end = at + 5;
  return question;
}

}  // namespace

DnsServer::DnsServer(boost::asio::io_context& loop) : udp_{loop}, tcp_{loop} {
  bind();
  receive();
  accept();
}

void DnsServer::add(const std::string& name, const std::string& address) {
  const Address parsed = *Address::parse(address);
  add(name, parsed.is_v4() ? type_a : type_aaaa, {parsed.bytes().begin(), parsed.bytes().end()});
}

void DnsServer::add(const std::string& name, const stun::SrvRecord& record) {
  std::vector<std::uint8_t> data;
  put16(data, record.priority);
  put16(data, record.weight);
  put16(data, record.port);
  put_name(data, record.target);
  add(name, type_srv, std::move(data));
}

void DnsServer::add(const std::string& name, const stun::NaptrRecord& record) {
  std::vector<std::uint8_t> data;
  put16(data, record.order);
  put16(data, record.preference);
  put_text(data, record.flags);
  put_text(data, record.services);
  put_text(data, record.regexp);
  put_name(data, record.replacement);
  add(name, type_naptr, std::move(data));
}

// The port that the system found free for TCP may be taken for UDP; then it finds another.
void DnsServer::bind() {
  error_code error;
  do {
    tcp_ = tcp::acceptor{tcp_.get_executor(), {boost::asio::ip::address_v4::loopback(), 0}};
    udp_ = udp::socket{udp_.get_executor(), udp::v4()};
    udp_.bind({boost::asio::ip::address_v4::loopback(), tcp_.local_endpoint().port()}, error);
  } while (error);
}

void DnsServer::receive() {
  udp_.async_receive_from(boost::asio::buffer(in_), from_, [this](const error_code& error, std::size_t size) {
    if (error) return;
    ++udp_questions;
    const Question question = parse(Bytes{in_}.first(size));
    const bool simple = question.type == type_a || question.type == type_aaaa;
    const bool ignores = mood == Mood::silent || (mood == Mood::simple && !simple) || ignored.count(question.name) != 0;
    if (!ignores) udp_.send_to(boost::asio::buffer(answer(Bytes{in_}.first(size), mood)), from_);
    receive();
  });
}

void DnsServer::accept() {
  tcp_.async_accept([this](const error_code& error, tcp::socket socket) {
    if (error) return;
    read(std::make_shared<Connection>(std::move(socket)));
    accept();
  });
}

void DnsServer::read(const std::shared_ptr<Connection>& connection) {
  auto& [socket, in, size, out] = *connection;
  const auto room = boost::asio::buffer(in) + size;
  socket.async_read_some(room, [this, connection](const error_code& error, std::size_t more) {
    if (error) return;
    auto& c = *connection;
    c.size += more;
    while (c.size >= 2 && c.size >= 2U + static_cast<std::size_t>(c.in[0] << 8 | c.in[1])) {
      const std::size_t length = static_cast<std::size_t>(c.in[0] << 8 | c.in[1]);
      ++tcp_questions;
      const auto told = answer(Bytes{c.in}.subspan(2, length), Mood::helpful);
      c.out.clear();
      put16(c.out, told.size());
      c.out.insert(c.out.end(), told.begin(), told.end());
      boost::asio::write(c.socket, boost::asio::buffer(c.out));
      std::copy(c.in.begin() + 2 + static_cast<std::ptrdiff_t>(length), c.in.end(), c.in.begin());
      c.size -= 2 + length;
    }
    read(connection);
  });
}

std::vector<std::uint8_t> DnsServer::answer(Bytes message, Mood how) const {
  const Question question = parse(message);
  const auto known = names_.find(question.name);
  std::vector<Record> records;
  if (known != names_.end() && (how == Mood::helpful || how == Mood::simple)) {
    for (const Record& record : known->second) {
      if (record.type == question.type) records.push_back(record);
    }
  }
  std::vector<std::uint8_t> out(message.begin(), message.begin() + 2);
  const int truncated = how == Mood::truncating ? 2 : 0;
  const int code = how == Mood::failing ? 2 : known == names_.end() ? 3 : 0;  // SERVFAIL, NXDOMAIN
  put16(out, static_cast<std::size_t>(0x8180 | truncated << 8 | code));
  put16(out, 1);
  put16(out, how == Mood::babbling ? 7 : records.size());
  put16(out, 0);
  put16(out, 0);
  out.insert(out.end(), message.begin() + header_size, message.begin() + static_cast<std::ptrdiff_t>(question.end));
  if (how == Mood::babbling) out.insert(out.end(), {0xc0, 0xff, 0xff, 0xff, 0x00});
  for (const Record& record : records) {
    put16(out, 0xc000 | header_size);  // the name of the question
    put16(out, question.type);
    put16(out, 1);
    put16(out, 0);
    put16(out, 60);  // seconds to live
    put16(out, record.data.size());
    out.insert(out.end(), record.data.begin(), record.data.end());
  }
  return out;
}

}  // namespace ice::io
