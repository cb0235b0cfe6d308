#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/random.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/uri.hpp"

namespace ice::stun {

/// What DNS says of a service at a domain (RFC 2782), as it came.
struct SrvRecord {
  std::uint16_t priority = 0;  ///< lowest first
  std::uint16_t weight = 0;    ///< share among those of one priority
  std::uint16_t port = 0;
  std::string target{};  ///< whose addresses; "." or "" where the service is decidedly not to be had

  friend bool operator==(const SrvRecord&, const SrvRecord&) noexcept = default;
};

/// A step of the way from a domain to its services (RFC 3403 §4), as it came.
struct NaptrRecord {
  std::uint16_t order = 0;       ///< lowest first
  std::uint16_t preference = 0;  ///< lowest first where `order` is equal
  std::string flags{};           ///< "s": an SRV name comes next; "a": a host; "": another NAPTR name
  std::string services{};        ///< "RELAY:turn.udp:turn.tcp"
  std::string regexp{};          ///< not used by S-NAPTR (RFC 3958)
  std::string replacement{};     ///< the next name

  friend bool operator==(const NaptrRecord&, const NaptrRecord&) noexcept = default;
};

enum class DnsType : std::uint8_t { address /* A and AAAA */, srv, naptr };

struct DnsQuestion {
  DnsType type = DnsType::address;
  std::string name{};  ///< in lower case

  friend bool operator==(const DnsQuestion&, const DnsQuestion&) noexcept = default;
};

/// Where a server may be reached, and how.
struct ServerAddress {
  Transport transport = Transport::udp;
  Endpoint endpoint{};
  std::string host{};  ///< whose address it is; for people
  /// What the certificate must bear, for TLS and DTLS: the host of the URI, not the one that DNS, which anybody may
  /// forge, led to (RFC 5928 §5, RFC 8489 §6.2.3). Empty for UDP and TCP.
  std::string tls_name{};

  friend bool operator==(const ServerAddress&, const ServerAddress&) noexcept = default;
};

/// Finds the servers that a URI stands for: RFC 5928 §3 with RFC 7350 §4.6.2 for turn: and turns:, RFC 8489 §8.1 for
/// stun: and stuns:. It says which questions DNS is to be asked, is told the answers, and in the end has the addresses
/// in the order in which they are to be tried: the first that works is the server (RFC 3958 §2.2.4). It is good for
/// one search; the next one begins with a new lookup (RFC 5928 §3).
///
/// No question waits for another unless it comes from its answer: where NAPTR or SRV records are asked for, what would
/// be needed without them is asked for too. Most domains have none, and then all is known after one round trip.
///
/// Some middleboxes drop questions of types they do not know. So once the addresses of the host itself are known, or
/// known not to be, such a question is waited for no longer than `patience`, and counts as failed then.
///
/// What DNS says is not trusted: records that make no sense are dropped, loops end, and every amount has a limit.
class ICE_API ServerLookup {
 public:
  // How much of DNS one lookup takes in. Ours: RFC 2782 and RFC 3958 set no limits, and one answer over TCP may bring a
  // thousand records, each with more behind it.
  static constexpr std::size_t most_records = 32;     ///< kept of one answer, the best
  static constexpr std::size_t most_questions = 32;   ///< asked in all
  static constexpr std::size_t most_delegations = 8;  ///< from NAPTR to NAPTR, in a row
  static constexpr std::size_t most_steps = 256;      ///< records followed in all, each as often as ways lead to it
  static constexpr std::size_t most_servers = 64;     ///< in the result
  /// How much longer NAPTR and SRV may take than the addresses of the host. Ours: one repetition of a question that was
  /// lost, which resolvers send after 2 s or less.
  static constexpr Duration default_patience = std::chrono::seconds{3};

  /// `supported`: the transports that the application can use, best first. `random` must outlive the lookup; it decides
  /// between SRV records of one priority.
  ServerLookup(Uri uri, std::span<const Transport> supported, RandomSource& random,
               Duration patience = default_patience);

  /// The next question, each once; those that matter most come first. None when all are asked, for now.
  std::optional<DnsQuestion> poll_question();

  /// The records that DNS has for a name: addresses best first, the others in any order. None is as good as a failure.
  /// An answer to what was not asked, or is answered, is ignored.
  void answer(TimePoint now, std::string_view name, const std::vector<Address>& addresses);
  void answer(TimePoint now, std::string_view name, std::vector<SrvRecord> records);
  void answer(TimePoint now, std::string_view name, std::vector<NaptrRecord> records);
  /// There is no answer, and why: errc::name_not_resolved where DNS says that there is none.
  void fail(TimePoint now, const DnsQuestion& question, std::error_code why);

  /// When patience ends. Calls that are early or late are harmless.
  void handle_timeout(TimePoint now);
  std::optional<TimePoint> next_timeout() const noexcept { return deadline_; }

  /// True when the result is there. Questions that are still open by then need no answer.
  bool done() const noexcept { return done_; }

  /// The result: addresses in the order in which they are to be tried, without duplicates.
  const std::vector<ServerAddress>& servers() const noexcept { return servers_; }

  /// Once done() without any servers(): errc::unsupported, the URI wants a transport that is not among the supported
  /// ones; errc::name_not_resolved, DNS knows no such server; else what fail() was told of the last question.
  std::error_code error() const noexcept { return error_; }

 private:
  class Walk;

  struct Asked {
    enum class State : std::uint8_t { wanted, pending, absent, present };
    DnsQuestion question;
    State state = State::wanted;
    bool replaceable = false;  // what would be done without its answer is known
    std::error_code why{};     // of absent
    std::vector<Address> addresses{};
    std::vector<SrvRecord> services{};  // in the order to try them
    std::vector<NaptrRecord> pointers{};
  };

  Asked* find(DnsType type, std::string_view name) noexcept;
  Asked* find_pending(DnsType type, std::string_view name) noexcept;
  void settle(TimePoint now, Asked& asked, Asked::State state, std::error_code why = {});
  void walk();
  void mind_patience(TimePoint now);

  Uri uri_;
  std::vector<Transport> transports_;
  RandomSource* random_;
  Duration patience_;
  std::deque<Asked> asked_;
  std::optional<TimePoint> deadline_;
  bool done_ = false;
  std::vector<ServerAddress> servers_;
  std::error_code error_;
};

}  // namespace ice::stun
