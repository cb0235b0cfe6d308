#include "ice/io/context.hpp"

#include "io/context_state.hpp"

namespace ice::io {

Context::Context(boost::asio::any_io_executor executor, TraceSink* trace)
    : state_{std::make_shared<detail::ContextState>(std::move(executor), trace)} {}

Context::executor_type Context::get_executor() const noexcept { return state_->strand; }

Environment Context::environment() const noexcept { return {state_->random, state_->pacer, state_->trace}; }

}  // namespace ice::io
