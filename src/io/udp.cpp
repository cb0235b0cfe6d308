#include "io/udp.hpp"

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <limits>

namespace ice::io {
namespace {

result<void> enable(int fd, int level, int option) noexcept {
  const int on = 1;
  if (::setsockopt(fd, level, option, &on, sizeof on) != 0) return fail(last_error());
  return {};
}

result<void> prepare(int fd, const Address& local) noexcept {
  struct Option {
    int level;
    int name;
  };
  static constexpr std::array<Option, 3> v4{
      {{IPPROTO_IP, IP_RECVERR}, {IPPROTO_IP, IP_RECVTOS}, {IPPROTO_IP, IP_PKTINFO}}};
  // IPv4 has sockets of its own: an IPv6 one that takes both would show IPv4 peers as IPv4-mapped addresses.
  static constexpr std::array<Option, 4> v6{{{IPPROTO_IPV6, IPV6_V6ONLY},
                                             {IPPROTO_IPV6, IPV6_RECVERR},
                                             {IPPROTO_IPV6, IPV6_RECVTCLASS},
                                             {IPPROTO_IPV6, IPV6_RECVPKTINFO}}};
  const std::span<const Option> options = local.is_v6() ? std::span<const Option>{v6} : std::span<const Option>{v4};
  // Packet information is the last of each: one who is bound to an address knows where a datagram came to.
  for (const Option& option : options.first(options.size() - (local.is_unspecified() ? 0 : 1))) {
    if (auto done = enable(fd, option.level, option.name); !done) return done;
  }
  return {};
}

template <class T>
T read(const cmsghdr* header) noexcept {
  T value;
  std::memcpy(&value, CMSG_DATA(header), sizeof value);
  return value;
}

IpMetadata read_metadata(const msghdr& message) noexcept {
  IpMetadata ip;
  int traffic_class = 0;
  // CMSG_NXTHDR takes a msghdr that it could write, and does not.
  auto& readable = const_cast<msghdr&>(message);
  for (cmsghdr* header = CMSG_FIRSTHDR(&readable); header != nullptr; header = CMSG_NXTHDR(&readable, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      ip.local = to_address(read<in_pktinfo>(header).ipi_addr);
    } else if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TOS) {
      traffic_class = read<std::uint8_t>(header);
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      const auto info = read<in6_pktinfo>(header);
      const Address local = to_address(info.ipi6_addr, 0);
      ip.local = local.is_link_local() ? to_address(info.ipi6_addr, info.ipi6_ifindex) : local;
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_TCLASS) {
      traffic_class = read<int>(header);
    }
  }
  ip.dscp = static_cast<std::uint8_t>(traffic_class >> 2 & 0x3f);
  ip.ecn = static_cast<std::uint8_t>(traffic_class & 0x3);
  return ip;
}

}  // namespace

result<void> bind_port(int fd, const Address& local, PortRange ports, RandomSource& random) noexcept {
  if (ports.last < ports.first) return fail(errc::invalid_argument);
  const std::uint32_t count = std::uint32_t{ports.last} - ports.first + 1;
  const std::uint64_t start = count == 1 ? 0 : random.below(count);
  for (std::uint64_t tried = 0; tried < count; ++tried) {
    const auto port = static_cast<std::uint16_t>(ports.first + (start + tried) % count);
    const SocketAddress address{{local, port}};
    if (::bind(fd, address.data(), address.size()) == 0) return {};
    if (errno != EADDRINUSE) break;
  }
  return fail(last_error());
}

void set_buffers(int fd, std::size_t receive, std::size_t send) noexcept {
  const auto set = [fd](int option, int forced_option, std::size_t size) {
    const int bytes = static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
    if (bytes == 0) return;
    // An administrator's process may pass the limits for all others.
    if (::setsockopt(fd, SOL_SOCKET, forced_option, &bytes, sizeof bytes) == 0) return;
    ::setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes);
  };
  set(SO_RCVBUF, SO_RCVBUFFORCE, receive);
  set(SO_SNDBUF, SO_SNDBUFFORCE, send);
}

void set_fragmentation(int fd, Family family, Fragmentation fragmentation) noexcept {
  const bool forbidden = fragmentation == Fragmentation::forbidden;
  if (family == Family::ipv6) {
    const int whole = forbidden ? 1 : 0;
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &whole, sizeof whole);
  } else {
    const int discovery = forbidden ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
    ::setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discovery, sizeof discovery);
  }
}

result<int> open_udp(const Address& local, PortRange ports, RandomSource& random) noexcept {
  if (!local) return fail(errc::bad_address);
  const int fd = ::socket(local.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd < 0) return fail(last_error());
  result<void> done = prepare(fd, local);
  if (done) done = bind_port(fd, local, ports, random);
  if (!done) {
    ::close(fd);
    return fail(done.error());
  }
  return fd;
}

Endpoint bound_endpoint(int fd) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (::getsockname(fd, address, &size) != 0) return {};
  return SocketAddress::to_endpoint(address);
}

DatagramBatch::DatagramBatch() : memory_{new std::uint8_t[capacity * slot_size]} {
  for (std::size_t i = 0; i < capacity; ++i) {
    Slot& slot = slots_[i];
    slot.payload = {memory_.get() + i * slot_size, slot_size};
    headers_[i] = {};
    headers_[i].msg_hdr.msg_name = slot.from.data();
    headers_[i].msg_hdr.msg_iov = &slot.payload;
    headers_[i].msg_hdr.msg_iovlen = 1;
    headers_[i].msg_hdr.msg_control = slot.control.data();
  }
}

result<std::size_t> DatagramBatch::receive(int fd) noexcept {
  for (mmsghdr& header : headers_) {
    header.msg_hdr.msg_namelen = SocketAddress::capacity;
    header.msg_hdr.msg_controllen = control_size;
  }
  int count;
  do {
    count = ::recvmmsg(fd, headers_.data(), capacity, MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return fail(last_error());
  return static_cast<std::size_t>(count);
}

Datagram DatagramBatch::datagram(std::size_t index, SocketId socket) const noexcept {
  assert(index < capacity);
  const mmsghdr& header = headers_[index];
  return {socket, slots_[index].from.endpoint(),
          Bytes{static_cast<const std::uint8_t*>(slots_[index].payload.iov_base), header.msg_len},
          read_metadata(header.msg_hdr)};
}

void put_parts(const Transmit& packet, std::span<iovec, parts_of_a_datagram> parts) noexcept {
  static constexpr std::array<std::uint8_t, 3> zeros{};
  assert(packet.padding <= zeros.size());
  // sendmsg reads what it is given; iovec has no const to say so.
  parts[0] = {const_cast<std::uint8_t*>(packet.head.data()), packet.head.size()};
  parts[1] = {const_cast<std::uint8_t*>(packet.body.data()), packet.body.size()};
  parts[2] = {const_cast<std::uint8_t*>(zeros.data()), packet.padding};
}

template <class T>
void SendControl::put(msghdr& message, int level, int type, const T& value) noexcept {
  // What pads it is in the system's hands too.
  std::byte* at = static_cast<std::byte*>(message.msg_control) + message.msg_controllen;
  std::memset(at, 0, CMSG_SPACE(sizeof value));
  auto* header = reinterpret_cast<cmsghdr*>(at);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(header), &value, sizeof value);
  message.msg_controllen += CMSG_SPACE(sizeof value);
}

void SendControl::put_metadata(msghdr& message, const Transmit& packet, const Address& source) noexcept {
  message.msg_control = bytes_.data();
  message.msg_controllen = 0;
  const int traffic_class = packet.ip.dscp << 2 | packet.ip.ecn;
  if (packet.to.address.is_v6()) {
    if (source) put(message, IPPROTO_IPV6, IPV6_PKTINFO, in6_pktinfo{to_in6_addr(source), source.scope()});
    if (traffic_class != 0) put(message, IPPROTO_IPV6, IPV6_TCLASS, traffic_class);
  } else {
    if (source) put(message, IPPROTO_IP, IP_PKTINFO, in_pktinfo{0, to_in_addr(source), {}});
    if (traffic_class != 0) put(message, IPPROTO_IP, IP_TOS, traffic_class);
  }
}

void SendControl::put_segment_size(msghdr& message, std::size_t size) noexcept {
  put(message, IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(size));
}

result<void> send_datagram(int fd, const Transmit& packet, const Address& source) noexcept {
  std::array<iovec, parts_of_a_datagram> parts;
  put_parts(packet, parts);
  SocketAddress to{packet.to};
  SendControl control;
  msghdr message{};
  message.msg_name = to.data();
  message.msg_namelen = to.size();
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  control.put_metadata(message, packet, source);
  ssize_t sent;
  do {
    sent = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return {};
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return fail(errc::would_block);
  return fail(last_error());
}

std::optional<IcmpError> next_icmp_error(int fd) noexcept {
  for (;;) {
    SocketAddress to;
    std::array<std::uint8_t, 1> ignored;
    iovec part{ignored.data(), ignored.size()};
    alignas(cmsghdr) std::array<std::byte, 256> control;
    msghdr message{};
    message.msg_name = to.data();
    message.msg_namelen = SocketAddress::capacity;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      const bool v4 = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR;
      const bool v6 = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR;
      if (!v4 && !v6) continue;
      const auto error = read<sock_extended_err>(header);
      const bool too_big = error.ee_errno == EMSGSIZE;
      if (error.ee_origin == SO_EE_ORIGIN_LOCAL && too_big) {  // what the first router would have said
        if (v6) return IcmpError{to.endpoint(), ICMP6_PACKET_TOO_BIG, 0, error.ee_info};
        return IcmpError{to.endpoint(), ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, error.ee_info};
      }
      if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6) continue;
      return IcmpError{to.endpoint(), error.ee_type, error.ee_code, too_big ? error.ee_info : 0};
    }
  }
}

std::optional<IcmpError> as_icmp_error(const std::error_code& error, const Endpoint& to) noexcept {
  struct Meaning {
    std::errc error;
    IcmpError v4;
    IcmpError v6;
  };
  static constexpr std::uint8_t type4 = ICMP_DEST_UNREACH;
  static constexpr std::uint8_t type6 = ICMP6_DST_UNREACH;
  const std::array<Meaning, 4> meanings{{
      {std::errc::network_unreachable, {to, type4, ICMP_NET_UNREACH}, {to, type6, ICMP6_DST_UNREACH_NOROUTE}},
      {std::errc::host_unreachable, {to, type4, ICMP_HOST_UNREACH}, {to, type6, ICMP6_DST_UNREACH_ADDR}},
      {std::errc::operation_not_permitted, {to, type4, ICMP_PKT_FILTERED}, {to, type6, ICMP6_DST_UNREACH_ADMIN}},
      {std::errc::permission_denied, {to, type4, ICMP_PKT_FILTERED}, {to, type6, ICMP6_DST_UNREACH_ADMIN}},
  }};
  for (const Meaning& meaning : meanings) {
    if (error == meaning.error) return to.address.is_v6() ? meaning.v6 : meaning.v4;
  }
  return std::nullopt;
}

}  // namespace ice::io
