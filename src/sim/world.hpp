#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hidden.hpp"
#include "ice/sim/network.hpp"
#include "sim/attachment.hpp"
#include "sim/capture.hpp"
#include "sim/event_queue.hpp"
#include "sim/packet.hpp"

namespace ice::sim {

struct Socket;

/// What everything on the network shares.
struct ICE_HIDDEN Network::State {
  explicit State(Network& self, std::uint64_t seed);
  ~State();

  TimePoint now{};
  EventQueue queue;
  PacketPool packets;
  Counters counters;
  std::optional<Capture> capture;

  bool step();
  SeededRandom make_random() { return SeededRandom{master.next()}; }
  void schedule(TimePoint when, std::function<void()> what);

  /// Ends the way of a packet at `at`: counted here and by `local`, and told to the log.
  void drop(PacketPtr packet, Drop why, const Attachment& at, Counters* local = nullptr);

  /// An ICMP error to the sender of `about`, or nothing where that would be about another ICMP error (RFC 1122
  /// §3.2.2). It comes from the IPv4 dummy address, which is for what has no address of its own (RFC 7600 §6), or from
  /// the same in the well-known prefix of IPv6 (RFC 6052 §2.1). Families have different numbers for the same thing.
  struct IcmpKind {
    std::uint8_t v4_type, v4_code, v6_type, v6_code;
  };
  static constexpr IcmpKind net_unreachable{3, 0, 1, 0};
  static constexpr IcmpKind host_unreachable{3, 1, 1, 3};
  static constexpr IcmpKind port_unreachable{3, 3, 1, 4};
  static constexpr IcmpKind too_big{3, 4, 2, 0};
  static constexpr IcmpKind prohibited{3, 13, 1, 1};
  PacketPtr icmp_about(const Packet& about, const IcmpKind& kind, std::uint32_t mtu = 0);

  std::uint32_t add_timer(Host::State& host, std::function<void()> expired);
  void set_timer(std::uint32_t id, std::optional<TimePoint> when);
  void remove_timer(std::uint32_t id);

  Network& self;
  std::uint64_t seed;
  SeededRandom master;
  std::uint32_t attachments = 0;
  std::vector<std::unique_ptr<Realm>> realms;
  std::vector<std::unique_ptr<Nat>> nats;
  std::vector<std::unique_ptr<Host>> hosts;
  std::vector<std::unique_ptr<Socket>> sockets;  ///< by id; null where closed, ids are never given twice
  std::vector<std::unique_ptr<Socket>> closed;   ///< may be on the stack still; cleared when an event is done

 private:
  struct TimerSlot {
    std::function<void()> expired;
    Host::State* host = nullptr;
    TimePoint deadline{};
    TimePoint queued = TimePoint::max();  ///< the event that will look at this slot
    std::uint32_t generation = 0;
    bool set = false;
  };
  void happen(const Event& event);
  void look_at_timer(const Event& event);

  std::vector<TimerSlot> timers_;
  std::vector<std::uint32_t> free_timers_;
  std::vector<std::function<void()>> scripts_;
  std::vector<std::uint32_t> free_scripts_;
  std::uint64_t events_at_now_ = 0;
};

/// An address realm's routes.
struct ICE_HIDDEN Realm::State {
  State(Network::State& network_, std::string name_) : network{network_}, name{std::move(name_)} {}

  Network::State& network;
  std::string name;
  Attachment* gateway = nullptr;  ///< the inner side of the NAT that leads out
  bool icmp_unreachable = false;
  std::unordered_map<Address, Attachment*> owners;  ///< for finding alone, never walked
  std::vector<Nat::State*> nats;                    ///< whose outside is here

  /// Where a packet to `address` goes, but for the gateway.
  Attachment* find(const Address& address) const;
  bool has(const Address& address) const { return find(address) != nullptr; }
  void route(PacketPtr packet, Attachment& from);
};

}  // namespace ice::sim
