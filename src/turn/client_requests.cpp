#include "turn/client_requests.hpp"

#include <algorithm>
#include <utility>

namespace ice::turn {

using stun::RetransmissionSchedule;
using stun::Transaction;

stun::Method method_of(Purpose purpose) noexcept {
  switch (purpose) {
    case Purpose::allocate:
      return stun::Method::allocate;
    case Purpose::refresh:
    case Purpose::release:
    case Purpose::clean_up:
    case Purpose::move:
      return stun::Method::refresh;
    case Purpose::permissions:
      return stun::Method::create_permission;
    case Purpose::channel:
      return stun::Method::channel_bind;
  }
  return stun::Method::refresh;
}

Transaction ClientRequests::transaction(TimePoint now) noexcept {
  const RetransmissionSchedule schedule =
      on_stream_ ? RetransmissionSchedule::stream() : RetransmissionSchedule::datagram(rto_.rto(now, least_rto_));
  return {stun::TransactionId::random(*random_), schedule};
}

RequestId ClientRequests::begin(TimePoint now, Purpose purpose) {
  const RequestId id{next_id_++};
  requests_.push_back({.id = id, .purpose = purpose, .transaction = transaction(now)});
  return id;
}

void ClientRequests::renew(TimePoint now, ClientRequest& request) noexcept {
  request.not_before.reset();
  request.transaction = transaction(now);
}

bool ClientRequests::restart(TimePoint now, ClientRequest& request) {
  if (request.challenges == most_challenges) return false;
  ++request.challenges;
  renew(now, request);
  return true;
}

void ClientRequests::restart_later(TimePoint now, ClientRequest& request) {
  renew(now, request);
  request.not_before = now + rto_.rto(now, least_rto_) * (1 << request.server_errors++);
}

void ClientRequests::restart_all(TimePoint now) {
  for (ClientRequest& request : requests_) renew(now, request);
}

void ClientRequests::erase(RequestId id) noexcept {
  std::erase_if(requests_, [&](const ClientRequest& request) { return request.id == id; });
}

void ClientRequests::erase(Purpose purpose) noexcept {
  std::erase_if(requests_, [&](const ClientRequest& request) { return request.purpose == purpose; });
}

ClientRequest* ClientRequests::find(const stun::TransactionId& id) noexcept {
  const auto found = std::find_if(requests_.begin(), requests_.end(), [&](const ClientRequest& request) {
    return request.answerable() && request.transaction.id() == id;
  });
  return found == requests_.end() ? nullptr : &*found;
}

bool ClientRequests::has(Purpose purpose) const noexcept {
  return std::any_of(requests_.begin(), requests_.end(),
                     [&](const ClientRequest& request) { return request.purpose == purpose; });
}

std::optional<ClientRequests::Expired> ClientRequests::next_expired(TimePoint now) {
  for (auto request = requests_.begin(); request != requests_.end(); ++request) {
    if (request->not_before) {
      if (now >= *request->not_before) renew(now, *request);
      continue;
    }
    const Transaction::Step step = request->transaction.handle_timeout(now);
    if (step != Transaction::Step::timed_out && step != Transaction::Step::integrity_violated) continue;
    Expired expired{std::move(*request), step == Transaction::Step::integrity_violated};
    requests_.erase(request);
    return expired;
  }
  return std::nullopt;
}

std::optional<TimePoint> ClientRequests::next_timeout() const noexcept {
  std::optional<TimePoint> next;
  for (const ClientRequest& request : requests_) {
    const std::optional<TimePoint> mine = request.not_before ? request.not_before : request.transaction.next_timeout();
    if (mine && (!next || *mine < *next)) next = mine;
  }
  return next;
}

}  // namespace ice::turn
