#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ice/base/random.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/auth_session.hpp"
#include "ice/stun/message.hpp"
#include "ice/stun/transaction.hpp"

namespace ice::turn {

/// What a request to the server is for.
enum class Purpose : std::uint8_t {
  allocate,
  refresh,
  release,      // a Refresh with LIFETIME 0
  clean_up,     // the same, for one that was there before on the 5-tuple
  move,         // a Refresh with a ticket, from elsewhere (RFC 8016)
  permissions,  // CreatePermission for those who ride on it
  channel,      // ChannelBind
};

/// What such a request is in a packet.
stun::Method method_of(Purpose purpose) noexcept;

/// Names a request for what rides on it. 0 is none.
enum class RequestId : std::uint32_t { none = 0 };

struct ClientRequest {
  RequestId id{};
  Purpose purpose{};
  std::uint8_t server_errors = 0;
  std::uint8_t challenges = 0;  // began anew so often because of one, to itself or to another request
  stun::AuthSession::Generation signed_at = 0;
  std::optional<TimePoint> not_before{};  // waits, after a 5xx (RFC 8489 §6.3.4)
  stun::Transaction transaction;

  bool due() const noexcept { return !not_before && transaction.transmit_due(); }
  bool answerable() const noexcept { return !not_before && transaction.transmissions() > 0; }
};

/// The requests in progress to one server, and the schedule for the next one. What they say is the owner's.
class ClientRequests {
 public:
  ClientRequests(RandomSource& random, Duration least_rto, bool on_stream) noexcept
      : random_{&random}, least_rto_{least_rto}, on_stream_{on_stream} {}

  /// Each of them renews a request's time. A session counts challenges in a row only, and a success of another request
  /// ends the row; so a request has a number of its own, or a server could keep it alive for ever. Ours: two rows.
  static constexpr std::uint8_t most_challenges = 2 * stun::AuthSession::most_challenges;

  RequestId begin(TimePoint now, Purpose purpose);
  /// The same question as a new transaction, signed anew after a challenge. False, and nothing is done, where it has
  /// been that too often.
  [[nodiscard]] bool restart(TimePoint now, ClientRequest& request);
  /// The same, later: it met a 5xx.
  void restart_later(TimePoint now, ClientRequest& request);
  /// The same for all, with other credentials.
  void restart_all(TimePoint now);
  void erase(RequestId id) noexcept;
  void erase(Purpose purpose) noexcept;
  void clear() noexcept { requests_.clear(); }

  ClientRequest* find(const stun::TransactionId& id) noexcept;
  bool has(Purpose purpose) const noexcept;
  std::size_t size() const noexcept { return requests_.size(); }
  auto begin() noexcept { return requests_.begin(); }
  auto end() noexcept { return requests_.end(); }

  /// A request that has failed by now, taken from the table; the others go on.
  struct Expired {
    ClientRequest request;
    bool unverified;  // there were answers, none could be verified
  };
  std::optional<Expired> next_expired(TimePoint now);
  std::optional<TimePoint> next_timeout() const noexcept;

  /// The next server is another one.
  void forget_rto() noexcept { rto_ = {}; }
  stun::RtoEstimate& rto() noexcept { return rto_; }
  const stun::RtoEstimate& rto() const noexcept { return rto_; }

 private:
  stun::Transaction transaction(TimePoint now) noexcept;
  void renew(TimePoint now, ClientRequest& request) noexcept;

  RandomSource* random_;
  Duration least_rto_;
  bool on_stream_;
  std::uint32_t next_id_ = 1;
  stun::RtoEstimate rto_;
  std::vector<ClientRequest> requests_;
};

}  // namespace ice::turn
