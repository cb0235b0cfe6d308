#include "io/dns.hpp"

#include <netdb.h>
#include <sys/time.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <utility>

#include "ice/io/error.hpp"
#include "ice/io/resolver.hpp"
#include "io/sockaddr.hpp"

namespace ice::io::detail {
namespace {

// For its documentation's sake: on systems without Winsock it does nothing that needs an end.
int start_library() noexcept {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  return status;
}

std::vector<Address> addresses_of(const ares_addrinfo& found) {
  std::vector<Address> addresses;
  for (const ares_addrinfo_node* node = found.nodes; node != nullptr; node = node->ai_next) {
    const Address address = SocketAddress::to_endpoint(node->ai_addr).address;
    if (address && std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      addresses.push_back(address);
    }
  }
  return addresses;
}

}  // namespace

void Dns::Query::cancel() {
  if (!answer) return;
  answer.complete(boost::asio::error::operation_aborted, {});
  if (const auto asked = dns.lock()) {
    --asked->open_;
    asked->settle();
  }
}

result<std::shared_ptr<Dns>> Dns::of(ContextState& context) {
  if (auto known = context.dns.lock(); known && known->channel_ != nullptr) return known;
  auto made = std::make_shared<Dns>(context.strand, context.dns_settings);
  if (made->status_ != ARES_SUCCESS) return fail(dns_error(made->status_));
  context.dns = made;
  return made;
}

Dns::Dns(const Context::executor_type& executor, const DnsSettings& settings)
    : executor_{executor}, timeout_{settings.timeout}, timer_{executor} {
  status_ = start_library();
  if (status_ != ARES_SUCCESS) return;
  ares_options options{};
  options.timeout = static_cast<int>(settings.timeout.count());
  options.tries = settings.tries;
  options.sock_state_cb = &Dns::on_socket_state;
  options.sock_state_cb_data = this;
  status_ = ares_init_options(&channel_, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status_ != ARES_SUCCESS || settings.servers.empty()) return;
  status_ = ares_set_servers_ports_csv(channel_, settings.servers.c_str());
}

Dns::~Dns() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

std::shared_ptr<Dns::Query> Dns::ask(const std::string& name, Answer answer) {
  auto query = std::make_shared<Query>(Query{weak_from_this(), std::move(answer)});
  ++open_;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  // c-ares owns its share of the question until it answers, which may be now.
  auto* share = new std::shared_ptr<Query>{query};
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &Dns::on_answer, share);
  settle();
  return query;
}

void Dns::on_answer(void* argument, int status, int, ares_addrinfo* found) {
  const std::unique_ptr<std::shared_ptr<Query>> share{static_cast<std::shared_ptr<Query>*>(argument)};
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned{found, &ares_freeaddrinfo};
  Query& query = **share;
  const auto dns = query.dns.lock();
  // It was cancelled, or the loop is dying and its handlers with it.
  if (!query.answer || dns == nullptr) return;
  --dns->open_;
  std::vector<Address> addresses = found != nullptr ? addresses_of(*found) : std::vector<Address>{};
  if (status == ARES_SUCCESS && addresses.empty()) status = ARES_ENODATA;
  query.answer.complete(to_boost(dns_error(status)), std::move(addresses));
}

void Dns::on_socket_state(void* self, ares_socket_t fd, int readable, int writable) {
  static_cast<Dns*>(self)->watch(fd, readable != 0, writable != 0);
}

void Dns::watch(ares_socket_t fd, bool readable, bool writable) {
  auto found = watches_.find(fd);
  if (!readable && !writable) {
    if (found == watches_.end()) return;
    found->second->descriptor.release();  // c-ares closes it
    watches_.erase(found);
    return;
  }
  if (found == watches_.end()) {
    auto added = std::make_unique<Watch>(executor_, ++next_number_);
    boost::system::error_code error;
    added->descriptor.assign(fd, error);
    if (error) return;  // unwatched: the question times out
    found = watches_.emplace(fd, std::move(added)).first;
  }
  found->second->wants_read = readable;
  found->second->wants_write = writable;
  // The destructor of this object closes sockets, and nobody can wait for it any more.
  if (weak_from_this().expired()) return;
  wait(fd, *found->second);
}

void Dns::wait(ares_socket_t fd, Watch& watch) {
  using Descriptor = boost::asio::posix::descriptor_base;
  const auto begin = [&](bool wants, bool& waits, bool write) {
    if (!wants || waits) return;
    waits = true;
    watch.descriptor.async_wait(
        write ? Descriptor::wait_write : Descriptor::wait_read,
        [self = shared_from_this(), fd, number = watch.number, write](const boost::system::error_code& error) {
          if (!error) self->on_ready(fd, number, write);
        });
  };
  begin(watch.wants_read, watch.waits_read, false);
  begin(watch.wants_write, watch.waits_write, true);
}

void Dns::on_ready(ares_socket_t fd, std::uint64_t number, bool write) {
  const auto current = [&]() -> Watch* {
    const auto found = watches_.find(fd);
    return found != watches_.end() && found->second->number == number ? found->second.get() : nullptr;
  };
  Watch* watch = current();
  if (watch == nullptr) return;
  (write ? watch->waits_write : watch->waits_read) = false;
  process(write ? ARES_SOCKET_BAD : fd, write ? fd : ARES_SOCKET_BAD);
  watch = current();
  if (watch != nullptr) wait(fd, *watch);
}

void Dns::process(ares_socket_t readable, ares_socket_t writable) {
  if (channel_ == nullptr) return;
  ares_process_fd(channel_, readable, writable);
  settle();
}

void Dns::settle() {
  if (open_ > 0) return arm_timer();
  // Questions that were cancelled are of no interest to anybody, but c-ares would still ask them.
  timer_.cancel();
  if (channel_ != nullptr) ares_destroy(std::exchange(channel_, nullptr));
}

void Dns::arm_timer() {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout_);
  timeval most{seconds.count(), std::chrono::microseconds{timeout_ - seconds}.count()};
  timeval left{};
  const timeval* next = ares_timeout(channel_, &most, &left);
  timer_.expires_after(std::chrono::seconds{next->tv_sec} + std::chrono::microseconds{next->tv_usec});
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

std::error_code dns_error(int status) noexcept {
  switch (status) {
    case ARES_SUCCESS:
      return {};
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_EBADNAME:
      return make_error_code(errc::name_not_resolved);
    case ARES_ETIMEOUT:
      return make_error_code(errc::timed_out);
    case ARES_ENOMEM:
      return std::make_error_code(std::errc::not_enough_memory);
    default:
      return {status, dns_category()};
  }
}

}  // namespace ice::io::detail
