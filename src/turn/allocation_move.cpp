#include <utility>

#include "turn/allocation_impl.hpp"

// RFC 8016, the client's side: the allocation goes where its host goes.

namespace ice::turn {

using stun::ErrorCode;
namespace attr = stun::attr;

/// RFC 8016 §3.1.3, §3.2.3: each ticket takes the place of the one of before. One that would not fit into a request is
/// none.
void Allocation::Impl::keep_ticket(const stun::Message& response) {
  const auto value = response.get<attr::MobilityTicket>();
  if (value && value->size() <= most_ticket) ticket_to_move.assign(value->begin(), value->end());
}

result<void> Allocation::Impl::may_move() const noexcept {
  if (!is_allocated()) return fail(errc::no_allocation);
  if (ticket_to_move.empty()) return fail(errc::unsupported);
  return {};
}

result<void> Allocation::Impl::move(TimePoint now, SocketId to) {
  if (const auto may = may_move(); !may) return may;
  if (has_own_socket() || to == socket) return fail(errc::invalid_argument);
  begin_move(now, {});
  ask_to_move(now, to);
  return {};
}

result<void> Allocation::Impl::move(TimePoint now, const Address& local) {
  if (const auto may = may_move(); !may) return may;
  if (!has_own_socket() || (local && local.family() != server.address.family())) return fail(errc::invalid_argument);
  begin_move(now, local);
  want_socket(now);
  return {};
}

/// Everything else waits until it is known from where it has to be asked.
void Allocation::Impl::begin_move(TimePoint now, const Address& local) {
  if (moving) stay();
  moving = Move{local, {}};
  requests.erase(Purpose::refresh);
  requests.restart_all(now);
}

void Allocation::Impl::ask_to_move(TimePoint now, SocketId to) {
  moving->to = to;
  connect_until.reset();
  requests.begin(now, Purpose::move);
}

/// RFC 8016 §3.2.2: the server sends where it sent before until it has had data from the new place.
void Allocation::Impl::moved(TimePoint now) {
  close_if_own(old_socket);
  old_socket = std::exchange(socket, std::nullopt);
  settle_there();
  mapped = {};  // what the NAT before the new place makes of us is not in the answer to a Refresh
  tell(Moved{*socket});
  trace(now, "turn-allocation-moved");
  if (next_login && login && login->has_token() && next_login->has_token())
    replace_credentials(now, *std::exchange(next_login, std::nullopt));
}

/// Data has come by this socket.
void Allocation::Impl::arrived_by(SocketId by) {
  if (by == socket) close_if_own(old_socket);
}

void Allocation::Impl::move_refused(TimePoint now, const Refusal& why) {
  trace(now, "turn-move-refused", why);
  // RFC 8016 §3.2.2: 437, there is none to be moved. Else it is where it was, if we can still speak from there.
  if (!socket || why.code == ErrorCode::allocation_mismatch) {
    settle_there();
    return lost(now, why);
  }
  stay();
  tell(MoveFailed{why});
  check(now);
}

/// What follows is asked and sent from the new place. Without a socket there, from a new one.
void Allocation::Impl::settle_there() {
  const Move there = *std::exchange(moving, std::nullopt);
  requests.erase(Purpose::move);
  forget_wanted_socket();
  if (has_own_socket()) config.local = there.local;
  if (!there.to) return;
  close_if_own(socket);
  socket = there.to;
  if (!has_own_socket()) config.socket = socket;
}

void Allocation::Impl::stay() {
  requests.erase(Purpose::move);
  forget_wanted_socket();
  close_if_own(moving->to);
  moving.reset();
}

void Allocation::Impl::close_if_own(std::optional<SocketId>& one) {
  if (one && has_own_socket()) to_close.push_back(*one);
  one.reset();
}

/// A socket of the move has gone. True if that is all there is to say of it.
bool Allocation::Impl::took_closed(TimePoint now, SocketId gone, const Refusal& why) {
  if (gone == old_socket) {
    old_socket.reset();
    return true;
  }
  if (!moving) return false;
  if (gone == socket) {
    socket.reset();
    return true;
  }
  if (gone != moving->to) return false;
  moving->to.reset();
  move_refused(now, why);
  return true;
}

}  // namespace ice::turn
