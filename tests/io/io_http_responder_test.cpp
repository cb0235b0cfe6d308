#include "io/http_responder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace ice::io::detail {
namespace {

struct HttpResponders : testing::Test {
  HttpResponder responder{[] { return std::string{"the text\n"}; }};
  TimePoint now{std::chrono::hours{1}};
  std::array<std::uint8_t, scratch_size> scratch{};
  std::vector<std::string> said;
  std::vector<SocketId> closed;

  void settle() {
    struct Outlet {
      HttpResponders& test;
      void transmit(const Transmit& packet) { test.said.emplace_back(text_of(packet.body)); }
      void event(HttpResponder::Event) {}
      void request(const SocketRequest& request) { test.closed.push_back(std::get<CloseSocket>(request).socket); }
    } outlet{*this};
    drain(responder, now, scratch, outlet);
  }
  void accept(std::uint32_t socket) {
    responder.handle_socket(now, SocketAccepted{SocketId{99}, SocketId{socket}, {}, {}});
    settle();
  }
  Verdict hear(std::uint32_t socket, std::string_view text) {
    const Verdict verdict = responder.handle_datagram(now, {SocketId{socket}, {}, bytes_of(text), {}}, scratch).verdict;
    settle();
    return verdict;
  }
};

TEST_F(HttpResponders, AnswersOnceTheRequestIsWholeThenCloses) {
  accept(1);
  const std::string_view request = "GET /metrics HTTP/1.0\r\nAccept: */*\r\n\r\n";
  for (std::size_t i = 0; i + 1 < request.size(); ++i) hear(1, request.substr(i, 1));
  EXPECT_TRUE(said.empty());
  hear(1, request.substr(request.size() - 1));
  ASSERT_EQ(said.size(), 1U);
  EXPECT_TRUE(said[0].ends_with("Content-Length: 9\r\nConnection: close\r\n\r\nthe text\n")) << said[0];
  EXPECT_EQ(closed, std::vector{SocketId{1}});
  EXPECT_EQ(hear(1, "more"), Verdict::not_mine);
}

TEST_F(HttpResponders, WhoSaysNothingIsClosedInTime) {
  accept(1);
  ASSERT_TRUE(responder.next_timeout());
  now = *responder.next_timeout();
  EXPECT_EQ(now, TimePoint{std::chrono::hours{1}} + HttpResponder::patience);
  responder.handle_timeout(now - Duration{1});
  settle();
  EXPECT_TRUE(closed.empty());
  responder.handle_timeout(now);
  settle();
  EXPECT_EQ(closed, std::vector{SocketId{1}});
  EXPECT_EQ(responder.next_timeout(), std::nullopt);
}

TEST_F(HttpResponders, ConnectionsAndRequestsAreBounded) {
  for (std::uint32_t i = 1; i <= HttpResponder::most_connections; ++i) accept(i);
  EXPECT_TRUE(closed.empty());
  accept(100);
  EXPECT_EQ(closed, std::vector{SocketId{100}});
  EXPECT_EQ(hear(1, std::string(HttpResponder::most_request + 1, 'x')), Verdict::malformed);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_TRUE(said[0].starts_with("HTTP/1.0 400 "));
  accept(101);
  EXPECT_EQ(closed.size(), 2U) << "there is room again";
}

TEST_F(HttpResponders, WhoHasGoneIsForgotten) {
  accept(1);
  responder.handle_socket(now, SocketClosed{SocketId{1}, {}});
  settle();
  EXPECT_EQ(responder.next_timeout(), std::nullopt);
  EXPECT_TRUE(closed.empty());
}

}  // namespace
}  // namespace ice::io::detail
