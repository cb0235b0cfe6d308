#include "ice/io/context.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include "io/context_state.hpp"

namespace ice::io {
namespace detail {

boost::asio::any_io_executor ContextState::make_strand(const boost::asio::any_io_executor& executor) {
  // A strand of a type-erased executor allocates four bytes each time something runs on it; a type-erased strand of
  // the executor that nearly everybody has does not.
  if (const auto* io_context = executor.target<boost::asio::io_context::executor_type>()) {
    return boost::asio::make_strand(*io_context);
  }
  return boost::asio::make_strand(executor);
}

const std::shared_ptr<const TlsContext>& ContextState::tls_context() {
  // The roots of the system are read when somebody wants them. Without a file of ours there is none that could be
  // wrong.
  if (!tls) tls = *TlsContext::make({});
  return tls;
}

ContextState::TlsBuffers& ContextState::tls_buffers() {
  if (!tls_buffers_) tls_buffers_ = std::make_unique<TlsBuffers>();
  return *tls_buffers_;
}

}  // namespace detail

Context::Context(const boost::asio::any_io_executor& executor, TraceSink* trace)
    : state_{std::make_shared<detail::ContextState>(executor, trace)} {}

result<void> Context::configure_tls(const TlsConfig& config) {
  auto made = TlsContext::make(config);
  if (!made) return fail(made.error());
  state_->tls = std::move(*made);
  return {};
}

Context::executor_type Context::get_executor() const noexcept { return state_->strand; }

Environment Context::environment() const noexcept { return {state_->random, state_->pacer, state_->trace}; }

}  // namespace ice::io
