// What a server does for clients of RFC 3489, who put a random number where the magic cookie is today.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <vector>

#include "ice/stun/binding_server.hpp"
#include "support/stun_messages.hpp"

namespace ice::stun {
namespace {

using test::endpoint;
using test::Packet;
using testing::ElementsAre;

const Endpoint client = endpoint("203.0.113.9:40000");
const std::array<Endpoint, 4> square = {endpoint("192.0.2.1:3478"), endpoint("192.0.2.1:3479"),
                                        endpoint("192.0.2.2:3478"), endpoint("192.0.2.2:3479")};
constexpr std::array<SocketId, 4> sockets = {SocketId{11}, SocketId{12}, SocketId{21}, SocketId{22}};

struct RawClassicAttribute {
  std::uint16_t type;
  std::vector<std::uint8_t> value;
};

/// A request as RFC 3489 §11.1 writes it, byte by byte: no code of today helps.
Packet classic(std::uint16_t type, const std::vector<RawClassicAttribute>& attributes = {}) {
  std::vector<std::uint8_t> bytes(20, 0xAB);
  for (const RawClassicAttribute& attribute : attributes) {
    const std::size_t size = attribute.value.size();
    for (const std::size_t byte :
         {std::size_t{attribute.type} >> 8, std::size_t{attribute.type} & 0xFF, size >> 8, size & 0xFF})
      bytes.push_back(static_cast<std::uint8_t>(byte));
    bytes.insert(bytes.end(), attribute.value.begin(), attribute.value.end());
  }
  bytes[0] = static_cast<std::uint8_t>(type >> 8);
  bytes[1] = static_cast<std::uint8_t>(type);
  bytes[2] = static_cast<std::uint8_t>((bytes.size() - 20) >> 8);
  bytes[3] = static_cast<std::uint8_t>(bytes.size() - 20);
  return Packet{bytes};
}
constexpr std::uint16_t binding_request_type = 0x0001;
constexpr std::uint16_t response_address = 0x0002;
constexpr std::uint16_t change_request = 0x0003;

struct AServerOf2003 : testing::Test {
  AServerOf2003() {
    for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(server.add_socket({.socket = sockets[i], .local = square[i]}));
  }
  std::optional<Packet> ask(const Packet& request, SocketId socket = sockets[0]) {
    const Received received = server.handle_datagram({}, {socket, client, request.bytes(), {}}, scratch);
    if (received.verdict != Verdict::forward) return std::nullopt;
    return Packet{*received.forward};
  }
  static Message parse(const Packet& packet) { return *Message::parse_classic(packet.bytes()); }

  BindingServer server;
  std::array<std::uint8_t, scratch_size> scratch{};
};

TEST_F(AServerOf2003, AnswersWithMappedSourceAndChangedAddressAndNothingElse) {  // RFC 3489 §8.1
  const auto answer = ask(classic(binding_request_type));
  ASSERT_TRUE(answer);
  const std::vector<std::uint8_t> expected = {
      0x01, 0x01, 0x00, 0x24, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB,
      0xAB,                                                                  // all 128 bits of the transaction id
      0x00, 0x01, 0x00, 0x08, 0x00, 0x01, 0x9C, 0x40, 203,  0,    113,  9,   // MAPPED-ADDRESS
      0x00, 0x04, 0x00, 0x08, 0x00, 0x01, 0x0D, 0x96, 192,  0,    2,    1,   // SOURCE-ADDRESS
      0x00, 0x05, 0x00, 0x08, 0x00, 0x01, 0x0D, 0x97, 192,  0,    2,    2};  // CHANGED-ADDRESS
  EXPECT_EQ(answer->bytes(), expected);
  EXPECT_EQ(answer->to, client);
  EXPECT_EQ(server.counters().classic_requests, 1u);
}

TEST_F(AServerOf2003, AnswersFromWhereChangeRequestSays) {
  for (const std::uint8_t flags : std::array<std::uint8_t, 4>{0, 2, 4, 6}) {
    const std::size_t expected = (flags & 4 ? 2U : 0U) ^ (flags & 2 ? 1U : 0U);
    const auto answer = ask(classic(binding_request_type, {{change_request, {0, 0, 0, flags}}}));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->socket, sockets[expected]);
    EXPECT_EQ(*parse(*answer).get<attr::SourceAddress>(), square[expected]);
    EXPECT_EQ(*parse(*answer).get<attr::ChangedAddress>(), square[3]);
  }
}

TEST_F(AServerOf2003, TakesFingerprintForTheOptionalAttributeThatItIsToItsTime) {
  const auto answer = ask(classic(binding_request_type, {{0x8028, {1, 2, 3, 4}}}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(parse(*answer).message_class(), Class::success_response);
  EXPECT_FALSE(parse(*answer).has<attr::Fingerprint>());
}

TEST_F(AServerOf2003, KnowsNoAttributesOfRfc5780) {
  for (const std::uint16_t type : {std::uint16_t{0x0026}, std::uint16_t{0x0027}}) {  // PADDING, RESPONSE-PORT
    const auto answer = ask(classic(binding_request_type, {{type, {0x13, 0x88, 0, 0}}}));
    ASSERT_TRUE(answer);
    EXPECT_EQ(parse(*answer).get<attr::ErrorCode>()->code, ErrorCode::unknown_attribute);
    EXPECT_EQ(answer->to, client);
  }
}

TEST_F(AServerOf2003, RefusesToSendAnswersToSomebodyElse) {  // RFC 5389 §12.2: RESPONSE-ADDRESS made reflectors
  const auto answer = ask(classic(binding_request_type, {{response_address, {0, 1, 0, 80, 198, 51, 100, 66}}}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->to, client);
  const Message message = parse(*answer);
  EXPECT_EQ(test::error_code_of(message), 420u);
  EXPECT_THAT(test::unknown_attributes_of(message), ElementsAre(attr::ResponseAddress::type));
}

TEST_F(AServerOf2003, WritesErrorsWithoutPadding) {  // RFC 3489 §11.2.9, §11.2.10: lengths are multiples of four
  const auto answer = ask(classic(binding_request_type, {{0x7F01, {}}}));
  ASSERT_TRUE(answer);
  const std::vector<std::uint8_t>& bytes = answer->bytes();
  EXPECT_EQ(bytes[1], 0x11);
  std::size_t at = 20;
  while (at + 4 <= bytes.size()) {
    const std::size_t length = std::size_t{bytes[at + 2]} << 8 | bytes[at + 3];
    EXPECT_EQ(length % 4, 0u);
    at += 4 + length;
  }
  EXPECT_EQ(at, bytes.size());
}

TEST_F(AServerOf2003, DoesNotMistakeWhatIsNewerForItsOwn) {
  const auto answer = ask(classic(binding_request_type, {{0x0027, {0, 80, 0, 0}}, {0x0026, {}}}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(test::error_code_of(parse(*answer)), 420u) << "RESPONSE-PORT and PADDING are of 2010";
}

TEST_F(AServerOf2003, LeavesSharedSecretRequestsAndResponsesAlone) {
  for (const std::uint16_t type : std::array<std::uint16_t, 4>{0x0002, 0x0101, 0x0111, 0x0102})
    EXPECT_FALSE(ask(classic(type))) << type;
}

TEST_F(AServerOf2003, IsNotThereOnAStream) {  // RFC 5389 §12: UDP was the only transport
  EXPECT_FALSE(ask(classic(binding_request_type), SocketId{99}));
}

TEST(BindingServer, OffersClassicClientsNoChangeWithOneAddress) {
  BindingServer server;
  ASSERT_TRUE(server.add_socket({.socket = sockets[0], .local = square[0]}));
  std::array<std::uint8_t, scratch_size> scratch;
  const Packet plain = classic(binding_request_type);
  const Received received = server.handle_datagram({}, {sockets[0], client, plain.bytes(), {}}, scratch);
  ASSERT_EQ(received.verdict, Verdict::forward);
  EXPECT_FALSE(Message::parse_classic(received.forward->head)->has<attr::ChangedAddress>());
  const Packet change = classic(binding_request_type, {{change_request, {0, 0, 0, 6}}});
  const Received refused = server.handle_datagram({}, {sockets[0], client, change.bytes(), {}}, scratch);
  ASSERT_EQ(refused.verdict, Verdict::forward);
  EXPECT_EQ(test::error_code_of(*Message::parse_classic(refused.forward->head)), 420u);
}

TEST(BindingServer, AnswersClassicClientsOverDtlsWith500) {  // RFC 8489 §11
  BindingServer server;
  ASSERT_TRUE(server.add_socket({.socket = sockets[0], .local = square[0], .transport = Transport::dtls}));
  std::array<std::uint8_t, scratch_size> scratch;
  const Packet request = classic(binding_request_type);
  const Received received = server.handle_datagram({}, {sockets[0], client, request.bytes(), {}}, scratch);
  ASSERT_EQ(received.verdict, Verdict::forward);
  EXPECT_EQ(test::error_code_of(*Message::parse_classic(received.forward->head)), 500u);
  const Packet indication = classic(0x0011);
  EXPECT_EQ(server.handle_datagram({}, {sockets[0], client, indication.bytes(), {}}, scratch).verdict,
            Verdict::handled);
}

TEST(BindingServer, LeavesClassicClientsAloneWhereItIsTold) {
  BindingServer server{{.classic = false}};
  ASSERT_TRUE(server.add_socket({.socket = sockets[0], .local = square[0]}));
  std::array<std::uint8_t, scratch_size> scratch;
  const Packet request = classic(binding_request_type);
  EXPECT_EQ(server.handle_datagram({}, {sockets[0], client, request.bytes(), {}}, scratch).verdict, Verdict::not_mine);
}

}  // namespace
}  // namespace ice::stun
