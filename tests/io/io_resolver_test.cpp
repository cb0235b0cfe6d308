#include "ice/io/resolver.hpp"

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
#include <filesystem>
#include <memory>
#include <optional>

#include "dns_server.hpp"
#include "ice/io/error.hpp"
#include "io/context_state.hpp"
#include "support.hpp"

namespace ice::io {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

struct ResolverTest : testing::Test {
  struct Answer {
    boost::system::error_code error;
    std::vector<Address> addresses;
  };

  boost::asio::io_context loop;
  Context context{loop.get_executor()};
  DnsServer server{loop};
  std::unique_ptr<Resolver> resolver = std::make_unique<Resolver>(context);

  ResolverTest() { context.state()->dns_settings.servers = server.text(); }

  // For answers that shall not come.
  void be_impatient() { context.state()->dns_settings = {server.text(), 20ms, 1}; }
  void be_patient() { context.state()->dns_settings = {server.text()}; }

  auto keep(std::optional<Answer>& answer) {
    return [&answer](boost::system::error_code error, std::vector<Address> addresses) {
      ASSERT_FALSE(answer) << "completed twice";
      answer = Answer{error, std::move(addresses)};
    };
  }

  Answer resolve(const std::string& host) {
    std::optional<Answer> answer;
    resolver->async_resolve(host, keep(answer));
    EXPECT_FALSE(answer) << "completed inside the initiating call";
    EXPECT_TRUE(run_until(loop, [&] { return answer.has_value(); }));
    return answer.value_or(Answer{});
  }

  int questions() const { return server.udp_questions + server.tcp_questions; }
};

Address v4(std::uint8_t last) { return Address::v4(192, 0, 2, last); }
const Address v6 = *Address::parse("2001:db8::1");

TEST_F(ResolverTest, TellsAddressesOfBothFamilies) {
  server.add("ice.test", "192.0.2.1");
  server.add("ice.test", "192.0.2.2");
  server.add("ice.test", "2001:db8::1");
  const Answer answer = resolve("ice.test");
  EXPECT_FALSE(answer.error) << answer.error.message();
  EXPECT_THAT(answer.addresses, UnorderedElementsAre(v4(1), v4(2), v6));
}

TEST_F(ResolverTest, PutsFirstWhatThisHostCanReach) {
  // Nothing routes to a documentation address by way of a scope that does not match; loopback is always reached (RFC
  // 6724 §6, rule 1: avoid unusable destinations).
  server.add("ice.test", "fec0::1");
  server.add("ice.test", "127.0.0.1");
  const Answer answer = resolve("ice.test");
  ASSERT_EQ(answer.addresses.size(), 2U);
  EXPECT_EQ(answer.addresses[0], Address::loopback(Family::ipv4));
}

TEST_F(ResolverTest, OneFamilyIsEnough) {
  server.add("six.test", "2001:db8::1");
  EXPECT_THAT(resolve("six.test").addresses, ElementsAre(v6));
}

TEST_F(ResolverTest, ANameThatDoesNotExistIsNotResolved) {
  const Answer answer = resolve("nobody.test");
  EXPECT_EQ(answer.error, errc::name_not_resolved);
  EXPECT_THAT(answer.addresses, ElementsAre());
  EXPECT_GT(questions(), 0);
}

TEST_F(ResolverTest, AServerThatSaysNothingTimesOut) {
  be_impatient();
  server.mood = DnsServer::Mood::silent;
  EXPECT_EQ(resolve("ice.test").error, errc::timed_out);
  EXPECT_GT(questions(), 0);
}

TEST_F(ResolverTest, ATruncatedAnswerIsAskedForAgainOverTcp) {
  server.add("ice.test", "192.0.2.1");
  server.mood = DnsServer::Mood::truncating;
  EXPECT_THAT(resolve("ice.test").addresses, ElementsAre(v4(1)));
  EXPECT_GT(server.tcp_questions, 0);
}

TEST_F(ResolverTest, AnAnswerThatMakesNoSenseIsAnErrorAndNoMore) {
  be_impatient();
  server.mood = DnsServer::Mood::babbling;
  const Answer answer = resolve("ice.test");
  EXPECT_TRUE(answer.error);
  EXPECT_THAT(answer.addresses, ElementsAre());
  be_patient();
  server.mood = DnsServer::Mood::helpful;
  server.add("ice.test", "192.0.2.1");
  EXPECT_THAT(resolve("ice.test").addresses, ElementsAre(v4(1)));
}

TEST_F(ResolverTest, AServerThatFailsIsTold) {
  server.mood = DnsServer::Mood::failing;
  const Answer answer = resolve("ice.test");
  EXPECT_EQ(std::error_code{answer.error}.category(), dns_category()) << answer.error.message();
  EXPECT_FALSE(answer.error.message().empty());
}

TEST_F(ResolverTest, AnAddressNeverReachesDns) {
  EXPECT_THAT(resolve("192.0.2.7").addresses, ElementsAre(v4(7)));
  EXPECT_THAT(resolve("2001:db8::1").addresses, ElementsAre(v6));
  EXPECT_THAT(resolve("fe80::1%lo").addresses, ElementsAre(*Address::parse("fe80::1%1")));
  EXPECT_EQ(questions(), 0);
}

TEST_F(ResolverTest, WhatCanBeNoNameNeverReachesDnsEither) {
  for (const std::string& wrong : {std::string{}, std::string{"2001:db8::1::2"}, std::string{"fe80::1%nothere"},
                                   std::string{"ice.test\0.evil", 14}, std::string(300, 'a'), std::string(70, 'a')}) {
    EXPECT_EQ(resolve(wrong).error, errc::name_not_resolved) << wrong;
  }
  EXPECT_EQ(questions(), 0);
}

TEST_F(ResolverTest, TheHostsFileComesFirst) {
  server.add("localhost", "192.0.2.1");
  EXPECT_THAT(resolve("localhost").addresses, testing::Contains(Address::loopback(Family::ipv4)));
  EXPECT_EQ(questions(), 0);
}

TEST_F(ResolverTest, ManyQuestionsAtOnceAreToldApart) {
  std::vector<std::optional<Answer>> answers(50);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    server.add(name, "192.0.2." + std::to_string(i));
    resolver->async_resolve(name, keep(answers[i]));
  }
  ASSERT_TRUE(run_until(loop, [&] {
    return std::all_of(answers.begin(), answers.end(), [](const auto& one) { return one.has_value(); });
  }));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_THAT(answers[i]->addresses, ElementsAre(v4(static_cast<std::uint8_t>(i)))) << i;
  }
}

TEST_F(ResolverTest, AResolverThatIsGoneAbortsItsQuestionsAlone) {
  server.mood = DnsServer::Mood::silent;
  Resolver other{context};
  std::optional<Answer> mine;
  std::optional<Answer> others;
  resolver->async_resolve("mine.test", keep(mine));
  other.async_resolve("others.test", keep(others));
  resolver.reset();
  EXPECT_FALSE(mine) << "completed inside the destructor";
  ASSERT_TRUE(run_until(loop, [&] { return mine.has_value(); }));
  EXPECT_EQ(mine->error, boost::asio::error::operation_aborted);
  EXPECT_FALSE(others);
}

TEST_F(ResolverTest, NothingIsLeftInTheLoopWhenTheLastQuestionIsAborted) {
  server.mood = DnsServer::Mood::silent;
  boost::asio::io_context own;
  std::optional<Answer> answer;
  Context own_context{own.get_executor()};
  own_context.state()->dns_settings.servers = server.text();
  auto short_lived = std::make_unique<Resolver>(own_context);
  short_lived->async_resolve("ice.test", keep(answer));
  own.poll();
  short_lived.reset();
  own.run();  // returns: no timer, no socket
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error, boost::asio::error::operation_aborted);
  EXPECT_TRUE(own_context.state()->dns.expired());
}

TEST_F(ResolverTest, OneQuestionMayBeCancelled) {
  server.mood = DnsServer::Mood::silent;
  boost::asio::cancellation_signal stop;
  std::optional<Answer> answer;
  resolver->async_resolve("ice.test", boost::asio::bind_cancellation_slot(stop.slot(), keep(answer)));
  stop.emit(boost::asio::cancellation_type::terminal);
  stop.emit(boost::asio::cancellation_type::terminal);
  ASSERT_TRUE(run_until(loop, [&] { return answer.has_value(); }));
  EXPECT_EQ(answer->error, boost::asio::error::operation_aborted);
}

TEST_F(ResolverTest, ACancellationAfterTheAnswerIsTooLate) {
  server.add("ice.test", "192.0.2.1");
  boost::asio::cancellation_signal stop;
  std::optional<Answer> answer;
  resolver->async_resolve("ice.test", boost::asio::bind_cancellation_slot(stop.slot(), keep(answer)));
  ASSERT_TRUE(run_until(loop, [&] { return answer.has_value(); }));
  resolver.reset();
  stop.emit(boost::asio::cancellation_type::terminal);
  loop.poll();
  EXPECT_FALSE(answer->error);
}

TEST_F(ResolverTest, ACoroutineThatOwnsItMayDieWithTheLoop) {
  // The coroutine owns the resolver, and the question owns the coroutine: whoever dies first must take all of it along.
  auto other = std::make_unique<boost::asio::io_context>();
  const auto witness = std::make_shared<int>();
  std::optional<Context> other_context{other->get_executor()};  // no strand may outlive its loop
  other_context->state()->dns_settings.servers = server.text();
  server.mood = DnsServer::Mood::silent;
  boost::asio::co_spawn(
      *other,
      [](Context in, std::shared_ptr<int>) -> boost::asio::awaitable<void> {
        Resolver own{in};
        static_cast<void>(co_await own.async_resolve("ice.test", boost::asio::as_tuple(boost::asio::use_awaitable)));
        ADD_FAILURE() << "nobody answers";
      }(*other_context, witness),
      boost::asio::detached);
  other_context.reset();
  other->poll();
  EXPECT_EQ(witness.use_count(), 2);
  other.reset();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(ResolverTest, NobodyStartsAThread) {
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator{"/proc/self/task"}, std::filesystem::directory_iterator{});
  };
  const auto before = threads();
  server.add("ice.test", "192.0.2.1");
  std::optional<Answer> answer;
  resolver->async_resolve("ice.test", keep(answer));
  EXPECT_EQ(threads(), before);
  ASSERT_TRUE(run_until(loop, [&] { return answer.has_value(); }));
  EXPECT_EQ(threads(), before);
}

}  // namespace
}  // namespace ice::io
