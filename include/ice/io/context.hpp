#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "ice/base/environment.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/io/tls.hpp"

namespace ice::io {

namespace detail {
struct ContextState;
}

/// What the io objects of one group share: a strand, a pacer (RFC 8445 §14.2 limits what a host sends, not an agent),
/// a cryptographic random source, buffers for what arrives, DNS, and where trace goes. A mesh of agents has one
/// context; an agent that is alone makes its own.
///
/// A cheap handle: copies are the same context, and what was made on it keeps it alive.
///
/// Threads: the context and every io object on it live on its strand. Their members may be called from handlers that
/// run there (`co_spawn(context.get_executor(), …)`), or from anywhere while no thread runs the executor. With one
/// thread in `io_context::run()` that is any handler, and nothing has to be done. Two contexts are independent.
class ICE_API Context {
 public:
  using executor_type = boost::asio::any_io_executor;

  /// Makes a strand of `executor`. `trace` is called on the strand and must outlive everything that is made on the
  /// context; null means no trace.
  explicit Context(const boost::asio::any_io_executor& executor, TraceSink* trace = nullptr);

  /// How TLS and DTLS sockets on this context prove who they are, and whom they believe, from now on; connections that
  /// are there stay as they are. Reads the files at once. Without it the authorities of the system are believed, and
  /// nothing can listen. The TlsError of the file that is wrong, and nothing has changed then.
  result<void> configure_tls(const TlsConfig& config);

  /// The strand.
  executor_type get_executor() const noexcept;

  /// What a machine on this context needs; valid as long as the context or something made on it lives.
  Environment environment() const noexcept;

  const std::shared_ptr<detail::ContextState>& state() const noexcept { return state_; }

 private:
  std::shared_ptr<detail::ContextState> state_;
};

}  // namespace ice::io
