#include "ice/stun/server_lookup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/dns_zone.hpp"

namespace ice::stun {
namespace {

using test::DnsZone;
using testing::ElementsAre;
using testing::IsEmpty;

/// What servers are told of in these tests: "udp 192.0.2.1:3478".
std::vector<std::string> written(const ServerLookup& lookup) {
  std::vector<std::string> all;
  for (const ServerAddress& server : lookup.servers()) {
    all.push_back(std::string{to_string(server.transport)} + ' ' + server.endpoint.to_string());
  }
  return all;
}

std::vector<std::string> written(const std::vector<DnsQuestion>& questions) {
  constexpr std::string_view types[] = {"A ", "SRV ", "NAPTR "};
  std::vector<std::string> all;
  for (const DnsQuestion& question : questions) {
    all.push_back(std::string{types[static_cast<std::size_t>(question.type)]} + question.name);
  }
  return all;
}

struct AServerLookup : testing::Test {
  static constexpr Transport udp = Transport::udp, tcp = Transport::tcp, tls = Transport::tls, dtls = Transport::dtls;

  SeededRandom random{1};
  DnsZone dns;
  std::vector<DnsQuestion> asked;

  ServerLookup begin(std::string_view uri, std::vector<Transport> supported) {
    return ServerLookup{*Uri::parse(uri), supported, random};
  }

  std::vector<DnsQuestion> poll_all(ServerLookup& lookup) {
    std::vector<DnsQuestion> all;
    while (auto question = lookup.poll_question()) all.push_back(*question);
    asked.insert(asked.end(), all.begin(), all.end());
    return all;
  }

  /// Answers whatever is asked.
  ServerLookup run(std::string_view uri, std::vector<Transport> supported) {
    asked.clear();
    ServerLookup lookup = begin(uri, supported);
    for (auto questions = poll_all(lookup); !questions.empty(); questions = poll_all(lookup)) {
      for (const DnsQuestion& question : questions) dns.answer(lookup, question);
    }
    EXPECT_TRUE(lookup.done());
    EXPECT_EQ(lookup.servers().empty(), static_cast<bool>(lookup.error()));
    return lookup;
  }
  std::vector<std::string> found(std::string_view uri, std::vector<Transport> supported) {
    return written(run(uri, std::move(supported)));
  }
};

// RFC 5928 §3, the parameters; RFC 7350 §4.6.2.
TEST_F(AServerLookup, EndsAtOnceWhereTheUriWantsATransportThatTheApplicationCannotUse) {
  struct Case {
    std::string_view uri;
    std::vector<Transport> supported;
  };
  const Case cases[] = {
      {"turn:example.net?transport=udp", {tcp, tls, dtls}},
      {"turn:example.net?transport=tcp", {udp, tls, dtls}},
      {"turns:example.net?transport=udp", {udp, tcp, tls}},
      {"turns:example.net?transport=tcp", {udp, tcp, dtls}},
      {"turns:example.net", {udp, tcp}},
      {"turn:example.net", {}},
      {"turn:192.0.2.1?transport=tcp", {udp}},
      {"stun:example.net", {tls, dtls}},
      {"stuns:example.net", {udp, tcp}},
  };
  for (const Case& one : cases) {
    const ServerLookup lookup = run(one.uri, one.supported);
    EXPECT_EQ(lookup.error(), errc::unsupported) << one.uri;
    EXPECT_THAT(lookup.servers(), IsEmpty()) << one.uri;
    EXPECT_THAT(asked, IsEmpty()) << one.uri;
  }
}

// Step 1.
TEST_F(AServerLookup, AnAddressNeedsNoDns) {
  EXPECT_THAT(found("turn:192.0.2.7", {tcp, udp}), ElementsAre("tcp 192.0.2.7:3478", "udp 192.0.2.7:3478"));
  EXPECT_THAT(found("turn:192.0.2.7?transport=udp", {tcp, udp}), ElementsAre("udp 192.0.2.7:3478"));
  EXPECT_THAT(found("turns:192.0.2.7", {tcp, udp, tls, dtls}),
              ElementsAre("tls 192.0.2.7:5349", "dtls 192.0.2.7:5349"));
  EXPECT_THAT(found("turns:[2001:db8::1]:443?transport=udp", {tls, dtls}), ElementsAre("dtls [2001:db8::1]:443"));
  EXPECT_THAT(found("stun:192.0.2.7", {udp}), ElementsAre("udp 192.0.2.7:3478"));
  EXPECT_THAT(found("stun:[::ffff:192.0.2.7]:1", {udp}), ElementsAre("udp 192.0.2.7:1"));
  EXPECT_THAT(asked, IsEmpty());
}

// Step 2.
TEST_F(AServerLookup, AnExplicitPortMeansTheHostItself) {
  dns.a("example.net", "2001:db8::1").a("example.net", "192.0.2.1");
  dns.srv("_turn._udp.example.net", {0, 0, 1, "example.net"});
  EXPECT_THAT(found("turn:example.net:8000?transport=udp", {udp, tcp}),
              ElementsAre("udp [2001:db8::1]:8000", "udp 192.0.2.1:8000"));
  EXPECT_THAT(found("turn:example.net:8000", {tcp, udp}), ElementsAre("tcp [2001:db8::1]:8000", "tcp 192.0.2.1:8000",
                                                                      "udp [2001:db8::1]:8000", "udp 192.0.2.1:8000"));
  EXPECT_THAT(found("stuns:example.net:8000", {tls}), ElementsAre("tls [2001:db8::1]:8000", "tls 192.0.2.1:8000"));
  EXPECT_THAT(written(asked), ElementsAre("A example.net"));
}

// Step 3, with RFC 7350.
TEST_F(AServerLookup, ANamedTransportIsSoughtBySrv) {
  dns.a("a.example.net", "192.0.2.1").a("example.net", "192.0.2.9");
  for (const char* name : {"_turn._udp", "_turn._tcp", "_turns._tcp", "_turns._udp"}) {
    dns.srv(std::string{name} + ".example.net", {0, 0, 5000, "a.example.net"});
  }
  const std::vector<Transport> all{udp, tcp, tls, dtls};
  struct Case {
    std::string_view uri, service, server;
  };
  constexpr Case cases[] = {
      {"turn:example.net?transport=udp", "SRV _turn._udp.example.net", "udp 192.0.2.1:5000"},
      {"turn:example.net?transport=tcp", "SRV _turn._tcp.example.net", "tcp 192.0.2.1:5000"},
      {"turns:example.net?transport=tcp", "SRV _turns._tcp.example.net", "tls 192.0.2.1:5000"},
      {"turns:example.net?transport=udp", "SRV _turns._udp.example.net", "dtls 192.0.2.1:5000"},
  };
  for (const Case& one : cases) {
    EXPECT_THAT(found(one.uri, all), ElementsAre(one.server));
    EXPECT_THAT(written(asked), ElementsAre(one.service, "A example.net", "A a.example.net"));
  }
}

TEST_F(AServerLookup, WithoutSrvItIsTheHostAtTheDefaultPort) {
  dns.a("example.net", "192.0.2.9");
  const std::vector<Transport> all{udp, tcp, tls, dtls};
  EXPECT_THAT(found("turn:example.net?transport=udp", all), ElementsAre("udp 192.0.2.9:3478"));
  EXPECT_THAT(found("turn:example.net?transport=tcp", all), ElementsAre("tcp 192.0.2.9:3478"));
  EXPECT_THAT(found("turns:example.net?transport=tcp", all), ElementsAre("tls 192.0.2.9:5349"));
  EXPECT_THAT(found("turns:example.net?transport=udp", all), ElementsAre("dtls 192.0.2.9:5349"));
}

TEST_F(AServerLookup, EachTransportAndEachServerIsToldOnce) {
  dns.a("a.example.net", "192.0.2.1").a("b.example.net", "192.0.2.1");
  for (const char* const target : {"a.example.net", "b.example.net", "a.example.net"})
    dns.srv("_stun._udp.example.net", {0, 0, 5000, target});
  EXPECT_THAT(found("stun:example.net", {udp, udp}), ElementsAre("udp 192.0.2.1:5000"));
  EXPECT_THAT(found("stun:192.0.2.1", {udp, tcp, udp}), ElementsAre("udp 192.0.2.1:3478", "tcp 192.0.2.1:3478"));
}

// RFC 2782.
TEST_F(AServerLookup, ServersOfOnePriorityShareTheClientsByWeight) {
  dns.a("a.example.net", "192.0.2.1").a("b.example.net", "192.0.2.2");
  dns.srv("_stun._udp.example.net", {0, 10, 1, "a.example.net"})
      .srv("_stun._udp.example.net", {0, 30, 1, "b.example.net"});
  int first = 0;
  for (int i = 0; i < 400; ++i) first += found("stun:example.net", {udp}).front() == "udp 192.0.2.2:1" ? 1 : 0;
  EXPECT_NEAR(first, 300, 45);  // five standard deviations
}

// RFC 5928 §4.1: Figure 1 and Table 2.
struct TheDomainOfRfc5928 : AServerLookup {
  TheDomainOfRfc5928() {
    dns.naptr("example.net", {100, 10, "", "RELAY:turn.udp", "", "datagram.example.net."})
        .naptr("example.net", {200, 10, "", "RELAY:turn.tcp:turn.tls", "", "stream.example.net."})
        .naptr("datagram.example.net", {100, 10, "S", "RELAY:turn.udp", "", "_turn._udp.example.net."})
        .naptr("stream.example.net", {100, 10, "S", "RELAY:turn.tcp", "", "_turn._tcp.example.net."})
        .naptr("stream.example.net", {200, 10, "A", "RELAY:turn.tls", "", "a.example.net."})
        .srv("_turn._udp.example.net", {0, 0, 3478, "a.example.net."})
        .srv("_turn._tcp.example.net", {0, 0, 5000, "a.example.net."})
        .a("a.example.net", "192.0.2.1");
  }
};

TEST_F(TheDomainOfRfc5928, HasTheServersOfTable2) {
  EXPECT_THAT(found("turn:example.net", {tls, tcp, udp}),
              ElementsAre("udp 192.0.2.1:3478", "tls 192.0.2.1:5349", "tcp 192.0.2.1:5000"));
}

TEST_F(TheDomainOfRfc5928, LetsTheApplicationChooseAmongProtocolsOfOneRank) {
  EXPECT_THAT(found("turn:example.net", {tcp, tls, udp}),
              ElementsAre("udp 192.0.2.1:3478", "tcp 192.0.2.1:5000", "tls 192.0.2.1:5349"));
  EXPECT_THAT(found("turn:example.net", {tcp}), ElementsAre("tcp 192.0.2.1:5000"));
  EXPECT_THAT(found("turns:example.net", {tls, tcp, udp}), ElementsAre("tls 192.0.2.1:5349"));
}

// RFC 5928 §4.2, Figure 2. The first set has one rank, so the order is the application's (§3, step 4).
TEST_F(TheDomainOfRfc5928, MayServeAnotherDomain) {
  dns.naptr("example.com", {100, 10, "", "RELAY:turn.udp:turn.tcp:turn.tls", "", "example.net"});
  EXPECT_THAT(found("turn:example.com", {tls, tcp, udp}),
              ElementsAre("tls 192.0.2.1:5349", "tcp 192.0.2.1:5000", "udp 192.0.2.1:3478"));
}

// RFC 5928 §4.3, Figure 3.
TEST_F(TheDomainOfRfc5928, IsFoundByClientsThatKnowSrvAlone) {
  dns.srv("_turn._udp.example.com", {0, 0, 3478, "a.example.net"})
      .srv("_turn._tcp.example.com", {0, 0, 5000, "a.example.net"})
      .srv("_turns._tcp.example.com", {0, 0, 5349, "a.example.net"});
  EXPECT_THAT(found("turn:example.com", {tls, tcp, udp}),
              ElementsAre("tls 192.0.2.1:5349", "tcp 192.0.2.1:5000", "udp 192.0.2.1:3478"));
}

// RFC 7350 appendix A.
TEST_F(AServerLookup, KnowsDtls) {
  dns.naptr("example.net", {100, 10, "", "RELAY:turn.udp:turn.dtls", "", "datagram.example.net"})
      .naptr("example.net", {200, 10, "", "RELAY:turn.tcp:turn.tls", "", "stream.example.net"})
      .naptr("datagram.example.net", {100, 10, "S", "RELAY:turn.udp", "", "_turn._udp.example.net"})
      .naptr("datagram.example.net", {200, 10, "S", "RELAY:turn.dtls", "", "_turns._udp.example.net"})
      .naptr("stream.example.net", {100, 10, "S", "RELAY:turn.tcp", "", "_turn._tcp.example.net"})
      .naptr("stream.example.net", {200, 10, "A", "RELAY:turn.tls", "", "a.example.net"})
      .srv("_turn._udp.example.net", {0, 0, 3478, "a.example.net"})
      .srv("_turn._tcp.example.net", {0, 0, 5000, "a.example.net"})
      .srv("_turns._udp.example.net", {0, 0, 5349, "a.example.net"})
      .a("a.example.net", "192.0.2.1");
  EXPECT_THAT(found("turns:example.net", {dtls, tls, tcp, udp}),
              ElementsAre("dtls 192.0.2.1:5349", "tls 192.0.2.1:5349"));
}

// RFC 3958 §2.2.4.
TEST_F(AServerLookup, FollowsNaptrRecordsInOrderAndGoesBackWhereAWayEnds) {
  dns.naptr("example.net", {2, 1, "a", "RELAY:turn.udp", "", "third.example.net"})
      .naptr("example.net", {1, 2, "a", "RELAY:turn.udp", "", "second.example.net"})
      .naptr("example.net", {1, 1, "s", "RELAY:turn.udp", "", "_nothing._udp.example.net"})
      .naptr("example.net", {1, 0, "", "RELAY:turn.udp", "", "nothing.example.net"})
      .a("third.example.net", "192.0.2.3")
      .a("second.example.net", "192.0.2.2");
  EXPECT_THAT(found("turn:example.net", {udp}), ElementsAre("udp 192.0.2.2:3478", "udp 192.0.2.3:3478"));
}

// RFC 3958 §2.2.5.
TEST_F(AServerLookup, DoesNotChangeTheProtocolOnTheWay) {
  dns.naptr("example.net", {1, 1, "", "RELAY:turn.udp", "", "other.example.net"})
      .naptr("other.example.net", {1, 1, "a", "RELAY:turn.tcp", "", "a.example.net"})
      .naptr("other.example.net", {2, 1, "a", "RELAY:turn.udp", "", "b.example.net"})
      .a("a.example.net", "192.0.2.1")
      .a("b.example.net", "192.0.2.2");
  EXPECT_THAT(found("turn:example.net", {tcp, udp}), ElementsAre("udp 192.0.2.2:3478"));
}

TEST_F(AServerLookup, NaptrRecordsOfOtherServicesAndProtocolsAreAsGoodAsNone) {
  dns.a("example.net", "192.0.2.9");
  dns.naptr("example.net", {1, 1, "s", "SIP+D2U", "", "_sip._udp.example.net"})
      .naptr("example.net", {1, 1, "a", "RELAYS:turn.udp", "", "a.example.net"})
      .naptr("example.net", {1, 1, "a", "RELAY", "", "a.example.net"})
      .naptr("example.net", {1, 1, "a", "RELAY:turn.tls:turn.udp2", "", "a.example.net"})
      .a("a.example.net", "192.0.2.1");
  EXPECT_THAT(found("turn:example.net", {udp}), ElementsAre("udp 192.0.2.9:3478"));
}

TEST_F(AServerLookup, OnceNaptrHasSomethingForUsTheHostIsNotTriedInItsPlace) {
  dns.a("example.net", "192.0.2.9");
  dns.naptr("example.net", {1, 1, "a", "RELAY:turn.udp", "", "gone.example.net"});
  EXPECT_EQ(run("turn:example.net", {udp}).error(), errc::name_not_resolved);
}

TEST_F(AServerLookup, TagsFlagsAndNamesAreReadInAnyCase) {
  dns.naptr("example.net", {1, 1, "A", "relay:TURN.Udp", "", "A.Example.NET."}).a("a.example.net", "192.0.2.1");
  EXPECT_THAT(found("turn:EXAMPLE.net", {udp}), ElementsAre("udp 192.0.2.1:3478"));
}

// Step 5.
TEST_F(AServerLookup, WithoutNaptrItAsksForTheServiceOfEachTransport) {
  dns.a("example.net", "192.0.2.9")
      .a("a.example.net", "192.0.2.1")
      .a("b.example.net", "192.0.2.2")
      .srv("_turn._udp.example.net", {2, 0, 5001, "a.example.net"})
      .srv("_turn._udp.example.net", {1, 0, 5002, "b.example.net"})
      .srv("_turns._tcp.example.net", {0, 0, 443, "b.example.net"});
  EXPECT_THAT(found("turn:example.net", {udp, tcp, tls}),
              ElementsAre("udp 192.0.2.2:5002", "udp 192.0.2.1:5001", "tcp 192.0.2.9:3478", "tls 192.0.2.2:443"));
  EXPECT_THAT(found("turns:example.net", {udp, tcp, tls, dtls}),
              ElementsAre("tls 192.0.2.2:443", "dtls 192.0.2.9:5349"));
}

// RFC 2782, "Target".
TEST_F(AServerLookup, AServiceThatIsDeclinedIsNotSoughtAtTheHost) {
  dns.a("example.net", "192.0.2.9");
  for (const char* const root : {".", ""}) {
    dns = DnsZone{}.a("example.net", "192.0.2.9").srv("_turn._udp.example.net", {0, 0, 0, root});
    EXPECT_THAT(found("turn:example.net", {udp, tcp}), ElementsAre("tcp 192.0.2.9:3478"));
    EXPECT_EQ(run("turn:example.net?transport=udp", {udp}).error(), errc::name_not_resolved);
  }
}

// RFC 8489 §8.1.
TEST_F(AServerLookup, StunServersAreFoundBySrv) {
  dns.a("example.net", "192.0.2.9")
      .a("a.example.net", "192.0.2.1")
      .naptr("example.net", {1, 1, "a", "RELAY:turn.udp", "", "a.example.net"})
      .srv("_stun._udp.example.net", {0, 0, 5000, "a.example.net"})
      .srv("_stuns._tcp.example.net", {0, 0, 5001, "a.example.net"});
  EXPECT_THAT(found("stun:example.net", {udp, tcp, tls, dtls}),
              ElementsAre("udp 192.0.2.1:5000", "tcp 192.0.2.9:3478"));
  EXPECT_THAT(written(asked), ElementsAre("SRV _stun._udp.example.net", "A example.net", "SRV _stun._tcp.example.net",
                                          "A a.example.net"));
  EXPECT_THAT(found("stuns:example.net", {udp, tcp, tls, dtls}),
              ElementsAre("tls 192.0.2.1:5001", "dtls 192.0.2.9:5349"));
}

// RFC 5928 §5, RFC 8489 §6.2.3.
TEST_F(AServerLookup, TheCertificateMustBearTheHostOfTheUri) {
  dns.a("a.provider.test", "192.0.2.1")
      .naptr("example.net", {1, 1, "s", "RELAY:turn.udp:turn.tls", "", "_turns._tcp.provider.test"})
      .srv("_turns._tcp.provider.test", {0, 0, 443, "a.provider.test"});
  const ServerLookup lookup = run("turn:Example.net", {tls, udp});
  EXPECT_THAT(lookup.servers(),
              ElementsAre(ServerAddress{tls, *Endpoint::parse("192.0.2.1:443"), "a.provider.test", "Example.net"},
                          ServerAddress{udp, *Endpoint::parse("192.0.2.1:443"), "a.provider.test", ""}));
}

TEST_F(AServerLookup, AsksAtOnceForAllThatItMayNeed) {
  dns.a("example.net", "192.0.2.9");
  ServerLookup lookup = begin("turn:example.net", {udp, tls});
  EXPECT_THAT(written(poll_all(lookup)), ElementsAre("NAPTR example.net", "SRV _turn._udp.example.net", "A example.net",
                                                     "SRV _turns._tcp.example.net"));
  for (const DnsQuestion& question : asked) {
    EXPECT_FALSE(lookup.done());
    dns.answer(lookup, question);
  }
  EXPECT_TRUE(lookup.done());
  EXPECT_THAT(written(lookup), ElementsAre("udp 192.0.2.9:3478", "tls 192.0.2.9:5349"));
}

TEST_F(TheDomainOfRfc5928, IsDoneWithoutAnswersThatAreNotNeededAnyMore) {
  ServerLookup lookup = begin("turn:example.net", {udp});
  poll_all(lookup);
  const auto answer = [&](DnsType type, const char* name) { dns.answer(lookup, {type, name}); };
  answer(DnsType::naptr, "example.net");
  EXPECT_THAT(written(poll_all(lookup)), ElementsAre("NAPTR datagram.example.net"));
  answer(DnsType::naptr, "datagram.example.net");
  answer(DnsType::srv, "_turn._udp.example.net");
  EXPECT_THAT(written(poll_all(lookup)), ElementsAre("A a.example.net"));
  answer(DnsType::address, "a.example.net");
  EXPECT_TRUE(lookup.done()) << "the host itself was not answered";
  EXPECT_THAT(written(lookup), ElementsAre("udp 192.0.2.1:3478"));
  answer(DnsType::address, "example.net");
  EXPECT_THAT(written(lookup), ElementsAre("udp 192.0.2.1:3478"));
}

TEST_F(TheDomainOfRfc5928, IsTheSameInWhateverOrderTheAnswersCome) {
  for (int round = 0; round < 50; ++round) {
    ServerLookup lookup = begin("turn:example.net", {tls, tcp, udp});
    auto open = poll_all(lookup);
    while (!open.empty()) {
      const auto next = open.begin() + static_cast<std::ptrdiff_t>(random.below(open.size()));
      const DnsQuestion question = *next;
      open.erase(next);
      dns.answer(lookup, question);
      for (const DnsQuestion& more : poll_all(lookup)) open.push_back(more);
    }
    EXPECT_THAT(written(lookup), ElementsAre("udp 192.0.2.1:3478", "tls 192.0.2.1:5349", "tcp 192.0.2.1:5000"));
  }
}

TEST_F(AServerLookup, AsksNothingMoreOnceItIsDone) {
  ServerLookup lookup = begin("stun:example.net", {udp});
  lookup.answer({}, lookup.poll_question()->name, std::vector<SrvRecord>{{0, 0, 0, "."}});
  EXPECT_TRUE(lookup.done());
  EXPECT_EQ(lookup.poll_question(), std::nullopt) << "the host was to be asked for";
}

// RFC 6761 §6.3.
TEST_F(AServerLookup, LocalhostIsThisHostAndNobodyElseIsAsked) {
  dns.a("localhost", "127.0.0.1").a("turn.localhost", "::1");
  EXPECT_THAT(found("turn:localhost", {udp, tcp}), ElementsAre("udp 127.0.0.1:3478", "tcp 127.0.0.1:3478"));
  EXPECT_THAT(written(asked), ElementsAre("A localhost"));
  EXPECT_THAT(found("stun:turn.localhost", {udp}), ElementsAre("udp [::1]:3478"));
  EXPECT_THAT(written(asked), ElementsAre("A turn.localhost"));
}

TEST_F(AServerLookup, ADotAtTheEndMeansAnAbsoluteName) {
  dns.a("example.net.", "192.0.2.9");
  EXPECT_THAT(found("turn:example.net.?transport=udp", {udp}), ElementsAre("udp 192.0.2.9:3478"));
  EXPECT_THAT(written(asked), ElementsAre("SRV _turn._udp.example.net", "A example.net."));
}

TEST_F(AServerLookup, TellsWhyNothingWasFound) {
  EXPECT_EQ(run("turn:example.net", {udp}).error(), errc::name_not_resolved);
  ServerLookup lookup = begin("turn:example.net", {udp});
  for (const DnsQuestion& question : poll_all(lookup)) lookup.fail({}, question, make_error_code(errc::timed_out));
  EXPECT_TRUE(lookup.done());
  EXPECT_EQ(lookup.error(), errc::timed_out);
}

}  // namespace
}  // namespace ice::stun
