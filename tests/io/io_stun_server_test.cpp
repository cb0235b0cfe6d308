#include "ice/io/stun_server.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "support.hpp"
#include "support/stun_messages.hpp"

namespace ice::io {
namespace {

struct StunServerTest : testing::Test {
  boost::asio::io_context loop;
  StunServer server{Context{loop.get_executor()}};
  RawSocket client = RawSocket::udp();

  static std::string request(std::uint32_t change_flags = 0) {
    const auto packet = test::stun_message(stun::Class::request, stun::TransactionId{}, [&](stun::Builder& builder) {
      if (change_flags != 0) {
        builder.add<stun::attr::ChangeRequest>(
            {.change_ip = (change_flags & 4) != 0, .change_port = (change_flags & 2) != 0});
      }
    });
    return std::string{text_of(packet.bytes())};
  }

  // Runs the loop until the server has answered so many more.
  bool answered(std::uint64_t count) {
    return run_until(loop, [&] { return server.counters().successes + server.counters().errors >= count; });
  }
};

Address v4(std::uint8_t last) { return Address::v4(127, 0, 0, last); }

TEST_F(StunServerTest, TellsWhereAQuestionCameFromOverUdp) {
  const Endpoint address = loopback();
  const auto bound = server.listen({&address, 1});
  ASSERT_TRUE(bound);
  client.send(bound->primary.at(0), request());
  ASSERT_TRUE(answered(1));
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  const auto message = stun::Message::parse(bytes_of(*answer));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->get<stun::attr::XorMappedAddress>().value_or(Endpoint{}), client.local());
}

TEST_F(StunServerTest, AnswersOnTheSamePortOverTcp) {
  const Endpoint address = loopback();
  const auto bound = server.listen({&address, 1});
  ASSERT_TRUE(bound);
  RawSocket stream = RawSocket::tcp();
  ASSERT_TRUE(stream.connect(bound->primary.at(0)));
  const std::string two = request() + request();  // both at once, as a stream may deliver them
  stream.send(two);
  ASSERT_TRUE(answered(2));
  const auto answers = stream.receive();
  ASSERT_TRUE(answers);
  const auto first = stun::Message::parse(bytes_of(*answers).first(answers->size() / 2));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->get<stun::attr::XorMappedAddress>().value_or(Endpoint{}), stream.local());
}

TEST_F(StunServerTest, OneAddressOffersNoDiscovery) {
  const Endpoint address = loopback();
  const auto bound = server.listen({&address, 1});
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound->alternate_port, 0);
  EXPECT_FALSE(server.discovers_nat_behavior(Family::ipv4));
}

TEST_F(StunServerTest, TwoAddressesOfAFamilyAnswerFromWhereTheyAreAskedTo) {
  const std::array addresses{Endpoint{v4(1), 0}, Endpoint{v4(2), 0}};
  const auto bound = server.listen(addresses);
  ASSERT_TRUE(bound) << bound.error().message();
  const std::uint16_t port = bound->primary.at(0).port;
  EXPECT_EQ(bound->primary.at(1), (Endpoint{v4(2), port}));
  ASSERT_NE(bound->alternate_port, 0);
  EXPECT_TRUE(server.discovers_nat_behavior(Family::ipv4));

  client.send({v4(1), port}, request(4 | 2));
  ASSERT_TRUE(answered(1));
  Endpoint from;
  const auto answer = client.receive(&from);
  ASSERT_TRUE(answer);
  EXPECT_EQ(from, (Endpoint{v4(2), bound->alternate_port}));
  const auto message = stun::Message::parse(bytes_of(*answer));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->get<stun::attr::OtherAddress>().value_or(Endpoint{}), (Endpoint{v4(2), bound->alternate_port}));
}

TEST_F(StunServerTest, AnAddressOfAllAnswersFromTheOneThatWasAsked) {
  const Endpoint any{Address::any(Family::ipv4), 0};
  const auto bound = server.listen({&any, 1});
  ASSERT_TRUE(bound);
  client.send({v4(7), bound->primary.at(0).port}, request());
  ASSERT_TRUE(answered(1));
  Endpoint from;
  ASSERT_TRUE(client.receive(&from));
  EXPECT_EQ(from.address, v4(7));
}

TEST_F(StunServerTest, AnErrorLeavesNothingBound) {
  RawSocket taken = RawSocket::udp({v4(2), 0});
  const std::uint16_t port = taken.local().port;
  const std::array addresses{Endpoint{v4(1), port}, Endpoint{v4(2), port}};
  const auto failed = server.listen(addresses, 1);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), std::errc::address_in_use);
  RawSocket free_again = RawSocket::udp({v4(1), port});

  EXPECT_EQ(server.listen({}).error(), errc::invalid_argument);
}

TEST_F(StunServerTest, ClientsAreToldTheExternalAddress) {
  const std::array addresses{Endpoint{v4(1), 0}, Endpoint{v4(2), 0}};
  const std::array external{*Address::parse("198.51.100.1"), *Address::parse("198.51.100.2")};
  const auto bound = server.listen(addresses, 0, external);
  ASSERT_TRUE(bound);
  client.send(bound->primary[0], request());
  ASSERT_TRUE(answered(1));
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  const auto message = stun::Message::parse(bytes_of(*answer));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->get<stun::attr::OtherAddress>().value_or(Endpoint{}),
            (Endpoint{external[1], bound->alternate_port}));
}

}  // namespace
}  // namespace ice::io
