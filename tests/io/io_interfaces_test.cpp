#include "ice/io/interfaces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "io/interface_flags.hpp"

namespace ice::io {
namespace {

using testing::ElementsAre;

InterfaceAddress on(std::uint32_t index, std::string_view address, std::uint8_t prefix_length = 64) {
  InterfaceAddress made;
  made.interface = "if" + std::to_string(index);
  made.index = index;
  made.address = *Address::parse(address);
  made.prefix_length = prefix_length;
  return made;
}

InterfaceAddress temporary(InterfaceAddress one) { return one.temporary = true, one; }
InterfaceAddress deprecated(InterfaceAddress one) { return one.deprecated = true, one; }

std::vector<std::string> chosen(std::vector<InterfaceAddress> all, bool allow_loopback = false) {
  std::vector<std::string> texts;
  for (const InterfaceAddress& one : host_candidate_addresses(all, allow_loopback)) {
    texts.push_back(one.address.to_string());
  }
  return texts;
}

TEST(Interfaces, LoopbackIsThereWithItsFamilyPrefixAndFlag) {
  const auto all = interface_addresses();
  ASSERT_TRUE(all);
  const auto found = std::find_if(all->begin(), all->end(), [](const InterfaceAddress& one) {
    return one.address == Address::loopback(Family::ipv4);
  });
  ASSERT_NE(found, all->end());
  EXPECT_EQ(found->interface, "lo");
  EXPECT_TRUE(found->loopback);
  EXPECT_FALSE(found->point_to_point);
  EXPECT_EQ(found->prefix_length, 8);
  EXPECT_NE(found->index, 0U);
}

TEST(Interfaces, LinkLocalAddressesHaveAScopeAndOthersHaveNone) {
  const auto all = interface_addresses();
  ASSERT_TRUE(all);
  for (const InterfaceAddress& one : *all) {
    const bool scoped = one.address.is_v6() && one.address.is_link_local();
    EXPECT_EQ(one.address.scope(), scoped ? one.index : 0U) << one.address.to_string();
  }
}

TEST(Interfaces, LoopbackIsNoCandidateUnlessAllowed) {
  InterfaceAddress lo = on(1, "127.0.0.1", 8);
  lo.loopback = true;
  InterfaceAddress odd = on(1, "192.0.2.9", 32);  // routers put addresses on lo
  odd.loopback = true;
  EXPECT_THAT(chosen({lo, odd, on(2, "192.0.2.1", 24)}), ElementsAre("192.0.2.1"));
  EXPECT_THAT(chosen({lo, odd}, true), ElementsAre("127.0.0.1", "192.0.2.9"));
}

TEST(Interfaces, OutdatedKindsOfIpv6AddressesAreNoCandidates) {
  EXPECT_THAT(chosen({on(2, "::192.0.2.1"), on(2, "fec0::1"), on(2, "::ffff:192.0.2.1"), on(2, "2001:db8::1")}),
              ElementsAre("2001:db8::1"));
}

TEST(Interfaces, ATemporaryAddressExcludesTrackableOnesOfItsPrefixAndLinkLocalOnes) {
  EXPECT_THAT(chosen({on(2, "2001:db8::1"), temporary(on(2, "2001:db8::abcd")), on(2, "2001:db8:1::1"),
                      on(2, "fe80::1%2"), on(2, "192.0.2.1", 24)}),
              ElementsAre("2001:db8::abcd", "2001:db8:1::1", "192.0.2.1"));
}

TEST(Interfaces, ATemporaryAddressOfAnotherInterfaceExcludesNothing) {
  EXPECT_THAT(chosen({on(2, "2001:db8::1"), on(2, "fe80::1%2"), temporary(on(3, "2001:db8::abcd"))}),
              ElementsAre("2001:db8::1", "fe80::1%2", "2001:db8::abcd"));
}

TEST(Interfaces, ADeprecatedAddressIsTakenOnlyWhereThereIsNoBetter) {
  EXPECT_THAT(chosen({deprecated(on(2, "2001:db8::1")), on(2, "2001:db8:1::1")}), ElementsAre("2001:db8:1::1"));
  EXPECT_THAT(chosen({deprecated(on(2, "2001:db8::1")), on(2, "fe80::1%2"), on(2, "192.0.2.1", 24)}),
              ElementsAre("2001:db8::1", "fe80::1%2", "192.0.2.1"));
  EXPECT_THAT(chosen({deprecated(temporary(on(2, "2001:db8::1"))), temporary(on(2, "2001:db8::2"))}),
              ElementsAre("2001:db8::2"));
}

TEST(Interfaces, PrefixesOfAnyLengthAreCompared) {
  EXPECT_THAT(chosen({on(2, "2001:db8::1", 61), temporary(on(2, "2001:db8:0:7::2", 61))}),
              ElementsAre("2001:db8:0:7::2"));
  EXPECT_THAT(chosen({on(2, "2001:db8::1", 61), temporary(on(2, "2001:db8:0:8::2", 61))}),
              ElementsAre("2001:db8::1", "2001:db8:0:8::2"));
}

TEST(InterfaceFlags, AreReadFromTheSystemsText) {
  std::istringstream text{
      "00000000000000000000000000000001 01 80 10 80       lo\n"
      "20010db8000000000000000000000abc 0a 40 00 21     eth0\n"
      "broken\n"
      "zz010db8000000000000000000000abc 0a 40 00 21     eth0\n"
      "20010db8 0a 40 00 21 eth0\n"};
  const auto parsed = parse_if_inet6(text);
  ASSERT_EQ(parsed.size(), 2U);
  EXPECT_EQ(parsed[1].address, *Address::parse("2001:db8::abc"));
  EXPECT_EQ(parsed[1].index, 10U);
  EXPECT_EQ(parsed[1].flags, 0x21U);
}

}  // namespace
}  // namespace ice::io
