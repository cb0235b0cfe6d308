#pragma once

#include <ares.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/result.hpp"
#include "ice/io/any_handler.hpp"
#include "ice/stun/server_lookup.hpp"
#include "io/context_state.hpp"
#include "io/open_operations.hpp"

namespace ice::io::detail {

/// c-ares on an executor: its sockets are watched for readiness, its timeouts are one timer. It lives from the first
/// question to the last answer, so that the next question finds what the system's configuration says by then, and a
/// context that resolves nothing pays nothing.
///
/// While a question is under way, what Asio waits for owns it. So when the loop dies first, it and the handlers that
/// wait for it die with the loop, whatever owns the Resolver.
class Dns : public std::enable_shared_from_this<Dns> {
 public:
  template <class Record>
  using Answer = AnyHandler<std::vector<Record>>;

  /// One question. Who asked it may forget it or cancel it.
  template <class Record>
  struct Query final : Cancellable {
    Query(std::weak_ptr<Dns> its_dns, Answer<Record> its_answer)
        : dns{std::move(its_dns)}, answer{std::move(its_answer)} {}
    void cancel() override;

    std::weak_ptr<Dns> dns;
    Answer<Record> answer;
  };

  /// That of the context, made where there is none. The error is that of c-ares.
  static result<std::shared_ptr<Dns>> of(ContextState& context);

  Dns(const Context::executor_type& executor, const DnsSettings& settings);
  ~Dns();
  Dns(const Dns&) = delete;
  Dns& operator=(const Dns&) = delete;

  /// Addresses (A and AAAA, best first), stun::SrvRecord or stun::NaptrRecord, in DNS's order: at least one, or an
  /// error. `name` is one that may_be_name().
  template <class Record>
  std::shared_ptr<Query<Record>> ask(const std::string& name, Answer<Record> answer);

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

  // c-ares owns its share of a question until it answers, which may be at once.
  using AddressShare = std::shared_ptr<Query<Address>>;
  void begin(const std::string& name, std::unique_ptr<AddressShare> share);
  template <class Record>
  void begin(const std::string& name, std::unique_ptr<std::shared_ptr<Query<Record>>> share);
  static void on_addresses(void* share, int status, int timeouts, ares_addrinfo* found);
  template <class Record>
  static void on_reply(void* share, int status, int timeouts, unsigned char* reply, int size);
  template <class Record>
  static void finish(Query<Record>& query, int status, std::vector<Record> records);

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

/// Whether DNS may be asked for it. Not for what has characters that no host name has, but addresses that are wrong do,
/// nor for NUL, which would cut the name.
bool may_be_name(std::string_view text) noexcept;

/// What a status of c-ares means for who asked; see Resolver::async_resolve.
std::error_code dns_error(int status) noexcept;

}  // namespace ice::io::detail
