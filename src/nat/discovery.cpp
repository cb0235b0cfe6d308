#include "ice/nat/discovery.hpp"

#include <algorithm>
#include <utility>

#include "base/earliest.hpp"
#include "nat/discovery_impl.hpp"

namespace ice::nat {

std::string_view to_string(Test test) noexcept {
  switch (test) {
    case Test::contact:
      break;
    case Test::fresh_mapping:
      return "fresh-mapping";
    case Test::mapping:
      return "mapping";
    case Test::mapping_control:
      return "mapping-control";
    case Test::filtering_address:
      return "filtering-address";
    case Test::filtering_port:
      return "filtering-port";
    case Test::filtering_control:
      return "filtering-control";
    case Test::opening:
      return "opening";
    case Test::change_address_control:
      return "change-address-control";
    case Test::change_port_control:
      return "change-port-control";
    case Test::hairpin_control:
      return "hairpin-control";
    case Test::fragments:
      return "fragments";
    case Test::fragments_control:
      return "fragments-control";
    case Test::lifetime_refresh:
      return "lifetime-refresh";
    case Test::lifetime:
      return "lifetime";
    case Test::lifetime_control:
      return "lifetime-control";
    case Test::tcp:
      return "tcp";
  }
  return "contact";
}

// --- the verbs

Discovery::Impl::Impl(DiscoveryConfig config, Environment environment)
    : config_{std::move(config)},
      // RFC 5780 §5: ALTERNATE-SERVER leads to a server with another place in the topology.
      questions_{{.software = config_.software, .follow_alternate_server = false}, environment},
      hairpin_{environment.random} {}

result<void> Discovery::Impl::start(TimePoint now) {
  if (config_.servers.size() > most_servers) return fail(errc::limit_reached);
  if (stage_ != Stage::idle || config_.servers.empty()) return fail(errc::invalid_argument);
  const Family family = config_.servers.front().canonical().address.family();
  for (const Endpoint& server : config_.servers) {
    if (!server || server.port == 0 || server.canonical().address.family() != family)
      return fail(errc::invalid_argument);
    servers_.push_back({.endpoint = server.canonical()});
  }
  const Address local = config_.local ? config_.local : Address::any(family);
  for (Socket& socket : sockets_) socket.ticket = open({.local = {local, 0}});
  stage_ = Stage::contact;
  started_ = now;
  return {};
}

// --- sockets

SocketTicket Discovery::Impl::open(OpenSocket request) {
  request.ticket = SocketTicket{next_ticket_++};
  requests_.push_back(request);
  return request.ticket;
}

void Discovery::Impl::close(SocketId socket) { requests_.push_back(CloseSocket{socket}); }

Discovery::Impl::Socket* Discovery::Impl::socket_of(SocketId id) noexcept {
  const auto found = std::find_if(sockets_.begin(), sockets_.end(), [&](const Socket& s) { return s.id == id; });
  return found == sockets_.end() ? nullptr : &*found;
}

bool Discovery::Impl::owns(SocketId id) const noexcept {
  return std::any_of(sockets_.begin(), sockets_.end(), [&](const Socket& s) { return s.id == id; }) ||
         std::any_of(servers_.begin(), servers_.end(), [&](const Server& s) { return s.tcp_socket == id; });
}

void Discovery::Impl::opened(const SocketOpened& event) {
  if (stage_ == Stage::finished) return close(event.socket);
  for (Socket& socket : sockets_)
    if (socket.ticket == event.ticket && !socket.id && !socket.failed) {
      socket.id = event.socket;
      socket.local = event.local;
      return;
    }
  for (Server& server : servers_)
    if (server.tcp_ticket == event.ticket && !server.tcp_socket && !server.tcp_ended) {
      server.tcp_socket = event.socket;
      questions_.ask(
          {Test::tcp, Role::none, {.socket = event.socket, .server = server.endpoint, .transport = Transport::tcp}});
      return;
    }
  close(event.socket);
}

void Discovery::Impl::failed(const SocketFailed& event) {
  for (Socket& socket : sockets_)
    if (socket.ticket == event.ticket && !socket.id) socket.failed = true;
  for (Server& server : servers_)
    if (server.tcp_ticket == event.ticket && !server.tcp_socket) server.tcp_ended = true;
}

void Discovery::Impl::lost(SocketId id) {
  questions_.lose(id);
  hairpin_.lose(id);
  if (Socket* socket = socket_of(id)) {
    socket->id.reset();
    socket->failed = true;
  }
  for (Server& server : servers_)
    if (server.tcp_socket == id) server.tcp_socket.reset();
}

void Discovery::Impl::handle_socket(TimePoint now, const SocketEvent& event) {
  if (const auto* open = std::get_if<SocketOpened>(&event)) opened(*open);
  if (const auto* fail = std::get_if<SocketFailed>(&event)) failed(*fail);
  questions_.handle_socket(now, event);
  if (const auto* closed = std::get_if<SocketClosed>(&event)) lost(closed->socket);
  advance(now);
}

// --- the machine

Received Discovery::Impl::handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
  if (!owns(in.socket)) return {.verdict = Verdict::not_mine};
  if (Socket* socket = socket_of(in.socket); socket != nullptr && socket->local.address.is_unspecified() && in.ip.local)
    socket->local.address = in.ip.local.canonical();
  const Received received = hairpin_.handle_datagram(in) ? Received{} : questions_.handle_datagram(now, in, scratch);
  advance(now);
  return received;
}

void Discovery::Impl::handle_timeout(TimePoint now) {
  if (stage_ == Stage::idle || stage_ == Stage::finished) return;
  questions_.handle_timeout(now);
  hairpin_.handle_timeout(now, questions_);
  lifetime_.handle_timeout(now, questions_);
  advance(now);
}

std::optional<TimePoint> Discovery::Impl::next_timeout() const noexcept {
  if (stage_ == Stage::idle || stage_ == Stage::finished) return std::nullopt;
  std::optional<TimePoint> next = questions_.next_timeout();
  earliest(next, hairpin_.next_timeout());
  earliest(next, lifetime_.next_timeout());
  earliest(next, deadline());
  if (stage_ == Stage::contact) {
    earliest(next, choose_at_);
    if (!tcp_tried_ && contacted_ && !choose_at_) earliest(next, started_ + tcp_patience);
  }
  return next;
}

std::optional<Transmit> Discovery::Impl::poll_transmit(TimePoint now, MutableBytes scratch) {
  if (std::optional<Transmit> request = hairpin_.poll_transmit(now, scratch)) return request;
  return questions_.poll_transmit(now, scratch);
}

TimePoint Discovery::Impl::deadline() const noexcept {
  return started_ + config_.limit + (stage_ == Stage::lifetime ? most_lifetime_test : Duration{});
}

// --- what is known

Behavior Discovery::Impl::behavior() const {
  Behavior all;
  if (servers_.empty()) return all;
  all.family = servers_.front().endpoint.address.family();
  all.local = socket_of(Role::mapping_1).local;
  all.udp_answered = std::any_of(servers_.begin(), servers_.end(), [](const Server& s) { return s.answered; });
  if (std::any_of(servers_.begin(), servers_.end(), [](const Server& s) { return s.tcp_ended; }))
    all.tcp_answered = std::any_of(servers_.begin(), servers_.end(), [](const Server& s) { return s.tcp_answered; });
  if (!all.udp_answered) {
    for (Doubt* doubt : {&all.mapping.doubt, &all.filtering.doubt, &all.port_allocation.doubt, &all.hairpinning.doubt,
                         &all.fragments.doubt, &all.lifetime.doubt})
      *doubt = Doubt::no_answer;
    return all;
  }
  if (primary_ == nullptr) return all;
  all.mapped = primary_->mapped;
  all.addresses_rewritten = rewritten_;
  if (!all.local.address.is_unspecified()) all.translated = all.local != all.mapped;
  if (all.local.address.is_unspecified() && all.local.port != all.mapped.port) all.translated = true;

  all.mapping = mapping_.judge(all.local);
  all.filtering = filtering_.judge({all.mapping, mapping_.answers(primary_->other),
                                    mapping_.answers({primary_->endpoint.address, primary_->other.port})},
                                   questions_.quality());
  all.hairpinning = hairpin_.judge(all.mapping.value, all.filtering.value, questions_.quality());
  if (all.translated == false) all.hairpinning.doubt = Doubt::cannot_be_seen;
  all.fragments = fragments_.judge(questions_.quality());
  all.lifetime = lifetime_.judge(questions_.quality());
  all.lifetime_below = lifetime_.dead();
  if (questions_.quality().lossy()) {
    for (Confidence* confidence : {&all.mapping.confidence, &all.filtering.confidence})
      *confidence = std::min(*confidence, Confidence::medium);
  }
  if (all.translated == false) {
    all.port_allocation = {PortAllocation::untranslated, all.mapping.confidence, Doubt::no_doubt};
  } else {
    std::vector<PortSample> samples;
    for (const std::optional<PortSample>& sample : fresh_)
      if (sample) samples.push_back(*sample);
    const JudgedPorts ports = judge_ports(samples);
    all.port_allocation = ports.allocation;
    all.port_step = ports.step;
  }
  return all;
}

// --- the shell

Discovery::Discovery(DiscoveryConfig config, Environment environment)
    : impl_{std::make_unique<Impl>(std::move(config), environment)} {}
Discovery::~Discovery() = default;
Discovery::Discovery(Discovery&&) noexcept = default;
Discovery& Discovery::operator=(Discovery&&) noexcept = default;

result<void> Discovery::start(TimePoint now) { return impl_->start(now); }
Behavior Discovery::behavior() const { return impl_->behavior(); }
const std::vector<Observation>& Discovery::observations() const noexcept { return impl_->observations_; }
DiscoveryProgress Discovery::progress() const noexcept {
  return {impl_->questions_.ended(), impl_->questions_.ended() + impl_->questions_.open(),
          impl_->stage_ == Impl::Stage::lifetime};
}
bool Discovery::finished() const noexcept { return impl_->stage_ == Impl::Stage::finished; }

Received Discovery::handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
  return impl_->handle_datagram(now, in, scratch);
}
void Discovery::handle_timeout(TimePoint now) { impl_->handle_timeout(now); }
std::optional<Transmit> Discovery::poll_transmit(TimePoint now, MutableBytes scratch) {
  return impl_->poll_transmit(now, scratch);
}
std::optional<DiscoveryEvent> Discovery::poll_event() {
  if (impl_->events_.empty()) return std::nullopt;
  DiscoveryEvent event = std::move(impl_->events_.front());
  impl_->events_.pop_front();
  return event;
}
std::optional<TimePoint> Discovery::next_timeout() const noexcept { return impl_->next_timeout(); }
std::optional<SocketRequest> Discovery::poll_socket() {
  if (impl_->requests_.empty()) return std::nullopt;
  SocketRequest request = std::move(impl_->requests_.front());
  impl_->requests_.pop_front();
  return request;
}
void Discovery::handle_socket(TimePoint now, const SocketEvent& event) { impl_->handle_socket(now, event); }

}  // namespace ice::nat
