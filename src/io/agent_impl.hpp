#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "base/hidden.hpp"
#include "ice/io/agent.hpp"
#include "ice/io/driver.hpp"
#include "ice/io/server_resolver.hpp"
#include "io/context_state.hpp"
#include "io/datagram_queue.hpp"
#include "io/operations.hpp"

namespace ice::io {

/// What stands between the machine and the application: the addresses of this host, names that DNS must resolve, who
/// waits for what, and that nobody is called back from inside his own call.
struct ICE_HIDDEN Agent::Impl : std::enable_shared_from_this<Agent::Impl> {
  Impl(Context its_context, AgentConfig its_config);

  /// Once there is a shared_ptr.
  void start();
  /// The end of the Agent, which may come from inside a handler.
  void stop();
  void close();

  /// Brings the sockets in line with the addresses of this host, and gathers.
  void look_at_addresses();
  void add_address(const InterfaceAddress& address);
  void remove_address(std::size_t index);
  void note_unbound(const Endpoint& local, const std::string& interface, std::error_code why);
  void resolve(const ServerNameNeeded& wanted);

  void connect(ConnectHandler handler);
  void receive(ReceiveHandler handler, MutableBytes buffer);

  void handle_event(AgentEvent event);
  void handle_data(Bytes data);
  void note(const AgentEvent& event);
  void end_waiting(boost::system::error_code error);
  boost::system::error_code why_ended() const noexcept;

  void tell(const AgentEvent& event);
  void tell_later();
  void tell_all();

  /// While one exists the application is in a call of this agent, and what comes of it is told later.
  class Verb {
   public:
    explicit Verb(Impl& impl) : impl_{impl} { ++impl_.verbs; }
    ~Verb() { --impl_.verbs; }
    Verb(const Verb&) = delete;
    Verb& operator=(const Verb&) = delete;

   private:
    Impl& impl_;
  };

  /// Who waits for what. What waits in the loop owns it while the agent is open: a coroutine that owns the agent and
  /// waits for it dies with the loop, instead of both keeping each other alive.
  struct Waiting {
    using Connects = detail::Operations<std::monostate, SelectedPair>;
    using Receives = detail::Operations<MutableBytes, std::size_t>;  // each with its buffer
    Connects connects;
    Receives receives;
  };
  struct Bound {
    SocketId socket;
    Address address;
  };

  Context context;
  AgentConfig config;
  std::optional<Driver<ice::Agent>> driver;  ///< none once the Agent is gone
  std::optional<ServerResolver> resolver;
  std::vector<Bound> bound;
  std::vector<SocketReport> unbound;
  detail::DatagramQueue queue;
  std::uint64_t unreceived = 0;

  detail::Timer anchor;  ///< never expires; its handler owns `waiting`
  std::weak_ptr<Waiting> waiting;

  AgentState state = AgentState::idle;  ///< as far as events have said
  Cause cause = Cause::none;
  std::optional<SelectedPair> selected;

  int verbs = 0;                ///< calls of the application that are open
  std::deque<AgentEvent> told;  ///< to be told later, oldest first
  bool telling = false;         ///< somebody is on the way to tell them

  std::function<void(const Candidate&)> candidate_handler;
  std::function<void()> gathering_done_handler;
  std::function<void(AgentState, Cause)> state_handler;
  std::function<void(const AgentEvent&)> event_handler;
  std::function<void(Bytes)> data_handler;
};

}  // namespace ice::io
