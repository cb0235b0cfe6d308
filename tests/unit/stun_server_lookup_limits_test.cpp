// What DNS may do to a lookup: say nothing, say nonsense, say too much.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ice/stun/server_lookup.hpp"
#include "support/dns_zone.hpp"

namespace ice::stun {
namespace {

using namespace std::chrono_literals;
using test::DnsZone;

constexpr TimePoint start{};
constexpr Duration patience = ServerLookup::default_patience;

struct ALookupInBadCompany : testing::Test {
  SeededRandom random{1};
  DnsZone dns;
  std::size_t questions = 0;

  ServerLookup begin(const std::string& uri, std::vector<Transport> supported = {Transport::udp}) {
    return ServerLookup{*Uri::parse(uri), supported, random};
  }

  ServerLookup run(const std::string& uri, std::vector<Transport> supported = {Transport::udp}) {
    ServerLookup lookup = begin(uri, std::move(supported));
    questions = 0;
    while (const auto question = lookup.poll_question()) {
      ++questions;
      dns.answer(lookup, *question);
    }
    EXPECT_TRUE(lookup.done());
    return lookup;
  }

  std::vector<std::string> found(const std::string& uri) {
    std::vector<std::string> all;
    const ServerLookup lookup = run(uri);
    for (const ServerAddress& server : lookup.servers()) all.push_back(server.endpoint.to_string());
    return all;
  }
};

// What no record may lead to.
std::vector<std::string> broken_names() {
  return {".",
          "..",
          ".a",
          "a..b",
          "a b",
          std::string{"a\0b", 3},
          "a:1",
          "fe80::1%eth0",
          "b\xc3\xbc",
          "a\\.b",
          "a/../b",
          std::string(64, 'a'),
          std::string(127, 'a') + std::string(127, '.'),
          "[::1]",
          "\x7f"};
}

TEST_F(ALookupInBadCompany, BrokenSrvRecordsCostNothing) {
  dns.a("good.test", "192.0.2.1").a("bad.test", "192.0.2.66");
  dns.srv("_turn._udp.example.net", {0, 0, 0, "bad.test"});
  for (const std::string& name : broken_names()) dns.srv("_turn._udp.example.net", {0, 0, 1, name});
  dns.srv("_turn._udp.example.net", {9, 0, 3478, "good.test"});
  EXPECT_THAT(found("turn:example.net"), testing::ElementsAre("192.0.2.1:3478"));
  EXPECT_EQ(questions, 4U);  // NAPTR, SRV, the host, the one good target
}

TEST_F(ALookupInBadCompany, NothingButBrokenSrvRecordsIsAsGoodAsNone) {
  dns.a("example.net", "192.0.2.9");
  dns.srv("_turn._udp.example.net", {0, 0, 0, "example.net"});
  EXPECT_THAT(found("turn:example.net"), testing::ElementsAre("192.0.2.9:3478"));
}

TEST_F(ALookupInBadCompany, ARootAmongOtherTargetsDeclinesNothing) {
  dns.a("example.net", "192.0.2.9");
  dns.srv("_turn._udp.example.net", {0, 0, 0, "."}).srv("_turn._udp.example.net", {0, 0, 0, "example.net"});
  EXPECT_THAT(found("turn:example.net"), testing::ElementsAre("192.0.2.9:3478"));
}

TEST_F(ALookupInBadCompany, BrokenNaptrRecordsCostNothing) {
  dns.a("good.test", "192.0.2.1").a("bad.test", "192.0.2.66");
  const auto add = [&](std::string flags, std::string services, std::string regexp, std::string replacement) {
    dns.naptr("example.net", {0, 0, std::move(flags), std::move(services), std::move(regexp), std::move(replacement)});
  };
  for (const char* const flags : {"u", "p", "sa", "as", "s.", " s", "\x01"})
    add(flags, "RELAY:turn.udp", "", "bad.test");
  for (const char* const services :
       {"", ":", "turn.udp", ":turn.udp", "RELAY", "RELAY:", "RELAY:turn", "RELAY turn.udp"})
    add("a", services, "", "bad.test");
  add("a", "RELAY:turn.udp", "!^.*$!bad.test!", "bad.test");
  for (const std::string& name : broken_names()) {
    for (const char* const flags : {"", "s", "a"}) add(flags, "RELAY:turn.udp", "", name);
  }
  dns.naptr("example.net", {9, 0, "a", "RELAY:::turn.udp:", "", "good.test"});
  EXPECT_THAT(found("turn:example.net"), testing::ElementsAre("192.0.2.1:3478"));
  EXPECT_EQ(questions, 4U);
}

TEST_F(ALookupInBadCompany, AddressesWhereNoHostCanBeAreDropped) {
  for (const char* const address :
       {"0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"}) {
    dns.a("example.net", address);
  }
  EXPECT_THAT(found("turn:example.net"), testing::ElementsAre("192.0.2.1:3478"));
  dns = DnsZone{}.a("example.net", "0.0.0.0");
  EXPECT_EQ(run("turn:example.net").error(), errc::name_not_resolved);
}

TEST_F(ALookupInBadCompany, NaptrRecordsThatGoInCirclesEnd) {
  dns.naptr("example.net", {1, 1, "", "RELAY:turn.udp", "", "example.net"})
      .naptr("example.net", {1, 2, "", "RELAY:turn.udp", "", "b.example.net"})
      .naptr("b.example.net", {1, 1, "", "RELAY:turn.udp", "", "c.example.net"})
      .naptr("c.example.net", {1, 1, "", "RELAY:turn.udp", "", "EXAMPLE.net."})
      .naptr("c.example.net", {1, 2, "a", "RELAY:turn.udp", "", "a.example.net"})
      .a("a.example.net", "192.0.2.1");
  EXPECT_THAT(found("turn:example.net"), testing::ElementsAre("192.0.2.1:3478"));
}

TEST_F(ALookupInBadCompany, OfOneAnswerTheBestRecordsAreKept) {
  constexpr auto most = static_cast<std::uint16_t>(ServerLookup::most_records);
  for (const std::uint16_t good : {static_cast<std::uint16_t>(most - 1), most}) {
    dns = DnsZone{}.a("good.test", "192.0.2.1");
    for (std::uint16_t i = most + 5; i-- > 0;) {
      const char* const target = i == good ? "good.test" : "nothing.test";
      dns.srv("_stun._udp.example.net", {i, 0, 3478, target});
      dns.naptr("example.net", {i, 0, "a", "RELAY:turn.udp", "", target});
    }
    EXPECT_EQ(found("stun:example.net").size(), good < most ? 1U : 0U) << good;
    EXPECT_EQ(found("turn:example.net").size(), good < most ? 1U : 0U) << good;
  }
  dns = DnsZone{};
  for (int i = 1; i < 100; ++i) dns.a("example.net", "192.0.2." + std::to_string(i));
  EXPECT_EQ(found("stun:example.net").size(), ServerLookup::most_records);
}

TEST_F(ALookupInBadCompany, AChainOfDelegationsHasALength) {
  const auto chain = [&](std::size_t length) {
    std::string at = "example.net";
    for (std::size_t i = 0; i < length; ++i) {
      const std::string next = "n" + std::to_string(i) + ".example.net";
      dns.naptr(at, {2, 1, "", "RELAY:turn.udp", "", next});
      at = next;
    }
    dns.naptr(at, {2, 1, "a", "RELAY:turn.udp", "", "a.example.net"}).a("a.example.net", "192.0.2.1");
    return found("turn:example.net").size();
  };
  EXPECT_EQ(chain(ServerLookup::most_delegations), 1U);
  dns = DnsZone{};
  EXPECT_EQ(chain(ServerLookup::most_delegations + 1), 0U);
  // Circles are left where they close: followed as far as a chain may be, these would be more steps than there may be.
  dns = DnsZone{};
  for (int i = 0; i < 3; ++i) dns.naptr("example.net", {1, 1, "", "RELAY:turn.udp", "", "example.net"});
  EXPECT_EQ(chain(ServerLookup::most_delegations), 1U);
}

TEST_F(ALookupInBadCompany, RecordsThatLeadEverywhereAreFollowedForAWhileOnly) {
  // Every name delegates to all others, in as many ways as they can be ordered.
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) names.push_back("n" + std::to_string(i) + ".test");
  for (const std::string& from : names) {
    for (const std::string& to : names) dns.naptr(from, {1, 1, "", "RELAY:turn.udp:turn.tcp", "", to});
  }
  const ServerLookup lookup = run("turn:n0.test", {Transport::udp, Transport::tcp});
  EXPECT_EQ(lookup.error(), errc::name_not_resolved);
  EXPECT_LE(questions, ServerLookup::most_questions);
}

TEST_F(ALookupInBadCompany, QuestionsAndServersHaveALimit) {
  for (int i = 0; i < 200; ++i) {
    const std::string target = "t" + std::to_string(i) + ".test";
    dns.srv("_turn._udp.example.net", {static_cast<std::uint16_t>(i), 0, 3478, target});
    for (int j = 0; j < 100; ++j) dns.a(target, "192.0." + std::to_string(i) + '.' + std::to_string(j));
  }
  const ServerLookup lookup = run("turn:example.net");
  EXPECT_EQ(questions, ServerLookup::most_questions);
  ASSERT_EQ(lookup.servers().size(), ServerLookup::most_servers);
  EXPECT_EQ(lookup.servers().front().host, "t0.test") << "the best are kept";
}

TEST_F(ALookupInBadCompany, ANameThatIsTooLongWithItsServiceIsNotAskedFor) {
  const std::size_t longest = 253 - std::string{"_stun._udp."}.size();
  for (const std::size_t size : {longest, longest + 1}) {
    std::string host;
    while (host.size() + 50 < size) host += std::string(49, 'a') + '.';
    host += std::string(size - host.size(), 'b');
    dns.a(host, "192.0.2.9");
    EXPECT_THAT(found("stun:" + host), testing::ElementsAre("192.0.2.9:3478"));
    EXPECT_EQ(questions, size == longest ? 2U : 1U);
  }
}

TEST_F(ALookupInBadCompany, AnswersToOtherQuestionsAreIgnored) {
  ServerLookup lookup = begin("stun:example.net");
  const std::vector<Address> address{Address::v4(192, 0, 2, 1)};
  lookup.answer(start, "example.net", address);  // not asked yet
  ASSERT_TRUE(lookup.poll_question() && lookup.poll_question());
  lookup.answer(start, "example.org", address);
  lookup.answer(start, "_stun._udp.example.net", address);
  lookup.answer(start, "example.net", std::vector<NaptrRecord>{});
  lookup.fail(start, {DnsType::naptr, "example.net"}, make_error_code(errc::timed_out));
  EXPECT_FALSE(lookup.done());
  lookup.fail(start, {DnsType::srv, "_stun._udp.example.net"}, make_error_code(errc::timed_out));
  lookup.answer(start, "_stun._udp.example.net", std::vector<SrvRecord>{{0, 0, 1, "example.net"}});
  lookup.answer(start, "example.net", address);
  lookup.answer(start, "example.net", std::vector<Address>{Address::v4(192, 0, 2, 2)});
  EXPECT_TRUE(lookup.done());
  EXPECT_THAT(lookup.servers(),
              testing::ElementsAre(ServerAddress{Transport::udp, *Endpoint::parse("192.0.2.1:3478"), "example.net"}));
}

// Patience with middleboxes that drop what they do not know.

std::vector<DnsQuestion> poll_all(ServerLookup& lookup) {
  std::vector<DnsQuestion> all;
  while (auto question = lookup.poll_question()) all.push_back(*question);
  return all;
}

TEST_F(ALookupInBadCompany, ServicesAreNotWaitedForLongOnceTheHostIsKnown) {
  dns.a("example.net", "192.0.2.9");
  ServerLookup lookup = begin("turn:example.net", {Transport::udp, Transport::tls});
  poll_all(lookup);
  EXPECT_EQ(lookup.next_timeout(), std::nullopt) << "nothing is known that could take their place";
  dns.answer(lookup, {DnsType::address, "example.net"}, start + 1s);
  EXPECT_EQ(lookup.next_timeout(), start + 1s + patience);
  dns.answer(lookup, {DnsType::srv, "_turn._udp.example.net"}, start + 2s);
  EXPECT_EQ(lookup.next_timeout(), start + 1s + patience);
  lookup.handle_timeout(start + 1s + patience - 1ns);
  EXPECT_FALSE(lookup.done());
  lookup.handle_timeout(start + 1s + patience);
  EXPECT_TRUE(lookup.done());
  EXPECT_EQ(lookup.next_timeout(), std::nullopt);
  ASSERT_EQ(lookup.servers().size(), 2U);
  EXPECT_EQ(lookup.servers()[1].endpoint.to_string(), "192.0.2.9:5349");
}

TEST_F(ALookupInBadCompany, AServiceIsWaitedForToTheEndWhereNothingCouldTakeItsPlace) {
  dns.a("example.net", "192.0.2.9").a("a.example.net", "192.0.2.1");
  dns.naptr("example.net", {1, 1, "s", "RELAY:turn.udp", "", "_x._udp.example.net"})
      .naptr("example.net", {1, 2, "s", "RELAY:turn.udp", "", "_y._udp.example.net"});
  dns.srv("_x._udp.example.net", {0, 0, 99, "a.example.net"});
  ServerLookup lookup = begin("turn:example.net");
  poll_all(lookup);
  dns.answer(lookup, {DnsType::address, "example.net"}, start);
  EXPECT_EQ(lookup.next_timeout(), start + patience);
  dns.answer(lookup, {DnsType::naptr, "example.net"}, start);
  EXPECT_EQ(lookup.next_timeout(), std::nullopt);
  poll_all(lookup);
  dns.answer(lookup, {DnsType::srv, "_y._udp.example.net"}, start);
  EXPECT_EQ(lookup.next_timeout(), std::nullopt);
  lookup.handle_timeout(start + 1h);
  EXPECT_FALSE(lookup.done());
  dns.answer(lookup, {DnsType::srv, "_x._udp.example.net"}, start + 1h);
  poll_all(lookup);
  dns.answer(lookup, {DnsType::address, "a.example.net"}, start + 1h);
  EXPECT_TRUE(lookup.done());
  EXPECT_EQ(lookup.servers().size(), 1U);
}

TEST_F(ALookupInBadCompany, WhatWasFoundForOneTransportDoesNotWaitForTheOtherForever) {
  dns.a("a.example.net", "192.0.2.1").srv("_turn._udp.example.net", {0, 0, 99, "a.example.net"});
  ServerLookup lookup = begin("turn:example.net", {Transport::udp, Transport::tcp});
  for (const DnsQuestion& question : poll_all(lookup)) {
    if (question.name != "_turn._tcp.example.net") dns.answer(lookup, question, start);
  }
  poll_all(lookup);
  ASSERT_EQ(lookup.next_timeout(), start + patience);
  lookup.handle_timeout(start + patience);
  EXPECT_FALSE(lookup.done()) << "nothing takes the place of the target that SRV named";
  dns.answer(lookup, {DnsType::address, "a.example.net"}, start + patience);
  EXPECT_TRUE(lookup.done());
  EXPECT_EQ(lookup.servers().size(), 1U);
  lookup.answer(start + patience, "_turn._tcp.example.net", std::vector<SrvRecord>{{0, 0, 1, "late.test"}});
  EXPECT_EQ(lookup.servers().size(), 1U);
}

}  // namespace
}  // namespace ice::stun
