#include "ice/io/server_resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>

#include "dns_server.hpp"
#include "ice/io/error.hpp"
#include "ice/io/resolver.hpp"
#include "io/context_state.hpp"
#include "support.hpp"

namespace ice::io {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<Transport> all_transports{Transport::udp, Transport::tcp, Transport::tls, Transport::dtls};

struct ServerResolverTest : testing::Test {
  struct Answer {
    boost::system::error_code error;
    std::vector<std::string> servers;
  };

  boost::asio::io_context loop;
  Context context{loop.get_executor()};
  DnsServer server{loop};
  std::unique_ptr<ServerResolver> resolver = std::make_unique<ServerResolver>(context);

  ServerResolverTest() { context.state()->dns_settings.servers = server.text(); }

  // For answers that shall not come.
  void be_impatient() { context.state()->dns_settings = {server.text(), 20ms, 1}; }

  auto keep(std::optional<Answer>& answer) {
    return [&answer](boost::system::error_code error, const std::vector<stun::ServerAddress>& servers) {
      ASSERT_FALSE(answer) << "completed twice";
      answer = Answer{error, {}};
      for (const auto& one : servers) {
        answer->servers.push_back(std::string{to_string(one.transport)} + ' ' + one.endpoint.to_string());
      }
    };
  }

  template <class Handler>
  void begin(std::string_view uri, Handler handler, std::vector<Transport> supported = all_transports) {
    resolver->async_resolve(*stun::Uri::parse(uri), std::move(supported), std::move(handler));
  }

  Answer resolve(std::string_view uri, std::vector<Transport> supported = all_transports) {
    std::optional<Answer> answer;
    begin(uri, keep(answer), std::move(supported));
    EXPECT_FALSE(answer) << "completed inside the initiating call";
    EXPECT_TRUE(run_until(loop, [&] { return answer.has_value(); }));
    return answer.value_or(Answer{});
  }

  /// RFC 5928 §4.1, Figure 1.
  void add_the_domain_of_rfc5928() {
    server.add("example.net", stun::NaptrRecord{100, 10, "", "RELAY:turn.udp", "", "datagram.example.net"});
    server.add("example.net", stun::NaptrRecord{200, 10, "", "RELAY:turn.tcp:turn.tls", "", "stream.example.net"});
    server.add("datagram.example.net", stun::NaptrRecord{100, 10, "S", "RELAY:turn.udp", "", "_turn._udp.example.net"});
    server.add("stream.example.net", stun::NaptrRecord{100, 10, "S", "RELAY:turn.tcp", "", "_turn._tcp.example.net"});
    server.add("stream.example.net", stun::NaptrRecord{200, 10, "A", "RELAY:turn.tls", "", "a.example.net"});
    server.add("_turn._udp.example.net", stun::SrvRecord{0, 0, 3478, "a.example.net"});
    server.add("_turn._tcp.example.net", stun::SrvRecord{0, 0, 5000, "a.example.net"});
    server.add("a.example.net", "192.0.2.1");
  }

  int questions() const { return server.udp_questions + server.tcp_questions; }
};

TEST_F(ServerResolverTest, FindsTheServersOfRfc5928) {
  add_the_domain_of_rfc5928();
  const Answer answer = resolve("turn:example.net", {Transport::tls, Transport::tcp, Transport::udp});
  EXPECT_FALSE(answer.error) << answer.error.message();
  EXPECT_THAT(answer.servers, ElementsAre("udp 192.0.2.1:3478", "tls 192.0.2.1:5349", "tcp 192.0.2.1:5000"));
}

TEST_F(ServerResolverTest, FindsStunServersBySrvInTheirOrder) {
  server.add("_stun._udp.ice.test", stun::SrvRecord{20, 0, 5001, "a.ice.test"});
  server.add("_stun._udp.ice.test", stun::SrvRecord{10, 0, 5002, "b.ice.test"});
  server.add("a.ice.test", "192.0.2.1");
  server.add("b.ice.test", "2001:db8::2");
  EXPECT_THAT(resolve("stun:ice.test", {Transport::udp}).servers,
              ElementsAre("udp [2001:db8::2]:5002", "udp 192.0.2.1:5001"));
}

TEST_F(ServerResolverTest, FindsTheHostItselfWhereDnsKnowsNoService) {
  server.add("ice.test", "192.0.2.1");
  EXPECT_THAT(resolve("turns:ice.test").servers, ElementsAre("tls 192.0.2.1:5349", "dtls 192.0.2.1:5349"));
  EXPECT_THAT(resolve("stun:ice.test:99", {Transport::udp}).servers, ElementsAre("udp 192.0.2.1:99"));
}

TEST_F(ServerResolverTest, AnAddressNeverReachesDns) {
  EXPECT_THAT(resolve("turn:192.0.2.7", {Transport::udp}).servers, ElementsAre("udp 192.0.2.7:3478"));
  EXPECT_THAT(resolve("stun:[2001:db8::1]", {Transport::udp}).servers, ElementsAre("udp [2001:db8::1]:3478"));
  EXPECT_EQ(questions(), 0);
}

TEST_F(ServerResolverTest, SaysWhereTheApplicationLacksTheTransport) {
  EXPECT_EQ(resolve("turns:ice.test", {Transport::udp}).error, errc::unsupported);
  EXPECT_EQ(questions(), 0);
}

TEST_F(ServerResolverTest, TheHostsFileComesFirst) {
  EXPECT_THAT(resolve("stun:localhost", {Transport::udp}).servers, testing::Contains("udp 127.0.0.1:3478"));
  EXPECT_EQ(questions(), 0);
}

TEST_F(ServerResolverTest, WhatCanBeNoNameNeverReachesDns) {
  for (const std::string& uri :
       {std::string{"turn:fe80%3A%3A1%25lo"}, "turn:" + std::string(70, 'a'), std::string{"turn:a%3Ab"}}) {
    EXPECT_EQ(resolve(uri).error, errc::name_not_resolved) << uri;
  }
  EXPECT_EQ(questions(), 0);
}

TEST_F(ServerResolverTest, ANameThatDoesNotExistIsNotResolved) {
  const Answer answer = resolve("turn:nobody.test");
  EXPECT_EQ(answer.error, errc::name_not_resolved);
  EXPECT_THAT(answer.servers, IsEmpty());
}

TEST_F(ServerResolverTest, AServerThatSaysNothingTimesOut) {
  be_impatient();
  server.mood = DnsServer::Mood::silent;
  EXPECT_EQ(resolve("turn:ice.test").error, errc::timed_out);
}

TEST_F(ServerResolverTest, AServerThatKnowsAddressesOnlyDoesNotHoldUpTheSearch) {
  // Were it waited for as for others, that would take longer than run_until() does.
  context.state()->dns_settings = {server.text(), 60s, 3, 10ms};
  server.mood = DnsServer::Mood::simple;
  server.add("ice.test", "192.0.2.1");
  server.add("ice.test", "2001:db8::1");
  EXPECT_THAT(resolve("turn:ice.test?transport=tcp").servers,
              testing::UnorderedElementsAre("tcp 192.0.2.1:3478", "tcp [2001:db8::1]:3478"));
}

TEST_F(ServerResolverTest, TruncatedAnswersAreAskedForAgainOverTcp) {
  add_the_domain_of_rfc5928();
  server.mood = DnsServer::Mood::truncating;
  EXPECT_THAT(resolve("turn:example.net", {Transport::tcp}).servers, ElementsAre("tcp 192.0.2.1:5000"));
  EXPECT_GT(server.tcp_questions, 0);
}

TEST_F(ServerResolverTest, AnswersThatMakeNoSenseAreAnErrorAndNoMore) {
  be_impatient();
  server.mood = DnsServer::Mood::babbling;
  const Answer answer = resolve("turn:ice.test");
  EXPECT_TRUE(answer.error);
  EXPECT_THAT(answer.servers, IsEmpty());
}

TEST_F(ServerResolverTest, RecordsThatEndTooEarlyAreAsGoodAsNone) {
  server.add("ice.test", "192.0.2.1");
  const std::vector<std::uint8_t> naptr{0, 1, 0, 1, 1, 'a', 14, 'R', 'E', 'L', 'A', 'Y'};
  const std::vector<std::uint8_t> srv{0, 1, 0, 1, 0, 80, 1, 'a'};
  for (std::size_t size = 0; size <= naptr.size(); ++size) {
    const std::string name = "n" + std::to_string(size) + ".test";
    server.add(name, DnsServer::type_naptr, {naptr.begin(), naptr.begin() + static_cast<std::ptrdiff_t>(size)});
    server.add(name, "192.0.2.1");
    EXPECT_THAT(resolve("turn:" + name, {Transport::udp}).servers, ElementsAre("udp 192.0.2.1:3478")) << size;
  }
  for (std::size_t size = 0; size <= srv.size(); ++size) {
    const std::string name = "s" + std::to_string(size) + ".test";
    server.add("_stun._udp." + name, DnsServer::type_srv,
               {srv.begin(), srv.begin() + static_cast<std::ptrdiff_t>(size)});
    server.add(name, "192.0.2.1");
    EXPECT_THAT(resolve("stun:" + name, {Transport::udp}).servers, ElementsAre("udp 192.0.2.1:3478")) << size;
  }
}

TEST_F(ServerResolverTest, AServerThatFailsIsTold) {
  server.mood = DnsServer::Mood::failing;
  EXPECT_EQ(std::error_code{resolve("turn:ice.test").error}.category(), dns_category());
}

TEST_F(ServerResolverTest, ManySearchesAtOnceAreToldApart) {
  std::vector<std::optional<Answer>> answers(20);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    server.add("_stun._udp." + name, stun::SrvRecord{0, 0, static_cast<std::uint16_t>(1000 + i), "host.test"});
    begin("stun:" + name, keep(answers[i]), {Transport::udp});
  }
  server.add("host.test", "192.0.2.1");
  ASSERT_TRUE(run_until(loop, [&] {
    return std::all_of(answers.begin(), answers.end(), [](const auto& one) { return one.has_value(); });
  }));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_THAT(answers[i]->servers, ElementsAre("udp 192.0.2.1:" + std::to_string(1000 + i)));
  }
}

TEST_F(ServerResolverTest, AResolverThatIsGoneAbortsItsSearchesAlone) {
  server.mood = DnsServer::Mood::silent;
  ServerResolver other{context};
  std::optional<Answer> mine;
  std::optional<Answer> others;
  begin("turn:mine.test", keep(mine));
  other.async_resolve(*stun::Uri::parse("turn:others.test"), all_transports, keep(others));
  resolver.reset();
  EXPECT_FALSE(mine) << "completed inside the destructor";
  ASSERT_TRUE(run_until(loop, [&] { return mine.has_value(); }));
  EXPECT_EQ(mine->error, boost::asio::error::operation_aborted);
  EXPECT_FALSE(others);
}

TEST_F(ServerResolverTest, NothingIsLeftInTheLoopWhenTheLastSearchIsAborted) {
  server.mood = DnsServer::Mood::simple;
  server.add("ice.test", "192.0.2.1");
  boost::asio::io_context own;
  Context own_context{own.get_executor()};
  own_context.state()->dns_settings.servers = server.text();
  std::optional<Answer> answer;
  auto short_lived = std::make_unique<ServerResolver>(own_context);
  short_lived->async_resolve(*stun::Uri::parse("turn:ice.test"), all_transports, keep(answer));
  // Until the host's addresses are there, and patience has begun.
  ASSERT_TRUE(run_until(loop, [&] { return own.poll(), server.udp_questions >= 7; }));
  own.poll();
  short_lived.reset();
  own.restart();
  own.run();  // returns: no timer, no socket
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error, boost::asio::error::operation_aborted);
  EXPECT_TRUE(own_context.state()->dns.expired());
}

TEST_F(ServerResolverTest, NothingIsLeftInTheLoopOfASearchThatNeededNotAllAnswers) {
  server.add("_stun._udp.ice.test", stun::SrvRecord{0, 0, 5000, "a.ice.test"});
  server.add("a.ice.test", "192.0.2.1");
  server.ignored = {"ice.test"};
  boost::asio::io_context own;
  Context own_context{own.get_executor()};
  own_context.state()->dns_settings.servers = server.text();
  std::optional<Answer> answer;
  ServerResolver searching{own_context};
  searching.async_resolve(*stun::Uri::parse("stun:ice.test"), {Transport::udp}, keep(answer));
  ASSERT_TRUE(run_until(loop, [&] { return own.poll(), answer.has_value(); }));
  EXPECT_THAT(answer->servers, ElementsAre("udp 192.0.2.1:5000"));
  own.restart();
  own.run();
  EXPECT_TRUE(own_context.state()->dns.expired());
}

TEST_F(ServerResolverTest, OneSearchMayBeCancelled) {
  server.mood = DnsServer::Mood::silent;
  boost::asio::cancellation_signal stop;
  std::optional<Answer> answer;
  begin("turn:ice.test", boost::asio::bind_cancellation_slot(stop.slot(), keep(answer)));
  stop.emit(boost::asio::cancellation_type::terminal);
  stop.emit(boost::asio::cancellation_type::terminal);
  ASSERT_TRUE(run_until(loop, [&] { return answer.has_value(); }));
  EXPECT_EQ(answer->error, boost::asio::error::operation_aborted);
}

TEST_F(ServerResolverTest, ACancellationAfterTheAnswerIsTooLate) {
  server.add("ice.test", "192.0.2.1");
  boost::asio::cancellation_signal stop;
  std::optional<Answer> answer;
  begin("turn:ice.test", boost::asio::bind_cancellation_slot(stop.slot(), keep(answer)));
  ASSERT_TRUE(run_until(loop, [&] { return answer.has_value(); }));
  resolver.reset();
  stop.emit(boost::asio::cancellation_type::terminal);
  loop.poll();
  EXPECT_FALSE(answer->error);
}

TEST_F(ServerResolverTest, ACoroutineThatOwnsItMayDieWithTheLoop) {
  // As with a Resolver; here a timer of the search is in the loop as well.
  auto other = std::make_unique<boost::asio::io_context>();
  const auto witness = std::make_shared<int>();
  std::optional<Context> other_context{other->get_executor()};  // no strand may outlive its loop
  other_context->state()->dns_settings.servers = server.text();
  server.mood = DnsServer::Mood::simple;
  server.add("ice.test", "192.0.2.1");
  boost::asio::co_spawn(
      *other,
      [](Context in, std::shared_ptr<int>) -> boost::asio::awaitable<void> {
        ServerResolver own{in};
        static_cast<void>(co_await own.async_resolve(*stun::Uri::parse("turn:ice.test"), all_transports,
                                                     boost::asio::as_tuple(boost::asio::use_awaitable)));
        ADD_FAILURE() << "nobody answers";
      }(*other_context, witness),
      boost::asio::detached);
  other_context.reset();
  ASSERT_TRUE(run_until(loop, [&] { return other->poll(), server.udp_questions >= 7; }));
  other->poll();
  EXPECT_EQ(witness.use_count(), 2);
  other.reset();
  EXPECT_EQ(witness.use_count(), 1);
}

}  // namespace
}  // namespace ice::io
