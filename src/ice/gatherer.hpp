#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ice/agent.hpp"
#include "ice/base/random.hpp"
#include "ice/local_candidates.hpp"
#include "ice/report.hpp"
#include "ice/servers.hpp"
#include "ice/stun/message.hpp"
#include "ice/stun/transaction.hpp"

namespace ice {

/// Asks each STUN server (not those that relay: their allocations tell) from each base which address it sees, and keeps
/// the mappings that this reveals until ICE has concluded (RFC 8445 §5.1.1.2, §5.1.1.4). The first requests are paced
/// by the agent; the later ones are not.
class Gatherer {
 public:
  Gatherer(const AgentConfig& config, const Servers& servers, const LocalCandidates& local, RandomSource& random);

  /// Gathering begins.
  void begin();
  bool begun() const noexcept { return begun_; }

  /// A base, or a server, is there to be asked.
  void add_base(BaseIndex base);
  void ask_all();
  void remove_base(TimePoint now, BaseIndex base);

  /// A request that waits for its slot, and the start of the next one.
  bool has_next() const noexcept;
  void start_next(Duration interval);

  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<TimePoint> next_timeout() const noexcept;
  void handle_timeout(TimePoint now);

  /// What a server said, if the response answers a request of ours.
  struct Answer {
    BaseIndex base;
    Endpoint server;
    std::size_t server_index;
    std::optional<Endpoint> mapped;  // none: an error, or the same as before
  };
  std::optional<Answer> handle_response(TimePoint now, const stun::Message& response, const Datagram& datagram);
  void handle_unreachable(SocketId socket, const Endpoint& to) noexcept;

  /// From when on nothing good is to be expected of this address: all that asked there have failed, or have heard
  /// nothing for `patience`. None where one has heard something, or is still to ask.
  std::optional<TimePoint> hopeless_at(const Endpoint& endpoint, Duration patience) const noexcept;

  /// ICE has concluded, or the agent is closed: mappings are let go.
  void stop() noexcept;

  /// Begun, and every STUN server has answered or failed for every base.
  bool done() const noexcept;

  std::vector<ServerReport> report() const;

 private:
  /// One base asking one server.
  struct Question {
    BaseIndex base = 0;
    std::uint16_t server = 0;
    Endpoint endpoint;
    enum class State : std::uint8_t { pending, asking, keeping, failed } state = State::pending;
    std::optional<stun::Transaction> transaction;
    std::optional<TimePoint> refresh_at;
    ServerReport report;
  };

  void ask(BaseIndex base, std::uint16_t server, const Endpoint& endpoint);
  void settle(TimePoint now, Question& question, Cause cause);

  const Servers& servers_;
  const LocalCandidates& local_;
  RandomSource& random_;
  Duration keepalive_interval_;
  bool begun_ = false;
  bool stopped_ = false;
  std::vector<Question> questions_;
};

}  // namespace ice
