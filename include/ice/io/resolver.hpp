#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/export.hpp"
#include "ice/io/any_handler.hpp"
#include "ice/io/context.hpp"

namespace ice::io {

/// What c-ares says beside the errors of ice::errc: that a server refused, failed, or answered nonsense. Named
/// "c-ares"; the values are its status codes.
ICE_API const std::error_category& dns_category() noexcept;

/// Tells the addresses of a host name: the hosts file first, then DNS, A and AAAA at once, as the system is configured
/// (/etc/resolv.conf, /etc/nsswitch.conf), read anew when nothing was being resolved. It starts no thread.
///
/// Threads: see Context. Destroying it completes what is pending with boost::asio::error::operation_aborted.
class ICE_API Resolver {
 public:
  using Signature = void(boost::system::error_code, std::vector<Address>);

  explicit Resolver(Context context);
  ~Resolver();
  Resolver(Resolver&&) noexcept;
  Resolver& operator=(Resolver&&) noexcept;

  /// The addresses of `host`, best first (RFC 6724 §6), without duplicates, at least one. An IP address means itself
  /// and never reaches DNS; the zone of a link-local one may be the name of an interface ("fe80::1%eth0").
  ///
  /// errc::name_not_resolved: there is no such name, or it has no address; errc::timed_out: no server answered, which
  /// takes some seconds; operation_aborted; else dns_category() or the system's. Supports cancellation of all types.
  template <class Token>
  auto async_resolve(std::string host, Token&& token) {
    return boost::asio::async_initiate<Token, Signature>(
        [core = core_, executor = get_executor()](auto handler, std::string name) {
          start(core, std::move(name), Handler{std::move(handler), executor});
        },
        token, std::move(host));
  }

  Context::executor_type get_executor() const noexcept;

 private:
  using Handler = detail::AnyHandler<std::vector<Address>>;
  struct Core;

  static void start(const std::shared_ptr<Core>& core, std::string host, Handler handler);

  std::shared_ptr<Core> core_;
};

}  // namespace ice::io
