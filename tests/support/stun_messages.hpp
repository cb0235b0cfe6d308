#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "ice/base/datagram.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"

/// What tests of STUN write and read messages with.
namespace ice::test {

inline Endpoint endpoint(std::string_view text) {
  const auto parsed = Endpoint::parse(text);
  assert(parsed);
  return *parsed;
}

/// A message that may be kept.
class Packet {
 public:
  Packet() = default;
  explicit Packet(Bytes bytes) : bytes_{bytes.begin(), bytes.end()} {}
  explicit Packet(const Transmit& transmit)
      : socket{transmit.socket}, to{transmit.to}, ip{transmit.ip}, bytes_{transmit.head.begin(), transmit.head.end()} {
    bytes_.insert(bytes_.end(), transmit.body.begin(), transmit.body.end());
    bytes_.resize(bytes_.size() + transmit.padding);
  }

  std::vector<std::uint8_t>& bytes() noexcept { return bytes_; }
  const std::vector<std::uint8_t>& bytes() const noexcept { return bytes_; }

  /// It must be one, with the cookie.
  stun::Message message() const {
    const auto parsed = stun::Message::parse(bytes_);
    assert(parsed);
    return *parsed;
  }

  SocketId socket{};
  Endpoint to;
  IpMetadata ip;

 private:
  std::vector<std::uint8_t> bytes_;
};

struct NoAttributes {
  void operator()(stun::Builder&) const {}
};

/// `fill` adds the attributes.
template <class Fill = NoAttributes>
Packet stun_message(stun::Class message_class, const stun::TransactionId& id, Fill fill = {},
                    stun::Method method = stun::Method::binding) {
  std::array<std::uint8_t, 4096> out;
  stun::Builder builder{out, method, message_class, id};
  fill(builder);
  const auto message = builder.finish();
  assert(message);
  return Packet{*message};
}

template <class Fill = NoAttributes>
Packet binding_request(Fill fill = {}, const stun::TransactionId& id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}) {
  return stun_message(stun::Class::request, id, fill);
}

/// The answer to `request` that `fill` makes of it.
template <class Fill = NoAttributes>
Packet success_response(const stun::TransactionId& id, Fill fill = {}) {
  return stun_message(stun::Class::success_response, id, fill);
}

template <class Fill = NoAttributes>
Packet error_response(const stun::TransactionId& id, stun::ErrorCode code, Fill fill = {},
                      stun::Method method = stun::Method::binding) {
  const auto with_code = [&](stun::Builder& builder) {
    builder.add<stun::attr::ErrorCode>({.code = code});
    fill(builder);
  };
  return stun_message(stun::Class::error_response, id, with_code, method);
}

/// The error code of an error response; 0 for anything else.
inline unsigned error_code_of(const stun::Message& message) {
  const auto error = message.get<stun::attr::ErrorCode>();
  return message.message_class() == stun::Class::error_response && error ? to_number(error->code) : 0;
}

/// What UNKNOWN-ATTRIBUTES lists.
inline std::vector<stun::AttributeType> unknown_attributes_of(const stun::Message& message) {
  const auto list = message.get<stun::attr::UnknownAttributes>();
  return list ? std::vector<stun::AttributeType>{list->begin(), list->end()} : std::vector<stun::AttributeType>{};
}

}  // namespace ice::test
