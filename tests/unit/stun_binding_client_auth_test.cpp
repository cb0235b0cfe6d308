// How a binding client proves who it is, and where it lets itself be sent (RFC 8489 §9, §10).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "ice/stun/binding_client.hpp"
#include "support/stun_auth_server.hpp"
#include "support/stun_client_rig.hpp"

namespace ice::stun {
namespace {

using namespace std::chrono_literals;
using test::AuthServer;
using test::ClientRig;
using test::endpoint;
using test::Packet;
using testing::ElementsAre;
using Reply = ClientRig::Reply;

constexpr SocketId socket{1};
const Endpoint first = endpoint("192.0.2.1:3478");
const Endpoint second = endpoint("192.0.2.2:3478");
const Endpoint third = endpoint("192.0.2.3:3478");
const Endpoint mapped = endpoint("203.0.113.9:40000");

BindingClientConfig with_login() { return {.session = AuthSession::long_term(*Login::make("user", "pass"))}; }

/// A client with a login, and servers that want one.
struct AKnownClient : testing::Test, ClientRig {
  AKnownClient() : ClientRig{with_login()} {
    for (const Endpoint& at : {first, second, third}) servers[at].realm = "example.org";
    answer = [this](const Packet& request) -> std::optional<Reply> {
      const auto found = servers.find(request.to);
      if (found == servers.end()) return std::nullopt;
      return Reply{found->second.answer(request.message()), request.to, request.socket};
    };
  }

  BindingRequest question(const Endpoint& to = first, Transport transport = Transport::udp) const {
    return {.socket = socket, .server = to, .transport = transport, .tls_name = "first.example.org"};
  }
  /// `from` sends whoever has authenticated to `to`, in this order of attributes.
  void redirect(const Endpoint& from, std::vector<Endpoint> to, std::string_view domain = {}) {
    servers[from].refuse_with = 300;
    servers[from].add_to_success = [to = std::move(to), domain](Builder& b) {
      for (const Endpoint& alternate : to) b.add<attr::AlternateServer>(alternate);
      if (!domain.empty()) b.add<attr::AlternateDomain>(domain);
    };
  }
  /// Whom the client has asked, in order, challenges included.
  std::vector<Endpoint> asked() const {
    std::vector<Endpoint> result;
    for (const Sent& s : sent) result.push_back(s.packet.to);
    return result;
  }
  const BindingResult& result() const { return results.at(0); }

  std::map<Endpoint, AuthServer> servers;
};

TEST_F(AKnownClient, MeetsAChallengeWithANewTransaction) {
  ask(question());
  EXPECT_FALSE(result().error);
  EXPECT_EQ(result().mapped, mapped);
  EXPECT_TRUE(result().authenticated);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_NE(sent[0].packet.message().transaction_id(), sent[1].packet.message().transaction_id());
}

TEST_F(AKnownClient, IsChallengedOnceForAllRequestsToAServer) {
  ask(question());
  ask(question());
  ask(question());
  EXPECT_EQ(sent.size(), 4u);
  EXPECT_EQ(results.size(), 3u);
}

TEST_F(AKnownClient, MeetsAStaleNonce) {
  ask(question());
  servers[first].nonce = "second-nonce";
  ask(question());
  EXPECT_EQ(sent.size(), 4u);
  EXPECT_TRUE(results.at(1).authenticated);
}

TEST_F(AKnownClient, HasASessionForEachServer) {
  servers[second].realm = "example.net";
  ask(question(first));
  ask(question(second));
  ask(question(first));
  EXPECT_EQ(sent.size(), 5u);
  for (const BindingResult& r : results) EXPECT_TRUE(r.authenticated);
}

TEST_F(AKnownClient, TellsThatItsPasswordIsWrong) {
  servers[first].password = "another";
  ask(question());
  EXPECT_EQ(result().error, errc::unauthorized);
  EXPECT_EQ(result().code, ErrorCode::unauthenticated);
  EXPECT_EQ(result().from, first);
}

TEST_F(AKnownClient, TellsOfViolatedIntegrityInsteadOfATimeout) {  // §9.2.5
  ask(question());
  answer = [](const Packet& request) {
    return Reply{test::success_response(request.message().transaction_id(),
                                        [](Builder& b) { b.add<attr::XorMappedAddress>(mapped); }),
                 first, socket};
  };
  sent.clear();
  ask(question());
  EXPECT_EQ(last.verdict, Verdict::unauthenticated);
  run();
  EXPECT_EQ(sent.size(), 7u) << "as if they had never been received";
  EXPECT_EQ(results.at(1).error, errc::wrong_integrity);
  EXPECT_EQ(results.at(1).last_heard.kind, LastHeard::Kind::unverified);
  EXPECT_EQ(client.counters().unauthenticated, 7u);
}

TEST_F(AKnownClient, EndsAtOnceWithViolatedIntegrityOnAStream) {  // §9.2.5
  ask(question(first, Transport::tcp));
  answer = [](const Packet& request) {
    return Reply{test::success_response(request.message().transaction_id()), first, socket};
  };
  ask(question(first, Transport::tcp));
  EXPECT_EQ(results.at(1).error, errc::wrong_integrity);
  BindingRequest impatient = question(first, Transport::tcp);
  impatient.schedule = RetransmissionSchedule::once(std::chrono::seconds{5});
  ask(impatient);
  EXPECT_EQ(results.at(2).error, errc::wrong_integrity) << "whatever the schedule is";
}

TEST_F(AKnownClient, KeepsAskingAfterAnUnsigned400ButRemembersIt) {  // §9.2.5
  ask(question());
  answer = [](const Packet& request) {
    return Reply{test::error_response(request.message().transaction_id(), ErrorCode::bad_request), first, socket};
  };
  ask(question());
  run();
  EXPECT_EQ(results.at(1).error, errc::timed_out);
  EXPECT_EQ(results.at(1).last_heard.kind, LastHeard::Kind::untrusted);
  EXPECT_EQ(results.at(1).last_heard.code, ErrorCode::bad_request);
}

TEST_F(AKnownClient, BeginsAnewWhenTheNonceChangedBetweenARequestAndItsRetransmission) {
  ask(question());
  const auto answering = answer;
  answer = nullptr;
  ask(question());  // lost
  const Packet lost = sent.back().packet;
  servers[first].nonce = "second-nonce";
  answer = answering;
  ask(question());  // meets 438
  sent.clear();
  step();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_NE(sent[0].packet.message().transaction_id(), lost.message().transaction_id())
      << "another nonce makes another message, and that needs another transaction";
  EXPECT_EQ(*sent[0].packet.message().get<attr::Nonce>(), servers[first].full_nonce());
  EXPECT_EQ(results.size(), 3u);
}

// --- ALTERNATE-SERVER, RFC 8489 §10

TEST_F(AKnownClient, FollowsAnAuthenticatedRedirectionWithTheSameCredentials) {
  redirect(first, {second});
  ask(question());
  EXPECT_FALSE(result().error);
  EXPECT_EQ(result().server, second);
  EXPECT_EQ(result().redirects, 1);
  EXPECT_TRUE(result().authenticated);
  EXPECT_THAT(asked(), ElementsAre(first, first, second, second));
  EXPECT_EQ(*sent.back().packet.message().get<attr::Username>(), "user");
}

TEST_F(AKnownClient, TakesTheFirstAlternateThatItsSocketCanReach) {
  redirect(first, {endpoint("[2001:db8::1]:3478"), third, second});
  ask(question());
  EXPECT_EQ(result().server, third);
}

TEST_F(AKnownClient, FailsOnARedirectionToNowhere) {
  redirect(first, {});
  ask(question());
  EXPECT_EQ(result().error, errc::bad_response);
  redirect(second, {endpoint("[2001:db8::1]:3478")});
  ask(question(second));
  EXPECT_EQ(results.at(1).error, errc::bad_response);
  redirect(third, {endpoint("192.0.2.99:0")});
  ask(question(third));
  EXPECT_EQ(results.at(2).error, errc::bad_response);
}

TEST_F(AKnownClient, DoesNotRunInCircles) {
  redirect(first, {second});
  redirect(second, {third});
  redirect(third, {first});
  ask(question());
  EXPECT_EQ(result().error, errc::redirect_loop);
  EXPECT_EQ(result().alternate_server, first);
  EXPECT_EQ(result().server, third);
  EXPECT_EQ(sent.size(), 6u);
}

TEST_F(AKnownClient, IsNotSentBackToWhereItIs) {
  redirect(first, {first});
  ask(question());
  EXPECT_EQ(result().error, errc::redirect_loop);
}

TEST_F(AKnownClient, MayComeBackAfterFiveMinutes) {
  redirect(first, {second});
  redirect(second, {first});
  const auto answering = answer;
  answer = [&](const Packet& request) -> std::optional<Reply> {
    if (request.to == second && now - TimePoint{} < 5min) return std::nullopt;
    servers[first].refuse_with = request.to == first && now - TimePoint{} < 5min ? 300 : 0;
    if (servers[first].refuse_with == 0) servers[first].add_to_success = AuthServer{}.add_to_success;
    return answering(request);
  };
  BindingRequest patient = question();
  patient.schedule = RetransmissionSchedule{.rto = 160s, .rc = 3, .rm = 1};
  ask(patient);
  run();
  EXPECT_FALSE(result().error) << result().error.message();
  EXPECT_EQ(result().redirects, 2);
  EXPECT_EQ(result().server, first);
}

TEST_F(AKnownClient, FollowsABoundedNumberOfRedirections) {
  for (std::uint16_t port = 1; port <= 20; ++port) {
    servers[{first.address, port}].realm = "example.org";
    redirect({first.address, port}, {{first.address, static_cast<std::uint16_t>(port + 1)}});
  }
  ask(question({first.address, 1}));
  EXPECT_EQ(result().error, errc::redirect_loop);
  EXPECT_EQ(result().redirects, BindingClient::most_redirects);
}

TEST_F(AKnownClient, StaysWhereItIsToldToStay) {
  BindingClientConfig config = with_login();
  config.follow_alternate_server = false;
  ClientRig rig{config};
  rig.answer = answer;
  redirect(first, {second});
  rig.ask(question());
  EXPECT_EQ(rig.results.at(0).error, errc::server_refused);
  EXPECT_EQ(rig.results.at(0).alternate_server, second);
}

TEST_F(AKnownClient, IsRedirectedOverAStreamThroughANewConnection) {
  redirect(first, {second}, "second.example.org");
  ask(question(first, Transport::tls));
  ASSERT_EQ(socket_requests.size(), 1u);
  const auto& open = std::get<OpenSocket>(socket_requests[0]);
  EXPECT_EQ(open.kind, OpenSocket::Kind::connect);
  EXPECT_EQ(open.transport, Transport::tls);
  EXPECT_EQ(open.remote, second);
  EXPECT_EQ(open.framing, Framing::stun);
  EXPECT_EQ(open.tls_name, "second.example.org") << "§10: ALTERNATE-DOMAIN names the certificate";
  EXPECT_FALSE(client.next_timeout()) << "the connection has a timeout of its own";

  happen(SocketOpened{open.ticket, SocketId{5}, endpoint("10.0.0.1:5")});
  EXPECT_FALSE(result().error);
  EXPECT_EQ(result().socket, SocketId{5});
  ASSERT_EQ(socket_requests.size(), 2u);
  EXPECT_EQ(std::get<CloseSocket>(socket_requests[1]).socket, SocketId{5});
}

TEST_F(AKnownClient, ExpectsTheSameCertificateWithoutAlternateDomain) {
  redirect(first, {second});
  ask(question(first, Transport::tls));
  EXPECT_EQ(std::get<OpenSocket>(socket_requests.at(0)).tls_name, "first.example.org");
}

TEST_F(AKnownClient, FailsWhenTheNewConnectionFails) {
  redirect(first, {second});
  ask(question(first, Transport::tcp));
  const SocketTicket ticket = std::get<OpenSocket>(socket_requests.at(0)).ticket;
  happen(SocketFailed{SocketTicket{999}, std::make_error_code(std::errc::connection_refused)});
  EXPECT_TRUE(results.empty());
  happen(SocketFailed{ticket, std::make_error_code(std::errc::connection_refused)});
  EXPECT_EQ(result().error, std::errc::connection_refused);
  EXPECT_EQ(result().server, second);
}

TEST_F(AKnownClient, ClosesAConnectionThatNobodyWaitsForAnyMore) {
  redirect(first, {second});
  const auto request = ask(question(first, Transport::tcp));
  const SocketTicket ticket = std::get<OpenSocket>(socket_requests.at(0)).ticket;
  client.cancel(request);
  happen(SocketOpened{ticket, SocketId{5}, endpoint("10.0.0.1:5")});
  EXPECT_EQ(std::get<CloseSocket>(socket_requests.at(1)).socket, SocketId{5});
}

TEST_F(AKnownClient, DoesNotCloseAConnectionThatTheOtherSideHasClosed) {
  redirect(first, {second});
  ask(question(first, Transport::tcp));
  servers.erase(second);
  const SocketTicket ticket = std::get<OpenSocket>(socket_requests.at(0)).ticket;
  happen(SocketOpened{ticket, SocketId{5}, endpoint("10.0.0.1:5")});
  happen(SocketClosed{SocketId{5}, {}});
  EXPECT_EQ(result().error, errc::closed);
  EXPECT_EQ(socket_requests.size(), 1u);
}

TEST(AClientWithAShortTermCredential, IsAnsweredByItsPeer) {  // §9.1
  const Login login = *Login::make("user", "pass");
  ClientRig rig{{.session = *AuthSession::short_term(login)}};
  const Credential key = *Credential::short_term("pass");
  rig.answer = [&](const Packet& request) {
    EXPECT_TRUE(request.message().authenticate(key));
    return Reply{test::success_response(request.message().transaction_id(),
                                        [&](Builder& b) { b.add<attr::XorMappedAddress>(mapped).integrity(key); }),
                 first, socket};
  };
  rig.ask({.socket = socket, .server = first});
  rig.ask({.socket = socket, .server = first});
  EXPECT_TRUE(rig.results.at(1).authenticated);
  EXPECT_TRUE(rig.sent[0].packet.message().has<attr::MessageIntegritySha256>());
  EXPECT_FALSE(rig.sent[1].packet.message().has<attr::MessageIntegritySha256>()) << "§9.1.5";
}

}  // namespace
}  // namespace ice::stun
