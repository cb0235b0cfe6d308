#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/io/any_handler.hpp"
#include "ice/io/context.hpp"
#include "ice/stun/server_lookup.hpp"
#include "ice/stun/uri.hpp"

namespace ice::io {

/// Finds the servers that a URI stands for, by NAPTR, SRV and addresses (RFC 5928, RFC 8489 §8.1): stun::ServerLookup
/// on DNS as the system is configured, like Resolver. It starts no thread.
///
/// Threads: see Context. Destroying it completes what is pending with boost::asio::error::operation_aborted.
class ICE_API ServerResolver {
 public:
  using Signature = void(boost::system::error_code, std::vector<stun::ServerAddress>);

  explicit ServerResolver(Context context);
  ~ServerResolver();
  ServerResolver(ServerResolver&&) noexcept;
  ServerResolver& operator=(ServerResolver&&) noexcept;

  /// Where the servers of `uri` are, in the order in which they are to be tried, at least one. `supported`: the
  /// transports that the application can use, best first. A URI with an IP address never reaches DNS.
  ///
  /// errc::unsupported: the URI wants a transport that is not among the supported ones; else the errors of
  /// Resolver::async_resolve. Supports cancellation of all types.
  template <class Token>
  auto async_resolve(stun::Uri uri, std::vector<Transport> supported, Token&& token) {
    return boost::asio::async_initiate<Token, Signature>(
        [core = core_, executor = get_executor()](auto handler, stun::Uri its_uri, std::vector<Transport> transports) {
          start(core, std::move(its_uri), transports, Handler{std::move(handler), executor});
        },
        token, std::move(uri), std::move(supported));
  }

  Context::executor_type get_executor() const noexcept;

 private:
  using Handler = detail::AnyHandler<std::vector<stun::ServerAddress>>;
  struct Core;
  class Search;

  static void start(const std::shared_ptr<Core>& core, stun::Uri uri, const std::vector<Transport>& supported,
                    Handler handler);

  std::shared_ptr<Core> core_;
};

}  // namespace ice::io
