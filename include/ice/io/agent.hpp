#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "ice/agent.hpp"
#include "ice/base/bytes.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/base/socket.hpp"
#include "ice/io/any_handler.hpp"
#include "ice/io/context.hpp"
#include "ice/io/driver.hpp"
#include "ice/io/error.hpp"
#include "ice/io/interfaces.hpp"

namespace ice::io {

struct AgentConfig : ice::AgentConfig {
  /// Local ports to choose from; 0 to 0 lets the system choose.
  PortRange ports{};
  /// The addresses to use, for whoever wants others than all that the host has. They are sifted as
  /// host_candidate_addresses() says. Called on the strand; null means interface_addresses().
  std::function<result<std::vector<InterfaceAddress>>()> addresses;
  /// How many bytes of datagrams are kept for Agent::async_receive while nobody receives; each datagram counts 4 more
  /// than it has. As much as Linux gives to a socket by default.
  std::size_t receive_queue = 208 * 1024;
};

/// The pair that data uses, as both agents see it; see PairSelected.
struct SelectedPair {
  Candidate local;
  Candidate remote;
};

/// An ICE agent on sockets: it gathers, checks and connects by itself, and moves datagrams.
///
///     ice::io::Agent agent{executor, config};
///     agent.on_candidate([&](const ice::Candidate& c) { signalling.send(ice::sdp::format(c)); });
///     signalling.send(ice::sdp::format(agent.local_description()));
///     … agent.set_remote(sdp) and agent.add_remote_candidate(line) with what the peer signals …
///     auto pair = co_await agent.async_connect(boost::asio::use_awaitable);
///     agent.send(hello);
///     auto size = co_await agent.async_receive(buffer, boost::asio::use_awaitable);
///
/// Gathering starts by itself, as soon as the executor runs: on_…() called right after the constructor misses nothing.
/// Host names of servers are resolved beside it and delay nobody.
///
/// Threads: see Context. No handler runs inside a call of the application; all run on the strand, but for completion
/// handlers with an executor of their own. Handlers may call every member and may destroy the agent. What one throws
/// comes out of `io_context::run()`. The agent must not outlive the execution context; what waits for it may.
///
/// Destroying it closes everything without a word to the peer, completes what is pending with
/// boost::asio::error::operation_aborted, and calls no other handler any more.
class ICE_API Agent {
 public:
  using ConnectSignature = void(boost::system::error_code, SelectedPair);
  using ReceiveSignature = void(boost::system::error_code, std::size_t);

  /// On a context that it shares: its strand, its pacer, its buffers. A host's agents should (RFC 8445 §14.2).
  explicit Agent(Context context, AgentConfig config = {});
  /// On a context of its own. `trace` as in Context.
  explicit Agent(const boost::asio::any_io_executor& executor, AgentConfig config = {}, TraceSink* trace = nullptr);
  ~Agent();
  Agent(Agent&&) noexcept;
  Agent& operator=(Agent&&) noexcept;

  // ---- what the application is told: one handler each, a later one replaces it, but not from inside itself ---------

  /// A candidate for the peer, to be signalled in this order (RFC 8838 §9).
  void on_candidate(std::function<void(const Candidate&)> handler);
  /// For the peer: no more will follow (RFC 8838 §13).
  void on_gathering_done(std::function<void()> handler);
  /// The cause is that of `disconnected` and `failed`.
  void on_state(std::function<void(AgentState, Cause)> handler);
  /// Every event, these too, after its own handler.
  void on_event(std::function<void(const AgentEvent&)> handler);
  /// Each datagram of the peer from now on, as a view that is valid for the call; async_receive() then gets none.
  void on_data(std::function<void(Bytes)> handler);

  // ---- signalling --------------------------------------------------------------------------------------------------

  /// What to signal to the peer: credentials, and the candidates found so far.
  Description local_description() const;

  /// What the peer signalled: its session description as text, or read already. Candidates in it that cannot be used
  /// are skipped. Errors are those of sdp::parse_description and of ice::Agent::set_remote_description.
  result<void> set_remote(std::string_view sdp);
  result<void> set_remote(const Description& description);

  /// A trickled candidate, as `candidate:…` line or read already. Errors are those of sdp::parse_candidate and of
  /// ice::Agent::add_remote_candidate; the agent goes on as if it had not come.
  result<void> add_remote_candidate(std::string_view line);
  result<void> add_remote_candidate(const Candidate& candidate);

  /// The peer has no more candidates (RFC 8838 §14); `ufrag` as in ice::Agent::end_of_remote_candidates.
  void end_of_remote_candidates(std::string_view ufrag = {});

  /// Restarts ICE (RFC 8445 §9), see ice::Agent::restart: local_description() and the candidates from now on are of the
  /// new generation. Data goes on meanwhile as far as it can. Addresses are looked at again first, since a change of
  /// network is a common reason. errc::closed.
  result<void> restart();

  // ---- connecting and data -----------------------------------------------------------------------------------------

  /// Completes when a pair is selected, at once if one is; after a restart that is one of the new generation. The error
  /// is the Cause of `failed` or `disconnected`
  /// (`error == ice::Cause::checks_failed`), Cause::closed, or operation_aborted. Any number may wait. Supports
  /// cancellation of all types, which does not stop the agent.
  template <class Token>
  auto async_connect(Token&& token) {
    return boost::asio::async_initiate<Token, ConnectSignature>(
        [impl = std::weak_ptr{impl_}, executor = get_executor()](auto handler) {
          start_connect(impl, ConnectHandler{std::move(handler), executor});
        },
        token);
  }

  /// Receives one datagram into `buffer`, which must live until then; completes with its size. One that is larger fills
  /// the buffer and completes with boost::asio::error::message_size. Datagrams that came while nobody received are
  /// kept within AgentConfig::receive_queue; beyond that they are dropped and counted, see unreceived(). Other errors
  /// are as in async_connect(), after everything kept was received. Several complete in the order of their calls.
  /// Supports cancellation of all types.
  template <class Token>
  auto async_receive(MutableBytes buffer, Token&& token) {
    return boost::asio::async_initiate<Token, ReceiveSignature>(
        [impl = std::weak_ptr{impl_}, executor = get_executor()](auto handler, MutableBytes into) {
          start_receive(impl, into, ReceiveHandler{std::move(handler), executor});
        },
        token, buffer);
  }
  template <class Token>
  auto async_receive(const boost::asio::mutable_buffer& buffer, Token&& token) {
    return async_receive(MutableBytes{static_cast<std::uint8_t*>(buffer.data()), buffer.size()},
                         std::forward<Token>(token));
  }

  /// Sends one datagram to the peer, now or never: nothing blocks and nothing is kept. errc::no_consent before there is
  /// a valid pair and after it has ended, errc::would_block when the socket has no room, else the system's errors.
  result<void> send(Bytes payload);
  result<void> send(std::string_view text) { return send(bytes_of(text)); }

  /// Looks at the host's addresses again, after an interface came or went: new ones become candidates as far as
  /// ice::Agent::add_socket says, and what was on those that are gone fails.
  void refresh_addresses();

  /// Ends everything; the report stays. What is pending completes with operation_aborted. Until then the agent is work
  /// for its executor, also after it has failed.
  void close();

  // ---- getters -----------------------------------------------------------------------------------------------------

  AgentState state() const noexcept;
  Role role() const noexcept;
  /// The pair that data uses, or used last.
  const std::optional<SelectedPair>& selected() const noexcept;
  /// Addresses that could not be bound are in it as sockets that were removed at once, with the system's error.
  ConnectivityReport report() const;
  const DriverStatistics& statistics() const noexcept;
  /// Datagrams of the peer that were dropped because nobody received them.
  std::uint64_t unreceived() const noexcept;
  const Context& context() const noexcept;
  Context::executor_type get_executor() const noexcept;

 private:
  using ConnectHandler = detail::AnyHandler<SelectedPair>;
  using ReceiveHandler = detail::AnyHandler<std::size_t>;
  struct Impl;

  static void start_connect(const std::weak_ptr<Impl>& impl, ConnectHandler handler);
  static void start_receive(const std::weak_ptr<Impl>& impl, MutableBytes buffer, ReceiveHandler handler);

  std::shared_ptr<Impl> impl_;
};

}  // namespace ice::io
