#include "ice/io/interfaces.hpp"

#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

#include "io/interface_flags.hpp"
#include "io/sockaddr.hpp"

namespace ice::io {
namespace {

template <class T>
bool parse_hex(std::string_view text, T& value) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc{} && end == text.data() + text.size();
}

std::vector<InterfaceFlags> system_flags() {
  std::ifstream file{"/proc/net/if_inet6"};
  return parse_if_inet6(file);
}

std::uint32_t flags_of(std::span<const InterfaceFlags> all, const Address& address, std::uint32_t index) noexcept {
  for (const InterfaceFlags& one : all) {
    if (one.index == index && one.address == address.without_scope()) return one.flags;
  }
  return 0;
}

std::uint8_t prefix_length(const sockaddr* mask) noexcept {
  if (mask == nullptr) return 0;
  int bits = 0;
  const Endpoint endpoint = SocketAddress::to_endpoint(mask);
  for (const std::uint8_t byte : endpoint.address.bytes()) bits += std::popcount(byte);
  return static_cast<std::uint8_t>(bits);
}

bool same_prefix(const InterfaceAddress& a, const InterfaceAddress& b) noexcept {
  if (a.index != b.index || a.address.family() != b.address.family()) return false;
  const unsigned bits = std::min(a.prefix_length, b.prefix_length);
  for (unsigned bit = 0; bit < bits; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> bit % 8);
    if (((a.address.bytes()[bit / 8] ^ b.address.bytes()[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

bool allowed_at_all(const InterfaceAddress& one, bool allow_loopback) noexcept {
  if (one.loopback || one.address.is_loopback()) return allow_loopback;
  return !one.address.is_v4_compatible() && !one.address.is_site_local() && !one.address.is_v4_mapped();
}

bool has_better(std::span<const InterfaceAddress> all, const InterfaceAddress& one) noexcept {
  if (one.temporary && !one.deprecated) return false;
  return std::any_of(all.begin(), all.end(), [&](const InterfaceAddress& other) {
    if (other.index != one.index || other.deprecated || other.address.family() != one.address.family()) return false;
    // RFC 8445 §5.1.1.1: an address that prevents location tracking excludes those that allow it.
    if (other.temporary && !one.temporary && (one.address.is_link_local() || same_prefix(other, one))) return true;
    // RFC 4862 §5.5.4
    return one.deprecated && other.address.is_link_local() == one.address.is_link_local();
  });
}

}  // namespace

std::vector<InterfaceFlags> parse_if_inet6(std::istream& lines) {
  std::vector<InterfaceFlags> parsed;
  std::string digits, index, length, scope, flags, name;
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words{line};
    if (!(words >> digits >> index >> length >> scope >> flags >> name) || digits.size() != 32) continue;
    std::array<std::uint8_t, 16> bytes{};
    bool good = true;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      good = good && parse_hex(std::string_view{digits}.substr(2 * i, 2), bytes[i]);
    }
    InterfaceFlags one;
    one.address = Address::v6(bytes);
    if (good && parse_hex(index, one.index) && parse_hex(flags, one.flags)) parsed.push_back(one);
  }
  return parsed;
}

result<std::vector<InterfaceAddress>> interface_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return fail(last_error());
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner{list, &::freeifaddrs};
  const std::vector<InterfaceFlags> flags = system_flags();

  std::vector<InterfaceAddress> found;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family != AF_INET && entry->ifa_addr->sa_family != AF_INET6) continue;
    if ((entry->ifa_flags & IFF_UP) == 0 || (entry->ifa_flags & IFF_RUNNING) == 0) continue;
    InterfaceAddress one;
    one.interface = entry->ifa_name;
    one.index = ::if_nametoindex(entry->ifa_name);
    one.address = SocketAddress::to_endpoint(entry->ifa_addr).address;
    one.prefix_length = prefix_length(entry->ifa_netmask);
    one.loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
    one.point_to_point = (entry->ifa_flags & IFF_POINTOPOINT) != 0;
    if (one.address.is_v6()) {
      const std::uint32_t told = flags_of(flags, one.address, one.index);
      const bool optimistic = (told & IFA_F_OPTIMISTIC) != 0;
      if ((told & IFA_F_DADFAILED) != 0 || ((told & IFA_F_TENTATIVE) != 0 && !optimistic)) continue;
      one.temporary = (told & IFA_F_TEMPORARY) != 0;
      one.deprecated = (told & IFA_F_DEPRECATED) != 0;
    }
    found.push_back(std::move(one));
  }
  return found;
}

std::vector<InterfaceAddress> host_candidate_addresses(std::span<const InterfaceAddress> all, bool allow_loopback) {
  std::vector<InterfaceAddress> chosen;
  for (const InterfaceAddress& one : all) {
    if (allowed_at_all(one, allow_loopback) && !has_better(all, one)) chosen.push_back(one);
  }
  return chosen;
}

}  // namespace ice::io
