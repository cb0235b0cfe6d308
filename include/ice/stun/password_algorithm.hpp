#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>

#include "ice/base/bytes.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"

namespace ice::stun {

/// How a long-term key is made of a password (RFC 8489 §18.5). Others than these can arrive, and are not supported.
enum class PasswordAlgorithm : std::uint16_t { md5 = 1, sha256 = 2 };

constexpr bool is_supported(PasswordAlgorithm algorithm) noexcept {
  return algorithm == PasswordAlgorithm::md5 || algorithm == PasswordAlgorithm::sha256;
}

/// One algorithm with its parameters; those of md5 and sha256 are empty. `parameters` is a view of the message.
struct PasswordAlgorithmEntry {
  PasswordAlgorithm algorithm{};
  Bytes parameters{};
};

/// The value of PASSWORD-ALGORITHMS: a checked view of its bytes on the wire, since a client has to send back what it
/// got, also algorithms it does not know (RFC 8489 §9.2.5). The bytes must outlive it.
class ICE_API PasswordAlgorithms {
 public:
  class ICE_API Iterator {
   public:
    using value_type = PasswordAlgorithmEntry;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = const value_type*;
    using reference = value_type;

    PasswordAlgorithmEntry operator*() const noexcept;
    Iterator& operator++() noexcept;
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.rest_.size() == b.rest_.size(); }

   private:
    friend class PasswordAlgorithms;
    explicit Iterator(Bytes rest) noexcept : rest_{rest} {}
    Bytes rest_;
  };

  /// No algorithm.
  PasswordAlgorithms() noexcept = default;
  /// errc::malformed_attribute where an entry runs past the end or the list is empty.
  static result<PasswordAlgorithms> parse(Bytes wire) noexcept;

  /// What a server of this library offers, in its order of preference: SHA-256, then MD5 for older clients.
  static PasswordAlgorithms sha256_and_md5() noexcept;

  Iterator begin() const noexcept { return Iterator{wire_}; }
  Iterator end() const noexcept { return Iterator{wire_.last(0)}; }
  bool empty() const noexcept { return wire_.empty(); }
  Bytes wire() const noexcept { return wire_; }

  bool contains(const PasswordAlgorithmEntry& entry) const noexcept;
  /// The first that this library can use (RFC 8489 §9.2.5); none means: do not try again.
  std::optional<PasswordAlgorithm> first_supported() const noexcept;

  /// Same algorithms with the same parameters in the same order; padding does not count.
  ICE_API friend bool operator==(const PasswordAlgorithms& a, const PasswordAlgorithms& b) noexcept;

 private:
  explicit PasswordAlgorithms(Bytes wire) noexcept : wire_{wire} {}
  Bytes wire_;
};

}  // namespace ice::stun
