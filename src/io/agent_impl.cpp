#include "io/agent_impl.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <utility>

namespace ice::io {

namespace error = boost::asio::error;

Agent::Impl::Impl(Context its_context, AgentConfig its_config)
    : context{std::move(its_context)},
      config{std::move(its_config)},
      driver{std::in_place, context, config, context.environment()},
      queue{config.receive_queue},
      anchor{context.get_executor(), detail::Timer::time_point::max()} {}

void Agent::Impl::start() {
  driver->on_event([this](AgentEvent event) { handle_event(std::move(event)); });
  driver->on_data([this](const Received& received) { handle_data(received.data); });
  auto owned = std::make_shared<Waiting>();
  waiting = owned;
  anchor.async_wait([owned](const boost::system::error_code&) {});
  boost::asio::post(context.get_executor(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->look_at_addresses();
  });
}

void Agent::Impl::stop() {
  end_waiting(error::operation_aborted);
  anchor.cancel();
  resolver.reset();
  driver.reset();
}

void Agent::Impl::close() {
  if (state == AgentState::closed) return;
  state = AgentState::closed;
  end_waiting(error::operation_aborted);
  const Verb verb{*this};
  driver->with([](ice::Agent& agent, TimePoint now) { agent.close(now); });
  for (const Bound& one : std::exchange(bound, {})) driver->close(one.socket);
  resolver.reset();
  anchor.cancel();
}

// The addresses of this host

void Agent::Impl::look_at_addresses() {
  if (!driver || state == AgentState::closed) return;
  const Verb verb{*this};
  const auto all = config.addresses ? config.addresses() : interface_addresses();
  if (!all) {
    note_unbound({}, {}, all.error());
  } else {
    const auto usable = host_candidate_addresses(*all, config.allow_loopback);
    for (std::size_t i = bound.size(); i-- > 0;) {
      // Among all, not only those that a new candidate may use: an address that is deprecated by now, or that a better
      // one stands beside, still carries what is on it (RFC 4862 §5.5.4).
      if (std::none_of(all->begin(), all->end(), [&](const auto& one) { return one.address == bound[i].address; }))
        remove_address(i);
    }
    for (const InterfaceAddress& address : usable) add_address(address);
  }
  driver->with([](ice::Agent& agent, TimePoint now) { agent.gather(now); });
}

void Agent::Impl::add_address(const InterfaceAddress& address) {
  const auto is_it = [&](const Bound& one) { return one.address == address.address; };
  if (std::any_of(bound.begin(), bound.end(), is_it)) return;
  const auto socket = driver->bind(address.address, config.ports);
  if (!socket) return note_unbound({address.address, 0}, address.interface, socket.error());
  const Endpoint local = *driver->local_endpoint(*socket);
  const auto added = driver->with([&](ice::Agent& agent, TimePoint now) {
    return agent.add_socket(now, {*socket, local, address.interface, ComponentId{1}});
  });
  if (added) {
    bound.push_back({*socket, address.address});
  } else {
    driver->close(*socket);
    note_unbound(local, address.interface, added.error());
  }
}

void Agent::Impl::remove_address(std::size_t index) {
  const SocketId socket = bound[index].socket;
  bound.erase(bound.begin() + static_cast<std::ptrdiff_t>(index));
  driver->with([&](ice::Agent& agent, TimePoint now) {
    static_cast<void>(agent.remove_socket(now, socket, make_error_code(std::errc::address_not_available)).has_value());
  });
  driver->close(socket);
}

void Agent::Impl::note_unbound(const Endpoint& local, const std::string& interface, std::error_code why) {
  const auto same = [&](const SocketReport& one) { return one.local.address == local.address; };
  unbound.erase(std::remove_if(unbound.begin(), unbound.end(), same), unbound.end());
  const TimePoint at = now();
  unbound.push_back({local, interface, false, at, at, why});
}

void Agent::Impl::resolve(const ServerNameNeeded& wanted) {
  if (!resolver) resolver.emplace(context);
  // The agent speaks to a server over the transport that its URI means: the rest is for DNS to say (RFC 5928 §3).
  const stun::Uri& uri = config.servers[static_cast<std::size_t>(wanted.server)].uri;
  const auto found = [weak = weak_from_this(), server = wanted.server](
                         const boost::system::error_code& failed, const std::vector<stun::ServerAddress>& servers) {
    const auto self = weak.lock();
    if (!self || !self->driver) return;
    self->driver->with([&](ice::Agent& agent, TimePoint now) {
      if (failed) return agent.fail_server(now, server, failed);
      std::vector<Endpoint> endpoints;
      for (const stun::ServerAddress& one : servers) endpoints.push_back(one.endpoint);
      agent.resolve_server(now, server, endpoints);
    });
  };
  resolver->async_resolve(uri, {uri.transport()}, found);
}

// Who waits for what

void Agent::Impl::connect(ConnectHandler handler) {
  if (state == AgentState::connected) return handler.complete({}, *selected);
  if (const auto ended = why_ended()) return handler.complete(ended, {});
  const auto list = waiting.lock();
  if (!list) return;  // the loop is dying
  Waiting::Connects::add({list, &list->connects}, context.get_executor(), std::move(handler));
}

void Agent::Impl::receive(ReceiveHandler handler, MutableBytes buffer) {
  if (!queue.empty()) {
    const std::size_t size = queue.pop(buffer);
    if (size > buffer.size()) return handler.complete(error::message_size, buffer.size());
    return handler.complete({}, size);
  }
  if (const auto ended = why_ended()) return handler.complete(ended, 0);
  const auto list = waiting.lock();
  if (!list) return;
  Waiting::Receives::add({list, &list->receives}, context.get_executor(), std::move(handler), buffer);
}

void Agent::Impl::end_waiting(boost::system::error_code why) {
  const auto list = waiting.lock();
  if (!list) return;
  list->connects.complete_all(why, {});
  list->receives.complete_all(why, 0);
}

boost::system::error_code Agent::Impl::why_ended() const noexcept {
  if (state == AgentState::closed) return to_boost(make_error_code(Cause::closed));
  if (state == AgentState::failed || state == AgentState::disconnected) return to_boost(make_error_code(cause));
  return {};
}

// What the machine says

void Agent::Impl::handle_event(AgentEvent event) {
  const auto self = shared_from_this();  // a handler may destroy the Agent
  note(event);
  if (verbs == 0 && told.empty()) return tell(event);
  told.push_back(std::move(event));
  tell_later();
}

void Agent::Impl::handle_data(Bytes data) {
  if (data_handler) {
    const auto self = shared_from_this();
    return data_handler(data);
  }
  const auto list = waiting.lock();
  if (!list || list->receives.empty()) {
    if (!queue.push(data)) ++unreceived;
    return;
  }
  auto first = list->receives.take_first();
  const std::size_t size = std::min(data.size(), first.extra.size());
  if (size > 0) std::memcpy(first.extra.data(), data.data(), size);
  boost::system::error_code cut;
  if (size < data.size()) cut = error::message_size;
  first.handler.complete(cut, size);
}

void Agent::Impl::note(const AgentEvent& event) {
  if (const auto* wanted = std::get_if<ServerNameNeeded>(&event)) return resolve(*wanted);
  if (const auto* pair = std::get_if<PairSelected>(&event)) {
    selected = SelectedPair{pair->local, pair->remote};
    return;
  }
  // The peer's network may not be the only one that has changed.
  if (const auto* restarted = std::get_if<Restarted>(&event); restarted != nullptr && restarted->by_peer)
    return look_at_addresses();
  const auto* changed = std::get_if<StateChanged>(&event);
  if (changed == nullptr || state == AgentState::closed) return;
  state = changed->state;
  cause = changed->cause;
  if (state == AgentState::connected) {
    if (const auto list = waiting.lock()) list->connects.complete_all({}, *selected);
  } else if (const auto ended = why_ended()) {
    end_waiting(ended);
  }
}

void Agent::Impl::tell(const AgentEvent& event) {
  if (const auto* gathered = std::get_if<CandidateGathered>(&event)) {
    if (candidate_handler) candidate_handler(gathered->candidate);
  } else if (std::holds_alternative<GatheringDone>(event)) {
    if (gathering_done_handler) gathering_done_handler();
  } else if (const auto* changed = std::get_if<StateChanged>(&event)) {
    if (state_handler) state_handler(changed->state, changed->cause);
  }
  if (driver && event_handler) event_handler(event);
}

void Agent::Impl::tell_later() {
  if (std::exchange(telling, true)) return;
  boost::asio::post(context.get_executor(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->tell_all();
  });
}

void Agent::Impl::tell_all() {
  telling = false;
  // Whatever a handler throws, the others are told.
  struct Rest {
    Impl& impl;
    ~Rest() {
      if (impl.driver && !impl.told.empty()) impl.tell_later();
    }
  } rest{*this};
  while (driver && !told.empty()) {
    const AgentEvent event = std::move(told.front());
    told.pop_front();
    tell(event);
  }
}

}  // namespace ice::io
