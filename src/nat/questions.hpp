#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ice/base/environment.hpp"
#include "ice/nat/discovery.hpp"
#include "ice/stun/binding_client.hpp"
#include "nat/path_quality.hpp"

namespace ice::nat {

/// The sockets of a discovery. Each is for one thing, since what a port has sent changes what comes back to it.
enum class Role : std::uint8_t {
  mapping_1,  // looks at mappings: sends to every endpoint of the server
  mapping_2,  // the same, in another order
  filter_1,   // looks at filters: sends to one endpoint of the server and nowhere else
  filter_2,
  filter_3,
  control,  // has sent to the server's other endpoints, so that their answers get in
  hairpin_1,
  hairpin_2,
  none,
};
inline constexpr std::size_t role_count = static_cast<std::size_t>(Role::none);

struct Question {
  Test test{};
  Role role = Role::none;
  stun::BindingRequest request{};
  Role about = Role::none;  // whose mapping it is about, where that is another one
};

struct Answer {
  Question question{};
  stun::BindingResult result{};

  bool good() const noexcept { return !result.error; }
};

/// Questions that wait for their turn and those in progress: ten new ones a second (RFC 5780 §5).
class Questions {
 public:
  Questions(stun::BindingClientConfig config, Environment environment);

  /// What is asked first is begun first. Without a schedule in it the request gets our own.
  void ask(Question question);

  /// Begins what is due. To be called after every input.
  void begin(TimePoint now);
  std::optional<Answer> next_answer();
  /// The socket is gone: nothing more is asked from it. Its questions are answered with errc::closed.
  void lose(SocketId socket);
  /// Whether one waits that is answered so.
  bool stranded() const noexcept;
  void clear() noexcept;

  bool idle() const noexcept { return waiting_.empty() && asked_.empty(); }
  std::size_t ended() const noexcept { return ended_; }
  std::size_t open() const noexcept { return waiting_.size() + asked_.size(); }
  PathQuality& quality() noexcept { return quality_; }
  const PathQuality& quality() const noexcept { return quality_; }

  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  void handle_timeout(TimePoint now) { client_.handle_timeout(now); }
  void handle_socket(TimePoint now, const SocketEvent& event) { client_.handle_socket(now, event); }
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch) {
    return client_.poll_transmit(now, scratch);
  }
  std::optional<TimePoint> next_timeout() const noexcept;

 private:
  stun::RetransmissionSchedule schedule() const noexcept;
  bool is_lost(const Question& question) const noexcept;
  void measure(Duration round_trip) noexcept;

  stun::BindingClient client_;
  Environment environment_;
  std::deque<Question> waiting_;
  std::vector<std::pair<stun::BindingRequestId, Question>> asked_;
  std::vector<SocketId> lost_;
  PathQuality quality_;
  std::optional<TimePoint> slot_;
  Duration rto_;
  bool measured_ = false;
  bool blocked_ = false;  // the client has too many of the next one's kind in progress
  std::size_t ended_ = 0;
};

}  // namespace ice::nat
