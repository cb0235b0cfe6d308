// Permissions, channels and the data of peers, as the client has them (RFC 8656 §9 to §12).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "support/turn_client_rig.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using stun::Class;
using stun::ErrorCode;
using stun::Method;
using test::endpoint;
using test::Packet;
using test::TurnClientRig;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
namespace attr = stun::attr;

const std::array<std::uint8_t, 5> hello{'H', 'e', 'l', 'l', 'o'};

Address address(std::string_view text) { return *Address::parse(text); }

/// What a request says of peers.
std::vector<Endpoint> peers_in(const stun::Message& message) {
  std::vector<Endpoint> result;
  for (const stun::RawAttribute raw : message.attributes())
    if (raw.type == attr::XorPeerAddress::type)
      result.push_back(*attr::XorPeerAddress::decode(raw.value, message.header()));
  return result;
}

Packet data_indication(std::string_view peer, Bytes data) {
  return test::stun_message(
      Class::indication, {{9}},
      [&](stun::Builder& b) { b.add<attr::XorPeerAddress>(endpoint(peer)).add<attr::Data>(data); }, Method::data);
}

std::vector<std::uint8_t> channel_data(std::uint16_t number, Bytes data, std::size_t claimed) {
  std::vector<std::uint8_t> bytes{static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number),
                                  static_cast<std::uint8_t>(claimed >> 8), static_cast<std::uint8_t>(claimed)};
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}
std::vector<std::uint8_t> channel_data(std::uint16_t number, Bytes data) {
  return channel_data(number, data, data.size());
}

/// The whole packet, as it is on the wire.
std::vector<std::uint8_t> whole(const Transmit& transmit) {
  std::vector<std::uint8_t> bytes{transmit.head.begin(), transmit.head.end()};
  bytes.insert(bytes.end(), transmit.body.begin(), transmit.body.end());
  bytes.resize(bytes.size() + transmit.padding);
  return bytes;
}

struct AClientWithPeers : testing::Test, TurnClientRig {
  AClientWithPeers() : AClientWithPeers{config()} {}
  explicit AClientWithPeers(AllocationConfig c) : TurnClientRig{std::move(c)} {
    allocate();
    if (!socket_requests.empty()) open();
    forget_sent();
    events.clear();
  }

  result<Transmit> wrap(std::string_view peer, Bytes payload = hello) {
    return allocation.wrap(now, endpoint(peer), payload, scratch);
  }
};

// --- permissions

TEST_F(AClientWithPeers, AsksForManyPermissionsInFewRequests) {
  for (int i = 1; i <= 20; ++i) ASSERT_TRUE(allocation.permit(now, Address::v4(198, 51, 100, std::uint8_t(i))));
  settle();
  EXPECT_EQ(count(Method::create_permission), 3u) << "of 8, 8 and 4";
  EXPECT_EQ(peers_in(sent[0].packet.message()).size(), 8u);
  EXPECT_EQ(peers_in(sent[2].packet.message()).size(), 4u);
  EXPECT_EQ(told<PermissionGranted>().size(), 20u);
  EXPECT_TRUE(allocation.permitted(now, address("198.51.100.20")));
  EXPECT_FALSE(allocation.permitted(now, address("198.51.100.21")));
}

TEST_F(AClientWithPeers, RefreshesPermissionsAMinuteBeforeTheyExpireTogether) {
  permit("198.51.100.1");
  run_for(20s);
  permit("198.51.100.2");
  forget_sent();
  run_until(TimePoint{} + 500s);
  EXPECT_THAT(times(Method::create_permission), ElementsAre(240s, 480s)) << "the younger one with the older one";
  EXPECT_EQ(peers_in(last(Method::create_permission).packet.message()).size(), 2u);
  EXPECT_EQ(told<PermissionGranted>().size(), 2u) << "told once";
}

TEST_F(AClientWithPeers, CountsFromTheRequestAndNotFromItsAnswer) {
  server().alive = false;
  permit("198.51.100.1");
  run_for(400ms);
  server().alive = true;
  run_for(100ms);
  forget_sent();
  run_until(TimePoint{} + 240s);
  EXPECT_THAT(times(Method::create_permission), ElementsAre(240s));
}

TEST_F(AClientWithPeers, AsksForAPermissionOnce) {
  permit("198.51.100.1");
  permit("198.51.100.1");
  permit("::ffff:198.51.100.1");
  EXPECT_EQ(count(Method::create_permission), 1u);
}

TEST_F(AClientWithPeers, AsksBeforeThereIsAnAllocationToo) {
  TurnClientRig rig;
  ASSERT_TRUE(rig.allocation.permit(rig.now, address("198.51.100.1")));
  rig.allocate();
  EXPECT_THAT(rig.told<PermissionGranted>().at(0).peer, address("198.51.100.1"));
}

TEST_F(AClientWithPeers, TellsWhomTheServerRefusesAndKeepsTheRest) {  // 403: the whole request is refused
  server().refuses_peer = [](const stun::Message& request) {
    for (const Endpoint& peer : peers_in(request))
      if (peer.address.is_private()) return true;
    return false;
  };
  for (const char* peer : {"198.51.100.1", "10.0.0.1", "198.51.100.2", "192.168.1.1"})
    ASSERT_TRUE(allocation.permit(now, address(peer)));
  settle();
  EXPECT_EQ(count(Method::create_permission), 5u) << "together, then each alone";
  EXPECT_EQ(told<PermissionGranted>().size(), 2u);
  const auto refused = told<PermissionRefused>();
  ASSERT_EQ(refused.size(), 2u);
  EXPECT_EQ(refused[0].peer, address("10.0.0.1"));
  EXPECT_EQ(refused[0].why.error, errc::server_refused);
  EXPECT_EQ(refused[0].why.code, ErrorCode::forbidden);
  EXPECT_EQ(allocation.state(), AllocationState::allocated);
  forget_sent();
  run_for(240s);
  EXPECT_EQ(count(Method::create_permission), 1u) << "the refused ones are forgotten";
}

struct AClientWhoseRequestForAPeerFails : AClientWithPeers, testing::WithParamInterface<unsigned> {};

TEST_P(AClientWhoseRequestForAPeerFails, BlamesThePeerAlone) {
  server().refusals[Method::create_permission] = {GetParam()};
  permit("198.51.100.1");
  run_for(10s);
  EXPECT_EQ(to_number(told<PermissionRefused>().at(0).why.code), GetParam());
  EXPECT_FALSE(allocation.permitted(now, address("198.51.100.1")));
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Code, AClientWhoseRequestForAPeerFails,
                         testing::Values(400, 403, 405, 420, 440, 442, 443, 446, 447, 486, 508),
                         testing::PrintToStringParamName());

TEST_F(AClientWithPeers, AsksAgainAfterAServerError) {
  server().refusals[Method::create_permission] = {500, 599};
  permit("198.51.100.1");
  run_for(10s);
  EXPECT_EQ(told<PermissionGranted>().size(), 1u);
}

TEST_F(AClientWithPeers, HasAPermissionUntilItExpires) {
  permit("198.51.100.1");
  server().refusals[Method::create_permission] = {500, 500, 500, 500};
  run_until(TimePoint{} + 239s);
  EXPECT_TRUE(wrap("198.51.100.1:9"));
  server().alive = false;
  now = TimePoint{} + 300s - 1ns;
  EXPECT_TRUE(allocation.permitted(now, address("198.51.100.1")));
  EXPECT_TRUE(wrap("198.51.100.1:9"));
  now += 1ns;
  EXPECT_FALSE(allocation.permitted(now, address("198.51.100.1")));
  EXPECT_FALSE(wrap("198.51.100.1:9"));
  EXPECT_EQ(receive_quietly(data_indication("198.51.100.1:9", hello).bytes(), configured.server).verdict,
            Verdict::unauthenticated);
}

TEST_F(AClientWithPeers, ForgetsAPeer) {
  permit("198.51.100.1");
  bind("198.51.100.1:9");
  allocation.forget(address("198.51.100.1"));
  EXPECT_FALSE(wrap("198.51.100.1:9"));
  EXPECT_EQ(receive(data_indication("198.51.100.1:9", hello)).verdict, Verdict::unauthenticated);
  EXPECT_EQ(receive(channel_data(0x4000, hello)).verdict, Verdict::unauthenticated);
  EXPECT_EQ(allocation.counters().no_permission, 2u);
  forget_sent();
  run_for(20min);
  EXPECT_EQ(count(Method::create_permission), 0u);
  EXPECT_EQ(count(Method::channel_bind), 0u);
}

TEST_F(AClientWithPeers, KeepsARetransmissionTheSameWhenAPeerOfItIsForgotten) {  // RFC 8489 §6.2.1
  server().alive = false;
  ASSERT_TRUE(allocation.permit(now, address("198.51.100.1")));
  ASSERT_TRUE(allocation.permit(now, address("198.51.100.2")));
  settle();
  allocation.forget(address("198.51.100.1"));
  run_for(500ms);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].packet.bytes(), sent[1].packet.bytes());
  server().alive = true;
  run_for(1s);
  EXPECT_THAT(told<PermissionGranted>().size(), 1u);
  EXPECT_FALSE(allocation.permitted(now, address("198.51.100.1")));
}

TEST_F(AClientWithPeers, RefusesPeersThatNobodyCanBe) {
  EXPECT_EQ(allocation.permit(now, Address{}).error(), errc::invalid_argument);
  EXPECT_EQ(allocation.permit(now, address("0.0.0.0")).error(), errc::invalid_argument);
  EXPECT_EQ(allocation.permit(now, address("224.0.0.1")).error(), errc::invalid_argument);
  EXPECT_EQ(allocation.bind_channel(now, endpoint("198.51.100.1:0")).error(), errc::invalid_argument);
}

TEST_F(AClientWithPeers, HasBoundsOnPeers) {
  for (std::size_t i = 0; i < Allocation::most_permissions; ++i)
    ASSERT_TRUE(allocation.permit(now, Address::v4(198, 51, 100, std::uint8_t(i))));
  EXPECT_EQ(allocation.permit(now, address("198.51.101.1")).error(), errc::limit_reached);
  EXPECT_EQ(allocation.bind_channel(now, endpoint("198.51.101.1:9")).error(), errc::limit_reached);
  EXPECT_TRUE(allocation.permit(now, address("198.51.100.1")));
  settle();
  EXPECT_EQ(told<PermissionGranted>().size(), Allocation::most_permissions);
}

TEST_F(AClientWithPeers, HasNoMoreThanTenRequestsInProgress) {  // RFC 8489 §6.2
  server().alive = false;
  for (int i = 1; i <= 100; ++i) ASSERT_TRUE(allocation.permit(now, Address::v4(198, 51, 100, std::uint8_t(i))));
  for (std::uint16_t port = 1; port <= 10; ++port)
    ASSERT_TRUE(allocation.bind_channel(now, {address("198.51.100.1"), port}));
  check();
  EXPECT_LE(sent.size(), Allocation::most_requests);
  EXPECT_EQ(count(Method::refresh), 1u) << "which the others leave room for";
  server().alive = true;
  run_for(2s);
  EXPECT_EQ(told<PermissionGranted>().size(), 100u);
  EXPECT_EQ(told<ChannelReady>().size(), 10u);
}

// --- channels

TEST_F(AClientWithPeers, BindsAChannelThatBringsItsPermission) {  // §12.3
  bind("198.51.100.1:9");
  ASSERT_EQ(sent.size(), 1u);
  const auto request = sent[0].packet.message();
  EXPECT_TRUE(request.is(Method::channel_bind, Class::request));
  EXPECT_EQ(*request.get<attr::ChannelNumber>(), 0x4000);
  EXPECT_EQ(*request.get<attr::XorPeerAddress>(), endpoint("198.51.100.1:9"));
  EXPECT_EQ(told<PermissionGranted>().at(0).peer, address("198.51.100.1"));
  EXPECT_EQ(told<ChannelReady>().at(0).peer, endpoint("198.51.100.1:9"));
  EXPECT_EQ(told<ChannelReady>().at(0).number, 0x4000);
  EXPECT_TRUE(allocation.bound(now, endpoint("198.51.100.1:9")));
  EXPECT_TRUE(allocation.bound(now, endpoint("[::ffff:198.51.100.1]:9")));
  EXPECT_FALSE(allocation.bound(now, endpoint("198.51.100.1:10")));
  bind("198.51.100.1:9");
  EXPECT_EQ(sent.size(), 1u);
}

TEST_F(AClientWithPeers, RefreshesChannelsAMinuteBeforeTheyExpireAndTheirPermissionsMoreOften) {
  bind("198.51.100.1:9");
  forget_sent();
  run_until(TimePoint{} + 1085s);
  EXPECT_THAT(times(Method::channel_bind), ElementsAre(540s, 1080s));
  EXPECT_THAT(times(Method::create_permission), ElementsAre(240s, 480s, 780s, 1020s))
      << "the refresh of the channel at 540 s is one of the permission";
  EXPECT_EQ(*last(Method::channel_bind).packet.message().get<attr::ChannelNumber>(), 0x4000);
  EXPECT_EQ(told<ChannelReady>().size(), 1u);
}

TEST_F(AClientWithPeers, DoesNotUseANumberOrAPeerWithAnotherUntilFiveMinutesAfterItsBindingExpired) {  // §12
  bind("198.51.100.1:9");
  allocation.forget(address("198.51.100.1"));
  bind("198.51.100.2:9");
  EXPECT_EQ(told<ChannelReady>().back().number, 0x4001);
  run_for(899s);
  bind("198.51.100.1:9");
  EXPECT_EQ(told<ChannelReady>().back().number, 0x4000) << "the same peer has the same number";
}

TEST_F(AClientWithPeers, FreesANumberFiveMinutesAfterItsBindingExpired) {  // §12
  for (std::size_t i = 0; i < Allocation::most_channels; ++i)
    ASSERT_TRUE(allocation.bind_channel(now, {address("198.51.100.1"), std::uint16_t(1 + i)}));
  settle();
  EXPECT_EQ(told<ChannelReady>().size(), Allocation::most_channels);
  EXPECT_EQ(allocation.bind_channel(now, endpoint("198.51.100.2:9")).error(), errc::limit_reached);
  allocation.forget(address("198.51.100.1"));
  run_for(900s - 1ns);
  EXPECT_EQ(allocation.bind_channel(now, endpoint("198.51.100.2:9")).error(), errc::limit_reached);
  run_for(1ns);
  EXPECT_TRUE(allocation.bind_channel(now, endpoint("198.51.100.2:9")));
}

TEST_F(AClientWithPeers, GoesRoundTheNumbersAndStaysIn0x4000To0x4FFF) {
  std::set<std::uint16_t> numbers;
  for (int round = 0; round < 40; ++round) {
    for (std::uint16_t port = 1; port <= 120; ++port)
      ASSERT_TRUE(allocation.bind_channel(now, {address("198.51.100.1"), std::uint16_t(port + 120 * round)}));
    settle();
    allocation.forget(address("198.51.100.1"));
    run_for(16min);
  }
  for (const ChannelReady& ready : told<ChannelReady>()) numbers.insert(ready.number);
  EXPECT_EQ(numbers.size(), 4096u);
  EXPECT_EQ(*numbers.begin(), 0x4000);
  EXPECT_EQ(*numbers.rbegin(), 0x4FFF);
}

TEST_F(AClientWithPeers, DoesWithoutAChannelWhereTheServerRefusesIt) {
  server().refusals[Method::channel_bind] = {508};
  bind("198.51.100.1:9");
  EXPECT_EQ(told<ChannelRefused>().at(0).peer, endpoint("198.51.100.1:9"));
  EXPECT_EQ(told<ChannelRefused>().at(0).why.code, ErrorCode::insufficient_capacity);
  EXPECT_EQ(told<PermissionGranted>().size(), 1u) << "which is then asked for by itself";
  EXPECT_EQ(wrap("198.51.100.1:9")->head[0], 0x00) << "a Send indication";
}

TEST_F(AClientWithPeers, IsNotThrownOffByA400ForAChannelThatWasNeverThere) {
  server().refusals[Method::channel_bind] = {400};
  bind("198.51.100.1:9");
  EXPECT_EQ(told<ChannelRefused>().size(), 1u);
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
}

// --- data to peers

TEST_F(AClientWithPeers, SendsAnIndicationUntilAChannelIsBound) {
  EXPECT_EQ(wrap("198.51.100.1:9").error(), errc::no_permission) << "§11.1: there must be a permission";
  permit("198.51.100.1");
  const auto indication = wrap("198.51.100.1:9");
  ASSERT_TRUE(indication);
  EXPECT_EQ(indication->socket, shared);
  EXPECT_EQ(indication->to, configured.server);
  EXPECT_EQ(indication->body.data(), hello.data()) << "never copied";
  EXPECT_EQ(indication->head.data(), scratch.data());
  const auto bytes = whole(*indication);
  const auto message = stun::Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is(Method::send, Class::indication));
  EXPECT_EQ(*message->get<attr::XorPeerAddress>(), endpoint("198.51.100.1:9"));
  EXPECT_THAT(*message->get<attr::Data>(), ElementsAreArray(hello));
  EXPECT_FALSE(message->has<attr::DontFragment>());

  bind("198.51.100.1:9");
  const auto data = wrap("198.51.100.1:9");
  ASSERT_TRUE(data);
  EXPECT_EQ(data->body.data(), hello.data());
  EXPECT_EQ(whole(*data), channel_data(0x4000, hello)) << "§12.5: no padding over UDP";
  EXPECT_EQ(wrap("198.51.100.1:10")->head[0], 0x00) << "the channel is for one port";
  EXPECT_EQ(allocation.counters().datagrams_out, 3u);
  EXPECT_EQ(allocation.counters().bytes_out, 15u);
}

TEST_F(AClientWithPeers, WrapsAPayloadOfAnySizeThatFits) {
  permit("198.51.100.1");
  bind("198.51.100.2:9");
  std::vector<std::uint8_t> payload(65535);
  for (const std::size_t size : {0u, 1u, 2u, 3u, 4u, 1200u, 65499u}) {
    const auto bytes = whole(*wrap("198.51.100.1:9", Bytes{payload}.first(size)));
    const auto message = stun::Message::parse(bytes);
    ASSERT_TRUE(message) << size;
    EXPECT_EQ(message->get<attr::Data>()->size(), size);
  }
  EXPECT_EQ(wrap("198.51.100.1:9", payload).error(), errc::limit_reached);
  EXPECT_TRUE(wrap("198.51.100.2:9", payload));
  payload.push_back(0);
  EXPECT_EQ(wrap("198.51.100.2:9", payload).error(), errc::limit_reached);
}

TEST_F(AClientWithPeers, NeedsLittleScratchAndTakesAPayloadThatLiesInIt) {
  permit("198.51.100.1");
  std::copy(hello.begin(), hello.end(), scratch.begin() + Allocation::wrap_overhead);
  const Bytes payload = Bytes{scratch}.subspan(Allocation::wrap_overhead, hello.size());
  const auto indication = allocation.wrap(now, endpoint("198.51.100.1:9"), payload, scratch);
  const auto bytes = whole(*indication);
  EXPECT_THAT(*stun::Message::parse(bytes)->get<attr::Data>(), ElementsAreArray(hello));
  EXPECT_EQ(allocation.wrap(now, endpoint("198.51.100.1:9"), hello, MutableBytes{scratch}.first(35)).error(),
            errc::buffer_too_small);
  bind("198.51.100.1:9");
  EXPECT_EQ(allocation.wrap(now, endpoint("198.51.100.1:9"), hello, MutableBytes{scratch}.first(3)).error(),
            errc::buffer_too_small);
}

TEST_F(AClientWithPeers, CannotSendWithoutAnAllocation) {
  permit("198.51.100.1");
  allocation.release(now);
  EXPECT_EQ(wrap("198.51.100.1:9").error(), errc::no_allocation);
}

AllocationConfig with_everything() {
  AllocationConfig config = TurnClientRig::config();
  config.dont_fragment = true;
  config.family = RequestedFamily::ipv6;
  return config;
}

struct AClientWithLongIndications : testing::Test, TurnClientRig {
  AClientWithLongIndications() : TurnClientRig{with_everything()} {
    server().relayed = {endpoint("[2001:db8::15]:50000")};
    allocate();
  }
};

TEST_F(AClientWithLongIndications, AsksForAsManyPeersAsFitInto544Bytes) {  // RFC 8489 §6.1
  for (std::uint8_t i = 0; i < 20; ++i)
    ASSERT_TRUE(allocation.permit(now, Address::v6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, i})));
  settle();
  EXPECT_EQ(count(Method::create_permission), 3u);
  EXPECT_LE(last(Method::create_permission).packet.bytes().size(), stun::max_udp_message_size(Family::ipv4));
  EXPECT_EQ(told<PermissionGranted>().size(), 20u);
}

TEST_F(AClientWithLongIndications, NeedsTheOverheadThatItSays) {
  permit("2001:db8::1");
  const auto indication =
      allocation.wrap(now, endpoint("[2001:db8::1]:9"), hello, MutableBytes{scratch}.first(Allocation::wrap_overhead));
  ASSERT_TRUE(indication);
  EXPECT_EQ(indication->head.size(), Allocation::wrap_overhead);
  const auto bytes = whole(*indication);
  EXPECT_TRUE(stun::Message::parse(bytes)->has<attr::DontFragment>());
}

// --- data from peers

TEST_F(AClientWithPeers, HandsOnWhatPermittedPeersSend) {
  permit("198.51.100.1");
  const auto packet = data_indication("198.51.100.1:9", hello);
  const Received received = receive(packet);
  EXPECT_EQ(received.verdict, Verdict::application_data);
  EXPECT_EQ(received.from, endpoint("198.51.100.1:9"));
  EXPECT_THAT(received.data, ElementsAreArray(hello));
  EXPECT_GE(received.data.data(), packet.bytes().data()) << "a view of the input";
  EXPECT_LT(received.data.data(), packet.bytes().data() + packet.bytes().size());

  bind("198.51.100.1:9");
  const auto bytes = channel_data(0x4000, hello);
  const Received on_channel = receive(bytes);
  EXPECT_EQ(on_channel.verdict, Verdict::application_data);
  EXPECT_EQ(on_channel.from, endpoint("198.51.100.1:9"));
  EXPECT_EQ(on_channel.data.data(), bytes.data() + 4);
  EXPECT_EQ(on_channel.data.size(), hello.size());
  EXPECT_EQ(allocation.counters().datagrams_in, 2u);
  EXPECT_EQ(allocation.counters().bytes_in, 10u);
  EXPECT_EQ(receive(data_indication("198.51.100.1:9", {})).verdict, Verdict::application_data) << "of no bytes";
  EXPECT_EQ(receive(channel_data(0x4000, {})).verdict, Verdict::application_data);
}

TEST_F(AClientWithPeers, IgnoresPaddingBehindChannelData) {  // §12.5: MAY be included over UDP
  bind("198.51.100.1:9");
  std::vector<std::uint8_t> bytes = channel_data(0x4000, hello);
  bytes.resize(bytes.size() + 3);
  EXPECT_EQ(receive(bytes).data.size(), hello.size());
}

TEST_F(AClientWithPeers, TakesDataThatOvertakesTheAnswerToItsRequest) {  // §12
  const Packet relayed = data_indication("198.51.100.1:9", hello);
  server().alive = false;
  permit("198.51.100.1");
  EXPECT_EQ(receive(relayed).verdict, Verdict::application_data);
  bind("198.51.100.2:9");
  EXPECT_EQ(receive(channel_data(0x4000, hello)).verdict, Verdict::application_data);
  EXPECT_EQ(receive(channel_data(0x4000, hello)).from, endpoint("198.51.100.2:9"));
}

TEST_F(AClientWithPeers, TakesNothingFromWhoIsNotPermitted) {  // §11.4, §12.6
  permit("198.51.100.1");
  EXPECT_EQ(receive(data_indication("198.51.100.2:9", hello)).verdict, Verdict::unauthenticated);
  EXPECT_EQ(receive(channel_data(0x4000, hello)).verdict, Verdict::unauthenticated);
  EXPECT_EQ(receive(channel_data(0x4FFF, hello)).verdict, Verdict::unauthenticated);
  EXPECT_EQ(allocation.counters().no_permission, 3u);
  EXPECT_EQ(allocation.counters().datagrams_in, 0u);
}

TEST_F(AClientWithPeers, TakesNothingFromElsewhere) {
  bind("198.51.100.1:9");
  for (const auto& bytes : {channel_data(0x4000, hello), data_indication("198.51.100.1:9", hello).bytes()}) {
    EXPECT_EQ(receive_quietly(bytes, endpoint("192.0.2.1:3479")).verdict, Verdict::not_mine);
    EXPECT_EQ(receive_quietly(bytes, endpoint("192.0.2.66:3478")).verdict, Verdict::not_mine);
    const Datagram elsewhere{SocketId{2}, configured.server, bytes, {}};
    EXPECT_FALSE(allocation.owns(elsewhere));
    EXPECT_EQ(allocation.handle_datagram(now, elsewhere, scratch).verdict, Verdict::not_mine);
    EXPECT_TRUE(allocation.owns({shared, endpoint("[::ffff:192.0.2.1]:3478"), bytes, {}}));
  }
}

TEST_F(AClientWithPeers, LeavesToOthersWhatIsNotForIt) {
  const auto binding = test::binding_request();
  EXPECT_EQ(receive(binding).verdict, Verdict::not_mine) << "a check by the server as a peer";
  EXPECT_EQ(receive(test::success_response({{1}})).verdict, Verdict::not_mine) << "a Binding response";
  EXPECT_EQ(receive(bytes_of("Xello")).verdict, Verdict::not_mine);
  EXPECT_EQ(receive(Bytes{}).verdict, Verdict::not_mine);
  allocation.release(now);
  settle();
  EXPECT_EQ(receive_quietly(channel_data(0x4000, hello), configured.server).verdict, Verdict::not_mine);
  EXPECT_EQ(receive_quietly(data_indication("198.51.100.1:9", hello).bytes(), configured.server).verdict,
            Verdict::not_mine);
}

TEST_F(AClientWithPeers, CountsWhatIsMalformed) {
  bind("198.51.100.1:9");
  const auto broken_indication = [](auto fill) {
    return test::stun_message(Class::indication, {{9}}, fill, Method::data);
  };
  EXPECT_EQ(receive(channel_data(0x4000, hello, 6)).verdict, Verdict::malformed) << "§12.6: past the end";
  EXPECT_EQ(receive(Bytes{channel_data(0x4000, {})}.first(3)).verdict, Verdict::malformed);
  EXPECT_EQ(receive(broken_indication([](stun::Builder& b) { b.add<attr::Data>(hello); })).verdict, Verdict::malformed)
      << "§11.4: no peer";
  EXPECT_EQ(receive(broken_indication([](stun::Builder& b) {
              b.add<attr::XorPeerAddress>(endpoint("198.51.100.1:9"));
            })).verdict,
            Verdict::malformed)
      << "§11.4: neither data nor an error";
  EXPECT_EQ(receive(broken_indication([](stun::Builder& b) {
              b.add<attr::XorPeerAddress>(endpoint("198.51.100.1:9")).add<attr::Data>(hello);
              b.add_raw(stun::AttributeType{0x7000}, {});
            })).verdict,
            Verdict::malformed)
      << "RFC 8489 §6.3.2";
  Packet cut = data_indication("198.51.100.1:9", hello);
  cut.bytes().resize(cut.bytes().size() - 4);
  EXPECT_EQ(receive(cut).verdict, Verdict::malformed);
  EXPECT_EQ(allocation.counters().malformed, 6u);
  EXPECT_THAT(told<AllocationLost>(), IsEmpty());
}

TEST_F(AClientWithPeers, PassesOnAnIcmpErrorThatMetWhatItSent) {  // §11.6
  permit("198.51.100.1");
  const auto icmp = [](std::string_view peer) {
    return test::stun_message(
        Class::indication, {{9}},
        [&](stun::Builder& b) {
          b.add<attr::XorPeerAddress>(endpoint(peer)).add<attr::Icmp>({.type = 3, .code = 3, .data = 0});
        },
        Method::data);
  };
  EXPECT_EQ(receive(icmp("198.51.100.1:0")).verdict, Verdict::handled);
  const auto told_of = told<PeerUnreachable>();
  ASSERT_EQ(told_of.size(), 1u);
  EXPECT_EQ(told_of[0].peer, endpoint("198.51.100.1:0"));
  EXPECT_EQ(told_of[0].icmp, (stun::IcmpError{3, 3, 0}));
  EXPECT_EQ(receive(icmp("198.51.100.2:9")).verdict, Verdict::unauthenticated);
  for (int i = 0; i < 1000; ++i) receive_quietly(icmp("198.51.100.1:9").bytes(), configured.server);
  settle();
  EXPECT_LT(told<PeerUnreachable>().size(), 100u) << "any number of them may arrive between two turns of the owner";
}

TEST_F(AClientWithPeers, SendsTheSameRequestAgainWhereAChannelHasBroughtThePermissionMeanwhile) {  // RFC 8489 §6.2.1
  server().unheard = {Method::create_permission};
  permit("198.51.100.1");
  const test::Packet first = sent.back().packet;
  bind("198.51.100.1:9");
  EXPECT_EQ(told<PermissionGranted>().size(), 1u);
  run_for(500ms);
  const test::Packet again = last(Method::create_permission).packet;
  EXPECT_EQ(again.message().transaction_id(), first.message().transaction_id());
  EXPECT_TRUE(std::equal(again.bytes().begin(), again.bytes().end(), first.bytes().begin(), first.bytes().end()));
  server().unheard.clear();
  run_for(1s);
  EXPECT_EQ(told<PermissionGranted>().size(), 1u);
}

}  // namespace
}  // namespace ice::turn
