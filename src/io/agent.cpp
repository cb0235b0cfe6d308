#include "ice/io/agent.hpp"

#include <boost/asio/error.hpp>
#include <utility>

#include "ice/sdp/candidate.hpp"
#include "ice/sdp/description.hpp"
#include "io/agent_impl.hpp"

namespace ice::io {

Agent::Agent(Context context, AgentConfig config)
    : impl_{std::make_shared<Impl>(std::move(context), std::move(config))} {
  impl_->start();
}

Agent::Agent(const boost::asio::any_io_executor& executor, AgentConfig config, TraceSink* trace)
    : Agent{Context{executor, trace}, std::move(config)} {}

Agent::~Agent() {
  if (impl_) impl_->stop();
}

Agent::Agent(Agent&&) noexcept = default;

Agent& Agent::operator=(Agent&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->stop();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

void Agent::on_candidate(std::function<void(const Candidate&)> handler) {
  impl_->candidate_handler = std::move(handler);
}

void Agent::on_gathering_done(std::function<void()> handler) { impl_->gathering_done_handler = std::move(handler); }

void Agent::on_state(std::function<void(AgentState, Cause)> handler) { impl_->state_handler = std::move(handler); }

void Agent::on_event(std::function<void(const AgentEvent&)> handler) { impl_->event_handler = std::move(handler); }

void Agent::on_data(std::function<void(Bytes)> handler) { impl_->data_handler = std::move(handler); }

Description Agent::local_description() const { return impl_->driver->machine().local_description(); }

result<void> Agent::set_remote(std::string_view sdp) {
  const auto description = sdp::parse_description(sdp);
  if (!description) return fail(description.error());
  return set_remote(*description);
}

result<void> Agent::set_remote(const Description& description) {
  const Impl::Verb verb{*impl_};
  return impl_->driver->with(
      [&](ice::Agent& agent, TimePoint now) { return agent.set_remote_description(now, description); });
}

result<void> Agent::add_remote_candidate(std::string_view line) {
  const auto candidate = sdp::parse_candidate(line);
  if (!candidate) return fail(candidate.error());
  return add_remote_candidate(*candidate);
}

result<void> Agent::add_remote_candidate(const Candidate& candidate) {
  const Impl::Verb verb{*impl_};
  return impl_->driver->with(
      [&](ice::Agent& agent, TimePoint now) { return agent.add_remote_candidate(now, candidate); });
}

void Agent::end_of_remote_candidates(std::string_view ufrag) {
  const Impl::Verb verb{*impl_};
  impl_->driver->with([&](ice::Agent& agent, TimePoint now) { agent.end_of_remote_candidates(now, ufrag); });
}

result<void> Agent::restart() {
  impl_->look_at_addresses();
  const Impl::Verb verb{*impl_};
  return impl_->driver->with([](ice::Agent& agent, TimePoint now) { return agent.restart(now); });
}

result<void> Agent::send(Bytes payload) {
  const Impl::Verb verb{*impl_};
  return impl_->driver->send([&](ice::Agent& agent, TimePoint now, MutableBytes scratch) {
    return agent.wrap(now, ComponentId{1}, payload, scratch);
  });
}

void Agent::refresh_addresses() { impl_->look_at_addresses(); }

void Agent::close() { impl_->close(); }

AgentState Agent::state() const noexcept { return impl_->driver->machine().state(); }

Role Agent::role() const noexcept { return impl_->driver->machine().role(); }

const std::optional<SelectedPair>& Agent::selected() const noexcept { return impl_->selected; }

ConnectivityReport Agent::report() const {
  ConnectivityReport report = impl_->driver->machine().report();
  report.sockets.insert(report.sockets.end(), impl_->unbound.begin(), impl_->unbound.end());
  return report;
}

const DriverStatistics& Agent::statistics() const noexcept { return impl_->driver->statistics(); }

std::uint64_t Agent::unreceived() const noexcept { return impl_->unreceived; }

const Context& Agent::context() const noexcept { return impl_->context; }

Context::executor_type Agent::get_executor() const noexcept { return impl_->context.get_executor(); }

void Agent::start_connect(const std::weak_ptr<Impl>& weak, ConnectHandler handler) {
  const auto impl = weak.lock();
  if (!impl || !impl->driver) return handler.complete(boost::asio::error::operation_aborted, {});
  impl->connect(std::move(handler));
}

void Agent::start_receive(const std::weak_ptr<Impl>& weak, MutableBytes buffer, ReceiveHandler handler) {
  const auto impl = weak.lock();
  if (!impl || !impl->driver) return handler.complete(boost::asio::error::operation_aborted, 0);
  impl->receive(std::move(handler), buffer);
}

}  // namespace ice::io
