#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

#include "certificates.hpp"
#include "ice/io/driver.hpp"
#include "support.hpp"
#include "toy_machine.hpp"

namespace ice::io {
namespace {

/// A server and a client on contexts of their own, over TLS or DTLS.
struct SecuredSockets : testing::TestWithParam<Transport> {
  boost::asio::io_context loop;
  Context server_context{loop.get_executor()};
  Context client_context{loop.get_executor()};
  Driver<ToyMachine> server{server_context};
  Driver<ToyMachine> client{client_context};
  CertificateAuthority authority;
  SocketId listener{};
  Endpoint here;
  std::vector<std::string> received;

  Framing framing() const { return is_stream(GetParam()) ? Framing::rfc4571 : Framing::none; }

  void serve(const TlsConfig& config) {
    ASSERT_TRUE(server_context.configure_tls(config));
    const auto opened = server.listen(loopback(), framing(), GetParam());
    ASSERT_TRUE(opened);
    listener = *opened;
    here = *server.local_endpoint(listener);
    server.on_data([this](const Received& message) { received.emplace_back(text_of(message.data)); });
  }

  void connect(const TlsConfig& config, const std::string& name = "") {
    ASSERT_TRUE(client_context.configure_tls(config));
    connect_again(name);
  }

  void connect_again(const std::string& name = "") {
    client.with([&](ToyMachine& machine, TimePoint) {
      machine.want(OpenSocket{.ticket = SocketTicket{1},
                              .kind = OpenSocket::Kind::connect,
                              .transport = GetParam(),
                              .remote = here,
                              .framing = framing(),
                              .tls_name = name});
    });
  }

  template <class E>
  bool wait_for(Driver<ToyMachine>& driver, std::size_t count = 1) {
    return run_until(loop, [&] { return driver.machine().socket_events_of<E>().size() >= count; });
  }

  SocketOpened opened() {
    EXPECT_TRUE(wait_for<SocketOpened>(client));
    return client.machine().socket_events_of<SocketOpened>().back();
  }

  SocketAccepted accepted(std::size_t count = 1) {
    EXPECT_TRUE(wait_for<SocketAccepted>(server, count));
    return server.machine().socket_events_of<SocketAccepted>().back();
  }

  std::error_code why_failed() {
    EXPECT_TRUE(wait_for<SocketFailed>(client));
    return client.machine().socket_events_of<SocketFailed>().back().error;
  }

  static void say(Driver<ToyMachine>& driver, SocketId socket, const Endpoint& to, std::string head,
                  std::string body = {}) {
    driver.with([&](ToyMachine& machine, TimePoint) { machine.say({socket, to, head, body}); });
  }
};

INSTANTIATE_TEST_SUITE_P(Transports, SecuredSockets, testing::Values(Transport::tls, Transport::dtls),
                         [](const auto& tested) { return std::string{to_string(tested.param)}; });

TEST_P(SecuredSockets, MessagesGoBothWaysWhole) {
  serve(authority.issue());
  connect(authority.client());
  const SocketOpened at_client = opened();
  const SocketAccepted at_server = accepted();
  EXPECT_EQ(at_server.listener, listener);
  EXPECT_EQ(at_server.remote, at_client.local);
  EXPECT_EQ(at_server.local, here);

  say(client, at_client.socket, here, "he", "llo");
  say(client, at_client.socket, here, "second");
  ASSERT_TRUE(run_until(loop, [&] { return received.size() == 2; }));
  EXPECT_EQ(received, (std::vector<std::string>{"hello", "second"}));

  std::string answer;
  client.on_data([&](const Received& message) { answer = text_of(message.data); });
  say(server, at_server.socket, at_server.remote, std::string(10'000, 'b'));
  ASSERT_TRUE(run_until(loop, [&] { return !answer.empty(); }));
  EXPECT_EQ(answer, std::string(10'000, 'b'));
}

TEST_P(SecuredSockets, AForwardGoesBackOnTheSessionThatItCameFrom) {
  serve(authority.issue());
  connect(authority.client());
  std::string answer;
  client.on_data([&](const Received& message) { answer = text_of(message.data); });
  server.with([](ToyMachine& machine, TimePoint) { machine.answer_prefix = 'x'; });
  say(client, opened().socket, here, ">echo");
  ASSERT_TRUE(run_until(loop, [&] { return !answer.empty(); }));
  EXPECT_EQ(answer, "xecho");
}

TEST_P(SecuredSockets, AGoodbyeIsHeard) {
  serve(authority.issue());
  connect(authority.client());
  const SocketOpened at_client = opened();
  const SocketAccepted at_server = accepted();
  client.close(at_client.socket);
  ASSERT_TRUE(wait_for<SocketClosed>(server));
  const auto closed = server.machine().socket_events_of<SocketClosed>()[0];
  EXPECT_EQ(closed.socket, at_server.socket);
  EXPECT_FALSE(closed.error);

  connect_again();
  ASSERT_TRUE(wait_for<SocketOpened>(client, 2));
  server.close(accepted(2).socket);
  EXPECT_TRUE(wait_for<SocketClosed>(client));
}

TEST_P(SecuredSockets, TheCertificateMayBearAHostName) {
  serve(authority.issue("DNS:turn.example, DNS:*.relays.example"));
  connect(authority.client(), "turn.example");
  opened();
  connect_again("one.relays.example");
  EXPECT_TRUE(wait_for<SocketOpened>(client, 2));
}

TEST_P(SecuredSockets, ACertificateForAnotherNameFails) {
  serve(authority.issue("DNS:turn.example"));
  connect(authority.client(), "other.example");
  EXPECT_EQ(why_failed(), make_error_code(TlsError::name_mismatch));
  ASSERT_TRUE(run_until(loop, [&] { return server.statistics().handshakes_failed == 1; }));
  EXPECT_EQ(server.machine().socket_events_of<SocketAccepted>().size(), 0U);
}

TEST_P(SecuredSockets, ACommonNameIsNoName) {
  serve(authority.issue("email:somebody@common.example"));
  connect(authority.client(), "common.example");
  EXPECT_EQ(why_failed(), make_error_code(TlsError::name_mismatch));
}

TEST_P(SecuredSockets, ANameMayEndWithTheDotOfTheRoot) {
  serve(authority.issue("DNS:turn.example"));
  connect(authority.client(), "turn.example.");
  opened();
}

TEST_P(SecuredSockets, WithoutANameTheCertificateMustBearTheAddress) {
  serve(authority.issue("IP:127.0.0.2, DNS:turn.example"));
  connect(authority.client());
  EXPECT_EQ(why_failed(), make_error_code(TlsError::name_mismatch));
}

TEST_P(SecuredSockets, AnExpiredCertificateFails) {
  serve(authority.issue("IP:127.0.0.1", {.from = -7200, .to = -3600}));
  connect(authority.client());
  EXPECT_EQ(why_failed(), make_error_code(TlsError::expired));
}

TEST_P(SecuredSockets, ACertificateOfTheFutureFails) {
  serve(authority.issue("IP:127.0.0.1", {.from = 3600, .to = 7200}));
  connect(authority.client());
  EXPECT_EQ(why_failed(), make_error_code(TlsError::not_yet_valid));
}

TEST_P(SecuredSockets, AnUnknownAuthorityFails) {
  serve(authority.issue());
  const CertificateAuthority other;
  connect(other.client());
  EXPECT_EQ(why_failed(), make_error_code(TlsError::unknown_authority));
}

TEST_P(SecuredSockets, WhoIsNotConfiguredBelievesTheSystemsAuthoritiesAlone) {
  serve(authority.issue());
  connect_again();
  EXPECT_EQ(why_failed(), make_error_code(TlsError::unknown_authority));
}

TEST_P(SecuredSockets, ASelfSignedCertificateFailsUnlessItIsBelieved) {
  const TlsConfig self_signed = authority.issue_self_signed();
  serve(self_signed);
  connect(authority.client());
  EXPECT_EQ(why_failed(), make_error_code(TlsError::self_signed));

  TlsConfig believing;
  believing.ca_file = self_signed.certificate_file;
  connect(believing);
  opened();
}

TEST_P(SecuredSockets, WithoutVerificationAnyServerIsBelieved) {
  serve(authority.issue_self_signed("DNS:somebody.else"));
  TlsConfig blind;
  blind.verify = false;
  connect(blind);
  opened();
}

TEST_P(SecuredSockets, AnApplicationProtocolThatIsNotInCommonFails) {
  serve(authority.issue());
  TlsConfig web = authority.client();
  web.protocols = {"h2", "http/1.1"};
  connect(web);
  EXPECT_EQ(why_failed(), make_error_code(TlsError::no_common_protocol));

  web.protocols = {"h2", "stun.turn"};
  connect(web);
  opened();
  web.protocols = {};
  connect(web);
  EXPECT_TRUE(wait_for<SocketOpened>(client, 2)) << "ALPN is not required (RFC 7443)";
}

TEST_P(SecuredSockets, ListeningNeedsACertificate) {
  const auto without = server.listen(loopback(), framing(), GetParam());
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error(), make_error_code(TlsError::no_certificate));
}

TEST_P(SecuredSockets, ANameThatCannotBeOneFails) {
  serve(authority.issue());
  connect(authority.client(), std::string(300, 'x'));
  EXPECT_EQ(why_failed(), errc::invalid_argument);
}

TEST_P(SecuredSockets, ANewCertificateIsForThoseWhoComeLater) {
  serve(authority.issue("DNS:old.example"));
  connect(authority.client(), "old.example");
  opened();
  ASSERT_TRUE(server_context.configure_tls(authority.issue("DNS:new.example")));
  connect_again("new.example");
  EXPECT_TRUE(wait_for<SocketOpened>(client, 2));
  say(client, client.machine().socket_events_of<SocketOpened>()[0].socket, here, "still there");
  EXPECT_TRUE(run_until(loop, [&] { return !received.empty(); }));
}

TEST(TlsConfiguration, EachFileThatIsWrongIsNamed) {
  boost::asio::io_context loop;
  Context context{loop.get_executor()};
  CertificateAuthority authority;
  const TlsConfig right = authority.issue();
  const auto error_of = [&](auto change) {
    TlsConfig config = right;
    change(config);
    const auto done = context.configure_tls(config);
    return done ? std::error_code{} : done.error();
  };
  const std::string garbage = authority.write("no PEM");
  EXPECT_FALSE(error_of([](TlsConfig&) {}));
  EXPECT_EQ(error_of([&](TlsConfig& one) { one.ca_file = garbage; }), make_error_code(TlsError::bad_ca_file));
  EXPECT_EQ(error_of([&](TlsConfig& one) { one.ca_file = "/does/not/exist"; }), make_error_code(TlsError::bad_ca_file));
  EXPECT_EQ(error_of([&](TlsConfig& one) { one.certificate_file = garbage; }),
            make_error_code(TlsError::bad_certificate_file));
  EXPECT_EQ(error_of([&](TlsConfig& one) { one.key_file = garbage; }), make_error_code(TlsError::bad_key_file));
  EXPECT_EQ(error_of([&](TlsConfig& one) { one.key_file = authority.issue().key_file; }),
            make_error_code(TlsError::wrong_key));
  EXPECT_EQ(error_of([&](TlsConfig& one) { one.key_file.clear(); }), make_error_code(TlsError::no_certificate));
}

TEST(TlsErrors, EachHasAMessageOfItsOwn) {
  std::vector<std::string> messages;
  for (int value = 1; value <= static_cast<int>(TlsError::wrong_key); ++value) {
    messages.push_back(make_error_code(static_cast<TlsError>(value)).message());
  }
  std::sort(messages.begin(), messages.end());
  EXPECT_EQ(std::adjacent_find(messages.begin(), messages.end()), messages.end());
  EXPECT_EQ(std::find(messages.begin(), messages.end(), "unknown TLS error"), messages.end());
}

}  // namespace
}  // namespace ice::io
