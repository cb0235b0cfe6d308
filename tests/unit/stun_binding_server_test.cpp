#include "ice/stun/binding_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "support/allocations.hpp"
#include "support/stun_messages.hpp"

namespace ice::stun {
namespace {

using namespace std::chrono_literals;
using test::binding_request;
using test::endpoint;
using test::error_code_of;
using test::Packet;
using test::stun_message;

constexpr SocketId udp{1};
constexpr SocketId stream{77};  // accepted by the driver, never added
const Endpoint local = endpoint("192.0.2.1:3478");
const Endpoint client = endpoint("203.0.113.9:40000");

/// A server on one UDP socket, and a client that asks it.
struct Fixture : testing::Test {
  explicit Fixture(BindingServerConfig config = {}) : server{std::move(config)} {
    EXPECT_TRUE(server.add_socket({.socket = udp, .local = local}));
  }

  Received give(const Packet& packet, SocketId socket = udp, const Endpoint& from = client) {
    return server.handle_datagram(now, {socket, from, packet.bytes(), {}}, scratch);
  }
  std::optional<Packet> ask(const Packet& packet, SocketId socket = udp, const Endpoint& from = client) {
    const Received received = give(packet, socket, from);
    if (received.verdict != Verdict::forward) return std::nullopt;
    return Packet{*received.forward};
  }

  BindingServer server;
  TimePoint now{};
  std::array<std::uint8_t, scratch_size> scratch{};
};

using ABindingServer = Fixture;

TEST_F(ABindingServer, TellsWhereTheRequestCameFrom) {
  const Packet request = binding_request();
  const auto answer = ask(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->socket, udp);
  EXPECT_EQ(answer->to, client);
  EXPECT_TRUE(answer->message().is(Method::binding, Class::success_response));
  EXPECT_EQ(answer->message().transaction_id(), request.message().transaction_id());
  EXPECT_EQ(*answer->message().get<attr::XorMappedAddress>(), client);
  EXPECT_EQ(server.counters().requests, 1u);
  EXPECT_EQ(server.counters().successes, 1u);
}

TEST_F(ABindingServer, AnswersNoLongerThanItMustWithOneAddress) {
  // RFC 5780 §6: no OTHER-ADDRESS; and nothing else either, since whoever forges sources counts bytes.
  EXPECT_EQ(ask(binding_request())->bytes().size(), header_size + 12);
}

TEST_F(ABindingServer, TellsIpv6Clients) {
  const Endpoint from = endpoint("[2001:db8::7]:5000");
  EXPECT_EQ(*ask(binding_request(), udp, from)->message().get<attr::XorMappedAddress>(), from);
}

TEST_F(ABindingServer, TellsAnIpv4ClientOfADualStackSocketItsIpv4Address) {
  const Endpoint mapped = endpoint("[::ffff:203.0.113.9]:40000");
  const auto answer = ask(binding_request(), udp, mapped);
  EXPECT_EQ(*answer->message().get<attr::XorMappedAddress>(), client);
  EXPECT_EQ(answer->to, mapped) << "the socket knows it by that name";
}

TEST_F(ABindingServer, KeepsScopeIdsToItself) {
  const Endpoint from{Address::v6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 3), 5000};
  const auto answer = ask(binding_request(), udp, from);
  EXPECT_EQ(answer->to, from);
  EXPECT_EQ(answer->message().get<attr::XorMappedAddress>()->address.scope(), 0u);
}

TEST_F(ABindingServer, AnswersFromTheAddressThatWasAsked) {  // RFC 8489 §6.3.1.2, on a wildcard socket
  const Packet request = binding_request();
  const Address asked = Address::v4(192, 0, 2, 55);
  const Received received = server.handle_datagram(now, {udp, client, request.bytes(), {.local = asked}}, scratch);
  ASSERT_EQ(received.verdict, Verdict::forward);
  EXPECT_EQ(received.forward->ip.local, asked);
}

TEST_F(ABindingServer, AnswersOnAStreamThatItWasNeverToldOf) {
  const auto answer = ask(binding_request(), stream);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->socket, stream);
  EXPECT_EQ(*answer->message().get<attr::XorMappedAddress>(), client);
}

TEST_F(ABindingServer, AnswersARetransmissionAlike) {  // RFC 8489 §6.3.1: Binding is idempotent
  const Packet request = binding_request();
  const Packet first = *ask(request);
  now += 500ms;
  EXPECT_EQ(ask(request)->bytes(), first.bytes());
}

TEST_F(ABindingServer, RefusesUnknownComprehensionRequiredAttributesAndNamesThem) {  // RFC 8489 §6.3.1
  const auto answer = ask(binding_request([](Builder& b) {
    b.add_raw(AttributeType{0x7F01}, {}).add_raw(AttributeType{0xFF01}, {}).add_raw(AttributeType{0x7F02}, {});
  }));
  ASSERT_TRUE(answer);
  EXPECT_EQ(error_code_of(answer->message()), 420u);
  EXPECT_THAT(test::unknown_attributes_of(answer->message()),
              testing::ElementsAre(AttributeType{0x7F01}, AttributeType{0x7F02}));
  EXPECT_EQ(answer->to, client);
  EXPECT_EQ(server.counters().errors, 1u);
}

TEST_F(ABindingServer, IgnoresUnknownOptionalAndKnownButUnexpectedAttributes) {  // RFC 8489 §6.3
  const auto answer = ask(binding_request([](Builder& b) {
    b.add_raw(AttributeType{0xFF01}, {}).add<attr::Priority>(7u).add<attr::Username>("somebody");
  }));
  EXPECT_EQ(error_code_of(answer->message()), 0u);
}

TEST_F(ABindingServer, RefusesChangeRequestWithOneAddress) {  // RFC 5780 §6
  const auto answer = ask(binding_request([](Builder& b) { b.add<attr::ChangeRequest>({}); }));
  EXPECT_EQ(error_code_of(answer->message()), 420u);
  EXPECT_THAT(test::unknown_attributes_of(answer->message()), testing::ElementsAre(attr::ChangeRequest::type));
}

TEST_F(ABindingServer, RefusesOnAStreamWhatNeedsDatagrams) {
  const auto answer =
      ask(binding_request([](Builder& b) { b.add<attr::ResponsePort>(std::uint16_t{5}).add<attr::Padding>(Bytes{}); }),
          stream);
  EXPECT_EQ(error_code_of(answer->message()), 420u);
  EXPECT_THAT(test::unknown_attributes_of(answer->message()),
              testing::UnorderedElementsAre(attr::Padding::type, attr::ResponsePort::type));
}

TEST_F(ABindingServer, NeverAnswersIndications) {
  EXPECT_EQ(give(stun_message(Class::indication, {})).verdict, Verdict::handled);
  EXPECT_EQ(server.counters().indications, 1u);
}

TEST_F(ABindingServer, NeverAnswersResponses) {
  EXPECT_EQ(give(stun_message(Class::success_response, {})).verdict, Verdict::not_mine);
  EXPECT_EQ(give(stun_message(Class::error_response, {})).verdict, Verdict::not_mine);
  EXPECT_EQ(server.counters().not_mine, 2u);
}

TEST_F(ABindingServer, LeavesOtherMethodsToOthers) {
  EXPECT_EQ(give(stun_message(Class::request, {}, {}, Method::allocate)).verdict, Verdict::not_mine);
}

TEST_F(ABindingServer, LeavesWhatIsNotStunToOthers) {
  for (const std::string_view text : {"", "x", "Hello, is this the server?", "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n"})
    EXPECT_EQ(give(Packet{bytes_of(text)}).verdict, Verdict::not_mine) << text;
  EXPECT_EQ(server.counters().not_mine, 4u);
}

TEST_F(ABindingServer, NeverAnswersBrokenMessages) {
  Packet truncated = binding_request([](Builder& b) { b.add<attr::Priority>(7u); });
  truncated.bytes().pop_back();
  Packet longer = binding_request();
  longer.bytes().push_back(0);
  Packet overlapping = binding_request([](Builder& b) { b.add<attr::Priority>(7u); });
  overlapping.bytes()[header_size + 3] = 200;  // the attribute's length
  for (const Packet* packet : {&truncated, &longer, &overlapping}) EXPECT_EQ(give(*packet).verdict, Verdict::malformed);
  EXPECT_EQ(server.counters().malformed, 3u);
  EXPECT_EQ(server.counters().requests, 0u);
}

TEST_F(ABindingServer, RefusesBrokenValuesOfWhatItReads) {
  const auto answer = ask(binding_request([](Builder& b) { b.add_raw(attr::ResponsePort::type, Bytes{}); }));
  EXPECT_EQ(error_code_of(answer->message()), 400u);
}

TEST_F(ABindingServer, NeverAnswersARequestFromPortZero) {
  EXPECT_FALSE(ask(binding_request(), udp, {client.address, 0}));
  EXPECT_EQ(server.counters().unanswerable, 1u);
}

TEST_F(ABindingServer, AnswersWithFingerprintWhoeverHasOne) {  // RFC 8489 §12
  const auto answer = ask(binding_request([](Builder& b) { b.fingerprint(); }));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->message().check_fingerprint());
  EXPECT_FALSE(ask(binding_request())->message().has<attr::Fingerprint>());
}

TEST_F(ABindingServer, DiscardsAWrongFingerprint) {  // RFC 8489 §6.3
  Packet request = binding_request([](Builder& b) { b.fingerprint(); });
  request.bytes().back() ^= 1;
  EXPECT_EQ(give(request).verdict, Verdict::malformed);
  EXPECT_EQ(server.counters().malformed, 1u);
}

TEST_F(ABindingServer, EchoesTheTransmitCounterAndClaimsNoCountOfItsOwn) {  // RFC 7982 §3.3
  const auto answer =
      ask(binding_request([](Builder& b) { b.add<attr::TransactionTransmitCounter>({.request = 3, .response = 9}); }));
  EXPECT_EQ(*answer->message().get<attr::TransactionTransmitCounter>(), (TransmitCounter{.request = 3, .response = 0}));
}

TEST_F(ABindingServer, AnswersToAnotherPortOfTheClientOnly) {  // RFC 5780 §7.5
  const auto answer = ask(binding_request([](Builder& b) { b.add<attr::ResponsePort>(std::uint16_t{41000}); }));
  EXPECT_EQ(answer->to, (Endpoint{client.address, 41000}));
  EXPECT_EQ(*answer->message().get<attr::XorMappedAddress>(), client);
  EXPECT_EQ(*answer->message().get<attr::MappedAddress>(), client);
  EXPECT_EQ(*answer->message().get<attr::ResponseOrigin>(), local);
  EXPECT_FALSE(answer->message().has<attr::OtherAddress>());
}

TEST_F(ABindingServer, RefusesResponsePortZero) {
  const auto answer = ask(binding_request([](Builder& b) { b.add<attr::ResponsePort>(std::uint16_t{0}); }));
  EXPECT_EQ(error_code_of(answer->message()), 400u);
  EXPECT_EQ(answer->to, client);
}

TEST_F(ABindingServer, RefusesResponsePortTogetherWithPadding) {  // RFC 5780 §6.1
  const auto answer = ask(
      binding_request([](Builder& b) { b.add<attr::ResponsePort>(std::uint16_t{41000}).add<attr::Padding>(Bytes{}); }));
  EXPECT_EQ(error_code_of(answer->message()), 400u);
  EXPECT_EQ(answer->to, client) << "an error goes to who asked";
}

TEST_F(ABindingServer, PadsItsAnswerNeverMoreThanTheRequest) {
  const std::vector<std::uint8_t> zeros(4000);
  for (std::size_t size : {0u, 1u, 3u, 4u, 100u, 1001u, 1400u, 3900u}) {
    const Packet request = binding_request([&](Builder& b) { b.add<attr::Padding>(Bytes{zeros}.first(size)); });
    const auto answer = ask(request);
    ASSERT_TRUE(answer) << size;
    const auto padding = answer->message().get<attr::Padding>();
    ASSERT_TRUE(padding) << "RFC 5780 §6.1: MUST be included";
    EXPECT_LE(padding->size(), size);
    EXPECT_EQ(padding->size() % 4, 0u);
    EXPECT_LE(answer->bytes().size(), scratch_size);
    if (size == 1001) {
      EXPECT_EQ(padding->size(), 1000u);
    }
    if (size == 3900) {
      EXPECT_EQ(answer->bytes().size(), scratch_size);
    }
  }
}

TEST_F(ABindingServer, AnswersErrorsAtABoundedRate) {
  const Packet bad = binding_request([](Builder& b) { b.add_raw(AttributeType{0x7F01}, {}); });
  const auto answered = [&](int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += ask(bad).has_value();
    return count;
  };
  EXPECT_EQ(answered(1000), 100) << "a second's worth may come at once";
  EXPECT_TRUE(ask(binding_request())) << "successes are not limited";
  now += 100ms;
  EXPECT_EQ(answered(1000), 10);
  now += 15ms;
  EXPECT_EQ(answered(10), 1);
  now += 5ms;
  EXPECT_EQ(answered(10), 1) << "half a token was kept";
  now += 1h;
  EXPECT_EQ(answered(1000), 100) << "but no more than that is saved up";
  EXPECT_EQ(server.counters().errors_suppressed, 900u + 990u + 9u + 9u + 900u);
}

TEST_F(ABindingServer, AllocatesNothingForARequest) {
  const Packet plain = binding_request([](Builder& b) { b.fingerprint(); });
  const Packet unknown = binding_request([](Builder& b) { b.add_raw(AttributeType{0x7F01}, {}); });
  const Packet padded = binding_request([](Builder& b) { b.add<attr::Padding>(Bytes{}); });
  const Packet garbage{bytes_of("garbage")};
  const test::Allocations allocations;
  for (const Packet* packet : {&plain, &unknown, &padded, &garbage}) give(*packet);
  EXPECT_EQ(allocations.count(), 0u);
}

TEST_F(ABindingServer, HasNothingToPollAndNoTimers) {
  give(binding_request());
  server.handle_timeout(now + 1h);
  EXPECT_FALSE(server.poll_transmit(now, scratch));
  EXPECT_FALSE(server.poll_event());
  EXPECT_FALSE(server.next_timeout());
}

TEST_F(ABindingServer, TakesASocketOnce) {
  EXPECT_EQ(server.add_socket({.socket = udp, .local = local}).error(), errc::invalid_argument);
  EXPECT_EQ(server.add_socket({.socket = SocketId{2}, .local = local, .transport = Transport::tcp}).error(),
            errc::invalid_argument);
  EXPECT_TRUE(server.remove_socket(udp));
  EXPECT_EQ(server.remove_socket(udp).error(), errc::no_such_socket);
}

TEST_F(ABindingServer, TakesABoundedNumberOfSockets) {
  for (std::uint32_t i = 2; i <= BindingServer::most_sockets; ++i)
    ASSERT_TRUE(server.add_socket({.socket = SocketId{i}, .local = local}));
  EXPECT_EQ(server.add_socket({.socket = SocketId{1000}, .local = local}).error(), errc::limit_reached);
}

struct ABindingServerWithAName : Fixture {
  ABindingServerWithAName() : Fixture{{.software = std::string(BindingServerConfig::most_software, 'x')}} {}
};

TEST_F(ABindingServerWithAName, SaysItInEveryAnswer) {
  EXPECT_TRUE(ask(binding_request())->message().has<attr::Software>());
  EXPECT_TRUE(
      ask(binding_request([](Builder& b) { b.add_raw(AttributeType{0x7F01}, {}); }))->message().has<attr::Software>());
}

TEST_F(ABindingServerWithAName, AnswersAtMostAsLongAsItDocuments) {
  const auto answer = ask(binding_request([](Builder& b) {
                            b.add<attr::TransactionTransmitCounter>({.request = 1});
                            for (std::uint16_t i = 0; i < 300; ++i) b.add_raw(AttributeType(0x7000 + i), {});
                            b.fingerprint();
                          }),
                          udp, endpoint("[2001:db8::7]:5000"));
  ASSERT_TRUE(answer);
  EXPECT_LE(answer->bytes().size(), BindingServer::longest_response);
}

struct ABindingServerThatRefusesMuch : Fixture {
  ABindingServerThatRefusesMuch() : Fixture{{.errors_per_second = 0, .response_port = false}} {}
};

TEST_F(ABindingServerThatRefusesMuch, SendsNoErrors) {
  EXPECT_FALSE(ask(binding_request([](Builder& b) { b.add_raw(AttributeType{0x7F01}, {}); })));
  EXPECT_EQ(server.counters().errors_suppressed, 1u);
}

TEST_F(ABindingServerThatRefusesMuch, DoesNotKnowResponsePort) {
  EXPECT_FALSE(ask(binding_request([](Builder& b) { b.add<attr::ResponsePort>(std::uint16_t{5}); })));
}

/// Counts what it is told.
struct CountingSink : TraceSink {
  void event(const TraceEvent& event) noexcept override { names.emplace_back(event.name); }
  std::vector<std::string> names;
};

TEST(BindingServerTrace, NamesWhatWasRefused) {
  CountingSink sink;
  BindingServer server{{.errors_per_second = 0}, &sink};
  std::array<std::uint8_t, scratch_size> scratch;
  Packet broken = binding_request([](Builder& b) { b.fingerprint(); });
  broken.bytes().back() ^= 1;
  Packet truncated = binding_request([](Builder& b) { b.add<attr::Priority>(7u); });
  truncated.bytes().resize(24);
  const Packet unknown = binding_request([](Builder& b) { b.add_raw(AttributeType{0x7F01}, {}); });
  for (const Packet* packet : {&std::as_const(broken), &std::as_const(truncated), &unknown})
    static_cast<void>(server.handle_datagram({}, {udp, client, packet->bytes(), {}}, scratch));
  EXPECT_THAT(sink.names, testing::ElementsAre("stun-server-wrong-fingerprint", "stun-server-malformed",
                                               "stun-server-error-suppressed"));
}

}  // namespace
}  // namespace ice::stun
