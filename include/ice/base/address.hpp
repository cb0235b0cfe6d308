#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "ice/base/bytes.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"

namespace ice {

enum class Family : std::uint8_t { none, ipv4, ipv6 };

/// "IPv4", "IPv6" or "none".
ICE_API std::string_view to_string(Family family) noexcept;

/// An IPv4 address, an IPv6 address with its scope id, or none. A value of 24 bytes, ordered and hashable.
class ICE_API Address {
 public:
  /// The longest text: a full IPv6 address with an embedded IPv4 one, "%" and ten digits of scope.
  static constexpr std::size_t max_text = 56;

  constexpr Address() noexcept = default;  ///< no address; family() is none
  static constexpr Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept {
    Address address;
    address.family_ = Family::ipv4;
    address.bytes_ = {a, b, c, d};
    return address;
  }
  static constexpr Address v4(const std::array<std::uint8_t, 4>& bytes) noexcept {
    return v4(bytes[0], bytes[1], bytes[2], bytes[3]);
  }
  static constexpr Address v6(const std::array<std::uint8_t, 16>& bytes, std::uint32_t scope = 0) noexcept {
    Address address;
    address.family_ = Family::ipv6;
    address.bytes_ = bytes;
    address.scope_ = scope;
    return address;
  }
  static constexpr Address any(Family family) noexcept { return family == Family::ipv6 ? v6({}) : v4(0, 0, 0, 0); }
  static constexpr Address loopback(Family family) noexcept {
    return family == Family::ipv6 ? v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) : v4(127, 0, 0, 1);
  }

  /// Dotted IPv4 (four decimal octets, no leading zeros) or RFC 4291 §2.2 IPv6, whose zone may be a number
  /// ("fe80::1%2"). No names are resolved. errc::bad_address.
  static result<Address> parse(std::string_view text) noexcept;

  constexpr Family family() const noexcept { return family_; }
  constexpr bool is_v4() const noexcept { return family_ == Family::ipv4; }
  constexpr bool is_v6() const noexcept { return family_ == Family::ipv6; }
  constexpr explicit operator bool() const noexcept { return family_ != Family::none; }

  /// 4 or 16 bytes in network order, a view of this object; empty for no address.
  constexpr Bytes bytes() const noexcept {
    return {bytes_.data(), is_v6() ? std::size_t{16} : is_v4() ? std::size_t{4} : std::size_t{0}};
  }
  constexpr std::uint32_t scope() const noexcept { return scope_; }

  /// The address with an IPv4-mapped one (::ffff:a.b.c.d) reduced to IPv4, so that one host has one spelling.
  Address canonical() const noexcept;
  /// The address without its scope id, as it may be told to somebody else.
  Address without_scope() const noexcept;

  // An IPv4-mapped address is judged as the IPv4 address in it: the system sends to the same host either way.
  bool is_unspecified() const noexcept;    ///< 0.0.0.0, ::
  bool is_loopback() const noexcept;       ///< 127.0.0.0/8, ::1
  bool is_link_local() const noexcept;     ///< 169.254.0.0/16, fe80::/10
  bool is_multicast() const noexcept;      ///< 224.0.0.0/4, ff00::/8
  bool is_private() const noexcept;        ///< RFC 1918, RFC 6598 (100.64.0.0/10), RFC 4193 (fc00::/7)
  bool is_v4_mapped() const noexcept;      ///< ::ffff:0:0/96
  bool is_v4_compatible() const noexcept;  ///< ::/96 without :: and ::1, deprecated (RFC 8445 §5.1.1.1)
  bool is_site_local() const noexcept;     ///< fec0::/10, deprecated (RFC 8445 §5.1.1.1)

  /// RFC 5952 text (lower case, longest run of zeros as "::"), with "%N" where there is a scope. "" for none.
  std::string to_string() const;
  /// The same into `out`, without an allocation: the text, a view of `out`. `out` must hold max_text characters.
  std::string_view format(std::span<char> out) const noexcept;

  friend constexpr bool operator==(const Address&, const Address&) noexcept = default;
  friend constexpr auto operator<=>(const Address&, const Address&) noexcept = default;

 private:
  Family family_ = Family::none;
  std::array<std::uint8_t, 16> bytes_{};
  std::uint32_t scope_ = 0;
};

}  // namespace ice

template <>
struct std::hash<ice::Address> {
  ICE_API std::size_t operator()(const ice::Address& address) const noexcept;
};
