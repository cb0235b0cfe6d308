// TCP sockets as the io floor makes them.

#include "io/stream.hpp"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "ice/base/random.hpp"
#include "io/udp.hpp"
#include "support.hpp"

namespace ice::io {
namespace {

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

void expect_vanished_peers_are_noticed_within_a_minute(int fd) {
  EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  const int silence = option(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
                      option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT);
  EXPECT_LE(silence, 60);
  EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 1000 * silence);
  EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST(IoStream, APeerThatVanishesWithoutAWordIsNoticedWithinAMinuteAtBothEnds) {
  SeededRandom random{1};
  const auto listener = listen_tcp(Address::loopback(Family::ipv4), {}, random);
  ASSERT_TRUE(listener);
  const auto connecting = open_tcp(Address::loopback(Family::ipv4), {}, random);
  ASSERT_TRUE(connecting);
  ASSERT_TRUE(begin_connect(*connecting, bound_endpoint(*listener)));
  const auto accepted = accept_tcp(*listener);
  ASSERT_TRUE(accepted);
  expect_vanished_peers_are_noticed_within_a_minute(*connecting);
  expect_vanished_peers_are_noticed_within_a_minute(*accepted);
  for (const int fd : {*listener, *connecting, *accepted}) ::close(fd);
}

}  // namespace
}  // namespace ice::io
