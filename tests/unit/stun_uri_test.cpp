#include "ice/stun/uri.hpp"

#include <gtest/gtest.h>

namespace ice::stun {
namespace {

using Scheme = Uri::Scheme;

Uri parsed(std::string_view text) {
  const auto uri = Uri::parse(text);
  EXPECT_TRUE(uri) << text;
  return uri.value_or(Uri{});
}

// RFC 7064 appendix A, RFC 7065 appendix A.
TEST(StunUri, ReadsTheExamplesOfTheRfcs) {
  struct Example {
    std::string_view text;
    Scheme scheme;
    std::uint16_t port;
    Transport transport;
  };
  constexpr Example examples[] = {
      {"stun:example.org", Scheme::stun, 3478, Transport::udp},
      {"stuns:example.org", Scheme::stuns, 5349, Transport::tls},
      {"stun:example.org:8000", Scheme::stun, 8000, Transport::udp},
      {"turn:example.org", Scheme::turn, 3478, Transport::udp},
      {"turns:example.org", Scheme::turns, 5349, Transport::tls},
      {"turn:example.org:8000", Scheme::turn, 8000, Transport::udp},
      {"turn:example.org?transport=udp", Scheme::turn, 3478, Transport::udp},
      {"turn:example.org?transport=tcp", Scheme::turn, 3478, Transport::tcp},
      {"turns:example.org?transport=tcp", Scheme::turns, 5349, Transport::tls},
      {"turns:example.org:443?transport=udp", Scheme::turns, 443, Transport::dtls},
  };
  for (const Example& example : examples) {
    const Uri uri = parsed(example.text);
    EXPECT_EQ(uri.scheme, example.scheme) << example.text;
    EXPECT_EQ(uri.host, "example.org") << example.text;
    EXPECT_EQ(uri.effective_port(), example.port) << example.text;
    EXPECT_EQ(uri.transport(), example.transport) << example.text;
    EXPECT_EQ(uri.to_string(), example.text);
    EXPECT_EQ(parsed(uri.to_string()), uri);
  }
}

TEST(StunUri, KnowsWhatASchemeMeans) {
  EXPECT_FALSE(parsed("stun:a").is_turn());
  EXPECT_FALSE(parsed("stun:a").is_secure());
  EXPECT_TRUE(parsed("stuns:a").is_secure());
  EXPECT_TRUE(parsed("turn:a").is_turn());
  EXPECT_TRUE(parsed("turns:a").is_turn());
  EXPECT_TRUE(parsed("turns:a").is_secure());
}

TEST(StunUri, SchemeAndTransportAreReadInAnyCase) {
  EXPECT_EQ(parsed("TURN:Example.org?Transport=TCP").to_string(), "turn:Example.org?transport=tcp");
}

TEST(StunUri, ReadsAddresses) {
  EXPECT_EQ(parsed("stun:192.0.2.1:3479").address(), Address::v4(192, 0, 2, 1));
  const Uri v6 = parsed("turn:[2001:DB8:0::1]:3479?transport=tcp");
  EXPECT_EQ(v6.address(), *Address::parse("2001:db8::1"));
  EXPECT_EQ(v6.host, "2001:db8::1");
  EXPECT_EQ(v6.port, 3479);
  EXPECT_EQ(v6.to_string(), "turn:[2001:db8::1]:3479?transport=tcp");
  EXPECT_EQ(parsed("stun:[::1]").to_string(), "stun:[::1]");
  EXPECT_FALSE(parsed("stun:example.org").address());
}

TEST(StunUri, AnEmptyPortIsTheDefaultOne) {
  EXPECT_EQ(parsed("stun:example.org:").port, std::nullopt);
  EXPECT_EQ(parsed("turn:example.org:?transport=udp").effective_port(), 3478);
}

TEST(StunUri, PercentEncodingIsUndoneAndDoneAgain) {
  const Uri uri = parsed("stun:b%C3%BCcher.example");
  EXPECT_EQ(uri.host,
            "b\xc3\xbc"
            "cher.example");
  EXPECT_EQ(uri.to_string(), "stun:b%C3%BCcher.example");
  EXPECT_EQ(parsed("stun:%65xample%2eorg").host, "example.org");
  // What would end the host in a URI may be in it encoded, and stays so.
  EXPECT_EQ(parsed("stun:a%3Ab").host, "a:b");
  EXPECT_EQ(parsed("stun:a%3Ab").to_string(), "stun:a%3Ab");
  EXPECT_EQ(parsed("stun:a%c3%bc").to_string(), "stun:a%C3%BC");
}

TEST(StunUri, RefusesWhatTheGrammarsDoNotHave) {
  for (const std::string_view bad : {
           "",
           ":",
           "stun",
           "stun:",
           "stun::3478",
           "http:example.org",
           "stun :a",
           " stun:a",
           "xstun:a",
           "stunss:a",
           "stun://example.org",
           "stun:example.org/",
           "stun:user@example.org",
           "stun:example.org#f",
           "stun:exa mple",
           "stun:example.org?transport=udp",
           "stuns:example.org?transport=tcp",
           "turn:a?",
           "turn:a?transport",
           "turn:a?transport=",
           "turn:a?transport=udp&x=1",
           "turn:a?ttl=1",
           "turn:a?transport=ud%70",
           "turn:a?transport=udp?transport=udp",
           "stun:a:0",
           "stun:a:65536",
           "stun:a:99999999999",
           "stun:a:+1",
           "stun:a:1 ",
           "stun:a:x",
           "stun:a:1:2",
           "stun:2001:db8::1",
           "stun:[2001:db8::1",
           "stun:[]",
           "stun:[2001:db8::1]x",
           "stun:[192.0.2.1]",
           "stun:[example.org]",
           "stun:[fe80::1%2]",
           "stun:[fe80::1%25eth0]",
           "stun:[v.x]",
           "stun:[v1.]",
           "stun:[v1]",
           "stun:[vg.x]",
           "stun:[v1.x%41]",
           "stun:[w1.x]",
           "stun:[:::1]",
           "stun:[1:2:3:4:5:6:7:8:9]",
           "stun:[::ffff:192.0.2.256]",
           "stun:%",
           "stun:%4",
           "stun:%4g",
           "stun:%g4",
           "stun:a%00",
           "stun:a%0a",
           "stun:a%20b",
           "stun:a%7f",
           "stun:%ff",
           "stun:b\xc3\xbc",
       })
    EXPECT_EQ(Uri::parse(bad).error(), errc::bad_uri) << bad;
}

// RFC 8489 §8.1. RFC 5928 §3 has no such rule for turns.
TEST(StunUri, StunsNeedsANameToCheckTheCertificateBy) {
  EXPECT_EQ(Uri::parse("stuns:192.0.2.1").error(), errc::bad_uri);
  EXPECT_EQ(Uri::parse("stuns:[2001:db8::1]:443").error(), errc::bad_uri);
  EXPECT_TRUE(Uri::parse("stun:192.0.2.1"));
  EXPECT_TRUE(Uri::parse("turns:[2001:db8::1]:443"));
}

// RFC 3986 §3.2.3: port = *DIGIT, which may have leading zeros.
TEST(StunUri, ReadsPortsAsDigits) {
  EXPECT_EQ(parsed("stun:a:1").port, 1);
  EXPECT_EQ(parsed("stun:a:65535").port, 65535);
  EXPECT_EQ(parsed("stun:a:0003478").to_string(), "stun:a:3478");
}

// RFC 3986 §3.2.2: "%3A" is a colon within a name; an address has real ones, in brackets. Taken for an address it could
// even have a zone, and would come out as a URI that cannot be read.
TEST(StunUri, AnEncodedIpv6AddressIsNoHost) {
  for (const std::string_view bad :
       {"stun:%3A%3A1", "stun:2001%3ADB8%3A%3A1", "stun:fe80%3A%3A1%252", "turn:%3a%3affff%3a192.0.2.1:3478"})
    EXPECT_EQ(Uri::parse(bad).error(), errc::bad_uri) << bad;
  // §6.2.2.2: what needs no encoding means the same with it.
  EXPECT_EQ(parsed("stun:%31%39%32.0.2.1").address(), Address::v4(192, 0, 2, 1));
}

// §7.4: other spellings of IPv4 addresses than the dotted one of four decimal numbers are names.
TEST(StunUri, RareSpellingsOfAddressesAreNames) {
  for (const std::string_view name : {"127.1", "0x7f.0.0.1", "010.0.0.1", "256.0.0.1", "2130706433"}) {
    const Uri uri = parsed("stun:" + std::string{name});
    EXPECT_EQ(uri.host, name);
    EXPECT_FALSE(uri.address()) << name;
  }
}

// §3.2.2: an unknown version is told apart from a wrong text.
TEST(StunUri, AddressesOfLaterVersionsOfIpAreUnsupported) {
  for (const std::string_view future : {"stun:[v1.x]", "stun:[VaF.a:b~!]:80", "turn:[v6.2001:db8::1]?transport=tcp"})
    EXPECT_EQ(Uri::parse(future).error(), errc::unsupported) << future;
}

TEST(StunUri, BoundsTheHost) {
  EXPECT_TRUE(Uri::parse("stun:" + std::string(255, 'a')));
  EXPECT_EQ(Uri::parse("stun:" + std::string(256, 'a')).error(), errc::bad_uri);
}

// RFC 7065's transport-ext: well formed, but nothing that is known here.
TEST(StunUri, OtherTransportsAreUnsupported) {
  EXPECT_EQ(Uri::parse("turn:example.org?transport=sctp").error(), errc::unsupported);
}

}  // namespace
}  // namespace ice::stun
