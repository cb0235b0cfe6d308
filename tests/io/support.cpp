#include "support.hpp"

#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "io/sockaddr.hpp"

namespace ice::io {

RawSocket RawSocket::udp(const Endpoint& local) {
  RawSocket made{::socket(local.address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)};
  const SocketAddress address{local};
  EXPECT_EQ(::bind(made.fd_, address.data(), address.size()), 0) << last_error().message();
  return made;
}

RawSocket RawSocket::tcp(const Endpoint& local) {
  RawSocket made{::socket(AF_INET, SOCK_STREAM, 0)};
  const SocketAddress address{local};
  EXPECT_EQ(::bind(made.fd_, address.data(), address.size()), 0) << last_error().message();
  return made;
}

RawSocket::~RawSocket() {
  if (fd_ >= 0) ::close(fd_);
}

Endpoint RawSocket::local() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  EXPECT_EQ(::getsockname(fd_, address, &size), 0);
  return SocketAddress::to_endpoint(address);
}

bool RawSocket::connect(const Endpoint& to) {
  const SocketAddress address{to};
  return ::connect(fd_, address.data(), address.size()) == 0;
}

void RawSocket::send(const Endpoint& to, std::string_view text) {
  const SocketAddress address{to};
  EXPECT_EQ(::sendto(fd_, text.data(), text.size(), 0, address.data(), address.size()),
            static_cast<ssize_t>(text.size()))
      << last_error().message();
}

void RawSocket::send(std::string_view text) {
  EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()))
      << last_error().message();
}

std::optional<std::string> RawSocket::receive(Endpoint* from) {
  std::string text(65'536, '\0');
  SocketAddress address;
  socklen_t address_size = SocketAddress::capacity;
  const ssize_t size = ::recvfrom(fd_, text.data(), text.size(), MSG_DONTWAIT, address.data(), &address_size);
  if (size < 0) return std::nullopt;
  if (from != nullptr) *from = address.endpoint();
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<int> RawSocket::receive_traffic_class() {
  const int on = 1;
  EXPECT_EQ(::setsockopt(fd_, IPPROTO_IP, IP_RECVTOS, &on, sizeof on), 0);
  std::array<char, 1500> text;
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, 64> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(fd_, &message, MSG_DONTWAIT) < 0) return std::nullopt;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TOS) return *CMSG_DATA(header);
  }
  return std::nullopt;
}

}  // namespace ice::io
