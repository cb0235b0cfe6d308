#include "ice/stun/binding_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "ice/stun/binding_server.hpp"
#include "support/allocations.hpp"
#include "support/stun_client_rig.hpp"
#include "support/stun_messages.hpp"

namespace ice::stun {
namespace {

using namespace std::chrono_literals;
using test::ClientRig;
using test::endpoint;
using test::error_response;
using test::Packet;
using test::success_response;
using testing::ElementsAre;
using Reply = ClientRig::Reply;

constexpr SocketId socket{1};
const Endpoint server = endpoint("192.0.2.1:3478");
const Endpoint mapped = endpoint("203.0.113.9:40000");
const BindingRequest question{.socket = socket, .server = server};

Reply success(const TransactionId& id) {
  return {success_response(id, [](Builder& b) { b.add<attr::XorMappedAddress>(mapped); }), server, socket};
}

struct ABindingClient : testing::Test, ClientRig {
  void answer_all() {
    answer = [](const Packet& request) { return success(request.message().transaction_id()); };
  }
  /// The id of the last request.
  TransactionId id() const { return sent.back().packet.message().transaction_id(); }
  const BindingResult& result() const { return results.at(0); }
};

TEST_F(ABindingClient, LearnsItsMappedAddress) {
  answer_all();
  const auto request = ask(question);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(result().request, request);
  EXPECT_FALSE(result().error);
  EXPECT_EQ(result().mapped, mapped);
  EXPECT_EQ(result().from, server);
  EXPECT_EQ(result().socket, socket);
  EXPECT_EQ(result().transmissions, 1);
  EXPECT_FALSE(client.next_timeout());
  EXPECT_EQ(client.in_progress(), 0u);
  EXPECT_EQ(client.counters().responses, 1u);
}

TEST_F(ABindingClient, SendsARequestWithoutAttributes) {  // which servers of RFC 3489 need, RFC 5389 §12.1
  ask(question);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].packet.bytes().size(), header_size);
  EXPECT_TRUE(sent[0].packet.message().is(Method::binding, Class::request));
  EXPECT_EQ(sent[0].packet.to, server);
  EXPECT_EQ(sent[0].packet.socket, socket);
}

TEST_F(ABindingClient, RetransmitsTheSameBytesAtTheTimesOfRfc8489) {
  ask(question);
  run();
  EXPECT_THAT(times(), ElementsAre(0ms, 500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms));
  for (const Sent& retransmission : sent) EXPECT_EQ(retransmission.packet.bytes(), sent[0].packet.bytes());
  EXPECT_EQ(now - TimePoint{}, 39500ms);
  EXPECT_EQ(result().error, errc::timed_out);
  EXPECT_EQ(result().transmissions, 7);
  EXPECT_EQ(result().last_heard.kind, LastHeard::Kind::nothing);
}

TEST_F(ABindingClient, SendsOnceOnAStreamAndWaitsTi) {
  BindingRequest over_tcp = question;
  over_tcp.transport = Transport::tcp;
  ask(over_tcp);
  run();
  EXPECT_THAT(times(), ElementsAre(0ms));
  EXPECT_EQ(now - TimePoint{}, 39500ms);
  EXPECT_EQ(result().error, errc::timed_out);
}

TEST_F(ABindingClient, TakesAnotherScheduleForARequest) {
  BindingRequest impatient = question;
  impatient.schedule = RetransmissionSchedule{.rto = 100ms, .rc = 2, .rm = 3};
  ask(impatient);
  run();
  EXPECT_THAT(times(), ElementsAre(0ms, 100ms));
  EXPECT_EQ(now - TimePoint{}, 400ms);
}

TEST_F(ABindingClient, StopsRetransmittingWhenItIsAnswered) {
  ask(question);
  step();
  now += 30ms;
  EXPECT_EQ(receive(success(id())), Verdict::handled);
  EXPECT_FALSE(result().error);
  EXPECT_EQ(result().transmissions, 2);
  EXPECT_FALSE(result().round_trip) << "Karn";
  EXPECT_FALSE(step());
}

TEST_F(ABindingClient, MeasuresTheRoundTripAndKeepsItForTheNextRequest) {  // RFC 8489 §6.2.1, RFC 6298
  ask(question);
  now += 400ms;
  receive(success(id()));
  EXPECT_EQ(result().round_trip, 400ms);
  sent.clear();
  const TimePoint second = now;
  BindingRequest other_port = question;
  other_port.server.port = 3479;
  ask(other_port);
  step();
  EXPECT_EQ(sent.back().at, second + 1200ms - TimePoint{}) << "400 ms + 4 x 200 ms, to the same IP address";
}

TEST_F(ABindingClient, AsksSeveralServersAtOnceAndKeepsTheirAnswersApart) {
  const auto first = ask(question);
  BindingRequest elsewhere = question;
  elsewhere.server = endpoint("198.51.100.1:3478");
  const auto second = ask(elsewhere);
  ASSERT_EQ(sent.size(), 2u);
  const Endpoint other_mapping = endpoint("203.0.113.9:40001");
  receive({success_response(id(), [&](Builder& b) { b.add<attr::XorMappedAddress>(other_mapping); }), elsewhere.server,
           socket});
  receive(success(sent[0].packet.message().transaction_id()));
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].request, second);
  EXPECT_EQ(results[0].mapped, other_mapping);
  EXPECT_EQ(results[1].request, first);
  EXPECT_EQ(results[1].mapped, mapped);
}

TEST_F(ABindingClient, TellsResultsInTheOrderInWhichTheyCame) {
  for (int i = 0; i < 3; ++i) ask(question);
  for (const std::size_t index : {2u, 0u, 1u}) {
    const Packet response = success(sent[index].packet.message().transaction_id()).packet;
    static_cast<void>(client.handle_datagram(now, {socket, server, response.bytes(), {}}, {}));
  }
  settle();
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].request, BindingRequestId{3});
  EXPECT_EQ(results[1].request, BindingRequestId{1});
  EXPECT_EQ(results[2].request, BindingRequestId{2});
}

TEST_F(ABindingClient, NeverUsesATransactionIdTwice) {
  answer_all();
  std::set<TransactionId> ids;
  for (int i = 0; i < 100; ++i) {
    ask(question);
    ids.insert(id());
  }
  EXPECT_EQ(ids.size(), 100u);
}

TEST_F(ABindingClient, ForgetsACancelledRequest) {
  const auto request = ask(question);
  client.cancel(request);
  client.cancel(request);
  EXPECT_EQ(receive(success(id())), Verdict::not_mine);
  run();
  EXPECT_TRUE(results.empty());
  EXPECT_EQ(sent.size(), 1u);
}

TEST_F(ABindingClient, HasAtMostTenRequestsInProgressToOneServer) {  // RFC 8489 §6.2
  for (int i = 0; i < 10; ++i) ask(question);
  EXPECT_EQ(client.ask(now, question).error(), errc::limit_reached);
  receive(success(id()));
  EXPECT_TRUE(client.ask(now, question));
}

TEST_F(ABindingClient, HasABoundedNumberOfRequestsInProgress) {
  BindingRequest request = question;
  for (std::size_t i = 0; i < BindingClient::most_requests; ++i) {
    request.server.port = static_cast<std::uint16_t>(1000 + i);
    ask(request);
  }
  request.server.port = 1;
  EXPECT_EQ(client.ask(now, request).error(), errc::limit_reached);
  run();
  EXPECT_EQ(results.size(), BindingClient::most_requests);
}

TEST_F(ABindingClient, RemembersABoundedNumberOfServers) {
  answer = [](const Packet& request) {
    Reply reply = success(request.message().transaction_id());
    reply.from = request.to;
    return reply;
  };
  BindingRequest request = question;
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    request.server.port = port;
    ask(request);
  }
  EXPECT_EQ(results.size(), 1000u);
  for (const BindingResult& r : results) EXPECT_FALSE(r.error);
}

// What it learned of a server is kept as long as there is room; then the one goes that was not asked for longest.
TEST_F(ABindingClient, ForgetsTheServerThatWasNotAskedForLongest) {
  const auto ask_slowly = [&](std::uint8_t host) {
    BindingRequest request = question;
    request.server.address = Address::v4(192, 0, 2, host);
    ask(request);
    now += 400ms;
    Reply reply = success(id());
    reply.from = request.server;
    receive(reply);
    now += 1ms;
  };
  const auto first_interval = [&](std::uint8_t host) {
    BindingRequest request = question;
    request.server.address = Address::v4(192, 0, 2, host);
    const auto asked = ask(request);
    const Duration interval = *client.next_timeout() - now;
    client.cancel(asked);
    now += 1ms;
    return interval;
  };
  for (std::uint8_t host = 1; host <= BindingClient::most_servers; ++host) ask_slowly(host);
  ask_slowly(1);    // once more, so that 2 is the oldest
  ask_slowly(200);  // one too many
  EXPECT_GT(first_interval(1), 500ms);
  EXPECT_GT(first_interval(3), 500ms);
  EXPECT_EQ(first_interval(2), 500ms);
}

TEST_F(ABindingClient, RefusesRequestsThatMakeNoSense) {
  const auto refused = [&](auto change) {
    BindingRequest request = question;
    change(request);
    return client.ask(now, request).error() == errc::invalid_argument;
  };
  EXPECT_TRUE(refused([](BindingRequest& r) { r.server = {}; }));
  EXPECT_TRUE(refused([](BindingRequest& r) { r.server.port = 0; }));
  EXPECT_TRUE(refused([](BindingRequest& r) { r.response_port = 5, r.padding = std::uint16_t{5}; }));
  EXPECT_TRUE(refused([](BindingRequest& r) { r.transport = Transport::tcp, r.response_port = 5; }));
  EXPECT_TRUE(refused([](BindingRequest& r) { r.transport = Transport::tls, r.change_request = ChangeRequest{}; }));
  EXPECT_TRUE(refused([](BindingRequest& r) { r.transport = Transport::tcp, r.padding = std::uint16_t{5}; }));
}

// --- what answers may say

TEST_F(ABindingClient, TakesMappedAddressFromAServerOfRfc3489) {  // RFC 5389 §12.1
  ask(question);
  receive({success_response(id(),
                            [](Builder& b) {
                              b.add<attr::MappedAddress>(mapped)
                                  .add<attr::SourceAddress>(server)
                                  .add<attr::ChangedAddress>(endpoint("192.0.2.2:3479"))
                                  .add<attr::ReflectedFrom>(mapped);
                            }),
           server, socket});
  EXPECT_FALSE(result().error) << "its attributes are no unknown ones";
  EXPECT_EQ(result().mapped, mapped);
  EXPECT_EQ(result().response_origin, server);
  EXPECT_EQ(result().other_address, endpoint("192.0.2.2:3479"));
}

TEST_F(ABindingClient, PrefersXorMappedAddressAndTellsOfBoth) {  // RFC 5780 §3.6: a difference betrays an ALG
  ask(question);
  const Endpoint rewritten = endpoint("10.0.0.1:40000");
  receive({success_response(id(),
                            [&](Builder& b) {
                              b.add<attr::MappedAddress>(rewritten)
                                  .add<attr::XorMappedAddress>(mapped)
                                  .add<attr::ResponseOrigin>(server)
                                  .add<attr::OtherAddress>(endpoint("192.0.2.2:3479"))
                                  .add<attr::Padding>(std::vector<std::uint8_t>(8));
                            }),
           server, socket});
  EXPECT_EQ(result().mapped, mapped);
  EXPECT_EQ(result().mapped_plain, rewritten);
  EXPECT_EQ(result().response_origin, server);
  EXPECT_EQ(result().other_address, endpoint("192.0.2.2:3479"));
  EXPECT_EQ(result().padding, 8);
}

TEST_F(ABindingClient, AcceptsAnAddressOfTheOtherFamily) {  // RFC 8489 §6.3.3: MAY, a NAT64 is on the way
  ask(question);
  const Endpoint other = endpoint("[2001:db8::1]:5");
  receive({success_response(id(), [&](Builder& b) { b.add<attr::XorMappedAddress>(other); }), server, socket});
  EXPECT_EQ(result().mapped, other);
}

TEST_F(ABindingClient, FailsOnASuccessWithoutAnAddressItUnderstands) {
  const std::vector<std::uint8_t> unknown_family = {0, 9, 1, 2, 3, 4, 5, 6};
  for (const bool present : {false, true}) {
    ask(question);
    receive({success_response(id(),
                              [&](Builder& b) {
                                if (present) b.add_raw(attr::XorMappedAddress::type, unknown_family);
                              }),
             server, socket});
    EXPECT_EQ(results.back().error, errc::bad_response);
  }
}

TEST_F(ABindingClient, FailsOnUnknownComprehensionRequiredAttributes) {  // RFC 8489 §6.3.3, §6.3.4
  ask(question);
  receive({success_response(
               id(), [](Builder& b) { b.add<attr::XorMappedAddress>(mapped).add_raw(AttributeType{0x7F01}, {}); }),
           server, socket});
  EXPECT_EQ(result().error, errc::bad_response);
  EXPECT_FALSE(result().mapped);
  ask(question);
  receive({error_response(id(), ErrorCode::bad_request, [](Builder& b) { b.add_raw(AttributeType{0x7F01}, {}); }),
           server, socket});
  EXPECT_EQ(results.back().error, errc::bad_response);
}

TEST_F(ABindingClient, TellsWhatTheServerRefused) {
  ask(question);
  AttributeTypeList list;
  list.push_back(attr::ChangeRequest::type);
  receive(
      {error_response(id(), ErrorCode::unknown_attribute, [&](Builder& b) { b.add<attr::UnknownAttributes>(list); }),
       server, socket});
  EXPECT_EQ(result().error, errc::server_refused);
  EXPECT_EQ(result().code, ErrorCode::unknown_attribute);
  EXPECT_EQ(result().unknown_attributes, list);
}

TEST_F(ABindingClient, FailsOnAnErrorResponseWithoutACode) {  // RFC 8489 §6.3.4
  ask(question);
  receive({test::stun_message(Class::error_response, id()), server, socket});
  EXPECT_EQ(result().error, errc::bad_response);
}

TEST_F(ABindingClient, AsksAgainAfterServerErrorsFourTimesWithGrowingWaits) {  // RFC 8489 §6.3.4
  answer = [](const Packet& request) {
    return Reply{error_response(request.message().transaction_id(), ErrorCode::server_error), server, socket};
  };
  ask(question);
  run();
  EXPECT_THAT(times(), ElementsAre(0ms, 500ms, 1500ms, 3500ms, 7500ms));
  EXPECT_EQ(result().error, errc::server_refused);
  EXPECT_EQ(result().code, ErrorCode::server_error);
  EXPECT_EQ(result().last_heard.kind, LastHeard::Kind::server_error);
  std::set<TransactionId> ids;
  for (const Sent& s : sent) ids.insert(s.packet.message().transaction_id());
  EXPECT_EQ(ids.size(), 5u) << "each is a transaction of its own";
}

TEST_F(ABindingClient, SaysNothingOfAServerErrorThatDidNotLast) {
  ask(question);
  receive({error_response(id(), ErrorCode::server_error), server, socket});
  step();
  receive(success(id()));
  EXPECT_FALSE(result().error);
  EXPECT_EQ(result().code, ErrorCode{});
  EXPECT_EQ(result().last_heard.kind, LastHeard::Kind::server_error) << "but keeps it as evidence";
}

TEST_F(ABindingClient, DoesNotFollowRedirectionsThatAnybodyCouldHaveSent) {  // RFC 8489 §14.8
  ask(question);
  const Endpoint victim = endpoint("198.51.100.66:80");
  receive({error_response(id(), ErrorCode::try_alternate, [&](Builder& b) { b.add<attr::AlternateServer>(victim); }),
           server, socket});
  EXPECT_EQ(result().error, errc::server_refused);
  EXPECT_EQ(result().alternate_server, victim);
  EXPECT_EQ(sent.size(), 1u);
}

// --- what is no answer

TEST_F(ABindingClient, IgnoresResponsesThatNobodyAskedFor) {
  EXPECT_EQ(receive(success({{9, 9, 9}})), Verdict::not_mine);
  ask(question);
  EXPECT_EQ(receive(success({{9, 9, 9}})), Verdict::not_mine);
  EXPECT_EQ(client.counters().unsolicited, 2u);
  receive(success(id()));
  EXPECT_EQ(receive(success(id())), Verdict::not_mine) << "the second answer to one question";
  EXPECT_EQ(client.counters().unsolicited, 3u);
  EXPECT_EQ(results.size(), 1u);
}

TEST_F(ABindingClient, TakesNoAnswerToWhatItHasNotSentYet) {
  SeededRandom same{1};
  const TransactionId first = TransactionId::random(same);
  ASSERT_TRUE(client.ask(now, question));
  EXPECT_EQ(give(success(first)).verdict, Verdict::not_mine);
  EXPECT_EQ(client.counters().unsolicited, 1u);
  settle();
  EXPECT_EQ(id(), first);
  EXPECT_EQ(receive(success(first)), Verdict::handled);
}

TEST_F(ABindingClient, IgnoresAnswersFromElsewhereButRemembersThem) {
  ask(question);
  Reply from_elsewhere = success(id());
  from_elsewhere.from = endpoint("192.0.2.1:9999");
  EXPECT_EQ(receive(from_elsewhere), Verdict::not_mine);
  Reply on_another_socket = success(id());
  on_another_socket.socket = SocketId{2};
  EXPECT_EQ(receive(on_another_socket), Verdict::not_mine);
  EXPECT_EQ(client.counters().elsewhere, 2u);
  run();
  EXPECT_EQ(result().error, errc::timed_out);
  EXPECT_EQ(result().last_heard.kind, LastHeard::Kind::elsewhere);
  EXPECT_EQ(result().last_heard.from, server);
}

TEST_F(ABindingClient, KnowsItsServerByItsIpv4MappedAddress) {
  ask(question);
  Reply reply = success(id());
  reply.from = endpoint("[::ffff:192.0.2.1]:3478");
  EXPECT_EQ(receive(reply), Verdict::handled);
}

TEST_F(ABindingClient, LeavesRequestsIndicationsOtherMethodsAndOtherProtocolsToOthers) {
  ask(question);
  for (const Packet& packet :
       {test::stun_message(Class::request, id()), test::stun_message(Class::indication, id()),
        test::stun_message(Class::success_response, id(), {}, Method::allocate), Packet{bytes_of("Hello")}})
    EXPECT_EQ(receive({packet, server, socket}), Verdict::not_mine);
  EXPECT_TRUE(results.empty());
}

TEST_F(ABindingClient, CountsBrokenMessages) {
  ask(question);
  Packet truncated = success(id()).packet;
  truncated.bytes().pop_back();
  EXPECT_EQ(receive({truncated, server, socket}), Verdict::malformed);
  EXPECT_EQ(client.counters().malformed, 1u);
  EXPECT_TRUE(results.empty());
}

TEST_F(ABindingClient, IgnoresAWrongFingerprint) {  // RFC 8489 §6.3
  ask(question);
  Packet wrong = success_response(id(), [](Builder& b) { b.add<attr::XorMappedAddress>(mapped).fingerprint(); });
  wrong.bytes().back() ^= 1;
  EXPECT_EQ(receive({wrong, server, socket}), Verdict::malformed);
  run();
  EXPECT_EQ(result().last_heard.kind, LastHeard::Kind::fingerprint);
}

TEST_F(ABindingClient, WantsAFingerprintWhereItUsesThem) {  // RFC 8489 §6.3
  BindingRequest with_fingerprint = question;
  with_fingerprint.fingerprint = true;
  ask(with_fingerprint);
  EXPECT_TRUE(sent[0].packet.message().check_fingerprint());
  EXPECT_EQ(receive(success(id())), Verdict::malformed);
  receive({success_response(id(), [](Builder& b) { b.add<attr::XorMappedAddress>(mapped).fingerprint(); }), server,
           socket});
  EXPECT_FALSE(result().error);
}

// --- ICMP and closed sockets

struct Icmp {
  std::string_view server;
  std::uint8_t type;
  std::uint8_t code;
};
constexpr std::string_view v4_server = "192.0.2.1:3478";
constexpr std::string_view v6_server = "[2001:db8::1]:3478";

TEST_F(ABindingClient, FailsAtOnceOnAHardIcmpError) {  // RFC 8489 §6.2.1, RFC 1122 §4.2.3.9, RFC 5461 §2.2
  for (const Icmp& icmp : {Icmp{v4_server, 3, 2}, {v4_server, 3, 3}, {v6_server, 1, 1}, {v6_server, 1, 4}}) {
    BindingRequest request = question;
    request.server = endpoint(icmp.server);
    results.clear();
    ask(request);
    happen(SocketUnreachable{socket, request.server, icmp.type, icmp.code});
    ASSERT_EQ(results.size(), 1u);
    EXPECT_EQ(result().error, errc::unreachable);
    EXPECT_EQ(result().last_heard.kind, LastHeard::Kind::icmp);
    EXPECT_EQ(result().last_heard.icmp_type, icmp.type);
    EXPECT_EQ(result().last_heard.icmp_code, icmp.code);
  }
}

TEST_F(ABindingClient, OnlyRemembersASoftIcmpError) {
  for (const Icmp& icmp : {Icmp{v4_server, 3, 0},
                           {v4_server, 3, 1},
                           {v4_server, 3, 4},
                           {v4_server, 3, 13},
                           {v4_server, 11, 2},
                           {v6_server, 1, 0},
                           {v6_server, 1, 3},
                           {v6_server, 2, 4}}) {
    BindingRequest request = question;
    request.server = endpoint(icmp.server);
    results.clear();
    ask(request);
    happen(SocketUnreachable{socket, request.server, icmp.type, icmp.code});
    EXPECT_TRUE(results.empty());
    run();
    EXPECT_EQ(result().error, errc::timed_out);
    EXPECT_EQ(result().last_heard.kind, LastHeard::Kind::icmp);
    EXPECT_EQ(result().last_heard.icmp_code, icmp.code);
  }
}

TEST_F(ABindingClient, DoesNotTakeIcmpOfOthersForItsOwn) {
  ask(question);
  happen(SocketUnreachable{SocketId{2}, server, 3, 3});
  happen(SocketUnreachable{socket, endpoint("192.0.2.1:80"), 3, 3});
  EXPECT_TRUE(results.empty());
}

TEST_F(ABindingClient, FailsWhenItsSocketIsClosed) {  // RFC 8489 §6.2.2
  ask(question);
  happen(SocketClosed{SocketId{2}, {}});
  EXPECT_TRUE(results.empty());
  happen(SocketClosed{socket, std::make_error_code(std::errc::connection_reset)});
  EXPECT_EQ(result().error, std::errc::connection_reset);
  ask(question);
  happen(SocketClosed{socket, {}});
  EXPECT_EQ(results.back().error, errc::closed);
}

// --- the rest

TEST_F(ABindingClient, SaysWhoItIsIfItIsTold) {
  ClientRig rig{{.software = "a client"}};
  rig.ask(question);
  EXPECT_EQ(*rig.sent[0].packet.message().get<attr::Software>(), "a client");
}

TEST_F(ABindingClient, CountsItsTransmissionsIfItIsToldAndMeasuresByThem) {  // RFC 7982
  ClientRig rig{{.count_transmissions = true}};
  rig.ask(question);
  rig.step();
  rig.step();
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(rig.sent[i].packet.message().get<attr::TransactionTransmitCounter>()->request, i + 1);
  rig.now += 20ms;
  const TransactionId id = rig.sent[0].packet.message().transaction_id();
  rig.receive({success_response(id,
                                [](Builder& b) {
                                  b.add<attr::XorMappedAddress>(mapped).add<attr::TransactionTransmitCounter>(
                                      {.request = 3});
                                }),
               server, socket});
  EXPECT_EQ(rig.results.at(0).round_trip, 20ms);
}

TEST_F(ABindingClient, FailsARequestThatCannotBeWritten) {
  ClientRig rig{{.software = std::string(300, 'x')}};
  rig.ask(question);
  EXPECT_EQ(rig.results.at(0).error, errc::text_too_long);
  EXPECT_TRUE(rig.sent.empty());
}

TEST_F(ABindingClient, AllocatesNothingForDatagrams) {
  ask(question);
  const Packet good = success(id()).packet;
  const Packet stranger = success({{9}}).packet;
  std::array<std::uint8_t, scratch_size> out;
  now = *client.next_timeout();
  const test::Allocations allocations;
  client.handle_timeout(now);
  EXPECT_TRUE(client.poll_transmit(now, out));
  static_cast<void>(client.handle_datagram(now, {socket, server, stranger.bytes(), {}}, out));
  static_cast<void>(client.handle_datagram(now, {socket, server, good.bytes(), {}}, out));
  EXPECT_TRUE(client.poll_event());
  EXPECT_EQ(allocations.count(), 0u);
}

}  // namespace
}  // namespace ice::stun
