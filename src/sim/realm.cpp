#include "ice/sim/realm.hpp"

#include <cassert>
#include <utility>

#include "ice/sim/network.hpp"
#include "sim/host_state.hpp"
#include "sim/nat_state.hpp"
#include "sim/world.hpp"

namespace ice::sim {

Attachment* Realm::State::find(const Address& address) const {
  if (const auto owner = owners.find(address); owner != owners.end()) return owner->second;
  // What a firewall does not translate is reached from outside by its own address.
  for (Nat::State* nat : nats) {
    if (!nat->translates(address.family()) && nat->inside->state().has(address)) return &nat->uplink;
  }
  return nullptr;
}

void Realm::State::route(PacketPtr packet, Attachment& from) {
  const Address& to = packet->to.address;
  if (Attachment* owner = find(to); owner != nullptr && owner != &from) return owner->deliver(std::move(packet));
  // RFC 4291 §2.5.6, RFC 3927 §7: link-local packets are not forwarded.
  if (gateway != nullptr && gateway != &from && !to.is_link_local()) return gateway->deliver(std::move(packet));
  PacketPtr icmp;
  if (icmp_unreachable) icmp = network.icmp_about(*packet, Network::State::host_unreachable);
  network.drop(std::move(packet), Drop::no_route, from);
  if (icmp) from.deliver(std::move(icmp));
}

Realm::Realm(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}
Realm::~Realm() = default;

std::string_view Realm::name() const noexcept { return state_->name; }
Network& Realm::network() noexcept { return state_->network.self; }

Host& Realm::add_host(std::string name, std::vector<Address> addresses, const Link& link) {
  auto& hosts = state_->network.hosts;
  hosts.push_back(std::make_unique<Host>(std::make_unique<Host::State>(state_->network, std::move(name))));
  hosts.back()->add_interface(*this, std::move(addresses), link);
  return *hosts.back();
}

Nat& Realm::add_nat(std::string name, const NatConfig& config, std::vector<Address> external, const Link& uplink) {
  Network::State& network = state_->network;
  Realm& inside = network.self.add_realm(name + ":inside");
  auto nat = std::make_unique<Nat::State>(network, *this, inside, std::move(name), config, uplink);
  state_->nats.push_back(nat.get());
  inside.state().gateway = &nat->inner;
  network.nats.push_back(std::make_unique<Nat>(std::move(nat)));
  network.nats.back()->set_external_addresses(std::move(external));
  return *network.nats.back();
}

void Realm::set_icmp_unreachable(bool on) noexcept { state_->icmp_unreachable = on; }

}  // namespace ice::sim
