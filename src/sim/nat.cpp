#include "ice/sim/nat.hpp"

#include <cassert>
#include <utility>

#include "sim/nat_state.hpp"

namespace ice::sim {

NatConfig NatConfig::full_cone() {
  NatConfig config;
  config.filtering = Behavior::endpoint_independent;
  return config;
}

NatConfig NatConfig::restricted_cone() {
  NatConfig config;
  config.filtering = Behavior::address_dependent;
  return config;
}

NatConfig NatConfig::port_restricted_cone() { return {}; }

NatConfig NatConfig::symmetric() {
  NatConfig config;
  config.mapping = Behavior::address_and_port_dependent;
  config.ports = PortAllocation::random;
  return config;
}

NatConfig NatConfig::udp_blocked() {
  NatConfig config;
  config.udp = false;
  return config;
}

NatConfig NatConfig::open() {
  NatConfig config;
  config.translate_ipv4 = false;
  config.filter = false;
  return config;
}

NatConfig NatConfig::firewall() {
  NatConfig config;
  config.translate_ipv4 = false;
  return config;
}

Nat::State::State(Network::State& network_, Realm& outside_, Realm& inside_, std::string name_,
                  const NatConfig& config_, const Link& link)
    : network{network_},
      outside{&outside_},
      inside{&inside_},
      name{std::move(name_)},
      config{config_},
      table{config, network.make_random()},
      uplink{network, outside->state(), *this, name + ":outside", link},
      inner{network, inside->state(), *this, name + ":inside", {}, Attachment::Kind::ideal} {}

void Nat::State::set_external_addresses(std::vector<Address> addresses) {
  auto& owners = outside->state().owners;
  for (const Address& address : table.external_addresses()) owners.erase(address);
  for (const Address& address : addresses) {
    [[maybe_unused]] const bool free = owners.emplace(address, &uplink).second;
    assert(free && "an address that is taken in this realm");
  }
  table.set_external_addresses(std::move(addresses));
}

void Nat::State::receive(Attachment& at, PacketPtr packet) {
  const bool icmp = packet->protocol == Protocol::icmp;
  if (!icmp && blocks(packet->protocol)) {
    PacketPtr answer;
    if (&at == &inner && config.icmp_prohibited) answer = network.icmp_about(*packet, Network::State::prohibited);
    drop(std::move(packet), Drop::blocked, at);
    if (answer) send(inner, std::move(answer));
    return;
  }
  if (--packet->hops == 0) return drop(std::move(packet), Drop::hops, at);
  if (&at == &inner) return icmp ? outbound_icmp(std::move(packet)) : outbound(std::move(packet));
  return icmp ? inbound_icmp(std::move(packet)) : inbound(std::move(packet));
}

void Nat::State::outbound(PacketPtr packet) {
  const bool translate = translates(packet->from.address.family());
  if (translate && table.is_external(packet->to.address)) return hairpin(std::move(packet));
  if (!translate && !config.filter) return send(uplink, std::move(packet));
  const auto external = table.outbound(network.now, packet->protocol, packet->from, packet->to, translate);
  if (const Drop* why = std::get_if<Drop>(&external)) return drop(std::move(packet), *why, inner);
  packet->from = std::get<Endpoint>(external);
  send(uplink, std::move(packet));
}

void Nat::State::inbound(PacketPtr packet) {
  const bool translate = translates(packet->to.address.family());
  if (!translate && !config.filter) return send(inner, std::move(packet));
  const auto internal = table.inbound(network.now, packet->protocol, packet->to, packet->from);
  if (const Drop* why = std::get_if<Drop>(&internal)) {
    // a firewall has no mappings that could be missing: it lets in, or it does not
    return drop(std::move(packet), translate ? *why : Drop::filtered, uplink);
  }
  packet->to = std::get<Endpoint>(internal);
  send(inner, std::move(packet));
}

// RFC 4787 §6: from inside to the NAT's own external side and back in, past the filter of the one who is called.
void Nat::State::hairpin(PacketPtr packet) {
  if (config.hairpinning == Hairpinning::off) return drop(std::move(packet), Drop::hairpin, inner);
  const auto external = table.outbound(network.now, packet->protocol, packet->from, packet->to, true);
  if (const Drop* why = std::get_if<Drop>(&external)) return drop(std::move(packet), *why, inner);
  const Endpoint source = std::get<Endpoint>(external);
  const auto internal = table.inbound(network.now, packet->protocol, packet->to, source);
  if (const Drop* why = std::get_if<Drop>(&internal)) return drop(std::move(packet), *why, inner);
  if (config.hairpinning == Hairpinning::external_source) packet->from = source;
  packet->to = std::get<Endpoint>(internal);
  send(inner, std::move(packet));
}

// RFC 5508 §4.3: an error from inside about a packet that had come in; what it quotes is translated back.
void Nat::State::outbound_icmp(PacketPtr packet) {
  IcmpError& about = packet->icmp;
  const bool translate = translates(packet->to.address.family());
  if (!translate && !config.filter) return send(uplink, std::move(packet));
  const auto external = table.find_external(network.now, about.protocol, about.to, about.from, translate);
  if (const Drop* why = std::get_if<Drop>(&external)) return drop(std::move(packet), *why, inner);
  if (translate) {
    about.to = std::get<Endpoint>(external);
    packet->from = {about.to.address, 0};
    if (table.is_external(packet->to.address)) return inbound_icmp(std::move(packet));
  }
  send(uplink, std::move(packet));
}

// RFC 5508 §4.2: an error from outside about a packet that had gone out. It opens and refreshes nothing.
void Nat::State::inbound_icmp(PacketPtr packet) {
  IcmpError& about = packet->icmp;
  const bool translate = translates(packet->to.address.family());
  if (!translate && !config.filter) return send(inner, std::move(packet));
  const auto internal = table.find_internal(network.now, about.protocol, about.from);
  if (const Drop* why = std::get_if<Drop>(&internal)) {
    return drop(std::move(packet), translate ? *why : Drop::filtered, uplink);
  }
  about.from = std::get<Endpoint>(internal);
  packet->to = {about.from.address, 0};
  send(inner, std::move(packet));
}

bool Nat::State::blocks(Protocol protocol) const noexcept {
  return protocol == Protocol::udp ? !config.udp : !config.tcp;
}

void Nat::State::send(Attachment& by, PacketPtr packet) {
  ++counters.sent;
  by.send(std::move(packet));
}

void Nat::State::drop(PacketPtr packet, Drop why, const Attachment& at) {
  network.drop(std::move(packet), why, at, &counters);
}

Nat::Nat(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}
Nat::~Nat() = default;

std::string_view Nat::name() const noexcept { return state_->name; }
Realm& Nat::inside() noexcept { return *state_->inside; }
Realm& Nat::outside() noexcept { return *state_->outside; }
Link& Nat::uplink() noexcept { return state_->uplink.link(); }
NatConfig& Nat::config() noexcept { return state_->config; }
std::span<const Address> Nat::external_addresses() const noexcept { return state_->table.external_addresses(); }
void Nat::set_external_addresses(std::vector<Address> addresses) {
  state_->set_external_addresses(std::move(addresses));
}
void Nat::reboot() noexcept { state_->table.clear(); }
std::size_t Nat::live_mappings() const noexcept { return state_->table.live(state_->network.now); }
std::optional<Endpoint> Nat::external_of(const Endpoint& internal) const noexcept {
  return state_->table.youngest_external(state_->network.now, internal);
}
const Counters& Nat::counters() const noexcept { return state_->counters; }

}  // namespace ice::sim
