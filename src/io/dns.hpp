#pragma once

#include <ares.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/result.hpp"
#include "ice/io/any_handler.hpp"
#include "io/context_state.hpp"

namespace ice::io::detail {

/// c-ares on an executor: its sockets are watched for readiness, its timeouts are one timer. It lives from the first
/// question to the last answer, so that the next question finds what the system's configuration says by then, and a
/// context that resolves nothing pays nothing.
///
/// While a question is under way, what Asio waits for owns it. So when the loop dies first, it and the handlers that
/// wait for it die with the loop, whatever owns the Resolver.
class Dns : public std::enable_shared_from_this<Dns> {
 public:
  using Answer = AnyHandler<std::vector<Address>>;

  /// One question. The Resolver that asked may forget it or cancel it.
  struct Query {
    std::weak_ptr<Dns> dns;
    Answer answer;

    /// Completes it with operation_aborted, unless it is complete.
    void cancel();
  };

  /// That of the context, made where there is none. The error is that of c-ares.
  static result<std::shared_ptr<Dns>> of(ContextState& context);

  Dns(const Context::executor_type& executor, const DnsSettings& settings);
  ~Dns();
  Dns(const Dns&) = delete;
  Dns& operator=(const Dns&) = delete;

  std::shared_ptr<Query> ask(const std::string& name, Answer answer);

 private:
  struct Watch {
    Watch(const Context::executor_type& executor, std::uint64_t its_number)
        : descriptor{executor}, number{its_number} {}
    boost::asio::posix::stream_descriptor descriptor;
    std::uint64_t number;  ///< tells a descriptor from the next one that has its value
    bool wants_read = false;
    bool wants_write = false;
    bool waits_read = false;
    bool waits_write = false;
  };

  static void on_answer(void* query, int status, int timeouts, ares_addrinfo* found);
  static void on_socket_state(void* self, ares_socket_t fd, int readable, int writable);
  void watch(ares_socket_t fd, bool readable, bool writable);
  void wait(ares_socket_t fd, Watch& watch);
  void on_ready(ares_socket_t fd, std::uint64_t number, bool write);
  void process(ares_socket_t readable, ares_socket_t writable);
  /// After everything that may have ended a question or begun one.
  void settle();
  void arm_timer();

  Context::executor_type executor_;
  std::chrono::milliseconds timeout_;
  int status_ = ARES_SUCCESS;
  ares_channel channel_ = nullptr;
  std::map<ares_socket_t, std::unique_ptr<Watch>> watches_;
  std::uint64_t next_number_ = 0;
  std::size_t open_ = 0;  ///< questions that somebody still waits for
  Timer timer_;
};

/// What a status of c-ares means for who asked; see Resolver::async_resolve.
std::error_code dns_error(int status) noexcept;

}  // namespace ice::io::detail
