#include "ice/stun/binding_client.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
#include <variant>

#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"
#include "stun/hard_error.hpp"
#include "stun/response.hpp"
#include "stun/trace.hpp"

namespace ice::stun {

namespace {

template <Attribute A>
Endpoint endpoint_in(const Message& response) noexcept {
  const auto endpoint = response.get<A>();
  return endpoint ? endpoint->canonical() : Endpoint{};
}

/// One connection leads to one server; only a plain UDP socket reaches them all.
bool is_connected(Transport transport) noexcept { return transport != Transport::udp; }

}  // namespace

BindingClient::BindingClient(BindingClientConfig config, Environment environment)
    : config_{std::move(config)}, environment_{environment} {}

result<BindingRequestId> BindingClient::ask(TimePoint now, const BindingRequest& request) {
  const bool discovery = request.change_request || request.response_port != 0 || request.padding;
  if (!request.server || request.server.port == 0 || (discovery && is_connected(request.transport)) ||
      (request.response_port != 0 && request.padding))
    return fail(errc::invalid_argument);
  const auto same_server = [&](const Exchange& e) { return e.request.server == request.server; };
  if (exchanges_.size() >= most_requests ||
      static_cast<std::size_t>(std::count_if(exchanges_.begin(), exchanges_.end(), same_server)) >=
          most_requests_per_server)
    return fail(errc::limit_reached);

  Exchange exchange{.request = request, .transaction = {{}, schedule_for(request, now)}};
  exchange.result.request = BindingRequestId{next_id_++};
  begin_transaction(exchange, now);
  exchanges_.push_back(std::move(exchange));
  return exchanges_.back().result.request;
}

void BindingClient::cancel(BindingRequestId request) noexcept {
  const auto found = std::find_if(exchanges_.begin(), exchanges_.end(),
                                  [&](const Exchange& e) { return e.result.request == request; });
  if (found == exchanges_.end()) return;
  close_own_socket(*found);
  exchanges_.erase(found);
}

// --- what is remembered of servers

BindingClient::Server& BindingClient::server_of(const Endpoint& endpoint, TimePoint now) {
  auto found = std::find_if(servers_.begin(), servers_.end(), [&](const Server& s) { return s.endpoint == endpoint; });
  if (found == servers_.end()) {
    if (servers_.size() == most_servers) {
      // There are no more requests than places, and each uses one: some place is free.
      const auto in_use = [&](const Server& s) {
        return std::any_of(exchanges_.begin(), exchanges_.end(),
                           [&](const Exchange& e) { return e.request.server == s.endpoint; });
      };
      const auto older = [&](const Server& a, const Server& b) {
        return std::pair{in_use(a), a.last_used} < std::pair{in_use(b), b.last_used};
      };
      servers_.erase(std::min_element(servers_.begin(), servers_.end(), older));
    }
    found = servers_.insert(servers_.end(), {endpoint, config_.session.restarted(), {}, now});
  }
  found->last_used = now;
  return *found;
}

RtoEstimate& BindingClient::rto_of(const Server& server) noexcept {
  const auto same_address = [&](const Server& s) { return s.endpoint.address == server.endpoint.address; };
  return std::find_if(servers_.begin(), servers_.end(), same_address)->rto;
}

RetransmissionSchedule BindingClient::schedule_for(const BindingRequest& request, TimePoint now) {
  if (request.schedule) {
    RetransmissionSchedule schedule = *request.schedule;
    schedule.reliable_transport = is_stream(request.transport);
    return schedule;
  }
  if (is_stream(request.transport)) return RetransmissionSchedule::stream();
  return RetransmissionSchedule::datagram(rto_of(server_of(request.server, now)).rto(now, config_.rto));
}

// --- the life of an exchange

void BindingClient::begin_transaction(Exchange& exchange, TimePoint now) {
  exchange.transaction = {TransactionId::random(environment_.random), schedule_for(exchange.request, now)};
  exchange.phase = Exchange::Phase::asking;
}

void BindingClient::close_own_socket(Exchange& exchange) {
  if (exchange.owns_socket) to_close_.push_back(exchange.request.socket);
  exchange.owns_socket = false;
}

void BindingClient::finish(Exchange& exchange, std::error_code error) {
  exchange.phase = Exchange::Phase::done;
  exchange.finished = finished_++;
  exchange.result.error = error;
  exchange.result.server = exchange.request.server;
  exchange.result.transmissions = exchange.transaction.transmissions();
  exchange.transaction.finish();
  close_own_socket(exchange);
}

void BindingClient::note(TimePoint now, Exchange& exchange, LastHeard heard, std::string_view what) {
  heard.at = now;
  exchange.result.last_heard = heard;
  trace(environment_.trace, now, what,
        {{"request", std::uint64_t{static_cast<std::uint32_t>(exchange.result.request)}},
         {"server", exchange.request.server},
         {"from", heard.from},
         {"code", std::uint64_t{to_number(heard.code)}}});
}

void BindingClient::handle_timeout(TimePoint now) {
  for (Exchange& exchange : exchanges_) {
    if (exchange.phase == Exchange::Phase::waiting && now >= exchange.not_before) begin_transaction(exchange, now);
    if (exchange.phase != Exchange::Phase::asking) continue;
    switch (exchange.transaction.handle_timeout(now)) {
      case Transaction::Step::wait:
      case Transaction::Step::transmit:
        break;
      case Transaction::Step::timed_out:
        finish(exchange, errc::timed_out);
        break;
      case Transaction::Step::integrity_violated:
        finish(exchange, errc::wrong_integrity);
        break;
    }
  }
}

std::optional<TimePoint> BindingClient::next_timeout() const noexcept {
  std::optional<TimePoint> next;
  for (const Exchange& exchange : exchanges_) {
    std::optional<TimePoint> mine;
    if (exchange.phase == Exchange::Phase::asking) mine = exchange.transaction.next_timeout();
    if (exchange.phase == Exchange::Phase::waiting) mine = exchange.not_before;
    if (mine && (!next || *mine < *next)) next = mine;
  }
  return next;
}

// --- out

result<Bytes> BindingClient::write_request(const Exchange& exchange, const AuthSession& session,
                                           MutableBytes out) const {
  static constexpr std::array<std::uint8_t, scratch_size> zeros{};
  const BindingRequest& request = exchange.request;
  Builder builder{out, Method::binding, Class::request, exchange.transaction.id()};
  if (!config_.software.empty()) builder.add<attr::Software>(config_.software);
  if (config_.count_transmissions) {
    const auto sends = static_cast<std::uint8_t>(exchange.transaction.transmissions() + 1);
    builder.add<attr::TransactionTransmitCounter>({.request = sends, .response = 0});
  }
  if (request.change_request) builder.add<attr::ChangeRequest>(*request.change_request);
  if (request.response_port != 0) builder.add<attr::ResponsePort>(request.response_port);
  if (request.padding)
    builder.add<attr::Padding>(Bytes{zeros}.first(std::min<std::size_t>(*request.padding, zeros.size())));
  session.sign(builder);
  if (request.fingerprint) builder.fingerprint();
  return builder.finish();
}

std::optional<Transmit> BindingClient::poll_transmit(TimePoint now, MutableBytes scratch) {
  for (Exchange& exchange : exchanges_) {
    if (exchange.phase != Exchange::Phase::asking || !exchange.transaction.transmit_due()) continue;
    const AuthSession& session = server_of(exchange.request.server, now).session;
    if (exchange.transaction.transmissions() > 0 && exchange.signed_at != session.generation()) {
      // Another request has met a challenge meanwhile. Signed anew, this one is another message.
      begin_transaction(exchange, now);
    }
    exchange.signed_at = session.generation();
    const result<Bytes> message = write_request(exchange, session, scratch);
    if (!message) {
      finish(exchange, message.error());
      continue;
    }
    exchange.transaction.transmitted(now);
    exchange.visits[exchange.result.redirects] = {exchange.request.server, now};
    Transmit transmit;
    transmit.socket = exchange.request.socket;
    transmit.to = exchange.request.server;
    transmit.head = *message;
    return transmit;
  }
  return std::nullopt;
}

std::optional<BindingResult> BindingClient::poll_event() {
  auto oldest = exchanges_.end();
  for (auto it = exchanges_.begin(); it != exchanges_.end(); ++it)
    if (it->phase == Exchange::Phase::done && (oldest == exchanges_.end() || it->finished < oldest->finished))
      oldest = it;
  if (oldest == exchanges_.end()) return std::nullopt;
  BindingResult result = std::move(oldest->result);
  exchanges_.erase(oldest);
  return result;
}

// --- in

Received BindingClient::handle_datagram(TimePoint now, const Datagram& in, MutableBytes) {
  const result<Message> response = Message::parse(in.payload);
  if (!response) {
    if (response.error() == errc::not_stun) return {.verdict = Verdict::not_mine};
    ++counters_.malformed;
    trace(environment_.trace, now, "stun-client-malformed", {{"from", in.from}, {"error", response.error()}});
    return {.verdict = Verdict::malformed};
  }
  if (!response->is(Method::binding, Class::success_response) && !response->is(Method::binding, Class::error_response))
    return {.verdict = Verdict::not_mine};
  const TransactionId id = response->transaction_id();
  const auto found = std::find_if(exchanges_.begin(), exchanges_.end(), [&](const Exchange& e) {
    return e.phase == Exchange::Phase::asking && e.transaction.transmissions() > 0 && e.transaction.id() == id;
  });
  if (found == exchanges_.end()) {
    ++counters_.unsolicited;
    trace(environment_.trace, now, "stun-client-unsolicited", {{"from", in.from}});
    return {.verdict = Verdict::not_mine};
  }
  return handle_response(now, in, *found, *response);
}

Received BindingClient::handle_response(TimePoint now, const Datagram& in, Exchange& exchange,
                                        const Message& response) {
  const BindingRequest& request = exchange.request;
  // RFC 8489 §6.3.1.2: the answer comes back the way the question went, unless RFC 5780 was asked for another.
  const bool right_socket = in.socket == request.socket || request.response_port != 0;
  const bool right_source =
      is_connected(request.transport) || request.change_request || in.from.canonical() == request.server.canonical();
  if (!right_socket || !right_source) {
    ++counters_.elsewhere;
    note(now, exchange, {.kind = LastHeard::Kind::elsewhere, .from = in.from}, "stun-client-answer-from-elsewhere");
    return {.verdict = Verdict::not_mine};
  }
  // RFC 8489 §6.3
  const bool has_fingerprint = response.has<attr::Fingerprint>();
  if ((request.fingerprint && !has_fingerprint) || (has_fingerprint && !response.check_fingerprint())) {
    ++counters_.malformed;
    note(now, exchange, {.kind = LastHeard::Kind::fingerprint, .from = in.from}, "stun-client-wrong-fingerprint");
    return {.verdict = Verdict::malformed};
  }

  using Step = AuthSession::Judgement::Step;
  const AuthSession::Judgement judged = server_of(request.server, now).session.judge(response, exchange.signed_at);
  const auto error = response.get<attr::ErrorCode>();
  const ErrorCode code = error ? error->code : ErrorCode{};
  switch (judged.step) {
    case Step::ignore:
      ++counters_.unauthenticated;
      note(now, exchange, {.kind = LastHeard::Kind::untrusted, .from = in.from, .code = code}, "stun-client-ignored");
      return {.verdict = Verdict::unauthenticated};
    case Step::reject:
      ++counters_.unauthenticated;
      note(now, exchange, {.kind = LastHeard::Kind::unverified, .from = in.from, .code = code}, "stun-client-rejected");
      if (exchange.transaction.reject_response() == Transaction::Step::integrity_violated)
        finish(exchange, errc::wrong_integrity);
      return {.verdict = Verdict::unauthenticated};
    case Step::retry:
      ++counters_.responses;
      begin_transaction(exchange, now);
      return {};
    case Step::fail:
      ++counters_.responses;
      exchange.result.from = in.from;
      exchange.result.code = code;
      finish(exchange, judged.error);
      return {};
    case Step::accept:
      break;
  }

  ++counters_.responses;
  exchange.result.socket = in.socket;
  exchange.result.from = in.from;
  exchange.result.authenticated = judged.authenticated;
  if (has_unknown_required(judged.message)) {
    finish(exchange, errc::bad_response);
  } else if (judged.message.message_class() == Class::success_response) {
    take_success(now, exchange, judged.message);
  } else {
    take_error(now, exchange, judged.message, judged.authenticated);
  }
  return {};
}

void BindingClient::take_success(TimePoint now, Exchange& exchange, const Message& response) {
  BindingResult& result = exchange.result;
  result.code = {};  // of a 5xx before it
  const auto counter = response.get<attr::TransactionTransmitCounter>();
  result.round_trip = exchange.transaction.round_trip(now, counter ? counter->request : std::uint8_t{0});
  if (result.round_trip) rto_of(server_of(exchange.request.server, now)).sample(now, *result.round_trip);

  result.mapped_plain = endpoint_in<attr::MappedAddress>(response);
  // An address of a family that we do not know is as good as none (RFC 8489 §6.3.3).
  result.mapped = endpoint_in<attr::XorMappedAddress>(response);
  if (!result.mapped) result.mapped = result.mapped_plain;
  result.response_origin = endpoint_in<attr::ResponseOrigin>(response);
  if (!result.response_origin) result.response_origin = endpoint_in<attr::SourceAddress>(response);
  result.other_address = endpoint_in<attr::OtherAddress>(response);
  if (!result.other_address) result.other_address = endpoint_in<attr::ChangedAddress>(response);
  if (const auto padding = response.get<attr::Padding>()) result.padding = static_cast<std::uint16_t>(padding->size());
  finish(exchange, result.mapped ? std::error_code{} : errc::bad_response);
}

void BindingClient::take_error(TimePoint now, Exchange& exchange, const Message& response, bool authenticated) {
  const auto error = response.get<attr::ErrorCode>();
  if (!error) return finish(exchange, errc::bad_response);  // RFC 8489 §6.3.4
  exchange.result.code = error->code;
  if (const auto unknown = response.get<attr::UnknownAttributes>()) exchange.result.unknown_attributes = *unknown;
  if (error->code == ErrorCode::try_alternate) {
    exchange.result.alternate_server = alternate_in(response, exchange.request.server.address.family());
    // RFC 8489 §14.8: unauthenticated, it would let anybody send our requests to a victim.
    if (config_.follow_alternate_server && authenticated) return follow(now, exchange, response);
  }
  const bool server_error = to_number(error->code) / 100 == 5;
  if (server_error && exchange.server_errors < most_server_errors) {
    note(now, exchange, {.kind = LastHeard::Kind::server_error, .from = exchange.result.from, .code = error->code},
         "stun-client-server-error");
    exchange.phase = Exchange::Phase::waiting;
    exchange.not_before = now + schedule_for(exchange.request, now).rto * (1 << exchange.server_errors++);
    return;
  }
  finish(exchange, errc::server_refused);
}

void BindingClient::follow(TimePoint now, Exchange& exchange, const Message& response) {
  const Endpoint next = exchange.result.alternate_server;
  if (!next || next.port == 0) return finish(exchange, errc::bad_response);
  const auto asked_lately = [&](const Visit& v) { return v.server == next && now - v.last_sent < redirect_memory; };
  if (exchange.result.redirects == most_redirects ||
      std::any_of(exchange.visits.begin(), exchange.visits.end(), asked_lately))
    return finish(exchange, errc::redirect_loop);
  ++exchange.result.redirects;
  exchange.result.alternate_server = {};
  exchange.result.code = {};
  exchange.request.server = next;
  if (!is_connected(exchange.request.transport)) return begin_transaction(exchange, now);
  // RFC 8489 §10: the same transport; the name in the certificate is ALTERNATE-DOMAIN's, if there is one.
  if (const auto domain = response.get<attr::AlternateDomain>()) exchange.request.tls_name = *domain;
  close_own_socket(exchange);
  exchange.phase = Exchange::Phase::connecting;
  exchange.ticket = SocketTicket{next_ticket_++};
  exchange.connect_wanted = true;
}

// --- sockets

std::optional<SocketRequest> BindingClient::poll_socket() {
  if (!to_close_.empty()) {
    const SocketId socket = to_close_.back();
    to_close_.pop_back();
    return CloseSocket{socket};
  }
  for (Exchange& exchange : exchanges_) {
    if (!exchange.connect_wanted) continue;
    exchange.connect_wanted = false;
    OpenSocket open;
    open.ticket = exchange.ticket;
    open.kind = OpenSocket::Kind::connect;
    open.transport = exchange.request.transport;
    open.local = {Address::any(exchange.request.server.address.family()), 0};
    open.remote = exchange.request.server;
    if (is_stream(open.transport)) open.framing = Framing::stun;
    open.tls_name = exchange.request.tls_name;
    return open;
  }
  return std::nullopt;
}

void BindingClient::handle_socket(TimePoint now, const SocketEvent& event) {
  const auto connecting = [&](SocketTicket ticket) {
    return std::find_if(exchanges_.begin(), exchanges_.end(), [&](const Exchange& e) {
      return e.phase == Exchange::Phase::connecting && e.ticket == ticket;
    });
  };
  if (const auto* opened = std::get_if<SocketOpened>(&event)) {
    const auto exchange = connecting(opened->ticket);
    if (exchange == exchanges_.end()) {  // cancelled meanwhile
      to_close_.push_back(opened->socket);
      return;
    }
    exchange->request.socket = opened->socket;
    exchange->owns_socket = true;
    begin_transaction(*exchange, now);
  } else if (const auto* failed = std::get_if<SocketFailed>(&event)) {
    const auto exchange = connecting(failed->ticket);
    if (exchange != exchanges_.end()) finish(*exchange, failed->error);
  } else if (const auto* closed = std::get_if<SocketClosed>(&event)) {
    for (Exchange& exchange : exchanges_) {
      if (exchange.request.socket != closed->socket || exchange.phase == Exchange::Phase::connecting ||
          exchange.phase == Exchange::Phase::done)
        continue;
      exchange.owns_socket = false;
      finish(exchange, closed->error ? closed->error : errc::closed);
    }
  } else if (const auto* icmp = std::get_if<SocketUnreachable>(&event)) {
    for (Exchange& exchange : exchanges_) {
      if (exchange.phase != Exchange::Phase::asking || exchange.transaction.transmissions() == 0 ||
          exchange.request.socket != icmp->socket || exchange.request.server.canonical() != icmp->to.canonical())
        continue;
      note(
          now, exchange,
          {.kind = LastHeard::Kind::icmp, .from = icmp->to, .icmp_type = icmp->icmp_type, .icmp_code = icmp->icmp_code},
          "stun-client-icmp");
      if (is_hard(*icmp)) finish(exchange, errc::unreachable);
    }
  }
}

static_assert(SocketMachine<BindingClient>);

}  // namespace ice::stun
