#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ice/base/address.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"

namespace ice::turn {

/// The addresses that share their first `bits` bits with `base`: "10.0.0.0/8", "fc00::/7", or one address alone.
struct ICE_API AddressRange {
  Address base;
  std::uint8_t bits = 0;  ///< 0 to 32 for IPv4, 0 to 128 for IPv6

  /// "ADDRESS/BITS", or "ADDRESS" for that one alone; bits behind the prefix may be set and do not count, a scope is no
  /// part of a range. errc::bad_address.
  static result<AddressRange> parse(std::string_view text) noexcept;

  /// True for an address of the same family in it, bit by bit: an IPv4-mapped IPv6 address is an IPv6 address here.
  bool contains(const Address& address) const noexcept;

  /// "10.0.0.0/8".
  std::string to_string() const;

  friend bool operator==(const AddressRange&, const AddressRange&) noexcept = default;
};

}  // namespace ice::turn
