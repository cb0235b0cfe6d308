#include "ice/stun/header.hpp"

#include <gtest/gtest.h>

#include <array>

namespace ice::stun {
namespace {

// RFC 8489 appendix A.
TEST(StunHeader, SplitsTheTypeLikeTheMacrosOfTheRfc) {
  for (unsigned type = 0; type < 0x4000; ++type) {
    const auto method = method_of(static_cast<std::uint16_t>(type));
    const auto message_class = class_of(static_cast<std::uint16_t>(type));
    EXPECT_EQ(static_cast<unsigned>(method), (type & 0x3E00) >> 2 | (type & 0x00E0) >> 1 | (type & 0x000F));
    EXPECT_EQ(static_cast<unsigned>(message_class), (type & 0x0100) >> 7 | (type & 0x0010) >> 4);
    EXPECT_EQ(message_type(method, message_class), type);
  }
}

TEST(StunHeader, BindingHasTheNumbersOfTheRfc) {
  EXPECT_EQ(message_type(Method::binding, Class::request), 0x0001);
  EXPECT_EQ(message_type(Method::binding, Class::indication), 0x0011);
  EXPECT_EQ(message_type(Method::binding, Class::success_response), 0x0101);
  EXPECT_EQ(message_type(Method::binding, Class::error_response), 0x0111);
}

TEST(StunHeader, NamesMethodsAndClasses) {
  EXPECT_EQ(to_string(Method::binding), "Binding");
  EXPECT_EQ(to_string(Method::shared_secret), "Shared Secret");
  EXPECT_EQ(to_string(Method::allocate), "Allocate");
  EXPECT_EQ(to_string(Method::refresh), "Refresh");
  EXPECT_EQ(to_string(Method::send), "Send");
  EXPECT_EQ(to_string(Method::data), "Data");
  EXPECT_EQ(to_string(Method::create_permission), "CreatePermission");
  EXPECT_EQ(to_string(Method::channel_bind), "ChannelBind");
  EXPECT_EQ(to_string(Method::connect), "Connect");
  EXPECT_EQ(to_string(Method::connection_bind), "ConnectionBind");
  EXPECT_EQ(to_string(Method::connection_attempt), "ConnectionAttempt");
  EXPECT_EQ(to_string(Method{0x080}), "unknown method");
  EXPECT_EQ(to_string(Class::request), "request");
  EXPECT_EQ(to_string(Class::indication), "indication");
  EXPECT_EQ(to_string(Class::success_response), "success response");
  EXPECT_EQ(to_string(Class::error_response), "error response");
}

TEST(StunHeader, IsStunWantsTheZeroBitsTheCookieAndAWholeLength) {
  std::array<std::uint8_t, 20> bytes{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
  EXPECT_TRUE(is_stun(bytes));
  EXPECT_FALSE(is_stun(Bytes{bytes}.first(19)));
  EXPECT_FALSE(is_stun({}));
  struct Change {
    std::size_t at;
    std::uint8_t mask;
  };
  constexpr Change changes[] = {{0, 0x40}, {0, 0x80}, {3, 1}, {3, 2}, {4, 1}, {5, 1}, {6, 1}, {7, 1}};
  for (const Change& change : changes) {
    auto changed = bytes;
    changed[change.at] = static_cast<std::uint8_t>(changed[change.at] ^ change.mask);
    EXPECT_FALSE(is_stun(changed)) << "byte " << change.at;
  }
}

// RFC 8489 §6.1: less than 548 bytes, and no message has a size that is no multiple of four.
TEST(StunHeader, SizesStayBelowTheMtuThatEveryPathHas) {
  EXPECT_LT(max_udp_message_size(Family::ipv4), 576U - 20 - 8);
  EXPECT_LE(max_udp_message_size(Family::ipv6), 1280U - 40 - 8);
}

}  // namespace
}  // namespace ice::stun
