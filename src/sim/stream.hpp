#pragma once

#include <cstdint>
#include <system_error>
#include <vector>

#include "ice/base/framing.hpp"
#include "ice/sim/host.hpp"
#include "ice/sim/network.hpp"
#include "sim/packet.hpp"

namespace ice::sim {

struct Socket;

/// One end of a TCP connection (RFC 9293), as far as machines can tell one from the real thing: see Host.
class Stream {
 public:
  Stream(Host::State& host, Socket& socket, const Endpoint& remote);

  void connect();
  void accept(const Packet& syn, SocketId listener);

  result<void> send(const Transmit& transmit, Host::Priority priority);
  void receive(const Packet& packet);

  /// The path said so, by ICMP.
  void unreachable(std::error_code why);
  void too_big(std::uint32_t mtu);

  /// The owner is done: what was given is still sent, then FIN.
  void close();

  void set_framing(Framing framing) noexcept { deframer_.set_framing(framing); }
  void set_reading(bool on);

  /// RST to the other side, and nothing more from here; the owner is not told.
  void abort();

  const Endpoint& remote() const noexcept { return remote_; }

 private:
  enum class State : std::uint8_t { syn_sent, syn_received, established, ended };

  std::uint64_t end_of_data() const noexcept { return data_start_ + buffer_.size() - consumed_; }
  void segment(std::uint8_t flags, std::uint64_t sequence, Bytes payload = {});
  void acknowledge() { segment(TcpHeader::ack, next_); }
  void send_syn();
  void push();
  void rewind();
  void arm();
  void timed_out();
  bool receive_handshake(const TcpHeader& header);
  void acknowledged(std::uint64_t upto, bool bare);
  void take(const TcpHeader& header, Bytes payload);
  void hand_over(Bytes data);
  void resume();
  void end_of_theirs();
  void tell_flow();
  template <class What>
  void later(What what);
  void established();
  void finish(std::error_code why);
  void end_if_done();

  Host::State& host_;
  Socket& socket_;
  Endpoint remote_;
  SocketId listener_{};
  State state_ = State::syn_sent;
  bool accepted_ = false;  ///< made by a listener, not by connect()
  bool opened_ = false;    ///< the owner knows of it
  bool fin_queued_ = false;
  bool fin_received_ = false;

  // Sending. The bytes from `consumed_` on in `buffer_` begin at `data_start_`, and the FIN follows them.
  std::uint64_t first_;    ///< of our SYN
  std::uint64_t oldest_;   ///< not acknowledged yet
  std::uint64_t next_;     ///< to send
  std::uint64_t highest_;  ///< ever sent, plus one
  std::uint64_t data_start_;
  std::vector<std::uint8_t> buffer_;
  std::size_t consumed_ = 0;
  std::size_t segment_size_;
  unsigned duplicates_ = 0;
  unsigned retries_ = 0;
  TimePoint syn_sent_at_{};
  Duration timeout_;
  Timer timer_;

  std::uint64_t expected_ = 0;  ///< the next byte from the other side
  bool reads_ = true;           ///< the owner wants it
  bool holding_ = false;        ///< what has come is held back, since the owner did not want it
  std::vector<std::uint8_t> held_;
  bool full_ = false;  ///< the owner knows that much waits to be sent
  Deframer deframer_;
};

}  // namespace ice::sim
