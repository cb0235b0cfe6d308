#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <vector>

#include "ice/base/bytes.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/random.hpp"
#include "ice/stun/auth_session.hpp"

namespace ice::bench {

/// How data goes between a client and its relay.
enum class Wrapping : std::uint8_t { channel, indication };

/// What stands before the payload on the way to the relay: the header of ChannelData, or of a Send indication with an
/// IPv4 peer and DATA (RFC 8656 §11.1, §12.4).
constexpr std::size_t overhead(Wrapping wrapping) noexcept { return wrapping == Wrapping::channel ? 4 : 36; }

/// A socket on loopback that sends and receives in batches and never waits for long.
class LoadSocket {
 public:
  LoadSocket();
  ~LoadSocket();
  LoadSocket(const LoadSocket&) = delete;
  LoadSocket& operator=(const LoadSocket&) = delete;

  Endpoint local() const;
  void send(const Endpoint& to, Bytes packet, int copies);
  /// Takes in up to `count` packets; fewer where nothing more comes for some milliseconds.
  int receive(int count);
  /// The last packet received.
  Bytes last() const noexcept { return last_; }

 private:
  int fd_;
  Bytes last_{};
};

/// A client of a relay and its peer in one: it floods the relay, a window of packets at a time, and counts what comes
/// out at the other side.
class Load {
 public:
  static constexpr int window = 48;  ///< what the receive buffer of the least relay holds

  /// A relay that wants no allocation and knows one peer: `bare`.
  Load(Wrapping wrapping, std::size_t payload);

  /// Allocates, permits the peer and, for channels, binds one. Ends the program where the relay refuses.
  void allocate(const Endpoint& relay);
  void use_bare(const Endpoint& relay) { relay_ = relay; }

  Endpoint peer() const { return peer_.local(); }

  /// One window towards the peer, or from it: how many arrived.
  int to_peer();
  int to_client();

 private:
  void transact(stun::Method method, stun::AuthSession& session);
  bool await_response(const stun::TransactionId& id);
  void write_packet();

  Wrapping wrapping_;
  LoadSocket client_;
  LoadSocket peer_;
  Endpoint relay_{};
  Endpoint relayed_{};
  CryptoRandom random_{};
  std::vector<std::uint8_t> payload_;
  std::vector<std::uint8_t> packet_;
};

}  // namespace ice::bench
