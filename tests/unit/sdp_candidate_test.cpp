#include "ice/sdp/candidate.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ice::sdp {
namespace {

Endpoint endpoint(std::string_view text) { return *Endpoint::parse(text); }

std::error_code error_of(std::string_view line) {
  const auto candidate = parse_candidate(line);
  return candidate ? std::error_code{} : candidate.error();
}

// A host candidate in which one field is replaced.
struct Line {
  std::string foundation = "1";
  std::string component = "1";
  std::string transport = "UDP";
  std::string priority = "2130706431";
  std::string address = "192.0.2.1";
  std::string port = "3478";
  std::string type = "typ host";
  std::string more = "";

  std::string text() const {
    return "candidate:" + foundation + " " + component + " " + transport + " " + priority + " " + address + " " + port +
           " " + type + more;
  }
};

TEST(SdpCandidate, ReadsTheExampleOfRfc8839) {
  const auto candidate =
      parse_candidate("a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998\r\n");
  ASSERT_TRUE(candidate);
  EXPECT_EQ(candidate->foundation, "2");
  EXPECT_EQ(candidate->component, ComponentId{1});
  EXPECT_EQ(candidate->transport, Transport::udp);
  EXPECT_EQ(candidate->priority, 1694498815U);
  EXPECT_EQ(candidate->endpoint, endpoint("192.0.2.3:45664"));
  EXPECT_EQ(candidate->type, CandidateType::server_reflexive);
  EXPECT_EQ(candidate->related, endpoint("203.0.113.141:8998"));
  EXPECT_TRUE(candidate->name.empty());
  EXPECT_TRUE(candidate->ufrag.empty());
  EXPECT_TRUE(candidate->extensions.empty());
}

TEST(SdpCandidate, WritesTheExampleOfRfc8839AsItIsPrinted) {
  constexpr std::string_view printed =
      "candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998";
  EXPECT_EQ(format(*parse_candidate(printed)), printed);
}

TEST(SdpCandidate, ReadsTheIpv6ExampleOfRfc8840) {
  const auto candidate = parse_candidate("a=candidate:1 1 UDP 2130706432 2001:db8:a0b:12f0::1 5000 typ host");
  ASSERT_TRUE(candidate);
  EXPECT_EQ(candidate->endpoint, endpoint("[2001:db8:a0b:12f0::1]:5000"));
  // RFC 8840 §4.4 prints another one whose address is none.
  EXPECT_EQ(error_of("a=candidate:1 1 UDP 2130706432 200a0b:12f0::1 5000 typ host"), errc::bad_candidate);
}

TEST(SdpCandidate, KeepsWhatChromeAppends) {
  const auto candidate = parse_candidate(
      "candidate:842163049 1 udp 1677729535 203.0.113.7 61665 typ srflx raddr 0.0.0.0 rport 0 generation 0 "
      "ufrag EsAw network-id 1 network-cost 10");
  ASSERT_TRUE(candidate);
  EXPECT_EQ(candidate->transport, Transport::udp);
  EXPECT_EQ(candidate->ufrag, "EsAw");
  EXPECT_FALSE(candidate->related);
  const std::vector<CandidateExtension> expected = {{"generation", "0"}, {"network-id", "1"}, {"network-cost", "10"}};
  EXPECT_EQ(candidate->extensions, expected);
  EXPECT_EQ(parse_candidate(format(*candidate)).value_or(Candidate{}), *candidate);
}

TEST(SdpCandidate, ReadsWhatFirefoxWrites) {
  const auto local =
      parse_candidate("candidate:0 1 UDP 2122252543 4b2c3e1d-5f60-4718-92a3-b4c5d6e7f809.local 56214 typ host");
  ASSERT_TRUE(local);
  EXPECT_EQ(local->name, "4b2c3e1d-5f60-4718-92a3-b4c5d6e7f809.local");
  EXPECT_FALSE(local->endpoint);
  EXPECT_EQ(local->endpoint.port, 56214);
  EXPECT_EQ(parse_candidate(format(*local)).value_or(Candidate{}), *local);

  const auto tcp = parse_candidate("candidate:4 1 TCP 2105524479 192.0.2.7 9 typ host tcptype active");
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->transport, Transport::tcp);
  EXPECT_EQ(format(*tcp), "candidate:4 1 TCP 2105524479 192.0.2.7 9 typ host tcptype active");
}

TEST(SdpCandidate, ComparesTheWordsOfTheGrammarWithoutCase) {
  EXPECT_TRUE(parse_candidate("a=CANDIDATE:1 1 Udp 1 192.0.2.1 9000 TYP Relay RADDR 192.0.2.2 RPORT 1"));
}

TEST(SdpCandidate, NeedsItsNameInFront) {
  EXPECT_EQ(error_of(""), errc::bad_candidate);
  EXPECT_EQ(error_of("candidate"), errc::bad_candidate);
  EXPECT_EQ(error_of("candidate:"), errc::bad_candidate);
  EXPECT_EQ(error_of("1 1 UDP 2130706431 192.0.2.1 3478 typ host"), errc::bad_candidate);
  EXPECT_EQ(error_of("a=candidates:1 1 UDP 2130706431 192.0.2.1 3478 typ host"), errc::bad_candidate);
}

TEST(SdpCandidate, HoldsTheFoundationToOneToThirtyTwoIceChars) {
  EXPECT_FALSE(error_of(Line{.foundation = std::string(32, '+')}.text()));
  EXPECT_EQ(error_of(Line{.foundation = std::string(33, '+')}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.foundation = ""}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.foundation = "a-b"}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.foundation = "\xc3\xa9"}.text()), errc::bad_candidate);
}

TEST(SdpCandidate, HoldsTheComponentToOneTo256) {
  EXPECT_EQ(parse_candidate(Line{.component = "256"}.text())->component, ComponentId{256});
  EXPECT_EQ(parse_candidate(Line{.component = "001"}.text())->component, ComponentId{1});
  for (const char* bad : {"0", "257", "0001", "-1", "1a", ""}) {
    EXPECT_EQ(error_of(Line{.component = bad}.text()), errc::bad_candidate) << bad;
  }
}

TEST(SdpCandidate, HoldsThePriorityToOneTo31Bits) {
  EXPECT_EQ(parse_candidate(Line{.priority = "2147483647"}.text())->priority, 2147483647U);
  EXPECT_EQ(parse_candidate(Line{.priority = "1"}.text())->priority, 1U);
  for (const char* bad : {"0", "2147483648", "4294967297", "00000000001", "1.5", ""}) {
    EXPECT_EQ(error_of(Line{.priority = bad}.text()), errc::bad_candidate) << bad;
  }
}

TEST(SdpCandidate, HoldsThePortToOneTo65535) {
  EXPECT_EQ(parse_candidate(Line{.port = "65535"}.text())->endpoint.port, 65535);
  for (const char* bad : {"0", "65536", "99999999999999999999999", "+1", ""}) {
    EXPECT_EQ(error_of(Line{.port = bad}.text()), errc::bad_candidate) << bad;
  }
}

TEST(SdpCandidate, TellsAnAddressFromANameAndABadOneFromBoth) {
  for (const char* bad : {"192.0.2", "192.0.2.256", "192.0.2.01", "1:2:3", "fe80::g", "...", "\xc3\xa9.local"}) {
    EXPECT_EQ(error_of(Line{.address = bad}.text()), errc::bad_candidate) << bad;
  }
  for (const char* foreign : {"host.example.org", ".local", "[2001--1]", "a_b.local"}) {
    EXPECT_EQ(error_of(Line{.address = foreign}.text()), errc::unsupported) << foreign;
  }
  EXPECT_EQ(error_of(Line{.address = std::string(248, 'a') + ".local"}.text()), errc::unsupported);
  EXPECT_EQ(parse_candidate(Line{.address = std::string(247, 'a') + ".LOCAL"}.text())->name.size(), 253U);
}

TEST(SdpCandidate, DropsTheZoneThatOnlyItsSenderCanRead) {
  EXPECT_EQ(parse_candidate(Line{.address = "fe80::1%2"}.text())->endpoint, endpoint("[fe80::1]:3478"));
  EXPECT_EQ(parse_candidate(Line{.address = "fe80::1%eth0"}.text())->endpoint, endpoint("[fe80::1]:3478"));
  EXPECT_EQ(error_of(Line{.address = "192.0.2.1%2"}.text()), errc::unsupported);
}

TEST(SdpCandidate, NeverWritesAZone) {
  Candidate candidate = *parse_candidate(Line{.type = "typ srflx"}.text());
  candidate.endpoint = endpoint("[fe80::1%7]:1000");
  candidate.related = endpoint("[fe80::2%7]:2000");
  EXPECT_EQ(format(candidate), "candidate:1 1 UDP 2130706431 fe80::1 1000 typ srflx raddr fe80::2 rport 2000");
}

TEST(SdpCandidate, SaysUnsupportedOfUnknownTransportsAndTypes) {
  EXPECT_EQ(error_of(Line{.transport = "ssltcp"}.text()), errc::unsupported);
  EXPECT_EQ(error_of(Line{.transport = "DTLS"}.text()), errc::unsupported);
  EXPECT_EQ(error_of(Line{.type = "typ teleported"}.text()), errc::unsupported);
  EXPECT_EQ(error_of(Line{.transport = "U@P"}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.transport = ""}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.type = "typ"}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.type = "type host"}.text()), errc::bad_candidate);
  // Malformed comes first: an unknown transport excuses nothing.
  EXPECT_EQ(error_of(Line{.transport = "ssltcp", .port = "x"}.text()), errc::bad_candidate);
}

TEST(SdpCandidate, WantsATcpCandidateToSayWhoConnects) {
  EXPECT_EQ(error_of(Line{.transport = "TCP"}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.transport = "TCP", .more = " tcptype maybe"}.text()), errc::bad_candidate);
  EXPECT_FALSE(error_of(Line{.transport = "tcp", .more = " tcptype passive"}.text()));
  EXPECT_FALSE(error_of(Line{.transport = "tcp", .more = " generation 0 tcptype so"}.text()));
}

TEST(SdpCandidate, ChecksTheUfragOfItsGeneration) {
  EXPECT_EQ(parse_candidate(Line{.more = " ufrag " + std::string(256, 'u')}.text())->ufrag.size(), 256U);
  EXPECT_EQ(error_of(Line{.more = " ufrag abc"}.text()), errc::bad_ufrag);
  EXPECT_EQ(error_of(Line{.more = " ufrag " + std::string(257, 'u')}.text()), errc::bad_ufrag);
  EXPECT_EQ(error_of(Line{.more = " ufrag ab-d"}.text()), errc::bad_ufrag);
  EXPECT_EQ(error_of(Line{.more = " ufrag abcd ufrag efgh"}.text()), errc::bad_candidate);
}

TEST(SdpCandidate, ReadsPairsAsTheGrammarCutsThem) {
  EXPECT_FALSE(error_of(Line{.more = " "}.text()));
  EXPECT_FALSE(error_of(Line{.more = "   "}.text()));
  EXPECT_EQ(error_of(Line{.more = " generation"}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.more = "  generation 0"}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.more = " gener@tion 0"}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.more = " generation \x01"}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.more = " generation \xff\xfe"}.text()), errc::bad_candidate);
  // extension-att-value may be empty.
  const auto empty = parse_candidate(Line{.more = " hint  generation 0"}.text());
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->extensions, (std::vector<CandidateExtension>{{"hint", ""}, {"generation", "0"}}));
  EXPECT_EQ(parse_candidate(format(*empty)).value_or(Candidate{}), *empty);
}

TEST(SdpCandidate, TakesTheRelatedAddressWhereItIsTold) {
  const auto related = [](std::string more) {
    return parse_candidate(Line{.type = "typ relay", .more = std::move(more)}.text())->related;
  };
  EXPECT_EQ(related(" raddr 192.0.2.9 rport 77"), endpoint("192.0.2.9:77"));
  EXPECT_EQ(related(" rport 77 raddr 192.0.2.9"), endpoint("192.0.2.9:77"));
  EXPECT_EQ(related(" raddr fe80::1%3 rport 77"), endpoint("[fe80::1]:77"));
  EXPECT_FALSE(related(" raddr 0.0.0.0 rport 9"));
  EXPECT_FALSE(related(" raddr :: rport 9"));
  EXPECT_FALSE(related(" raddr 4b2c.local rport 9"));
  EXPECT_FALSE(related(""));
  EXPECT_EQ(error_of(Line{.more = " raddr 192.0.2.9 rport 65536"}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.more = " raddr 192.0.2.9 raddr 192.0.2.9"}.text()), errc::bad_candidate);
  EXPECT_EQ(error_of(Line{.more = " rport 1 rport 1"}.text()), errc::bad_candidate);
  // RFC 8839 §5.1: a host candidate has none.
  EXPECT_FALSE(parse_candidate(Line{.more = " raddr 192.0.2.9 rport 77"}.text())->related);
}

TEST(SdpCandidate, HidesTheRelatedAddressAsRfc8839Says) {
  Candidate candidate = *parse_candidate(Line{.type = "typ srflx"}.text());
  EXPECT_EQ(format(candidate), "candidate:1 1 UDP 2130706431 192.0.2.1 3478 typ srflx raddr 0.0.0.0 rport 9");
  candidate.endpoint = endpoint("[2001:db8::1]:3478");
  EXPECT_EQ(format(candidate), "candidate:1 1 UDP 2130706431 2001:db8::1 3478 typ srflx raddr :: rport 9");
}

TEST(SdpCandidate, BoundsWhatALineMayHold) {
  std::string pairs;
  for (std::size_t i = 0; i < max_candidate_extensions; ++i) pairs += " n" + std::to_string(i) + " v";
  EXPECT_EQ(parse_candidate(Line{.more = pairs}.text())->extensions.size(), max_candidate_extensions);
  EXPECT_EQ(error_of(Line{.more = pairs + " one more"}.text()), errc::limit_reached);
  EXPECT_EQ(error_of(Line{.more = " n " + std::string(max_candidate_size, 'v')}.text()), errc::limit_reached);
  EXPECT_EQ(error_of("candidate:" + std::string(1 << 20, '1')), errc::limit_reached);
  EXPECT_EQ(error_of(std::string(1 << 20, '\xff')), errc::bad_candidate);
}

}  // namespace
}  // namespace ice::sdp
