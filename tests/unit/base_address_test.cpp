#include "ice/base/address.hpp"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>

namespace ice {
namespace {

Address parsed(std::string_view text) {
  const auto address = Address::parse(text);
  EXPECT_TRUE(address) << text;
  return address ? *address : Address{};
}

std::string rewritten(std::string_view text) { return parsed(text).to_string(); }

TEST(Address, OfNothingHasNoFamilyAndNoText) {
  EXPECT_FALSE(Address{});
  EXPECT_EQ(Address{}.family(), Family::none);
  EXPECT_TRUE(Address{}.bytes().empty());
  EXPECT_EQ(Address{}.to_string(), "");
}

TEST(Address, IsSmallEnoughToPassByValue) { EXPECT_EQ(sizeof(Address), 24u); }

TEST(Address, ReadsAndWritesIpv4) {
  EXPECT_EQ(parsed("192.0.2.1"), Address::v4(192, 0, 2, 1));
  EXPECT_EQ(rewritten("0.0.0.0"), "0.0.0.0");
  EXPECT_EQ(rewritten("255.255.255.255"), "255.255.255.255");
}

TEST(Address, RefusesWhatIsNotExactlyIpv4) {
  for (const auto* text :
       {"",          "1",         "1.2.3",     "1.2.3.4.5", "1.2.3.",           ".1.2.3",    "1..2.3",
        "256.1.1.1", "1.2.3.256", "01.2.3.4",  "1.2.3.04",  "1.2.3.4 ",         " 1.2.3.4",  "+1.2.3.4",
        "-1.2.3.4",  "0x1.2.3.4", "1.2.3.4%1", "1,2,3,4",   "4294967296.1.1.1", "localhost", "1.2.3.4\n"}) {
    const auto address = Address::parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error(), errc::bad_address);
  }
}

TEST(Address, RefusesATextWithAZeroByte) {
  EXPECT_FALSE(Address::parse(std::string_view{"1.2.3.4\0", 8}));
  EXPECT_FALSE(Address::parse(std::string_view{"::1\0", 4}));
}

TEST(Address, WritesIpv6AsRfc5952Says) {
  // §4.1: leading zeros go.
  EXPECT_EQ(rewritten("2001:0db8::0001"), "2001:db8::1");
  // §4.2.1: shortened as much as possible.
  EXPECT_EQ(rewritten("2001:db8:0:0:0:0:2:1"), "2001:db8::2:1");
  // §4.2.2: "::" is not for one group alone.
  EXPECT_EQ(rewritten("2001:db8::1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  // §4.2.3: the longest run, and the first of two equals.
  EXPECT_EQ(rewritten("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
  EXPECT_EQ(rewritten("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  // §4.3: lower case.
  EXPECT_EQ(rewritten("2001:DB8::ABCD"), "2001:db8::abcd");
  // §5: mixed notation behind the well-known prefix only.
  EXPECT_EQ(rewritten("::ffff:c000:0201"), "::ffff:192.0.2.1");
  EXPECT_EQ(rewritten("::192.0.2.1"), "::c000:201");
  EXPECT_EQ(rewritten("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
  // Zeros at either end, and everywhere.
  EXPECT_EQ(rewritten("0:0:0:0:0:0:0:0"), "::");
  EXPECT_EQ(rewritten("0:0:0:0:0:0:0:1"), "::1");
  EXPECT_EQ(rewritten("1:0:0:0:0:0:0:0"), "1::");
  EXPECT_EQ(rewritten("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8");
  EXPECT_EQ(rewritten("0:2:3:4:5:6:7:8"), "0:2:3:4:5:6:7:8");
  EXPECT_EQ(rewritten("1:2:3:4:5:6:7:0"), "1:2:3:4:5:6:7:0");
}

TEST(Address, ReadsEveryFormOfRfc4291) {
  EXPECT_EQ(parsed("::"), Address::any(Family::ipv6));
  EXPECT_EQ(parsed("::1"), Address::loopback(Family::ipv6));
  EXPECT_EQ(parsed("1:2:3:4:5:6:7::"), parsed("1:2:3:4:5:6:7:0"));
  EXPECT_EQ(parsed("::2:3:4:5:6:7:8"), parsed("0:2:3:4:5:6:7:8"));
  EXPECT_EQ(parsed("0:0:0:0:0:FFFF:129.144.52.38"), parsed("::ffff:8190:3426"));
  EXPECT_EQ(parsed("1:2:3:4:5:6:1.2.3.4"), parsed("1:2:3:4:5:6:102:304"));
  EXPECT_EQ(parsed("1::1.2.3.4"), parsed("1::102:304"));
}

TEST(Address, RefusesWhatIsNotExactlyIpv6) {
  for (const auto* text : {":",
                           ":::",
                           "1",
                           "1:",
                           ":1",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:",
                           ":2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "1:2:3:4::5:6:7:8",  // "::" for no group at all
                           "1::2::3",
                           "1:::2",
                           "12345::",
                           "::g",
                           "::1 ",
                           " ::1",
                           "[::1]",
                           "::1.2.3",
                           "::1.2.3.4.5",
                           "::01.2.3.4",
                           "::1.2.3.4:5",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "1.2.3.4::",
                           "::+1",
                           "::-1",
                           "::0x1"}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
}

TEST(Address, KeepsAScope) {
  const Address address = parsed("fe80::1%2");
  EXPECT_EQ(address.scope(), 2u);
  EXPECT_EQ(address.to_string(), "fe80::1%2");
  EXPECT_NE(address, parsed("fe80::1"));
  EXPECT_EQ(address.without_scope(), parsed("fe80::1"));
  EXPECT_EQ(parsed("fe80::1%4294967295").scope(), 4294967295u);
  EXPECT_EQ(rewritten("fe80::1%0"), "fe80::1");
}

TEST(Address, RefusesAScopeThatIsNoNumber) {
  for (const auto* text : {"fe80::1%", "fe80::1%eth0", "fe80::1%4294967296", "fe80::1%01", "fe80::1%1%2", "fe80::1%-1",
                           "%1", "fe80::%1:1"}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
}

TEST(Address, ItsLongestTextFitsInMaxText) {
  const Address longest = parsed("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295");
  EXPECT_LE(longest.to_string().size(), Address::max_text);
  EXPECT_EQ(parsed(longest.to_string()), longest);
}

TEST(Address, CanonicalFormOfAMappedAddressIsIpv4) {
  EXPECT_EQ(parsed("::ffff:192.0.2.1").canonical(), Address::v4(192, 0, 2, 1));
  EXPECT_EQ(parsed("::ffff:192.0.2.1%3").canonical(), Address::v4(192, 0, 2, 1));
  EXPECT_EQ(parsed("2001:db8::1%3").canonical(), parsed("2001:db8::1%3"));
  EXPECT_EQ(Address{}.canonical(), Address{});
}

TEST(Address, KnowsItsKind) {
  EXPECT_TRUE(parsed("0.0.0.0").is_unspecified());
  EXPECT_TRUE(parsed("::").is_unspecified());
  EXPECT_FALSE(parsed("::1").is_unspecified());
  EXPECT_FALSE(Address{}.is_unspecified());

  EXPECT_TRUE(parsed("127.255.0.1").is_loopback());
  EXPECT_TRUE(parsed("::1").is_loopback());
  EXPECT_FALSE(parsed("128.0.0.1").is_loopback());
  EXPECT_FALSE(parsed("::2").is_loopback());

  EXPECT_TRUE(parsed("169.254.1.1").is_link_local());
  EXPECT_TRUE(parsed("fe80::1").is_link_local());
  EXPECT_TRUE(parsed("febf::1").is_link_local());
  EXPECT_FALSE(parsed("fec0::1").is_link_local());
  EXPECT_FALSE(parsed("169.253.1.1").is_link_local());

  EXPECT_TRUE(parsed("224.0.0.1").is_multicast());
  EXPECT_TRUE(parsed("239.255.255.255").is_multicast());
  EXPECT_TRUE(parsed("ff02::1").is_multicast());
  EXPECT_FALSE(parsed("240.0.0.0").is_multicast());
  EXPECT_FALSE(parsed("223.255.255.255").is_multicast());

  EXPECT_TRUE(parsed("::ffff:0:1").is_v4_mapped());
  EXPECT_FALSE(parsed("::fffe:0:1").is_v4_mapped());
  EXPECT_FALSE(parsed("0.0.0.1").is_v4_mapped());

  EXPECT_TRUE(parsed("::192.0.2.1").is_v4_compatible());
  EXPECT_FALSE(parsed("::").is_v4_compatible());
  EXPECT_FALSE(parsed("::1").is_v4_compatible());
  EXPECT_FALSE(parsed("::ffff:192.0.2.1").is_v4_compatible());

  EXPECT_TRUE(parsed("fec0::1").is_site_local());
  EXPECT_TRUE(parsed("feff::1").is_site_local());
  EXPECT_FALSE(parsed("fe80::1").is_site_local());
}

TEST(Address, IsPrivateExactlyWithinThePrivateRanges) {
  for (const auto* text : {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0",
                           "192.168.255.255", "100.64.0.0", "100.127.255.255", "fc00::", "fdff::1"}) {
    EXPECT_TRUE(parsed(text).is_private()) << text;
  }
  for (const auto* text : {"9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
                           "192.169.0.0", "100.63.255.255", "100.128.0.0", "fbff::", "fe00::"}) {
    EXPECT_FALSE(parsed(text).is_private()) << text;
  }
}

TEST(Address, AMappedAddressIsJudgedAsTheIpv4AddressInIt) {
  EXPECT_TRUE(parsed("::ffff:0.0.0.0").is_unspecified());
  EXPECT_TRUE(parsed("::ffff:127.0.0.1").is_loopback());
  EXPECT_TRUE(parsed("::ffff:169.254.0.1").is_link_local());
  EXPECT_TRUE(parsed("::ffff:224.0.0.1").is_multicast());
  EXPECT_TRUE(parsed("::ffff:10.0.0.1").is_private());
}

TEST(Address, IsOrderedAndHashed) {
  EXPECT_LT(Address::v4(1, 0, 0, 0), Address::v4(1, 0, 0, 1));
  EXPECT_LT(Address::v4(255, 0, 0, 0), Address::any(Family::ipv6));

  std::unordered_set<std::size_t> hashes;
  for (std::uint8_t i = 0; i < 200; ++i) {
    hashes.insert(std::hash<Address>{}(Address::v4(10, 0, 0, i)));
    hashes.insert(std::hash<Address>{}(Address::v6({i}, 0)));
    hashes.insert(std::hash<Address>{}(Address::v6({1}, i + 1u)));
  }
  EXPECT_EQ(hashes.size(), 600u);
}

TEST(Family, HasAName) {
  EXPECT_EQ(to_string(Family::ipv4), "IPv4");
  EXPECT_EQ(to_string(Family::ipv6), "IPv6");
  EXPECT_EQ(to_string(Family::none), "none");
}

}  // namespace
}  // namespace ice
