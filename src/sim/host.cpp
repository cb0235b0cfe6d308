#include "ice/sim/host.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "sim/host_state.hpp"

namespace ice::sim {
namespace {

/// Long enough that two machines on one host that only talk to each other cannot stop time.
constexpr LinkProfile loopback_link{.latency = std::chrono::microseconds{10}, .mtu = 65536};

}  // namespace

Interface::State::State(Host::State& host, Realm& realm_, std::string name, const Link& link)
    : realm{realm_}, attachment{host.network, realm.state(), host, std::move(name), link} {}

Address Interface::State::spelled(const Address& address) const noexcept {
  for (const Address& mine : addresses) {
    if (mine == address || mine.without_scope() == address.without_scope()) return mine;
  }
  return {};
}

Interface::Interface(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}
Interface::~Interface() = default;
Realm& Interface::realm() noexcept { return state_->realm; }
Link& Interface::link() noexcept { return state_->attachment.link(); }
std::span<const Address> Interface::addresses() const noexcept { return state_->addresses; }

void Interface::add_address(const Address& address) {
  [[maybe_unused]] const bool free =
      state_->realm.state().owners.emplace(address.without_scope(), &state_->attachment).second;
  assert(free && "an address that is taken in this realm");
  state_->addresses.push_back(address);
}

void Interface::remove_address(const Address& address) {
  if (std::erase(state_->addresses, address) > 0) state_->realm.state().owners.erase(address.without_scope());
}

void Interface::set_up(bool up) noexcept { link().egress.up = link().ingress.up = up; }

Host::State::State(Network::State& network_, std::string name_)
    : network{network_},
      name{std::move(name_)},
      random{network.make_random()},
      loopback_realm_{network, name + ":lo"},
      loopback_{network, loopback_realm_, *this, name + ":lo", Link::both(loopback_link)},
      next_ephemeral_{static_cast<std::uint32_t>(random.below(ephemeral_count))} {}

Socket* Host::State::find(SocketId socket) const noexcept {
  const auto index = static_cast<std::size_t>(socket);
  if (index >= network.sockets.size()) return nullptr;
  Socket* found = network.sockets[index].get();
  return found != nullptr && std::binary_search(sockets_.begin(), sockets_.end(), socket) ? found : nullptr;
}

// ---- sockets

Socket& Host::State::add(SocketOwner* owner, Socket::Kind kind, Protocol protocol, const Endpoint& local) {
  const SocketId id{static_cast<std::uint32_t>(network.sockets.size())};
  network.sockets.push_back(
      std::make_unique<Socket>(Socket{.id = id, .kind = kind, .protocol = protocol, .owner = owner, .local = local}));
  sockets_.push_back(id);
  return *network.sockets.back();
}

Socket& Host::State::add_stream(SocketOwner* owner, const Endpoint& local, const Endpoint& remote, Framing framing) {
  Socket& socket = add(owner, Socket::Kind::stream, Protocol::tcp, local);
  socket.framing = framing;
  socket.stream = std::make_unique<Stream>(*this, socket, remote);
  streams_.emplace(FlowKey{Protocol::tcp, local, remote}, &socket);
  return socket;
}

void Host::State::unlist(Socket& socket) {
  if (socket.kind == Socket::Kind::stream) {
    streams_.erase({Protocol::tcp, socket.local, socket.stream->remote()});
  } else if (socket.kind != Socket::Kind::gone) {
    bound_.erase({socket.protocol, socket.local, {}});
  }
}

void Host::State::remove(Socket& socket) {
  unlist(socket);
  std::erase(sockets_, socket.id);
  network.closed.push_back(std::move(network.sockets[static_cast<std::size_t>(socket.id)]));
}

void Host::State::tell_later(Socket& socket, const SocketEvent& event) {
  network.schedule(network.now, [this, id = socket.id, event] {
    Socket* told = find(id);
    if (told == nullptr || told->owner == nullptr || !alive) return;
    told->announced = true;
    SocketOwner* owner = told->owner;
    if (told->kind == Socket::Kind::gone) remove(*told);
    owner->on_socket(event);
  });
}

void Host::State::tell_last(Socket& socket, const SocketEvent& event) {
  unlist(socket);
  auto& slot = network.sockets[static_cast<std::size_t>(socket.id)];
  auto gone = std::make_unique<Socket>(
      Socket{.id = socket.id, .kind = Socket::Kind::gone, .protocol = socket.protocol, .owner = socket.owner});
  network.closed.push_back(std::exchange(slot, std::move(gone)));
  tell_later(*slot, event);
}

bool Host::State::port_used(Protocol protocol, const Endpoint& local) const {
  return std::any_of(sockets_.begin(), sockets_.end(), [&](SocketId id) {
    const Socket& other = *network.sockets[static_cast<std::size_t>(id)];
    if (other.protocol != protocol || other.local.port != local.port) return false;
    if (other.local.address.family() != local.address.family()) return false;
    return other.local.address == local.address || other.local.address.is_unspecified() ||
           local.address.is_unspecified();
  });
}

std::optional<std::uint16_t> Host::State::choose_port(Protocol protocol, const Address& local, PortRange ports) {
  if (ports.first != 0) {
    for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
      if (!port_used(protocol, {local, static_cast<std::uint16_t>(port)})) return static_cast<std::uint16_t>(port);
    }
    return {};
  }
  for (std::uint32_t tries = 0; tries < ephemeral_count; ++tries) {
    const auto port = static_cast<std::uint16_t>(first_ephemeral + next_ephemeral_++ % ephemeral_count);
    if (!port_used(protocol, {local, port})) return port;
  }
  return {};
}

result<SocketId> Host::State::bind(SocketOwner& owner, Protocol protocol, const Address& local, PortRange ports) {
  if (!local || (!local.is_unspecified() && !own(local))) {
    return fail(std::make_error_code(std::errc::address_not_available));
  }
  const auto port = choose_port(protocol, local, ports);
  if (!port) return fail(std::make_error_code(std::errc::address_in_use));
  const auto kind = protocol == Protocol::udp ? Socket::Kind::datagram : Socket::Kind::listener;
  Socket& socket = add(&owner, kind, protocol, {local, *port});
  bound_.emplace(FlowKey{protocol, socket.local, {}}, &socket);
  return socket.id;
}

void Host::State::request(SocketOwner& owner, const OpenSocket& open) {
  const bool stream = open.kind != OpenSocket::Kind::datagram;
  if (open.transport == Transport::tls || open.transport == Transport::dtls) {
    return fail_request(owner, open.ticket, make_error_code(errc::unsupported));
  }
  if (stream != (open.transport == Transport::tcp)) {
    return fail_request(owner, open.ticket, make_error_code(errc::invalid_argument));
  }
  if (open.kind == OpenSocket::Kind::connect) return connect(owner, open);
  const auto id = bind(owner, stream ? Protocol::tcp : Protocol::udp, open.local.address, open.ports);
  if (!id) return fail_request(owner, open.ticket, id.error());
  Socket& socket = *find(*id);
  socket.framing = stream ? open.framing : Framing::none;
  socket.ticket = open.ticket;
  socket.announced = false;
  tell_later(socket, SocketOpened{open.ticket, socket.id, socket.local});
}

void Host::State::connect(SocketOwner& owner, const OpenSocket& open) {
  const Endpoint remote = open.remote.canonical();
  const Address local = source_for(open.local.address, {}, remote.address);
  if (!local || local.family() != remote.address.family() || !own(local)) {
    return fail_request(owner, open.ticket, std::make_error_code(std::errc::network_unreachable));
  }
  // A port that was asked for may be shared, with a listener or with other connections: ICE's simultaneous open needs
  // that (RFC 6544 §4.1), and the pair of endpoints tells them apart.
  std::optional<std::uint16_t> port = open.ports.first;
  if (open.ports.first == 0 || open.ports.first != open.ports.last)
    port = choose_port(Protocol::tcp, local, open.ports);
  if (!port || streams_.contains({Protocol::tcp, {local, *port}, remote})) {
    return fail_request(owner, open.ticket, std::make_error_code(std::errc::address_in_use));
  }
  Socket& socket = add_stream(&owner, {local, *port}, remote, open.framing);
  socket.ticket = open.ticket;
  socket.stream->connect();
}

void Host::State::set_framing(const FrameSocket& request) {
  Socket* socket = find(request.socket);
  if (socket == nullptr || socket->kind != Socket::Kind::stream) return;
  socket->framing = request.framing;
  socket->stream->set_framing(request.framing);
}

void Host::State::set_reading(const ReadSocket& request) {
  Socket* socket = find(request.socket);
  if (socket != nullptr && socket->kind == Socket::Kind::stream) socket->stream->set_reading(request.on);
}

void Host::State::fail_request(SocketOwner& owner, SocketTicket ticket, std::error_code why) {
  tell_later(add(&owner, Socket::Kind::gone, Protocol::udp, {}), SocketFailed{ticket, why});
}

result<void> Host::State::send(const Transmit& transmit, Priority priority) {
  Socket* socket = find(transmit.socket);
  if (socket == nullptr || socket->owner == nullptr) return fail(errc::no_such_socket);
  if (socket->kind == Socket::Kind::stream) {
    const result<void> sent = socket->stream->send(transmit, priority);
    // Whole messages can be lost, bytes cannot: behind a gap that nobody sees, the rest means something else.
    if (!sent && sent.error() == errc::would_block && priority != Priority::data && socket->framing == Framing::none) {
      socket->stream->abort();
      tell_last(*socket, SocketClosed{socket->id, sent.error()});
    }
    return sent;
  }
  if (socket->kind != Socket::Kind::datagram) return fail(errc::no_such_socket);
  const Endpoint to = transmit.to.canonical();
  const Endpoint from{source_for(socket->local.address, transmit.ip.local, to.address), socket->local.port};
  bool went = false;
  if (from.address && from.address.family() == to.address.family()) {
    PacketPtr packet = network.packets.take();
    packet->protocol = Protocol::udp;
    packet->from = from;
    packet->to = to;
    packet->dscp = transmit.ip.dscp;
    packet->ecn = transmit.ip.ecn;
    packet->fragmentation = transmit.ip.fragmentation;
    packet->payload.reserve(transmit.size());
    for (const Bytes piece : {transmit.head, transmit.body}) {
      packet->payload.insert(packet->payload.end(), piece.begin(), piece.end());
    }
    packet->payload.insert(packet->payload.end(), transmit.padding, std::uint8_t{0});
    went = send_packet(std::move(packet));
  }
  if (went) return {};
  ++counters.dropped[static_cast<std::size_t>(Drop::no_route)];
  ++network.counters.dropped[static_cast<std::size_t>(Drop::no_route)];
  const auto& kind = Network::State::net_unreachable;  // as a kernel says it: ENETUNREACH
  const bool v6 = to.address.is_v6();
  tell_later(*socket,
             SocketUnreachable{socket->id, to, v6 ? kind.v6_type : kind.v4_type, v6 ? kind.v6_code : kind.v4_code});
  return {};
}

void Host::State::close(SocketId id) {
  Socket* socket = find(id);
  if (socket == nullptr || socket->owner == nullptr) return;
  socket->owner = nullptr;
  if (socket->kind == Socket::Kind::stream) {
    socket->stream->close();
  } else {
    remove(*socket);
  }
}

void Host::State::release(SocketOwner& owner) {
  const std::vector<SocketId> all = sockets_;
  for (const SocketId id : all) {
    if (Socket* socket = find(id); socket != nullptr && socket->owner == &owner) close(id);
  }
}

void Host::State::close_sockets() {
  const std::vector<SocketId> all = sockets_;
  for (const SocketId id : all) {
    Socket* socket = find(id);
    if (socket == nullptr || socket->kind == Socket::Kind::gone) continue;
    if (socket->stream) socket->stream->abort();
    tell_last(*socket, SocketClosed{id, std::make_error_code(std::errc::connection_aborted)});
  }
}

// ---- packets out

bool Host::State::own(const Address& address) const noexcept {
  return address.is_loopback() || interface_of(address) != nullptr;
}

Interface::State* Host::State::interface_of(const Address& address) const noexcept {
  for (const auto& interface : interfaces) {
    Interface::State& state = interface->state();
    if (std::find(state.addresses.begin(), state.addresses.end(), address) != state.addresses.end()) return &state;
  }
  return nullptr;
}

Address Host::State::source_for(const Address& bound, const Address& wanted, const Address& to) const {
  if (bound && !bound.is_unspecified()) return bound;
  if (wanted && !wanted.is_unspecified()) return wanted;
  if (own(to)) return to;
  Address best;
  for (const auto& interface : interfaces) {
    Interface::State& state = interface->state();
    if (!interface->link().egress.up) continue;
    for (const Address& address : state.addresses) {
      if (address.family() != to.family() || address.is_link_local() != to.is_link_local()) continue;
      if (state.realm.state().has(to.without_scope())) return address;
      if (!best) best = address;
    }
  }
  return best;
}

bool Host::State::send_packet(PacketPtr packet) {
  if (!alive) {
    drop(std::move(packet), Drop::host_dead, loopback_);
    return true;
  }
  const bool here = own(packet->to.address);
  Interface::State* interface = here ? nullptr : interface_of(packet->from.address);
  if (!here && interface == nullptr) return false;
  ++counters.sent;
  if (here) {
    loopback_.deliver(std::move(packet));
  } else {
    // a scope means something to this host alone
    packet->from.address = packet->from.address.without_scope();
    packet->to.address = packet->to.address.without_scope();
    interface->attachment.send(std::move(packet));
  }
  return true;
}

// ---- packets in

void Host::State::receive(Attachment& at, PacketPtr packet) {
  if (!alive) return drop(std::move(packet), Drop::host_dead, at);
  respell(at, *packet);
  switch (packet->protocol) {
    case Protocol::udp:
      return receive_udp(at, std::move(packet));
    case Protocol::tcp:
      return receive_tcp(at, std::move(packet));
    case Protocol::icmp:
      return receive_icmp(at, std::move(packet));
  }
}

/// Link-local addresses get the scope of the interface that they came by (RFC 4007 §6).
void Host::State::respell(const Attachment& at, Packet& packet) const {
  if (!packet.to.address.is_v6() || !packet.to.address.is_link_local()) return;
  for (const auto& interface : interfaces) {
    Interface::State& state = interface->state();
    if (&state.attachment != &at) continue;
    packet.to.address = state.spelled(packet.to.address);
    std::array<std::uint8_t, 16> bytes{};
    std::copy_n(packet.from.address.bytes().begin(), bytes.size(), bytes.begin());
    if (packet.from.address.is_link_local()) packet.from.address = Address::v6(bytes, packet.to.address.scope());
  }
}

Socket* Host::State::bound_at(Protocol protocol, const Endpoint& local) const {
  auto found = bound_.find({protocol, local, {}});
  if (found == bound_.end()) found = bound_.find({protocol, {Address::any(local.address.family()), local.port}, {}});
  return found != bound_.end() && found->second->announced ? found->second : nullptr;
}

void Host::State::receive_udp(const Attachment& at, PacketPtr packet) {
  Socket* socket = bound_at(Protocol::udp, packet->to);
  if (socket == nullptr) {
    PacketPtr icmp;
    if (icmp_unreachable) icmp = network.icmp_about(*packet, Network::State::port_unreachable);
    if (icmp) icmp->from.address = packet->to.address;
    drop(std::move(packet), Drop::port_closed, at);
    if (icmp) send_packet(std::move(icmp));
    return;
  }
  ++counters.delivered;
  ++network.counters.delivered;
  socket->owner->on_datagram({socket->id,
                              packet->from,
                              packet->payload,
                              {packet->to.address, packet->dscp, packet->ecn, packet->fragmentation}});
}

void Host::State::receive_tcp(const Attachment& at, PacketPtr packet) {
  if (const auto stream = streams_.find({Protocol::tcp, packet->to, packet->from}); stream != streams_.end()) {
    return stream->second->stream->receive(*packet);
  }
  const TcpHeader& header = packet->tcp;
  Socket* listener = bound_at(Protocol::tcp, packet->to);
  if (listener != nullptr && header.flags == TcpHeader::syn) {
    Socket& socket = add_stream(nullptr, packet->to, packet->from, listener->framing);
    return socket.stream->accept(*packet, listener->id);
  }
  if (!header.has(TcpHeader::rst)) refuse(*packet);
  drop(std::move(packet), Drop::port_closed, at);
}

/// RFC 9293 §3.10.7.1: RST to what belongs to no connection.
void Host::State::refuse(const Packet& segment) {
  PacketPtr rst = network.packets.take();
  rst->protocol = Protocol::tcp;
  rst->from = segment.to;
  rst->to = segment.from;
  const TcpHeader& header = segment.tcp;
  if (header.has(TcpHeader::ack)) {
    rst->tcp = {header.acknowledged, 0, TcpHeader::rst};
  } else {
    const std::uint64_t length = segment.payload.size() + (header.has(TcpHeader::syn) ? 1 : 0);
    rst->tcp = {0, header.sequence + length, TcpHeader::rst | TcpHeader::ack};
  }
  send_packet(std::move(rst));
}

void Host::State::receive_icmp(const Attachment& at, PacketPtr packet) {
  const IcmpError& icmp = packet->icmp;
  const auto& too_big = Network::State::too_big;
  if (icmp.protocol == Protocol::tcp) {
    const auto stream = streams_.find({Protocol::tcp, icmp.from, icmp.to});
    if (stream == streams_.end()) return drop(std::move(packet), Drop::port_closed, at);
    const bool v6 = packet->to.address.is_v6();
    if (icmp.type == (v6 ? too_big.v6_type : too_big.v4_type) &&
        icmp.code == (v6 ? too_big.v6_code : too_big.v4_code)) {
      return stream->second->stream->too_big(icmp.mtu);
    }
    return stream->second->stream->unreachable(std::make_error_code(std::errc::host_unreachable));
  }
  Socket* socket = bound_at(Protocol::udp, icmp.from);
  if (socket == nullptr) return drop(std::move(packet), Drop::port_closed, at);
  socket->owner->on_socket(SocketUnreachable{socket->id, icmp.to, icmp.type, icmp.code, icmp.mtu});
}

void Host::State::drop(PacketPtr packet, Drop why, const Attachment& at) {
  network.drop(std::move(packet), why, at, &counters);
}

// ---- the public face

Host::Host(std::unique_ptr<State> state) noexcept : state_{std::move(state)} { state_->self = this; }
Host::~Host() = default;

std::string_view Host::name() const noexcept { return state_->name; }
Network& Host::network() noexcept { return state_->network.self; }

Interface& Host::add_interface(Realm& realm, std::vector<Address> addresses, const Link& link) {
  auto& all = state_->interfaces;
  std::string name = state_->name + ":eth" + std::to_string(all.size());
  all.push_back(std::make_unique<Interface>(std::make_unique<Interface::State>(*state_, realm, std::move(name), link)));
  for (const Address& address : addresses) all.back()->add_address(address);
  return *all.back();
}

std::span<const std::unique_ptr<Interface>> Host::interfaces() const noexcept { return state_->interfaces; }

std::vector<Address> Host::addresses() const {
  std::vector<Address> all;
  for (const auto& interface : state_->interfaces) {
    if (!interface->link().egress.up) continue;
    all.insert(all.end(), interface->addresses().begin(), interface->addresses().end());
  }
  return all;
}

result<SocketId> Host::bind(SocketOwner& owner, const Address& local, PortRange ports) {
  return state_->bind(owner, Protocol::udp, local, ports);
}

void Host::request(SocketOwner& owner, const SocketRequest& request) {
  if (const auto* close = std::get_if<CloseSocket>(&request)) return state_->close(close->socket);
  if (const auto* open = std::get_if<OpenSocket>(&request)) return state_->request(owner, *open);
  if (const auto* framing = std::get_if<FrameSocket>(&request)) return state_->set_framing(*framing);
  state_->set_reading(std::get<ReadSocket>(request));
}

result<void> Host::send(const Transmit& transmit, Priority priority) { return state_->send(transmit, priority); }
void Host::close(SocketId socket) { state_->close(socket); }
void Host::release(SocketOwner& owner) { state_->release(owner); }

Endpoint Host::local_endpoint(SocketId socket) const noexcept {
  const Socket* found = state_->find(socket);
  return found == nullptr ? Endpoint{} : found->local;
}

void Host::kill() noexcept { state_->alive = false; }
bool Host::alive() const noexcept { return state_->alive; }
void Host::close_sockets() { state_->close_sockets(); }
void Host::set_icmp_unreachable(bool on) noexcept { state_->icmp_unreachable = on; }
const Counters& Host::counters() const noexcept { return state_->counters; }

}  // namespace ice::sim
