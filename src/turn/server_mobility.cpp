#include <algorithm>
#include <utility>

#include "stun/trace.hpp"
#include "turn/server_impl.hpp"

namespace ice::turn {

using stun::Builder;
using stun::ErrorCode;
namespace attr = stun::attr;

/// A ticket that was not given out before; the one of before is good no more.
void Server::Impl::grant_ticket(ServerAllocation& allocation) {
  if (allocation.mobility == nullptr) {
    allocation.mobility = std::make_unique<Mobility>();
  } else {
    tickets_to_move.erase(allocation.mobility->ticket);
  }
  environment.random.fill(allocation.mobility->ticket);
  tickets_to_move.emplace(allocation.mobility->ticket, allocation.number);
}

ServerAllocation* Server::Impl::find_by_ticket(const stun::Message& message) noexcept {
  const auto value = message.get<attr::MobilityTicket>();
  MobilityTicket ticket;
  if (!value || value->size() != ticket.size()) return nullptr;
  std::copy(value->begin(), value->end(), ticket.begin());
  const auto found = tickets_to_move.find(ticket);
  return found == tickets_to_move.end() ? nullptr : table.find(found->second);
}

/// RFC 8016 §3.2.2. The MAC of the request was verified before the ticket is looked at, so that a ticket is worth
/// nothing to whoever has only listened.
Received Server::Impl::handle_move(ProvenRequest& request) {
  if (!config.mobility) return fail_with(request, ErrorCode::mobility_forbidden);
  if (const ServerAllocation* const here = request.allocation) {
    // The answer was lost, perhaps. The old ticket is good for nothing but this.
    const Mobility* const mobility = here->mobility.get();
    if (mobility == nullptr || mobility->moved_by != request.message.transaction_id() ||
        mobility->moved_to != request.tuple)
      return fail_with(request, ErrorCode::bad_request);
    return tell_moved(request, *mobility);
  }
  ServerAllocation* const allocation = find_by_ticket(request.message);
  if (allocation == nullptr) return fail_with(request, ErrorCode::bad_request);
  if (!allocation->live()) return fail_with(request, ErrorCode::allocation_mismatch);
  if (allocation->account->user != request.user) return fail_with(request, ErrorCode::wrong_credentials);
  const auto asked = request.message.get<attr::Lifetime>();
  if (!asked && request.message.has<attr::Lifetime>()) return fail_with(request, ErrorCode::bad_request);
  if (asked && *asked == stun::Seconds{0}) {  // it moved to say farewell
    request.allocation = allocation;
    return handle_refresh(request);
  }
  return move(request, *allocation, granted(asked ? std::optional{*asked} : std::nullopt));
}

Received Server::Impl::move(ProvenRequest& request, ServerAllocation& allocation, std::chrono::seconds lifetime) {
  const std::optional<Transport> transport = transport_of(request);
  if (!transport) return fail_with(request, ErrorCode::insufficient_capacity);
  forget_destination(allocation);  // of a move before this one that was never finished
  grant_ticket(allocation);
  Mobility& mobility = *allocation.mobility;
  mobility.to = Mobility::Destination{request.tuple, *transport};
  mobility.moved_to = request.tuple;
  mobility.moved_by = request.message.transaction_id();
  table.add_tuple(allocation, request.tuple);
  connections.occupy(request.in.socket, &allocation);
  adopt(allocation, request);
  const TimePoint end = end_of(allocation, request.now, lifetime);
  mobility.moved_for = std::chrono::ceil<std::chrono::seconds>(end - request.now);
  for (const Family family : both_families)
    if (allocation.relay(family).socket) table.set_relay(allocation, family, end);
  ++counters.allocations_moved;
  return tell_moved(request, mobility);
}

Received Server::Impl::tell_moved(const ProvenRequest& request, const Mobility& mobility) {
  return succeed(request, [&](Builder& response) {
    response.add<attr::Lifetime>(std::chrono::duration_cast<stun::Seconds>(mobility.moved_for))
        .add<attr::MobilityTicket>(mobility.ticket);
  });
}

/// Data has come by this 5-tuple. By the one that the client moves to it is the end of the old one.
void Server::Impl::came_by(TimePoint now, ServerAllocation& allocation, const FiveTuple& tuple) {
  if (allocation.mobility->to && allocation.mobility->to->tuple == tuple) finish_move(now, allocation);
}

void Server::Impl::finish_move(TimePoint now, ServerAllocation& allocation) {
  const Mobility::Destination to = *std::exchange(allocation.mobility->to, std::nullopt);
  table.remove_tuple(allocation.tuple);
  connections.occupy(allocation.tuple.socket, nullptr);
  release_source(allocation.tuple.client.address);
  ++sources[source_of(to.tuple.client.address)];
  stun::trace(environment.trace, now, "turn-allocation-moved",
              {{"from", allocation.tuple.client}, {"to", to.tuple.client}});
  allocation.tuple = to.tuple;
  allocation.transport = to.transport;
  connections.occupy(to.tuple.socket, &allocation);  // again, where both are on one connection
}

void Server::Impl::forget_destination(ServerAllocation& allocation) noexcept {
  if (!allocation.mobility->to) return;
  const FiveTuple tuple = allocation.mobility->to->tuple;
  allocation.mobility->to.reset();
  table.remove_tuple(tuple);
  if (tuple.socket != allocation.tuple.socket) connections.occupy(tuple.socket, nullptr);
}

}  // namespace ice::turn
