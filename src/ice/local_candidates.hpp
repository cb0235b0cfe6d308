#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "ice/agent.hpp"
#include "ice/base/result.hpp"
#include "ice/candidate.hpp"

namespace ice {

/// Index of a base in LocalCandidates::bases(), stable for the agent's life.
using BaseIndex = std::uint16_t;
/// Index of a candidate in LocalCandidates::all(), stable likewise.
using LocalIndex = std::uint16_t;

/// A socket that checks leave from: the base of a host candidate and of what is learned through it (RFC 8445 §4).
struct Base {
  SocketId socket{};
  Endpoint local;
  std::string interface;
  ComponentId component{1};
  std::uint16_t rank = 0;  // 0 is liked best; set when gathering begins
  bool usable = true;      // RFC 8445 §5.1.1.1 allows a candidate on it, and the limit had room for one
  bool ranked = false;
  bool paired = true;            // policy allows pairs on it
  bool relayed = false;          // an address on a TURN server; `socket` is the way there, see Relays
  std::uint16_t foundation = 0;  // of its host candidate
  std::uint32_t host_priority = 0;
  TimePoint added;
  std::optional<TimePoint> removed{};
  std::error_code why_removed{};

  bool live() const noexcept { return usable && ranked && !removed; }
  /// What its checks say in PRIORITY: the peer would learn a peer-reflexive candidate (RFC 8445 §7.1.1).
  std::uint32_t check_priority() const noexcept {
    return candidate_priority(CandidateType::peer_reflexive, static_cast<std::uint16_t>(65535 - rank), component);
  }
  SocketReport report() const { return {local, interface, usable, added, removed, why_removed}; }
};

/// A local candidate as the agent needs it beyond what the peer is told.
struct LocalCandidate {
  Candidate candidate;
  BaseIndex base = 0;
  std::uint16_t foundation = 0;
  Address server;  // that a server-reflexive or relayed one was learned from
  Transport server_transport = Transport::udp;
  std::size_t server_index = 0;
  bool told = false;  // to the peer; a peer-reflexive one is known to it already
};

/// The sockets and candidates of this side: foundations, priorities, redundancy.
class LocalCandidates {
 public:
  static constexpr std::size_t max_bases = 64;    // ours: addresses of one host
  static constexpr std::size_t max_relayed = 64;  // ours: relayed addresses, those that were lost included
  static constexpr std::size_t max_servers = 16;  // AgentConfig::servers

  LocalCandidates(bool allow_loopback, std::size_t limit, std::string ufrag, bool relay_only = false);

  /// Remembers a socket. It has no rank, and so no candidate, before rank() is called.
  result<BaseIndex> add_base(TimePoint now, const Socket& socket);

  /// Takes over a socket from the generation before, which found it to be in order.
  void inherit_base(const Base& base);

  /// Orders the bases that have no rank yet, after those that have one, both families taking turns and IPv6 first, so
  /// that neither starves the other (RFC 8421 §4), link-local addresses last.
  void rank();

  /// The host candidate of a ranked base, or none where it was made before or the limit is reached; then nothing may be
  /// sent from the base either.
  std::optional<LocalIndex> add_host(BaseIndex base);

  /// A relayed address, as a base of its own (RFC 8445 §5.1.1.2), and its candidate, which tells `mapped` as related
  /// address (RFC 8839 §5.1). Relays over UDP are preferred to those over DTLS, TCP and TLS, in this order. None where
  /// a limit is reached, or the address is one that no candidate may have.
  struct Relayed {
    BaseIndex host;  // that it stands beside
    SocketId way;
    Endpoint relayed;
    Endpoint mapped;
    Endpoint server;
    std::size_t server_index;
    Transport transport;
  };
  std::optional<LocalIndex> add_relayed(TimePoint now, const Relayed& relayed);

  /// None where it is redundant (RFC 8838 §9) or the limit is reached. `server` is the index of the server's URI,
  /// which makes the local preference unique (RFC 8445 §5.1.2.1).
  std::optional<LocalIndex> add_server_reflexive(BaseIndex base, const Endpoint& mapped, const Address& server_address,
                                                 std::size_t server);

  /// The candidate that `mapped` is as a peer saw it: a known one, or a new peer-reflexive one (RFC 8445 §7.2.5.3.1).
  /// None where the limit is reached.
  std::optional<LocalIndex> find_or_add_mapped(BaseIndex base, const Endpoint& mapped);

  void set_told(LocalIndex candidate) noexcept { candidates_[candidate].told = true; }

  void remove_base(TimePoint now, BaseIndex base, std::error_code why);

  std::optional<BaseIndex> base_of(SocketId socket) const noexcept;
  const std::vector<Base>& bases() const noexcept { return bases_; }
  const std::vector<LocalCandidate>& all() const noexcept { return candidates_; }
  const Candidate& operator[](LocalIndex index) const noexcept { return candidates_[index].candidate; }

 private:
  bool is_usable(const Address& address) const noexcept;
  bool may_be_mapped(const Base& base, const Endpoint& mapped) const noexcept;
  std::uint16_t foundation_of(CandidateType type, const Address& base, const Address& server,
                              Transport transport) const noexcept;
  std::optional<LocalIndex> add(CandidateType type, BaseIndex base, const Endpoint& endpoint,
                                const Address& server_address, std::uint32_t priority,
                                Transport transport = Transport::udp);
  std::size_t count(bool relayed) const noexcept;

  bool allow_loopback_;
  bool relay_only_;
  std::size_t limit_;
  std::string ufrag_;
  std::vector<Base> bases_;
  std::vector<LocalCandidate> candidates_;
};

}  // namespace ice
