#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "ice/base/export.hpp"
#include "ice/base/machine.hpp"
#include "ice/base/result.hpp"
#include "ice/io/clock.hpp"
#include "ice/io/context.hpp"

namespace ice::io {

/// What passed a driver since it was made.
struct DriverStatistics {
  std::uint64_t received = 0;  ///< datagrams, or messages of streams
  std::uint64_t received_bytes = 0;
  std::uint64_t sent = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t dropped = 0;            ///< not sent: a full buffer, or a socket that is gone. Lost as in the network
  std::uint64_t send_errors = 0;        ///< not sent: the system refused it
  std::uint64_t refused = 0;            ///< connections closed at once, since a listener had too many
  std::uint64_t handshakes_failed = 0;  ///< TLS and DTLS: ended before a server's machine knew of the connection
  std::uint64_t unreachable = 0;        ///< ICMP errors that came back
  std::uint64_t not_mine = 0;
  std::uint64_t malformed = 0;
  std::uint64_t unauthenticated = 0;
};

/// How many bytes of datagrams the system shall keep for a socket, in each direction, before it drops them; 0 leaves
/// that to the system. It counts its own overhead, and may give less (net.core.rmem_max, net.core.wmem_max).
struct SocketBuffers {
  std::size_t receive = 0;
  std::size_t send = 0;
};

namespace detail {

/// The part of a driver that does not know the machine's type: sockets, the timer, and the turns.
///
/// A turn begins with an input or a verb and ends when the machine is drained. Turns nest where a handler of the
/// application calls the driver again; only the outermost one drains.
class ICE_API Engine : public std::enable_shared_from_this<Engine> {
 public:
  class ICE_API Turn {
   public:
    explicit Turn(Engine& engine);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    TimePoint now() const noexcept { return now_; }
    /// Drains the machine and sets the timer, unless an outer turn will.
    void finish();

   private:
    std::shared_ptr<Engine> engine_;
    TimePoint now_;
    int exceptions_;
  };

  explicit Engine(Context context);
  virtual ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  result<SocketId> open(const OpenSocket& wanted);
  void close(SocketId socket);
  std::optional<Endpoint> local_endpoint(SocketId socket) const;
  /// Application data: told when it was not sent, and never gets the room of a stream that is kept for the protocol.
  result<void> send(const Transmit& packet);
  /// The end: closes all, and destroys the machine when no turn is open. Handlers still queued find nothing to do.
  void stop() noexcept;
  bool stopped() const noexcept;
  void use_buffers(SocketBuffers buffers) noexcept;
  void keep_all_connections() noexcept;

  const Context& context() const noexcept;
  const DriverStatistics& statistics() const noexcept;
  MutableBytes scratch() noexcept;

  // The outlet of drain().
  void transmit(const Transmit& packet);
  void request(SocketRequest wanted);

 protected:
  virtual Received machine_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) = 0;
  virtual void machine_timeout(TimePoint now) = 0;
  virtual void machine_socket(TimePoint now, const SocketEvent& event) = 0;
  virtual std::optional<TimePoint> machine_drain(TimePoint now, MutableBytes scratch) = 0;
  virtual void machine_data(const Received& received) = 0;
  virtual void machine_destroy() noexcept = 0;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace detail

/// Runs a machine on sockets and a clock: reads what arrives, sets one timer to the machine's next timeout, opens the
/// sockets it asks for, sends what it says, and hands its events and the application's data to two handlers.
///
/// Datagrams are sent at once or lost at once: a full socket buffer drops a packet and counts it, as the network would.
/// On a stream whole messages are dropped when its bounded buffer is full; one without framing ends then, with
/// SocketClosed{errc::would_block}, since a machine's bytes must not get a gap.
/// After a readiness the socket is read until it is empty or others have waited long enough. In steady state nothing
/// is allocated.
///
/// TLS and DTLS as Context::configure_tls() says. A client's socket is opened, and a server's accepted, when its
/// handshake has ended; SocketFailed has a TlsError where it ended badly. `tls_name` is a host name or an IP address;
/// without it the certificate must bear the address that is connected to. Trace and statistics see messages as they are
/// inside. Handshakes that a listener waits for are bounded in number and time, and so is what is kept of a DTLS
/// client: nothing before it has returned a cookie (RFC 6347 §4.2.1). DTLS sessions end with the listener that accepted
/// them.
///
/// Threads: see Context. Handlers are called on its strand, never inside the constructor. They may call every member,
/// and may destroy the driver: the machine then dies when the handler returns. What a handler throws comes out of
/// `io_context::run()`; the driver goes on when that is called again.
template <Machine M>
class Driver {
 public:
  using Event = typename M::Event;

  /// Makes the machine from `args` (among them, usually, `context.environment()`). It is first drained by the first
  /// verb or input.
  template <class... Args>
  requires std::constructible_from<M, Args...>
  explicit Driver(Context context, Args&&... args)
      : core_{std::make_shared<Core>(std::move(context), std::forward<Args>(args)...)} {}

  /// Closes the sockets. Nothing is called back any more.
  ~Driver() { stop(); }
  Driver(Driver&&) noexcept = default;
  Driver& operator=(Driver&& other) noexcept {
    if (this != &other) {
      stop();
      core_ = std::move(other.core_);
    }
    return *this;
  }

  /// Called with each event of the machine. To be set before the first verb; not from a handler.
  void on_event(std::function<void(Event)> handler) { core_->event_handler_ = std::move(handler); }

  /// Called with each datagram that is application data; `data` is a view that is valid for the call. Likewise.
  void on_data(std::function<void(const Received&)> handler) { core_->data_handler_ = std::move(handler); }

  /// A UDP socket that the application gives to the machine. Port 0 lets the system choose; an unspecified address
  /// receives on all addresses, and each datagram tells the one it came to. Errors are the system's.
  result<SocketId> bind(const Endpoint& local) { return bind(local.address, {local.port, local.port}); }

  /// The same on a free port of the range, from a random one on.
  result<SocketId> bind(const Address& local, PortRange ports) {
    return core_->open({.kind = OpenSocket::Kind::datagram, .local = {local, 0}, .ports = ports});
  }

  /// A socket that listens for TCP, TLS or DTLS (which has no framing). A SocketMachine is told of its connections by
  /// SocketAccepted, any other by their first message. TlsError::no_certificate, or the system's errors.
  result<SocketId> listen(const Endpoint& local, Framing framing, Transport transport = Transport::tcp) {
    return core_->open({.kind = OpenSocket::Kind::listen,
                        .transport = transport,
                        .local = local,
                        .ports = {local.port, local.port},
                        .framing = framing});
  }

  void close(SocketId socket) { core_->close(socket); }

  /// For the datagram sockets that are opened from now on, those that the machine asks for too.
  void use_buffers(SocketBuffers buffers) noexcept { core_->use_buffers(buffers); }

  /// For a machine that limits its connections by itself, and asks to close those that are too many. Otherwise a
  /// listener keeps 1,024, and one that was silent for longer than a transaction lasts makes room for the next.
  void keep_all_connections() noexcept { core_->keep_all_connections(); }

  /// Where the socket is bound; nothing for one that is closed.
  std::optional<Endpoint> local_endpoint(SocketId socket) const { return core_->local_endpoint(socket); }

  /// For getters. Verbs go through with().
  const M& machine() const noexcept { return *core_->machine_; }

  /// Calls `verb(machine, now)`, drains the machine, and returns what the verb returned.
  template <class F>
  requires std::invocable<F, M&, TimePoint>
  auto with(F&& verb) -> std::invoke_result_t<F, M&, TimePoint> {
    detail::Engine::Turn turn{*core_};
    if constexpr (std::is_void_v<std::invoke_result_t<F, M&, TimePoint>>) {
      std::invoke(std::forward<F>(verb), *core_->machine_, turn.now());
      turn.finish();
    } else {
      auto answer = std::invoke(std::forward<F>(verb), *core_->machine_, turn.now());
      turn.finish();
      return answer;
    }
  }

  /// Sends application data: `wrap(machine, now, scratch)` makes a result<Transmit>, which is sent at once. Errors are
  /// those of `wrap`, errc::would_block when the socket has no room (the packet is dropped and counted), and the
  /// system's. Never blocks, never keeps the data of a datagram.
  template <class F>
  requires std::is_invocable_r_v<result<Transmit>, F, M&, TimePoint, MutableBytes> result<void> send(F&& wrap) {
    detail::Engine::Turn turn{*core_};
    const result<Transmit> packet = std::invoke(std::forward<F>(wrap), *core_->machine_, turn.now(), core_->scratch());
    result<void> sent = packet ? core_->send(*packet) : result<void>{fail(packet.error())};
    turn.finish();
    return sent;
  }

  const DriverStatistics& statistics() const noexcept { return core_->statistics(); }
  const Context& context() const noexcept { return core_->context(); }
  Context::executor_type get_executor() const noexcept { return context().get_executor(); }

 private:
  class Core final : public detail::Engine {
   public:
    template <class... Args>
    explicit Core(Context context, Args&&... args)
        : Engine{std::move(context)}, machine_{std::in_place, std::forward<Args>(args)...} {}

    void event(Event event) {
      if (event_handler_ && !stopped()) event_handler_(std::move(event));
    }

    std::optional<M> machine_;
    std::function<void(Event)> event_handler_;
    std::function<void(const Received&)> data_handler_;

   protected:
    Received machine_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) override {
      return machine_->handle_datagram(now, in, scratch);
    }
    void machine_timeout(TimePoint now) override { machine_->handle_timeout(now); }
    void machine_socket([[maybe_unused]] TimePoint now, [[maybe_unused]] const SocketEvent& event) override {
      if constexpr (SocketMachine<M>) machine_->handle_socket(now, event);
    }
    std::optional<TimePoint> machine_drain(TimePoint now, MutableBytes scratch) override {
      return drain(*machine_, now, scratch, *this);
    }
    void machine_data(const Received& received) override {
      if (data_handler_) data_handler_(received);
    }
    void machine_destroy() noexcept override {
      machine_.reset();
      event_handler_ = nullptr;
      data_handler_ = nullptr;
    }
  };

  void stop() noexcept {
    if (core_) core_->stop();
  }

  std::shared_ptr<Core> core_;
};

}  // namespace ice::io
