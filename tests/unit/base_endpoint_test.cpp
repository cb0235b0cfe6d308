#include "ice/base/endpoint.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

namespace ice {
namespace {

TEST(Endpoint, ReadsAndWritesBothFamilies) {
  for (const auto* text :
       {"192.0.2.1:3478", "192.0.2.1:0", "[2001:db8::1]:65535", "[::]:1", "[fe80::1%3]:9", "[::ffff:192.0.2.1]:5"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
  EXPECT_EQ(*Endpoint::parse("192.0.2.1:3478"), (Endpoint{Address::v4(192, 0, 2, 1), 3478}));
}

TEST(Endpoint, RefusesWhatIsNotExactlyOne) {
  for (const auto* text : {"",
                           ":",
                           ":1",
                           "1.2.3.4",
                           "1.2.3.4:",
                           "1.2.3.4:65536",
                           "1.2.3.4:-1",
                           "1.2.3.4:+1",
                           "1.2.3.4:01",
                           "1.2.3.4:1 ",
                           "1.2.3.4: 1",
                           "1.2.3.4:1:2",
                           "[1.2.3.4]:1",
                           "::1:1",
                           "2001:db8::1",
                           "[::1]",
                           "[::1]1",
                           "[::1:1",
                           "::1]:1",
                           "[::1]:",
                           "[]:1",
                           "[::1]:65536",
                           "[[::1]]:1",
                           "[::1]x:1",
                           "host:1",
                           "1.2.3.4:http",
                           "[:1",
                           "]:1"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_EQ(endpoint.error(), errc::bad_endpoint);
  }
}

TEST(Endpoint, OfNothingIsFalseAndHasNoText) {
  EXPECT_FALSE(Endpoint{});
  EXPECT_EQ(Endpoint{}.to_string(), "");
}

TEST(Endpoint, CanonicalFormReducesAMappedAddress) {
  EXPECT_EQ(Endpoint::parse("[::ffff:192.0.2.1]:5")->canonical().to_string(), "192.0.2.1:5");
}

TEST(Endpoint, ItsLongestTextFitsInMaxText) {
  const auto longest = Endpoint::parse("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
  ASSERT_TRUE(longest);
  EXPECT_LE(longest->to_string().size(), Endpoint::max_text);
}

TEST(Endpoint, HashesTellPortsApart) {
  std::unordered_set<std::size_t> hashes;
  for (std::uint16_t port = 0; port < 1000; ++port) {
    hashes.insert(std::hash<Endpoint>{}({Address::v4(10, 0, 0, 1), port}));
  }
  EXPECT_EQ(hashes.size(), 1000u);
}

TEST(Transport, HasANameAndKnowsWhatIsAStream) {
  EXPECT_EQ(to_string(Transport::udp), "udp");
  EXPECT_EQ(to_string(Transport::tcp), "tcp");
  EXPECT_EQ(to_string(Transport::tls), "tls");
  EXPECT_EQ(to_string(Transport::dtls), "dtls");
  EXPECT_TRUE(is_stream(Transport::tcp));
  EXPECT_TRUE(is_stream(Transport::tls));
  EXPECT_FALSE(is_stream(Transport::udp));
  EXPECT_FALSE(is_stream(Transport::dtls));
}

}  // namespace
}  // namespace ice
