#include "ice/relays.hpp"

#include <algorithm>
#include <limits>
#include <variant>

#include "base/earliest.hpp"
#include "turn/shared_secret.hpp"

namespace ice {
namespace {

bool may_begin(turn::AllocationState state) noexcept {
  return state == turn::AllocationState::idle || state == turn::AllocationState::released ||
         state == turn::AllocationState::failed;
}

bool same_name(const stun::Uri& a, const stun::Uri& b) noexcept { return !a.is_secure() || a.host == b.host; }

bool same_login(const std::optional<stun::Login>& a, const std::optional<stun::Login>& b) noexcept {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->username() == b->username() && a->password() == b->password();
}

// One that was lost and waits need not wait any longer: the network, or the server, may be back.
bool may_ask(turn::AllocationState state) noexcept {
  return may_begin(state) || state == turn::AllocationState::waiting;
}

std::optional<std::chrono::seconds> expiry_of(const std::optional<stun::Login>& login) {
  const auto name = login ? turn::SharedSecretName::parse(login->username()) : std::nullopt;
  return name ? std::optional{name->until} : std::nullopt;
}

}  // namespace

Cause cause_of(const turn::Refusal& refusal) noexcept {
  if (!refusal.error) return Cause::none;
  if (refusal.error == errc::unauthorized || refusal.error == errc::token_expired) return Cause::wrong_credentials;
  if (refusal.error == errc::wrong_integrity) return Cause::unauthenticated;
  if (refusal.error == errc::timed_out) return Cause::no_response;
  if (refusal.code == stun::ErrorCode::allocation_quota_reached) return Cause::quota_reached;
  if (refusal.code == stun::ErrorCode::insufficient_capacity) return Cause::no_capacity;
  if (refusal.error == errc::server_refused) return Cause::error_response;
  if (refusal.error == errc::bad_response || refusal.error == errc::bid_down || refusal.error == errc::unsupported ||
      refusal.error == errc::redirect_loop)
    return Cause::bad_response;
  return Cause::unreachable;
}

Relays::Relays(const AgentConfig& config, const Environment& environment)
    : config_{config}, environment_{environment} {}

turn::AllocationConfig Relays::config_of(const Base& host, std::uint16_t server, const Endpoint& endpoint) const {
  const IceServer& wanted = config_.servers[server];
  turn::AllocationConfig config;
  config.server = endpoint;
  config.transport = wanted.uri.transport();
  if (wanted.uri.is_secure()) config.tls_name = wanted.uri.host;
  if (config.transport == Transport::udp) config.socket = host.socket;
  config.local = host.local.address;
  config.login = wanted.login;
  config.family = turn::RequestedFamily::both;
  config.keepalive = config_.mapping_keepalive;
  return config;
}

// Two URIs may name one server. On one socket it would take the second for the first (RFC 8656 §7.2); over connections
// they are one where the server is to show the same certificate, and is shown the same login.
bool Relays::is(const Relay& relay, const Base& host, std::uint16_t server,
                const turn::AllocationConfig& config) const {
  if (relay.host != host.socket || relay.host_gone || relay.endpoint != config.server ||
      relay.transport != config.transport)
    return false;
  const IceServer& its = config_.servers[relay.server];
  const IceServer& wanted = config_.servers[server];
  return relay.server == server || relay.transport == Transport::udp ||
         (same_name(its.uri, wanted.uri) && same_login(its.login, wanted.login));
}

result<Relays::Relay*> Relays::want(const Base& host, std::uint16_t server, const Endpoint& endpoint) {
  const turn::AllocationConfig config = config_of(host, server, endpoint);
  const auto known =
      std::find_if(all_.begin(), all_.end(), [&](const Relay& relay) { return is(relay, host, server, config); });
  if (known != all_.end()) {
    if (!known->wanted) want_again(*known);
    return &*known;
  }
  Relay made{turn::Allocation{config, environment_}, host.socket, host.local, server, endpoint, config.transport,
             config_.servers[server].uri.to_string()};
  made.wanted = true;
  made.pending = true;
  made.number = next_number_++;
  if (all_.size() < most) {
    all_.push_back(std::move(made));
    return &all_.back();
  }
  Relay* const place = find_superfluous();
  if (place == nullptr) return fail(errc::limit_reached);
  // A socket that opens for the one before is known by its ticket, and closed.
  made.tickets = place->tickets;
  *place = std::move(made);
  return place;
}

// One that holds nothing at its server, nor a socket, and that no generation wants: first of those whose base is gone,
// which are never wanted again.
Relays::Relay* Relays::find_superfluous() noexcept {
  Relay* found = nullptr;
  const auto rank = [](const Relay& relay) { return std::pair{!relay.host_gone, relay.number}; };
  for (Relay& relay : all_) {
    if (relay.wanted || !relay.ways.empty() || !may_begin(relay.allocation.state())) continue;
    if (found == nullptr || rank(relay) < rank(*found)) found = &relay;
  }
  return found;
}

void Relays::want_again(Relay& relay) noexcept {
  relay.wanted = true;
  relay.pending = may_ask(relay.allocation.state());
  relay.in_vain = false;
  relay.heard = relay.allocation.report({}).last_heard;
}

void Relays::take_over(const Base& host) noexcept {
  for (Relay& relay : all_) {
    const turn::AllocationState state = relay.allocation.state();
    if (relay.host != host.socket || relay.host_gone || may_begin(state)) continue;
    if (state != turn::AllocationState::releasing) want_again(relay);
  }
}

void Relays::want_none() noexcept {
  for (Relay& relay : all_) {
    relay.wanted = false;
    relay.pending = false;
  }
}

bool Relays::has_next() const noexcept {
  return std::any_of(all_.begin(), all_.end(), [](const Relay& relay) { return relay.pending; });
}

void Relays::start_next(TimePoint now) {
  const auto next = std::find_if(all_.begin(), all_.end(), [](const Relay& relay) { return relay.pending; });
  if (next == all_.end()) return;
  next->pending = false;
  if (std::exchange(next->new_login, false))
    next->allocation.replace_credentials(now, *config_.servers[next->server].login);
  // The endpoint is one that can be reached and nothing else is asked for, so nothing is wrong with the config.
  static_cast<void>(next->allocation.allocate(now).has_value());
  // RFC 8656 §7.4: after some refusals it has to wait for minutes.
  next->in_vain = next->in_vain || next->allocation.state() == turn::AllocationState::waiting;
}

bool Relays::is_awaited(const Relay& relay) noexcept {
  const bool there = relay.allocation.state() == turn::AllocationState::allocated;
  return relay.wanted && (relay.pending || !(there || relay.in_vain));
}

bool Relays::settled() const noexcept { return std::none_of(all_.begin(), all_.end(), is_awaited); }

std::optional<TimePoint> Relays::awaited_until(Duration patience) const noexcept {
  std::optional<TimePoint> latest;
  for (const Relay& relay : all_) {
    if (!is_awaited(relay)) continue;
    if (relay.pending || relay.allocation.state() == turn::AllocationState::releasing) return TimePoint::max();
    latest = std::max(latest, relay.allocation.report({}).began);
  }
  if (latest) *latest += patience;
  return latest;
}

void Relays::replace_credentials(TimePoint now, std::uint16_t server, const stun::Login& login) {
  for (Relay& relay : all_) {
    if (relay.server != server) continue;
    // One that nobody needs now would begin again with them, and one that waits for its slot would not wait.
    if (may_begin(relay.allocation.state()) && (!relay.wanted || relay.pending)) {
      relay.new_login = true;
      continue;
    }
    const bool had_failed = may_begin(relay.allocation.state());
    relay.allocation.replace_credentials(now, login);
    if (had_failed && !may_begin(relay.allocation.state())) relay.in_vain = false;
  }
}

std::optional<TimePoint> Relays::hopeless_at(std::uint16_t server, const Endpoint& endpoint,
                                             Duration patience) const noexcept {
  std::optional<TimePoint> at;
  constexpr TimePoint any{};  // it is for counts that are not looked at
  for (const Relay& relay : all_) {
    if (!relay.wanted || relay.server != server || relay.endpoint != endpoint) continue;
    const turn::AllocationReport known = relay.allocation.report(any);
    if (relay.pending || !known.began || known.allocated_at) return std::nullopt;
    const bool failed = known.state == turn::AllocationState::failed;
    const Cause cause = cause_of(known.last_refusal);
    if (failed && (cause == Cause::wrong_credentials || cause == Cause::quota_reached)) return std::nullopt;
    if (!failed && known.last_heard && *known.last_heard >= *known.began) return std::nullopt;
    at = std::max(at.value_or(TimePoint::min()), *known.began + (failed ? Duration{} : patience));
  }
  return at;
}

bool Relays::uses(const Relay& relay, const std::vector<SocketId>& used) noexcept {
  return std::any_of(relay.ways.begin(), relay.ways.end(),
                     [&](const Way& way) { return std::find(used.begin(), used.end(), way.socket) != used.end(); });
}

std::vector<Relays::Way> Relays::release_all_but(TimePoint now, const std::vector<SocketId>& used) {
  std::vector<Way> closed;
  for (Relay& relay : all_) {
    if (relay.wanted || uses(relay, used)) continue;
    relay.allocation.release(now);
    closed.insert(closed.end(), relay.ways.begin(), relay.ways.end());
    relay.ways.clear();
  }
  return closed;
}

void Relays::close(TimePoint now) {
  closed_ = true;
  want_none();
  for (Relay& relay : all_) {
    relay.allocation.release(now);
    if (relay.transport != Transport::udp && relay.allocation.socket()) to_close_.push_back(*relay.allocation.socket());
  }
}

std::vector<Relays::Way> Relays::remove_host(TimePoint now, SocketId host) {
  std::vector<Way> closed;
  for (Relay& relay : all_) {
    if (relay.host != host || relay.host_gone) continue;
    relay.host_gone = true;
    relay.wanted = false;
    relay.pending = false;
    if (relay.transport == Transport::udp)
      relay.allocation.handle_socket(now, SocketClosed{host, make_error_code(errc::no_such_socket)});
    relay.allocation.release(now);
    closed.insert(closed.end(), relay.ways.begin(), relay.ways.end());
    relay.ways.clear();
  }
  return closed;
}

// Never one that a driver's socket may have, also after 65,536 of them.
SocketId Relays::next_way() noexcept {
  do {
    last_way_ = last_way_ == std::numeric_limits<std::uint32_t>::max() ? first_socket : last_way_ + 1;
  } while (find(SocketId{last_way_}) != nullptr);
  return SocketId{last_way_};
}

void Relays::open_ways(RelayIndex index, const turn::Allocated& allocated) {
  Relay& relay = all_[index];
  for (const Endpoint& relayed : {allocated.relayed, allocated.relayed_other})
    if (relayed) relay.ways.push_back({next_way(), relayed.canonical()});
}

std::vector<Relays::Way> Relays::close_ways(RelayIndex index) noexcept { return std::exchange(all_[index].ways, {}); }

// ---- what arrives, what leaves

Relays::Relay* Relays::owner(const Datagram& datagram) noexcept {
  for (Relay& relay : all_)
    if (relay.allocation.owns(datagram)) return &relay;
  return nullptr;
}

const Relays::Relay* Relays::find(SocketId way) const noexcept {
  for (const Relay& relay : all_)
    for (const Way& one : relay.ways)
      if (one.socket == way) return &relay;
  return nullptr;
}

Relays::Relay* Relays::find(SocketId way) noexcept {
  return const_cast<Relay*>(std::as_const(*this).find(way));  // it is one of ours
}

std::optional<Transmit> Relays::wrap(TimePoint now, const Transmit& inner, MutableBytes scratch) noexcept {
  Relay* relay = find(inner.socket);
  if (relay == nullptr) return std::nullopt;
  const auto wrapped = relay->allocation.wrap(now, inner.to, inner.head.empty() ? inner.body : inner.head, scratch);
  if (!wrapped) return std::nullopt;
  return *wrapped;
}

void Relays::handle_timeout(TimePoint now) {
  for (Relay& relay : all_) relay.allocation.handle_timeout(now);
}

void Relays::handle_socket(TimePoint now, const SocketEvent& event) {
  // A ticket of ours is the relay, and how often it has asked.
  const auto ask = [&](SocketTicket ours) -> std::pair<Relay*, SocketTicket> {
    const auto number = static_cast<std::uint32_t>(ours);
    const std::size_t index = number & 0xFFFF;
    if (index >= all_.size()) return {nullptr, {}};
    // One that it does not wait for any more: it closes that.
    const bool last = all_[index].tickets == number >> 16;
    return {&all_[index], last ? all_[index].ticket : SocketTicket{}};
  };
  if (const auto* opened = std::get_if<SocketOpened>(&event)) {
    const auto [relay, ticket] = ask(opened->ticket);
    if (relay != nullptr) relay->allocation.handle_socket(now, SocketOpened{ticket, opened->socket, opened->local});
  } else if (const auto* failed = std::get_if<SocketFailed>(&event)) {
    const auto [relay, ticket] = ask(failed->ticket);
    if (relay != nullptr) relay->allocation.handle_socket(now, SocketFailed{ticket, failed->error});
  } else {
    for (Relay& relay : all_) relay.allocation.handle_socket(now, event);
  }
}

std::optional<Transmit> Relays::poll_transmit(TimePoint now, MutableBytes scratch) {
  for (Relay& relay : all_)
    if (auto out = relay.allocation.poll_transmit(now, scratch)) return out;
  said_goodbye_ = closed_;
  return std::nullopt;
}

std::optional<SocketRequest> Relays::poll_socket() {
  if (said_goodbye_ && !to_close_.empty()) {
    const SocketId closing = to_close_.back();
    to_close_.pop_back();
    return CloseSocket{closing};
  }
  for (std::size_t i = 0; i < all_.size(); ++i) {
    Relay& relay = all_[i];
    auto request = relay.allocation.poll_socket();
    if (!request) continue;
    if (auto* open = std::get_if<OpenSocket>(&*request)) {
      relay.ticket = open->ticket;
      open->ticket = SocketTicket{static_cast<std::uint32_t>(i) | std::uint32_t{++relay.tickets} << 16};
    }
    return request;
  }
  return std::nullopt;
}

std::optional<std::pair<RelayIndex, turn::AllocationEvent>> Relays::poll_event() {
  for (RelayIndex i = 0; i < all_.size(); ++i) {
    Relay& relay = all_[i];
    auto event = relay.allocation.poll_event();
    if (!event) continue;
    // One that was lost asks again by itself, and its candidate may save the call: the peer can be told of it for as
    // long as the first attempt takes.
    if (std::holds_alternative<turn::Allocated>(*event)) relay.in_vain = false;
    if (std::holds_alternative<turn::AllocationFailed>(*event)) relay.in_vain = true;
    // It was on its way back when a restart came. Nobody waits for a second attempt where the server was silent to it.
    if (std::holds_alternative<turn::Released>(*event)) {
      relay.pending = relay.wanted;
      relay.in_vain = relay.heard == relay.allocation.report({}).last_heard;
    }
    return std::pair{i, std::move(*event)};
  }
  return std::nullopt;
}

std::optional<TimePoint> Relays::next_timeout() const noexcept {
  std::optional<TimePoint> next;
  for (const Relay& relay : all_) earliest(next, relay.allocation.next_timeout());
  return next;
}

std::vector<ServerReport> Relays::report() const {
  std::vector<ServerReport> all;
  constexpr TimePoint any{};  // it is for counts that are not told
  for (const Relay& relay : all_) {
    const turn::AllocationReport known = relay.allocation.report(any);
    ServerReport told;
    told.uri = relay.uri;
    told.server = known.server;
    told.local = relay.local;
    told.transport = relay.transport;
    told.first_sent = known.began;
    told.last_heard = known.last_heard;
    told.requests = static_cast<std::uint32_t>(known.counters.requests);
    told.responses = static_cast<std::uint32_t>(known.counters.responses);
    told.mapped = known.mapped;
    told.relayed = known.relayed;
    told.relayed_other = known.relayed_other;
    told.losses = known.losses;
    told.login_expires = expiry_of(config_.servers[relay.server].login);
    told.error_code = static_cast<std::uint16_t>(known.last_refusal.code);
    const bool up = known.state == turn::AllocationState::allocated;
    if (!up && known.state != turn::AllocationState::released) {
      told.cause = cause_of(known.last_refusal);
      told.why = known.last_refusal.error;
    }
    all.push_back(std::move(told));
  }
  return all;
}

}  // namespace ice
