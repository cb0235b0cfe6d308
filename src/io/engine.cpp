#include <boost/asio/error.hpp>
#include <exception>

#include "io/engine_impl.hpp"

namespace ice::io::detail {

using boost::system::error_code;

// Turns

Engine::Turn::Turn(Engine& engine)
    : engine_{engine.shared_from_this()}, now_{io::now()}, exceptions_{std::uncaught_exceptions()} {
  ++engine.impl_->depth;
}

Engine::Turn::~Turn() {
  Impl& impl = *engine_->impl_;
  if (--impl.depth > 0) return;
  impl.dead.clear();
  if (impl.stopped) {
    impl.close_all();
  } else if (std::uncaught_exceptions() > exceptions_) {
    // A handler of the application threw, and the machine has more to say: soon, should no other input come.
    impl.wanted = now_;
    impl.arm_timer();
  }
}

void Engine::Turn::finish() {
  Impl& impl = *engine_->impl_;
  if (impl.depth > 1) return;
  while (!impl.stopped) {
    impl.wanted = engine_->machine_drain(now_, engine_->scratch());
    if (impl.events.empty()) break;
    impl.handling.swap(impl.events);
    for (const SocketEvent& event : impl.handling) {
      if (!impl.stopped) engine_->machine_socket(now_, event);
    }
    impl.handling.clear();
  }
  if (!impl.stopped) impl.arm_timer();
}

// The timer

void Engine::Impl::arm_timer() {
  if (!wanted) return disarm_timer();
  // A timer that is set to an earlier moment stays: when it fires it is set anew. Machines that move their timeout
  // with each packet then cost nothing.
  if (armed && *armed <= *wanted) return;
  armed = wanted;
  timer.expires_at(to_steady(*wanted));
  // The generation tells a handler that was queued already when its timer was set anew.
  timer.async_wait([self = engine.shared_from_this(), generation = ++timer_generation](const error_code&) {
    if (generation == self->impl_->timer_generation) self->impl_->on_timer();
  });
}

/// A machine that waits for nothing must not keep its loop running.
void Engine::Impl::disarm_timer() {
  if (!armed) return;
  armed.reset();
  ++timer_generation;
  timer.cancel();
}

void Engine::Impl::on_timer() {
  armed.reset();
  if (stopped) return;
  Turn turn{engine};
  if (wanted && *wanted <= turn.now()) engine.machine_timeout(turn.now());
  turn.finish();
}

// The face towards Driver

Engine::Engine(Context context) : impl_{std::make_unique<Impl>(*this, std::move(context))} {}

Engine::~Engine() = default;

result<SocketId> Engine::open(const OpenSocket& wanted) { return impl_->start(wanted); }

void Engine::close(SocketId id) { impl_->close(id); }

std::optional<Endpoint> Engine::local_endpoint(SocketId id) const {
  const Socket* socket = impl_->sockets.find(id);
  if (socket == nullptr) return std::nullopt;
  return socket->local;
}

result<void> Engine::send(const Transmit& packet) { return impl_->send(packet, SendClass::data); }

void Engine::transmit(const Transmit& packet) { impl_->send_soon(packet, SendClass::control); }

void Engine::request(SocketRequest request) {
  if (const auto* closing = std::get_if<CloseSocket>(&request)) return close(closing->socket);
  if (const auto* framing = std::get_if<FrameSocket>(&request)) return impl_->set_framing(*framing);
  if (const auto* reading = std::get_if<ReadSocket>(&request)) return impl_->set_reading(*reading);
  const auto& wanted = std::get<OpenSocket>(request);
  const auto opened = open(wanted);
  if (!opened) {
    impl_->events.emplace_back(SocketFailed{wanted.ticket, opened.error()});
  } else if (wanted.kind != OpenSocket::Kind::connect) {
    impl_->events.emplace_back(SocketOpened{wanted.ticket, *opened, *local_endpoint(*opened)});
  }
}

void Engine::stop() noexcept {
  if (impl_->stopped) return;
  impl_->flush_outbox();
  impl_->stopped = true;
  if (impl_->depth == 0) impl_->close_all();
}

void Engine::use_buffers(SocketBuffers buffers) noexcept { impl_->buffers = buffers; }

void Engine::keep_all_connections() noexcept { impl_->keeps_all_connections = true; }

bool Engine::stopped() const noexcept { return impl_->stopped; }

const Context& Engine::context() const noexcept { return impl_->context; }

const DriverStatistics& Engine::statistics() const noexcept { return impl_->statistics; }

MutableBytes Engine::scratch() noexcept { return impl_->shared.scratch; }

}  // namespace ice::io::detail
