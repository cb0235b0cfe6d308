#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ice/sdp/session.hpp"
#include "mesh_demo/end_cause.hpp"
#include "mesh_demo/ice_session.hpp"
#include "mesh_demo/message.hpp"
#include "mesh_demo/text_channel.hpp"

namespace ice::mesh {

/// What a call to any peer needs.
struct CallConfig {
  AgentConfig agent{};  ///< role is the call's to set
  std::vector<LocalAddress> addresses{};
  Duration attempt_timeout = std::chrono::seconds{10};  ///< after which the demo gives up on an attempt
};

// What a call tells, without the name of the peer: that is for Mesh to add.

struct CallConnected {
  Attempt attempt = 1;
  Role role{};
  Candidate local;
  Candidate remote;
  Duration took{};  ///< since the attempt began
};
struct CallText {
  std::string text;
};
struct CallFailed {
  Attempt attempt = 1;
  bool final = false;  ///< no other attempt will follow
  EndCause cause;
  Duration took{};
  ConnectivityReport report;
  std::string peer_cause{};  ///< of peer_gave_up: the cause in the peer's words, as it sent them; empty for none
};
/// The pair is lost, or about to be, and both look for another one by an ICE restart (RFC 8445 §9). CallConnected or
/// CallDisconnected follows; texts go on as far as the old pair carries them.
struct CallRestarting {
  EndCause cause;
};
/// The peer went away without a goodbye.
struct CallDisconnected {
  EndCause cause;
};
/// The peer said goodbye.
struct CallLeft {};
/// A server's host name that DNS has to tell.
struct CallNeedsServer {
  stun::Uri uri;
};
using CallEvent =
    std::variant<CallConnected, CallText, CallFailed, CallRestarting, CallDisconnected, CallLeft, CallNeedsServer>;

/// What is known of one attempt.
struct AttemptReport {
  Attempt attempt = 1;
  std::optional<EndCause> failed;  ///< none for the attempt that stands, or stood
  ConnectivityReport report;
};

/// Everything between us and one other peer: up to three attempts, and then texts over the pair that ICE has selected.
///
/// Attempt 1 is offered by the one who joined later. When it fails, or takes too long, the other one offers: a swap of
/// the roles of offer and answer helps where a NAT's mapping was kept on one side alone. Attempt 3, for who has a TURN
/// server, goes through relays alone. Either side may fail first, and tells the other, so that both go on together.
///
/// A pair that is lost while signalling lives is looked for again by an ICE restart (RFC 8445 §9): an offer within the
/// attempt that stands. Should both offer one at a time, that of the side which offered the attempt counts.
///
/// A machine without sockets of its own: Mesh routes to it what its session owns.
class Call {
 public:
  /// How long a peer whose signalling has ended may take to prove that it lives.
  static constexpr Duration proof_of_life = std::chrono::seconds{2};
  /// How long a peer that said goodbye is heard, should it have missed the acknowledgement.
  static constexpr Duration goodbye_linger = std::chrono::seconds{1};
  /// How long an ICE restart may take before the peer is given up: longer than ICE itself has patience (RFC 8863 §4),
  /// since a relay that died is asked for again 1, 3, 7, 15 and 31 s later.
  static constexpr Duration restart_patience = std::chrono::seconds{45};
  /// How long a text may stay unacknowledged while the path lives. A peer that hears nothing would hold up whoever
  /// speaks to all of them.
  static constexpr Duration text_patience = std::chrono::seconds{30};

  /// `config`, `tickets` and what `environment` refers to must outlive it. `newcomer`: we joined later, and offer.
  Call(Member peer, bool newcomer, const CallConfig& config, Environment environment, TicketSource& tickets)
      : peer_{std::move(peer)}, newcomer_{newcomer}, config_{config}, environment_{environment}, tickets_{tickets} {}

  // ---- verbs

  void begin(TimePoint now) { begin_attempt(now, 1); }
  /// Kept until there is a pair. Errors as of TextChannel::say(); errc::closed where the peer will not hear it.
  result<void> say(TimePoint now, std::string_view text);
  /// Says goodbye over the pair if there is one; over() when it is heard.
  void leave(TimePoint now);
  /// Ends it without a word.
  void close(TimePoint now);
  /// What DNS said of a server that CallNeedsServer asked for: addresses, none for an error.
  void resolve(TimePoint now, const stun::Uri& uri, const std::vector<Endpoint>& addresses);

  // ---- what arrives

  /// The peer's messages: Offer, Answer, CandidateLine or Error.
  void handle_message(TimePoint now, const Offer& offer);
  void handle_message(TimePoint now, const Answer& answer);
  void handle_message(TimePoint now, const CandidateLine& line);
  void handle_message(TimePoint now, const Error& error);
  /// Signalling says that the peer left.
  void handle_peer_left(TimePoint now, bool said_bye);
  /// Somebody else has the peer's name, so that it is there no more.
  void handle_replaced(TimePoint now);
  /// Our own signalling is gone.
  void handle_signalling_lost(TimePoint now);
  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  void handle_socket(TimePoint now, const SocketEvent& event);
  void handle_timeout(TimePoint now);

  // ---- what leaves

  std::optional<Message> poll_message();
  std::optional<CallEvent> poll_event();
  std::optional<SocketRequest> poll_socket();
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  std::optional<TimePoint> next_timeout() const;

  // ---- getters

  const Member& peer() const noexcept { return peer_; }
  bool owns(SocketId socket) const noexcept { return session_ && session_->owns(socket); }
  bool owns(SocketTicket ticket) const noexcept { return session_ && session_->owns(ticket); }
  bool connected() const noexcept { return state_ == State::connected; }
  /// Connected, or may yet be: the peer hears what is said. Not so once it said goodbye.
  bool active() const noexcept { return state_ != State::lingering && state_ != State::over; }
  /// Nothing will come of it any more.
  bool over() const noexcept { return state_ == State::over && last_words_.empty(); }
  /// Messages that were of no use: of another attempt, out of turn, or broken.
  std::uint64_t ignored() const noexcept { return ignored_; }
  const TextChannel& texts() const noexcept { return texts_; }
  std::vector<AttemptReport> reports() const;

 private:
  enum class State : std::uint8_t {
    waiting,    ///< for the peer's offer
    trying,     ///< there is a session, and no pair yet
    connected,  ///< texts flow
    lingering,  ///< the peer said goodbye
    over,
  };

  bool we_offer(Attempt attempt) const noexcept { return (attempt % 2 == 1) == newcomer_; }
  Attempt last_attempt() const noexcept;
  const stun::Uri& uri_of(ServerId server) const noexcept;
  bool is_current(Attempt attempt) const noexcept { return session_ != nullptr && attempt == attempt_; }

  void begin_attempt(TimePoint now, Attempt attempt);
  void open_session(TimePoint now, Role role);
  void close_session(TimePoint now);
  void fail_attempt(TimePoint now, EndCause cause, bool tell_peer, std::string peer_cause = {});
  void begin_restart(TimePoint now, EndCause cause);
  bool take_restart(TimePoint now, const Offer& offer);
  void disconnect(TimePoint now, EndCause cause);
  void end(TimePoint now);
  void handle_deadline(TimePoint now);
  std::optional<TimePoint> text_deadline() const noexcept;
  void set_remote(TimePoint now, const Description& description);

  void pump(TimePoint now);
  void handle(TimePoint now, const SessionReady& ready);
  void handle(TimePoint now, const AgentEvent& event);
  void handle_state(TimePoint now, const StateChanged& changed);
  void handle_loss(TimePoint now, const StateChanged& changed);
  void handle_heard(TimePoint now, const TextChannel::Heard& heard);

  Member peer_;
  bool newcomer_;
  const CallConfig& config_;
  Environment environment_;
  TicketSource& tickets_;

  State state_ = State::waiting;
  Attempt attempt_ = 1;
  TimePoint began_{};
  bool signalled_ = true;  ///< the peer can be told things
  bool leaving_ = false;
  std::unique_ptr<IceSession> session_;
  std::optional<sdp::SessionDescription> offer_;  ///< the peer's, to be answered
  std::optional<PairSelected> pair_;
  bool restart_offered_ = false;  ///< by us, and not answered yet
  bool restarting_ = false;       ///< until a pair of the new generation is selected
  std::optional<EndCause> lost_;  ///< why there is no pair while we are connected: only a restart helps
  TimePoint stands_since_{};      ///< when a pair was selected last
  TextChannel texts_;
  /// Of the attempt, of the proof of life, or of lingering, by the state.
  std::optional<TimePoint> deadline_;
  std::vector<ServerId> unresolved_;  ///< servers that the agent waits for

  std::vector<AttemptReport> past_;
  std::uint64_t ignored_ = 0;
  /// What an agent that was closed had still to say, to relays above all (RFC 8656 §8), before its sockets are closed.
  struct LastWord {
    SocketId socket{};
    Endpoint to;
    std::vector<std::uint8_t> bytes;
  };
  std::deque<LastWord> last_words_;
  std::vector<SocketId> to_close_;
  std::deque<Message> messages_;
  std::deque<CallEvent> events_;
};

}  // namespace ice::mesh
