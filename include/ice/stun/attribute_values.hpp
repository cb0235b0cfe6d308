#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ice/base/bytes.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/stun/error_code.hpp"

/// The values that attributes carry, where a number, a text, bytes or an Endpoint would not say enough.
namespace ice::stun {

/// An attribute's number, assigned or not.
enum class AttributeType : std::uint16_t {};

/// Who does not know it cannot process the message (RFC 8489 §14).
constexpr bool is_comprehension_required(AttributeType type) noexcept {
  return static_cast<std::uint16_t>(type) < 0x8000;
}

/// The value of an attribute that says all by being there.
struct Flag {
  friend constexpr bool operator==(Flag, Flag) noexcept = default;
};

/// ERROR-CODE. `reason` is a view of the message, "" where it is not UTF-8; when built, "" stands for the recommended
/// phrase.
struct Error {
  ErrorCode code{};
  std::string_view reason{};
  friend constexpr bool operator==(const Error&, const Error&) noexcept = default;
};

/// ADDRESS-ERROR-CODE (RFC 8656 §18.12): why there is no relayed address of `family`.
struct AddressError {
  Family family = Family::none;
  Error error{};
  friend constexpr bool operator==(const AddressError&, const AddressError&) noexcept = default;
};

/// CHANGE-REQUEST (RFC 5780 §7.2): answer from the other address, the other port, or both.
struct ChangeRequest {
  bool change_ip = false;
  bool change_port = false;
  friend constexpr bool operator==(const ChangeRequest&, const ChangeRequest&) noexcept = default;
};

/// EVEN-PORT (RFC 8656 §18.7).
struct EvenPort {
  bool reserve_next = false;
  friend constexpr bool operator==(const EvenPort&, const EvenPort&) noexcept = default;
};

/// REQUESTED-TRANSPORT (RFC 8656 §18.8, RFC 6062 §4.1): a number of IANA's protocol registry.
enum class IpProtocol : std::uint8_t { tcp = 6, udp = 17 };

/// ICMP (RFC 8656 §18.13). `data` is the MTU of the next hop where the packet was too big, else 0.
struct IcmpError {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t data = 0;
  friend constexpr bool operator==(const IcmpError&, const IcmpError&) noexcept = default;
};

/// TRANSACTION_TRANSMIT_COUNTER (RFC 7982 §3.1).
struct TransmitCounter {
  std::uint8_t request = 0;   ///< how often the request was sent so far
  std::uint8_t response = 0;  ///< how often a response was; 0 in requests
  friend constexpr bool operator==(const TransmitCounter&, const TransmitCounter&) noexcept = default;
};

/// Whole seconds as LIFETIME counts them.
using Seconds = std::chrono::duration<std::uint32_t>;

/// A bounded list of attribute types, each once: what UNKNOWN-ATTRIBUTES says. What exceeds the bound is left out, a
/// message of nothing but unknown attributes could otherwise be answered only by a larger one.
class AttributeTypeList {
 public:
  static constexpr std::size_t capacity = 16;  ///< ours; RFC 8489 §14.13 has no limit

  constexpr void push_back(AttributeType type) noexcept {
    if (size_ < capacity && std::find(begin(), end(), type) == end()) types_[size_++] = type;
  }
  constexpr const AttributeType* begin() const noexcept { return types_.data(); }
  constexpr const AttributeType* end() const noexcept { return types_.data() + size_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }

  friend constexpr bool operator==(const AttributeTypeList& a, const AttributeTypeList& b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::array<AttributeType, capacity> types_{};
  std::size_t size_ = 0;
};

}  // namespace ice::stun
