#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <array>
#include <deque>
#include <string>

#include "certificates.hpp"
#include "io/tls_context.hpp"

namespace ice::io {
namespace {

/// Both ends of one connection, with the wire between them in the test's hands.
struct SessionPair : testing::Test {
  using Wire = std::deque<std::string>;

  CertificateAuthority authority;
  Wire to_server;
  Wire to_client;
  std::unique_ptr<TlsSession> server;
  std::unique_ptr<TlsSession> client;
  std::array<std::uint8_t, tls_record_size> buffer{};

  void make(Transport transport) {
    const auto at_server = *TlsContext::make(authority.issue());
    const auto at_client = *TlsContext::make(authority.client());
    server = at_server->server(transport, [this](Bytes piece) { to_client.emplace_back(text_of(piece)); });
    client =
        *at_client->client(transport, "127.0.0.1", [this](Bytes piece) { to_server.emplace_back(text_of(piece)); });
    SSL_clear_options(server->native(), SSL_OP_COOKIE_EXCHANGE);  // the listener's part
  }

  /// Carries what lies on the wires until both say that they are done.
  bool shake_hands() {
    bool client_done = *client->shake_hands();
    bool server_done = false;
    while (!to_server.empty() || !to_client.empty()) {
      server_done = feed(*server, to_server) || server_done;
      client_done = feed(*client, to_client) || client_done;
    }
    return client_done && server_done;
  }

  static bool feed(TlsSession& session, Wire& wire) {
    bool done = false;
    while (!wire.empty()) {
      const std::string piece = std::move(wire.front());
      wire.pop_front();
      session.feed(bytes_of(piece));
      const auto step = session.shake_hands();
      EXPECT_TRUE(step);
      done = step && *step;
    }
    return done;
  }

  std::string read(TlsSession& session, Wire& wire) {
    std::string text;
    while (!wire.empty()) {
      session.feed(bytes_of(wire.front()));
      for (;;) {
        const auto plaintext = session.read(buffer);
        EXPECT_TRUE(plaintext);
        if (!plaintext || plaintext->empty()) break;
        text += text_of(*plaintext);
      }
      wire.pop_front();
    }
    return text;
  }
};

struct TlsSessions : SessionPair, testing::WithParamInterface<Transport> {
  void SetUp() override { make(GetParam()); }
};

struct DtlsSessions : SessionPair {
  void SetUp() override { make(Transport::dtls); }
};

INSTANTIATE_TEST_SUITE_P(Transports, TlsSessions, testing::Values(Transport::tls, Transport::dtls),
                         [](const auto& tested) { return std::string{to_string(tested.param)}; });

TEST_P(TlsSessions, TheNewestVersionThatOpenSslHasIsSpoken) {
  ASSERT_TRUE(shake_hands());
  EXPECT_EQ(std::string{SSL_get_version(client->native())}, GetParam() == Transport::tls ? "TLSv1.3" : "DTLSv1.2");
}

TEST_P(TlsSessions, TheApplicationProtocolIsThatOfRfc7443) {
  ASSERT_TRUE(shake_hands());
  for (TlsSession* one : {client.get(), server.get()}) {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(one->native(), &name, &size);
    EXPECT_EQ(text_of({name, size}), "stun.turn");
  }
}

TEST_P(TlsSessions, WhatIsWrittenIsReadAndDoesNotShowOnTheWire) {
  ASSERT_TRUE(shake_hands());
  ASSERT_TRUE(client->write(bytes_of("the secret")));
  ASSERT_EQ(to_server.size(), 1U);
  EXPECT_EQ(to_server[0].find("secret"), std::string::npos);
  EXPECT_EQ(read(*server, to_server), "the secret");
}

TEST_P(TlsSessions, ARecordHasItsLimit) {
  ASSERT_TRUE(shake_hands());
  const std::string most(tls_record_size, 'm');
  EXPECT_EQ(client->write(bytes_of(most + "m")).error(), errc::limit_reached);
  ASSERT_TRUE(client->write(bytes_of(most)));
  EXPECT_EQ(read(*server, to_server), most);
}

TEST_P(TlsSessions, AGoodbyeIsTheEnd) {
  ASSERT_TRUE(shake_hands());
  client->say_goodbye();
  server->feed(bytes_of(to_server.at(0)));
  const auto end = server->read(buffer);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error(), errc::closed);
}

TEST_P(TlsSessions, WhatWasChangedOnTheWayIsNeverRead) {
  ASSERT_TRUE(shake_hands());
  ASSERT_TRUE(client->write(bytes_of("the secret")));
  to_server[0].back() = static_cast<char>(to_server[0].back() ^ 1);
  server->feed(bytes_of(to_server[0]));
  const auto nothing = server->read(buffer);
  if (GetParam() == Transport::tls) {
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error(), make_error_code(TlsError::broken));
  } else {
    // RFC 6347 §4.1.2.7: such a record is dropped, and the next one is read.
    EXPECT_TRUE(nothing && nothing->empty());
    to_server.clear();
    ASSERT_TRUE(client->write(bytes_of("the next")));
    EXPECT_EQ(read(*server, to_server), "the next");
  }
}

struct StreamSessions : SessionPair {
  void SetUp() override { make(Transport::tls); }

  /// The client says `count` times that it has a new key and wants one, which the server answers each time.
  void change_keys(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(SSL_key_update(client->native(), SSL_KEY_UPDATE_REQUESTED), 1);
      ASSERT_TRUE(client->shake_hands());
    }
  }

  /// What the server says of everything on its wire, in one piece.
  result<Bytes> hear() {
    heard_.clear();
    for (const std::string& piece : to_server) heard_ += piece;
    to_server.clear();
    server->feed(bytes_of(heard_));
    return server->read(buffer);
  }

 private:
  std::string heard_;
};

TEST_F(StreamSessions, APeerThatOnlyChangesItsKeysIsNotListenedToForLong) {
  ASSERT_TRUE(shake_hands());
  read(*client, to_client);
  change_keys(5'000);
  const auto heard = hear();
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error(), make_error_code(errc::limit_reached));
  EXPECT_LE(to_client.size(), 33U) << "each answer costs a signature of time and of room";
}

TEST_F(StreamSessions, KeysMayChangeNowAndThenBetweenData) {
  ASSERT_TRUE(shake_hands());
  read(*client, to_client);
  for (int i = 0; i < 20; ++i) {
    change_keys(10);
    ASSERT_TRUE(client->write(bytes_of("data")));
    const auto heard = hear();
    ASSERT_TRUE(heard);
    EXPECT_EQ(text_of(*heard), "data");
  }
}

TEST_F(DtlsSessions, AFlightFitsAnyPath) {
  ASSERT_FALSE(*client->shake_hands());
  while (!to_server.empty() || !to_client.empty()) {
    for (const std::string& piece : to_server) EXPECT_LE(piece.size(), 1'200U);
    for (const std::string& piece : to_client) EXPECT_LE(piece.size(), 1'200U);
    feed(*server, to_server);
    feed(*client, to_client);
  }
}

TEST_F(DtlsSessions, AFlightThatIsLostIsSentAgain) {
  // RFC 6347 §4.2.4.1 begins with a second, which would be long for a test.
  DTLS_set_timer_cb(client->native(), [](SSL*, unsigned int last) { return last == 0 ? 20'000U : 1'000'000U; });
  EXPECT_EQ(client->retransmission(), std::nullopt);
  ASSERT_FALSE(*client->shake_hands());
  const std::string lost = to_server.at(0);
  to_server.clear();
  ASSERT_NE(client->retransmission(), std::nullopt);
  while (to_server.empty()) client->retransmit();
  EXPECT_EQ(to_server.at(0).size(), lost.size());
  EXPECT_TRUE(shake_hands());
  EXPECT_EQ(client->retransmission(), std::nullopt);
}

}  // namespace
}  // namespace ice::io
