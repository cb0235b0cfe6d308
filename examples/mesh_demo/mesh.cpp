#include "mesh_demo/mesh.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace ice::mesh {
namespace {

/// What the agent can make of a server that was handed out; a TURN server takes nobody without a name.
std::optional<ice::IceServer> usable_server(const std::string& url, const IceServer& server) {
  const auto uri = stun::Uri::parse(url);
  if (!uri) return std::nullopt;
  if (uri->scheme == stun::Uri::Scheme::stun) return ice::IceServer{*uri};
  if (!uri->is_turn() || server.username.empty()) return std::nullopt;
  auto login = stun::Login::make(server.username, server.credential);
  if (!login) return std::nullopt;
  return ice::IceServer{*uri, std::move(*login)};
}

}  // namespace

Mesh::Mesh(MeshConfig config, Environment environment)
    : config_{std::move(config)}, environment_{environment}, link_{tickets_.next(), config_.server} {
  config_.call.agent.servers = config_.servers;
}

// ---- verbs

void Mesh::join(TimePoint now) {
  phase_ = Phase::joining;
  link_.connect(now);
}

result<void> Mesh::say(TimePoint now, std::string_view text) {
  result<void> all;
  for (const auto& call : calls_) {
    if (!call->active()) continue;
    const auto said = call->say(now, text);
    if (all && !said) all = said;
  }
  pump(now);
  return all;
}

result<void> Mesh::say_to(TimePoint now, std::string_view peer, std::string_view text) {
  Call* const call = find(peer);
  if (call == nullptr) return fail(errc::closed);
  const auto said = call->say(now, text);
  pump(now);
  return said;
}

void Mesh::leave(TimePoint now) {
  if (phase_ == Phase::leaving || phase_ == Phase::ended) return;
  phase_ = Phase::leaving;
  departure_ = now + departure;
  for (const auto& call : calls_) call->leave(now);
  pump(now);
}

void Mesh::resolve(TimePoint now, const stun::Uri& uri, std::vector<Endpoint> addresses) {
  const auto known = std::find_if(servers_.begin(), servers_.end(), [&](const Server& one) { return one.uri == uri; });
  if (known == servers_.end()) return;
  known->addresses = std::move(addresses);
  for (const auto& call : calls_) call->resolve(now, uri, *known->addresses);
  pump(now);
}

// ---- what arrives

Received Mesh::handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
  Received received{Verdict::not_mine};
  if (link_.owns(in.socket))
    received = link_.handle_datagram(now, in);
  else if (Call* const call = owner(in.socket))
    received = call->handle_datagram(now, in, scratch);
  pump(now);
  return received;
}

void Mesh::handle_timeout(TimePoint now) {
  link_.handle_timeout(now);
  for (const auto& call : calls_) call->handle_timeout(now);
  pump(now);
}

void Mesh::handle_socket(TimePoint now, const SocketEvent& event) {
  const auto to_owner = [&](auto id) {
    if (link_.owns(id))
      link_.handle_socket(now, event);
    else if (Call* const call = owner(id))
      call->handle_socket(now, event);
    else if (const auto* opened = std::get_if<SocketOpened>(&event))
      requests_.push_back(CloseSocket{opened->socket});  // who asked for it has ended since
  };
  std::visit(
      [&](const auto& one) {
        if constexpr (requires { one.ticket; })
          to_owner(one.ticket);
        else
          to_owner(one.socket);
      },
      event);
  pump(now);
}

void Mesh::pump(TimePoint now) {
  while (const auto event = link_.poll_event()) std::visit([&](const auto& one) { handle(now, one); }, *event);
  for (const auto& call : calls_) pump_call(now, *call);
  retire_calls();
  depart_if_done(now);
}

void Mesh::pump_call(TimePoint now, Call& call) {
  while (auto message = call.poll_message()) link_.send(*message);
  while (auto event = call.poll_event()) {
    if (const auto* needed = std::get_if<CallNeedsServer>(&*event))
      need_server(now, call, needed->uri);
    else
      events_.push_back(PeerEvent{call.peer().name, std::move(*event)});
  }
}

void Mesh::need_server(TimePoint now, Call& call, const stun::Uri& uri) {
  const auto known = std::find_if(servers_.begin(), servers_.end(), [&](const Server& one) { return one.uri == uri; });
  if (known == servers_.end()) {
    servers_.push_back({uri, {}});
    events_.push_back(ServerNeeded{uri});
  } else if (known->addresses) {
    call.resolve(now, uri, *known->addresses);
  }
}

void Mesh::retire_calls() {
  for (const auto& call : calls_) {
    if (!call->over()) continue;
    while (auto request = call->poll_socket()) requests_.push_back(std::move(*request));
    past_.push_back({call->peer().name, call->reports()});
    if (past_.size() > most_past) past_.pop_front();
  }
  std::erase_if(calls_, [](const auto& call) { return call->over(); });
}

void Mesh::depart_if_done(TimePoint now) {
  if (phase_ != Phase::leaving) return;
  if (!calls_.empty() && *departure_ > now) return;
  phase_ = Phase::ended;
  departure_.reset();
  for (const auto& call : calls_) call->close(now);
  retire_calls();
  link_.send(Bye{});
  link_.close();
  events_.push_back(Departed{});
}

// ---- signalling

void Mesh::handle(TimePoint, const LinkUp& up) {
  if (up.local.address.canonical().is_loopback()) {
    config_.call.agent.allow_loopback = true;
    config_.call.addresses = config_.loopback_addresses;
  }
  link_.send(Join{config_.room, config_.name});
}

void Mesh::handle(TimePoint now, const LinkDown& down) {
  if (phase_ == Phase::joining) {
    phase_ = Phase::ended;
    events_.push_back(JoinFailed{down.why});
  } else if (phase_ == Phase::joined || phase_ == Phase::leaving) {
    if (phase_ == Phase::joined) events_.push_back(SignallingLost{down.why});
    for (const auto& call : calls_) call->handle_signalling_lost(now);
  }
}

void Mesh::handle(TimePoint now, const Message& message) {
  std::visit(
      [&](const auto& one) {
        using One = std::decay_t<decltype(one)>;
        constexpr bool for_servers = std::is_same_v<One, Join> || std::is_same_v<One, Bye>;
        constexpr bool before_joining = std::is_same_v<One, Welcome> || std::is_same_v<One, Error>;
        if constexpr (!for_servers) {
          if (phase_ == Phase::joined || phase_ == Phase::leaving || before_joining) return handle_message(now, one);
        }
        ++ignored_;
      },
      message);
}

void Mesh::handle_message(TimePoint now, const Welcome& welcome) {
  if (phase_ != Phase::joining) {
    ++ignored_;
    return;
  }
  phase_ = Phase::joined;
  link_.heard_welcome();
  if (config_.servers.empty()) take_servers(welcome.ice_servers);
  Joined joined{welcome.self.name, welcome.room, {}};
  for (const Member& peer : welcome.peers) joined.peers.push_back(peer.name);
  events_.push_back(std::move(joined));
  for (const Member& peer : welcome.peers) add_call(now, peer, true);
}

void Mesh::take_servers(const std::vector<IceServer>& servers) {
  auto& taken = config_.call.agent.servers;
  for (const IceServer& server : servers) {
    for (const std::string& url : server.urls) {
      auto usable = usable_server(url, server);
      if (usable && taken.size() < most_ice_servers)
        taken.push_back(std::move(*usable));
      else
        ++ignored_;
    }
  }
}

void Mesh::handle_message(TimePoint now, const PeerJoined& joined) {
  // Somebody else may have taken the name of a peer who was heard of no more: its end is told first.
  for (const auto& call : calls_) {
    if (call->peer().name != joined.peer.name) continue;
    call->handle_replaced(now);
    pump_call(now, *call);
  }
  events_.push_back(PeerAppeared{joined.peer.name});
  add_call(now, joined.peer, false);
}

void Mesh::handle_message(TimePoint now, const PeerLeft& left) {
  if (Call* const call = find(left.peer.id))
    call->handle_peer_left(now, left.said_bye);
  else
    ++ignored_;
}

void Mesh::handle_message(TimePoint now, const Error& error) {
  if (error.peer != 0) {
    if (Call* const call = find(error.peer)) return call->handle_message(now, error);
    ++ignored_;
  } else if (phase_ == Phase::joining) {
    phase_ = Phase::ended;
    link_.close();
    events_.push_back(JoinFailed{error});
  } else {
    ++ignored_;  // the end of the connection follows, and is told
  }
}

template <class FromPeer>
void Mesh::handle_message(TimePoint now, const FromPeer& message) {
  if (Call* const call = find(message.peer))
    call->handle_message(now, message);
  else
    ++ignored_;
}

void Mesh::add_call(TimePoint now, const Member& peer, bool newcomer) {
  if (calls_.size() >= most_peers || find(peer.id) != nullptr || phase_ == Phase::leaving) {
    ++ignored_;
    return;
  }
  calls_.push_back(std::make_unique<Call>(peer, newcomer, config_.call, environment_, tickets_));
  calls_.back()->begin(now);
}

Call* Mesh::find(std::uint64_t id) const noexcept {
  for (const auto& call : calls_)
    if (call->peer().id == id) return call.get();
  return nullptr;
}

Call* Mesh::find(std::string_view name) const noexcept {
  for (const auto& call : calls_)
    if (call->peer().name == name) return call.get();
  return nullptr;
}

template <class Id>
Call* Mesh::owner(Id id) const noexcept {
  for (const auto& call : calls_)
    if (call->owns(id)) return call.get();
  return nullptr;
}

// ---- what leaves

std::optional<Transmit> Mesh::poll_transmit(TimePoint now, MutableBytes scratch) {
  if (auto line = link_.poll_transmit()) return line;
  for (const auto& call : calls_)
    if (auto packet = call->poll_transmit(now, scratch)) return packet;
  return std::nullopt;
}

std::optional<MeshEvent> Mesh::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<SocketRequest> Mesh::poll_socket() {
  if (auto request = link_.poll_socket()) return request;
  for (const auto& call : calls_)
    if (auto request = call->poll_socket()) return request;
  if (requests_.empty()) return std::nullopt;
  SocketRequest request = std::move(requests_.front());
  requests_.pop_front();
  return request;
}

std::optional<TimePoint> Mesh::next_timeout() const {
  std::optional<TimePoint> next = departure_;
  const auto sooner = [&](const std::optional<TimePoint>& other) {
    if (other && (!next || *other < *next)) next = other;
  };
  sooner(link_.next_timeout());
  for (const auto& call : calls_) sooner(call->next_timeout());
  return next;
}

bool Mesh::may_say() const noexcept {
  return peers() > 0 && std::none_of(calls_.begin(), calls_.end(),
                                     [](const auto& call) { return call->active() && call->texts().full(); });
}

std::size_t Mesh::peers() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(calls_.begin(), calls_.end(), [](const auto& call) { return call->active(); }));
}

std::size_t Mesh::connected() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(calls_.begin(), calls_.end(), [](const auto& call) { return call->connected(); }));
}

std::vector<PeerReport> Mesh::reports() const {
  std::vector<PeerReport> all{past_.begin(), past_.end()};
  for (const auto& call : calls_) all.push_back({call->peer().name, call->reports()});
  return all;
}

}  // namespace ice::mesh
