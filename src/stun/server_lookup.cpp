#include "ice/stun/server_lookup.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/text.hpp"
#include "stun/srv_order.hpp"

namespace ice::stun {
namespace {

constexpr std::size_t longest_name = 253;  // RFC 1035 §2.3.4: 255 octets on the wire
constexpr std::size_t longest_label = 63;  // RFC 1035 §2.3.4

bool is_secure(Transport transport) noexcept { return transport == Transport::tls || transport == Transport::dtls; }

/// RFC 8489 §18.6. The one of the transport: a TLS server is not at 3478, whatever the URI leaves open.
std::uint16_t port_of(Transport transport) noexcept { return is_secure(transport) ? default_tls_port : default_port; }

/// RFC 5928 §6, RFC 7350 §6.1.
std::string_view protocol_tag(Transport transport) noexcept {
  switch (transport) {
    case Transport::udp:
      return "turn.udp";
    case Transport::tcp:
      return "turn.tcp";
    case Transport::tls:
      return "turn.tls";
    case Transport::dtls:
      return "turn.dtls";
  }
  return {};
}

std::string in_lower_case(std::string_view text) {
  std::string lowered{text};
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), text::lower);
  return lowered;
}

/// Names of DNS are compared without case, and absolute ones may end in a dot.
std::string as_key(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return in_lower_case(name);
}

/// What a record may lead to: letters, digits, hyphens, and the underscores of SRV names.
bool is_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > longest_name) return false;
  std::size_t label = 0;
  for (const char c : name) {
    const char small = text::lower(c);
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if ((small < 'a' || small > 'z') && (c < '0' || c > '9') && c != '-' && c != '_') {
      return false;
    } else if (++label > longest_label) {
      return false;
    }
  }
  return label != 0;
}

/// RFC 6761 §6.3: such a name is this host, and DNS is not asked about it.
bool is_localhost(std::string_view key) noexcept { return key == "localhost" || key.ends_with(".localhost"); }

/// The first of the tags in "RELAY:turn.udp:…" is the service, the others are protocols (RFC 3958 §6.5).
std::string_view take_tag(std::string_view& services) noexcept {
  const std::size_t end = std::min(services.find(':'), services.size());
  const std::string_view tag = services.substr(0, end);
  services.remove_prefix(std::min(end + 1, services.size()));
  return tag;
}

bool is_for_relay(const NaptrRecord& record) noexcept {
  std::string_view services = record.services;
  return text::equals_ignoring_case(take_tag(services), "RELAY");
}

bool offers(const NaptrRecord& record, Transport transport) noexcept {
  std::string_view rest = record.services;
  for (take_tag(rest); !rest.empty();) {
    if (text::equals_ignoring_case(take_tag(rest), protocol_tag(transport))) return true;
  }
  return false;
}

std::pair<std::uint16_t, std::uint16_t> rank_of(const NaptrRecord& record) noexcept {
  return {record.order, record.preference};
}

/// RFC 5928 §3 with RFC 7350 §4.6.2: what the URI leaves of the transports that the application supports.
std::vector<Transport> usable(const Uri& uri, std::span<const Transport> supported) {
  std::vector<Transport> left;
  for (const Transport transport : supported) {
    const bool wanted = uri.named_transport ? transport == uri.transport()
                        : uri.is_turn()     ? !uri.is_secure() || is_secure(transport)
                                            : uri.is_secure() == is_secure(transport);  // RFC 7064 §3.2
    if (wanted) left.push_back(transport);
  }
  return left;
}

template <class T>
void keep_first(std::vector<T>& all, std::size_t most) {
  if (all.size() > most) all.erase(all.begin() + static_cast<std::ptrdiff_t>(most), all.end());
}

}  // namespace

/// One pass over all that DNS has said so far, from the URI to addresses. It notes the questions that stand in the way,
/// and whether it came to the end without one; then what it found is the result.
class ServerLookup::Walk {
 public:
  explicit Walk(ServerLookup& lookup)
      : lookup_{lookup},
        own_name_{in_lower_case(lookup.uri_.host)},
        host_{as_key(lookup.uri_.host)},
        asks_services_{!is_localhost(host_)} {}

  /// RFC 5928 §3, the steps 1 to 5 of its algorithm; RFC 8489 §8.1.
  void run() {
    const Uri& uri = lookup_.uri_;
    const Address literal = uri.address();
    if (!literal && !uri.port) {
      if (uri.is_turn() && !uri.named_transport) return application();
      return services();
    }
    for (const Transport transport : lookup_.transports_) {
      const std::uint16_t port = uri.port.value_or(port_of(transport));
      if (literal) {
        add(transport, {literal.canonical(), port}, uri.host);
      } else {
        own_addresses(transport, port);
      }
    }
  }

  bool is_complete() const noexcept { return complete_; }
  std::vector<ServerAddress> take_servers() noexcept { return std::move(servers_); }
  /// Why the last way ended nowhere.
  std::error_code error() const noexcept { return error_; }

 private:
  using State = Asked::State;

  /// Step 4, S-NAPTR (RFC 3958 §2.2) for the service RELAY. If the first set has nothing for us, step 5.
  void application() {
    const Asked* first = asks_services_ ? service_question(DnsType::naptr, host_) : nullptr;
    if (first == nullptr || first->state != State::present) return services();
    // The first set ranks the protocols, the application those of one rank. Each is then followed for itself to the end
    // (RFC 3958 §2.2.5).
    std::vector<std::pair<std::pair<std::uint16_t, std::uint16_t>, Transport>> ranked;
    for (const Transport transport : lookup_.transports_) {
      for (const NaptrRecord& record : first->pointers) {
        if (!offers(record, transport)) continue;
        ranked.emplace_back(rank_of(record), transport);
        break;
      }
    }
    if (ranked.empty()) return services();
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    way_ = {host_};
    for (const auto& [rank, transport] : ranked) follow(first->pointers, transport);
  }

  void follow(const std::vector<NaptrRecord>& pointers, Transport transport) {
    for (const NaptrRecord& record : pointers) {
      if (!offers(record, transport) || !step()) continue;
      if (record.flags == "s") {
        service(record.replacement, transport);
      } else if (record.flags == "a") {
        addresses(record.replacement, transport, port_of(transport));
      } else {
        delegate(record.replacement, transport);
      }
    }
  }

  void delegate(const std::string& name, Transport transport) {
    if (way_.size() > most_delegations || std::find(way_.begin(), way_.end(), name) != way_.end()) return;
    const Asked* next = question(DnsType::naptr, name);
    if (next == nullptr) return;
    way_.push_back(name);
    follow(next->pointers, transport);
    way_.pop_back();
  }

  /// Steps 3 and 5: SRV for each transport; where there is none, the host itself.
  void services() {
    for (const Transport transport : lookup_.transports_) {
      if (asks_services_ && service(service_name(transport), transport)) continue;
      own_addresses(transport, port_of(transport));
    }
  }

  /// RFC 2782: "_Service._Proto.Name". The services of RFC 8489 §18.6 and RFC 8656 §20, secure ones with an s.
  std::string service_name(Transport transport) const {
    std::string name = lookup_.uri_.is_turn() ? "_turn" : "_stun";
    if (is_secure(transport)) name += 's';
    return name + (is_stream(transport) ? "._tcp." : "._udp.") + host_;
  }

  /// False where there are no such records, as far as is known.
  bool service(const std::string& name, Transport transport) {
    const Asked* asked = way_.empty() ? service_question(DnsType::srv, name) : question(DnsType::srv, name);
    if (asked == nullptr || asked->state != State::present) return false;
    for (const SrvRecord& record : asked->services) {
      if (step()) addresses(record.target, transport, record.port);
    }
    return true;
  }

  void own_addresses(Transport transport, std::uint16_t port) { addresses(own_name_, transport, port); }

  void addresses(const std::string& name, Transport transport, std::uint16_t port) {
    const Asked* asked = question(DnsType::address, name);
    if (asked == nullptr) return;
    for (const Address& address : asked->addresses) add(transport, {address, port}, name);
  }

  void add(Transport transport, const Endpoint& endpoint, const std::string& host) {
    const bool known = std::any_of(servers_.begin(), servers_.end(), [&](const ServerAddress& one) {
      return one.transport == transport && one.endpoint == endpoint;
    });
    if (known || servers_.size() == most_servers) return;
    servers_.push_back({transport, endpoint, host, is_secure(transport) ? lookup_.uri_.host : std::string{}});
  }

  bool step() noexcept { return steps_ < most_steps && ++steps_ != 0; }

  /// What is known of it; null where it is not asked because there are too many.
  Asked* question(DnsType type, const std::string& name) {
    Asked* asked = lookup_.find(type, name);
    if (asked == nullptr) {
      if (name.size() > longest_name || lookup_.asked_.size() == most_questions) return nullptr;
      asked = &lookup_.asked_.emplace_back(Asked{{type, name}});
    }
    if (asked->state == State::absent) error_ = asked->why;
    if (asked->state == State::wanted || asked->state == State::pending) complete_ = false;
    return asked;
  }

  /// One that the host's own addresses take the place of if it fails.
  Asked* service_question(DnsType type, const std::string& name) {
    Asked* asked = question(type, name);
    const Asked* own = lookup_.find(DnsType::address, own_name_);
    if (asked != nullptr) {
      asked->replaceable = own != nullptr && (own->state == State::absent || own->state == State::present);
    }
    return asked;
  }

  ServerLookup& lookup_;
  std::string own_name_;  // as it stands in the URI: the search list of the system may apply to it
  std::string host_;      // as a domain
  bool asks_services_;
  bool complete_ = true;
  std::size_t steps_ = 0;
  std::vector<std::string> way_;  // of NAPTR names
  std::vector<ServerAddress> servers_;
  std::error_code error_ = make_error_code(errc::name_not_resolved);
};

ServerLookup::ServerLookup(Uri uri, std::span<const Transport> supported, RandomSource& random, Duration patience)
    : uri_{std::move(uri)}, transports_{usable(uri_, supported)}, random_{&random}, patience_{patience} {
  if (transports_.empty()) {
    done_ = true;
    error_ = make_error_code(errc::unsupported);
  } else {
    walk();
  }
}

std::optional<DnsQuestion> ServerLookup::poll_question() {
  if (done_) return std::nullopt;
  const auto next = std::find_if(asked_.begin(), asked_.end(),
                                 [](const Asked& asked) { return asked.state == Asked::State::wanted; });
  if (next == asked_.end()) return std::nullopt;
  next->state = Asked::State::pending;
  return next->question;
}

void ServerLookup::answer(TimePoint now, std::string_view name, const std::vector<Address>& addresses) {
  Asked* asked = find_pending(DnsType::address, name);
  if (asked == nullptr) return;
  for (const Address& told : addresses) {
    // Filters that lie for their users' good say 0.0.0.0.
    if (!told || told.is_unspecified() || told.is_multicast()) continue;
    const Address address = told.canonical();
    auto& known = asked->addresses;
    if (known.size() < most_records && std::find(known.begin(), known.end(), address) == known.end())
      known.push_back(address);
  }
  settle(now, *asked, asked->addresses.empty() ? Asked::State::absent : Asked::State::present,
         make_error_code(errc::name_not_resolved));
}

void ServerLookup::answer(TimePoint now, std::string_view name, std::vector<SrvRecord> records) {
  Asked* asked = find_pending(DnsType::srv, name);
  if (asked == nullptr) return;
  for (SrvRecord& record : records) record.target = as_key(record.target);
  // RFC 2782: a record alone whose target is the root says that the service is not there. Then it is not sought at the
  // host either.
  const bool declined = records.size() == 1 && records.front().target.empty();
  std::erase_if(records, [](const SrvRecord& record) { return record.port == 0 || !is_name(record.target); });
  std::stable_sort(records.begin(), records.end(),
                   [](const SrvRecord& a, const SrvRecord& b) { return a.priority < b.priority; });
  keep_first(records, most_records);
  order_srv(records, *random_);
  asked->services = std::move(records);
  const bool present = declined || !asked->services.empty();
  settle(now, *asked, present ? Asked::State::present : Asked::State::absent, make_error_code(errc::name_not_resolved));
}

void ServerLookup::answer(TimePoint now, std::string_view name, std::vector<NaptrRecord> records) {
  Asked* asked = find_pending(DnsType::naptr, name);
  if (asked == nullptr) return;
  for (NaptrRecord& record : records) {
    record.flags = in_lower_case(record.flags);
    record.replacement = as_key(record.replacement);
  }
  // RFC 3958 §2.2.3, §6.5: no other flags, no regular expressions. Records of other services are not ours to judge.
  std::erase_if(records, [](const NaptrRecord& record) {
    const bool known_flags = record.flags.empty() || record.flags == "s" || record.flags == "a";
    return !is_for_relay(record) || !known_flags || !record.regexp.empty() || !is_name(record.replacement);
  });
  std::stable_sort(records.begin(), records.end(),
                   [](const NaptrRecord& a, const NaptrRecord& b) { return rank_of(a) < rank_of(b); });
  keep_first(records, most_records);
  asked->pointers = std::move(records);
  settle(now, *asked, asked->pointers.empty() ? Asked::State::absent : Asked::State::present,
         make_error_code(errc::name_not_resolved));
}

void ServerLookup::fail(TimePoint now, const DnsQuestion& question, std::error_code why) {
  if (Asked* asked = find_pending(question.type, question.name)) settle(now, *asked, Asked::State::absent, why);
}

void ServerLookup::handle_timeout(TimePoint now) {
  if (!deadline_ || now < *deadline_) return;
  for (Asked& asked : asked_) {
    if (!asked.replaceable || asked.state != Asked::State::pending) continue;
    asked.state = Asked::State::absent;
    asked.why = make_error_code(errc::timed_out);
  }
  walk();
  mind_patience(now);
}

ServerLookup::Asked* ServerLookup::find(DnsType type, std::string_view name) noexcept {
  const auto found = std::find_if(asked_.begin(), asked_.end(), [&](const Asked& asked) {
    return asked.question.type == type && asked.question.name == name;
  });
  return found == asked_.end() ? nullptr : &*found;
}

ServerLookup::Asked* ServerLookup::find_pending(DnsType type, std::string_view name) noexcept {
  Asked* asked = find(type, name);
  return asked != nullptr && asked->state == Asked::State::pending ? asked : nullptr;
}

void ServerLookup::settle(TimePoint now, Asked& asked, Asked::State state, std::error_code why) {
  asked.state = state;
  asked.why = why;
  walk();
  mind_patience(now);
}

void ServerLookup::walk() {
  for (Asked& asked : asked_) asked.replaceable = false;
  Walk walk{*this};
  walk.run();
  done_ = walk.is_complete();
  if (!done_) return;
  servers_ = walk.take_servers();
  if (servers_.empty()) error_ = walk.error();
}

void ServerLookup::mind_patience(TimePoint now) {
  const bool waits = !done_ && std::any_of(asked_.begin(), asked_.end(), [](const Asked& asked) {
    return asked.replaceable && asked.state == Asked::State::pending;
  });
  if (!waits) {
    deadline_.reset();
  } else if (!deadline_) {
    deadline_ = now + patience_;
  }
}

}  // namespace ice::stun
