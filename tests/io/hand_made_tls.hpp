#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "io/tls_context.hpp"
#include "support.hpp"

namespace ice::io {

/// The client's half of TLS or DTLS in the hands of the test, who sees each piece and decides what becomes of it.
struct HandMadeTls {
  HandMadeTls(const TlsConfig& config, Transport transport) : HandMadeTls{*TlsContext::make(config), transport} {}
  /// One of many of the same kind.
  HandMadeTls(std::shared_ptr<const TlsContext> its_context, Transport transport) : context{std::move(its_context)} {
    session = *context->client(transport, "127.0.0.1", [this](Bytes piece) { out.emplace_back(text_of(piece)); });
  }

  /// What came; true when the handshake is over.
  bool feed(std::string_view piece) {
    session->feed(bytes_of(piece));
    const auto done = session->shake_hands();
    EXPECT_TRUE(done);
    return done && *done;
  }

  /// The next piece that would leave.
  std::string take() {
    std::string piece = std::move(out.front());
    out.pop_front();
    return piece;
  }

  /// Hands everything to `socket`, which is connected or to a datagram's destination.
  void send_all(RawSocket& socket, const Endpoint& to) {
    while (!out.empty()) socket.send(to, take());
  }

  std::shared_ptr<const TlsContext> context;
  std::unique_ptr<TlsSession> session;
  std::deque<std::string> out;
};

}  // namespace ice::io
