#include "io/dns.hpp"

#include <netdb.h>
#include <sys/time.h>

#include <algorithm>
#include <boost/asio/error.hpp>

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

constexpr std::size_t longest_name = 254;  // RFC 1035 §2.3.4: 255 octets on the wire; as text, with a dot at the end

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

// What the library makes is taken apart whatever is in it.
struct ReplyDeleter {
  void operator()(void* reply) const noexcept { ares_free_data(reply); }
};

std::string text_of(const unsigned char* text) { return reinterpret_cast<const char*>(text); }

/// How the records of a type are asked for, and read.
template <class Record>
struct Reading;

template <>
struct Reading<stun::SrvRecord> {
  using Reply = ares_srv_reply;
  static constexpr int type = 33;  // RFC 2782
  static constexpr auto parse = &ares_parse_srv_reply;
  static stun::SrvRecord read(const Reply& reply) { return {reply.priority, reply.weight, reply.port, reply.host}; }
};

template <>
struct Reading<stun::NaptrRecord> {
  using Reply = ares_naptr_reply;
  static constexpr int type = 35;  // RFC 3403 §4.1
  static constexpr auto parse = &ares_parse_naptr_reply;
  static stun::NaptrRecord read(const Reply& reply) {
    return {reply.order,           reply.preference, text_of(reply.flags), text_of(reply.service),
            text_of(reply.regexp), reply.replacement};
  }
};

}  // namespace

template <class Record>
void Dns::Query<Record>::cancel() {
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

template <class Record>
std::shared_ptr<Dns::Query<Record>> Dns::ask(const std::string& name, Answer<Record> answer) {
  auto query = std::make_shared<Query<Record>>(weak_from_this(), std::move(answer));
  ++open_;
  begin(name, std::make_unique<std::shared_ptr<Query<Record>>>(query));
  settle();
  return query;
}

template std::shared_ptr<Dns::Query<Address>> Dns::ask(const std::string&, Answer<Address>);
template std::shared_ptr<Dns::Query<stun::SrvRecord>> Dns::ask(const std::string&, Answer<stun::SrvRecord>);
template std::shared_ptr<Dns::Query<stun::NaptrRecord>> Dns::ask(const std::string&, Answer<stun::NaptrRecord>);

void Dns::begin(const std::string& name, std::unique_ptr<AddressShare> share) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &Dns::on_addresses, share.release());
}

template <class Record>
void Dns::begin(const std::string& name, std::unique_ptr<std::shared_ptr<Query<Record>>> share) {
  constexpr int internet = 1;  // RFC 1035 §3.2.4
  ares_query(channel_, name.c_str(), internet, Reading<Record>::type, &Dns::on_reply<Record>, share.release());
}

void Dns::on_addresses(void* argument, int status, int, ares_addrinfo* found) {
  const std::unique_ptr<AddressShare> share{static_cast<AddressShare*>(argument)};
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned{found, &ares_freeaddrinfo};
  finish(**share, status, found != nullptr ? addresses_of(*found) : std::vector<Address>{});
}

template <class Record>
void Dns::on_reply(void* argument, int status, int, unsigned char* reply, int size) {
  using Share = std::shared_ptr<Query<Record>>;
  using Reply = typename Reading<Record>::Reply;
  const std::unique_ptr<Share> share{static_cast<Share*>(argument)};
  std::vector<Record> records;
  if (status == ARES_SUCCESS) {
    Reply* first = nullptr;
    status = Reading<Record>::parse(reply, size, &first);
    const std::unique_ptr<Reply, ReplyDeleter> owned{first};
    for (const Reply* one = first; one != nullptr; one = one->next) records.push_back(Reading<Record>::read(*one));
  }
  finish(**share, status, std::move(records));
}

template <class Record>
void Dns::finish(Query<Record>& query, int status, std::vector<Record> records) {
  const auto dns = query.dns.lock();
  // It was cancelled, or the loop is dying and its handlers with it.
  if (!query.answer || dns == nullptr) return;
  --dns->open_;
  if (status == ARES_SUCCESS && records.empty()) status = ARES_ENODATA;
  query.answer.complete(to_boost(dns_error(status)), std::move(records));
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

bool may_be_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_name && text.find_first_of(std::string_view{":%\0", 3}) == text.npos;
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
