#include "ice/stun/binding_server.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"
#include "stun/trace.hpp"

namespace ice::stun {

namespace {

/// What a success response tells, beside where the request came from.
struct Facts {
  Endpoint mapped;
  Endpoint origin;                     ///< where the response leaves from, if that is known
  Endpoint other;                      ///< the other address and the other port, if there are
  bool discovery = false;              ///< the attributes of RFC 5780 are wanted
  std::optional<std::size_t> padding;  ///< bytes of PADDING
};

/// SOFTWARE, the echo of RFC 7982 §3.3, and FINGERPRINT where the client uses it (RFC 8489 §12: never required).
result<Bytes> finish(Builder& response, const Message& request, std::string_view software) noexcept {
  if (!request.is_classic()) {
    if (!software.empty()) response.add<attr::Software>(software);
    if (const auto counter = request.get<attr::TransactionTransmitCounter>())
      response.add<attr::TransactionTransmitCounter>({.request = counter->request, .response = 0});  // stateless
    if (request.has<attr::Fingerprint>()) response.fingerprint();
  }
  return response.finish();
}

result<Bytes> write_success(MutableBytes out, const Message& request, const Facts& facts,
                            std::string_view software) noexcept {
  static constexpr std::array<std::uint8_t, scratch_size> zeros{};
  Builder response = Builder::response(out, request, Class::success_response);
  if (request.is_classic()) {  // RFC 3489 §8.1
    response.add<attr::MappedAddress>(facts.mapped);
    if (facts.origin) response.add<attr::SourceAddress>(facts.origin);
    if (facts.other) response.add<attr::ChangedAddress>(facts.other);
  } else {
    response.add<attr::XorMappedAddress>(facts.mapped);
    if (facts.discovery) {  // RFC 5780 §6.1
      response.add<attr::MappedAddress>(facts.mapped);
      if (facts.origin) response.add<attr::ResponseOrigin>(facts.origin);
      if (facts.other) response.add<attr::OtherAddress>(facts.other);
    }
    if (facts.padding) response.add<attr::Padding>(Bytes{zeros}.first(*facts.padding));
  }
  return finish(response, request, software);
}

result<Bytes> write_error(MutableBytes out, const Message& request, ErrorCode code, const AttributeTypeList& unknown,
                          std::string_view software) noexcept {
  Builder response = Builder::response(out, request, Class::error_response);
  response.add<attr::ErrorCode>({.code = code});
  if (code == ErrorCode::unknown_attribute) response.add<attr::UnknownAttributes>(unknown);
  return finish(response, request, software);
}

Endpoint shown_to_clients(const Endpoint& endpoint) noexcept {
  const Endpoint canonical = endpoint.canonical();
  return {canonical.address.without_scope(), canonical.port};
}

}  // namespace

BindingServer::BindingServer(BindingServerConfig config, TraceSink* trace)
    : config_{std::move(config)}, trace_{trace}, error_tokens_{config_.errors_per_second} {
  assert(config_.software.size() <= BindingServerConfig::most_software);
}

Endpoint BindingServer::Socket::shown() const noexcept {
  return shown_to_clients({self.external ? self.external : self.local.address, self.local.port});
}

result<void> BindingServer::add_socket(const BindingServerSocket& socket) {
  if (is_stream(socket.transport) || find(socket.socket) != nullptr) return fail(errc::invalid_argument);
  if (sockets_.size() == most_sockets) return fail(errc::limit_reached);
  sockets_.push_back({.self = socket});
  find_alternates();
  return {};
}

result<void> BindingServer::remove_socket(SocketId socket) {
  const Socket* const found = find(socket);
  if (found == nullptr) return fail(errc::no_such_socket);
  sockets_.erase(sockets_.begin() + (found - sockets_.data()));
  find_alternates();
  return {};
}

const BindingServer::Socket* BindingServer::find(SocketId socket) const noexcept {
  const auto found =
      std::find_if(sockets_.begin(), sockets_.end(), [&](const Socket& s) { return s.self.socket == socket; });
  return found == sockets_.end() ? nullptr : &*found;
}

void BindingServer::find_alternates() noexcept {
  for (Socket& socket : sockets_) socket.change_ip = socket.change_port = socket.change_both = none;
  const auto usable = [](const Socket& s) {
    return s.self.transport == Transport::udp && !s.self.local.address.is_unspecified();
  };
  const auto at = [&](const Endpoint& local) {
    for (std::size_t i = 0; i < sockets_.size(); ++i)
      if (usable(sockets_[i]) && sockets_[i].self.local == local) return i;
    return none;
  };
  // Each socket belongs to the first square of A1:P1, A1:P2, A2:P1, A2:P2 that can be made of what was added. A1 and A2
  // count as two addresses only if clients see two (RFC 5780 §7.4).
  for (std::size_t first = 0; first < sockets_.size(); ++first) {
    for (std::size_t last = first + 1; last < sockets_.size(); ++last) {
      const Endpoint& one = sockets_[first].self.local;
      const Endpoint& other = sockets_[last].self.local;
      if (!usable(sockets_[first]) || !usable(sockets_[last])) continue;
      if (one.address.family() != other.address.family() || one.address == other.address || one.port == other.port ||
          sockets_[first].shown().address == sockets_[last].shown().address)
        continue;
      const std::size_t other_ip = at({other.address, one.port});
      const std::size_t other_port = at({one.address, other.port});
      if (other_ip == none || other_port == none) continue;
      const std::array<std::size_t, 4> square{first, other_ip, other_port, last};
      if (std::any_of(square.begin(), square.end(), [&](std::size_t i) { return sockets_[i].change_both != none; }))
        continue;
      for (std::size_t corner = 0; corner < square.size(); ++corner) {
        Socket& socket = sockets_[square[corner]];
        socket.change_ip = square[corner ^ 1U];
        socket.change_port = square[corner ^ 2U];
        socket.change_both = square[corner ^ 3U];
      }
    }
  }
}

bool BindingServer::discovers_nat_behavior(Family family) const noexcept {
  return std::any_of(sockets_.begin(), sockets_.end(), [&](const Socket& socket) {
    return socket.change_both != none && socket.shown().address.family() == family;
  });
}

Received BindingServer::refuse(TimePoint now, const Datagram& in, Verdict verdict, std::string_view what) noexcept {
  trace(trace_, now, what, {{"from", in.from}, {"size", std::uint64_t{in.payload.size()}}});
  return {.verdict = verdict};
}

Received BindingServer::handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) noexcept {
  result<Message> message = Message::parse(in.payload);
  const bool claims_to_be_stun = message || message.error() != errc::not_stun;
  const bool classic = !claims_to_be_stun && config_.classic && find(in.socket) != nullptr;  // RFC 3489 is UDP only
  if (classic) message = Message::parse_classic(in.payload);
  if (!message) {
    if (!claims_to_be_stun) {
      ++counters_.not_mine;
      return {.verdict = Verdict::not_mine};
    }
    ++counters_.malformed;
    return refuse(now, in, Verdict::malformed, "stun-server-malformed");
  }
  const bool request = message->message_class() == Class::request;
  if (message->method() != Method::binding || (!request && message->message_class() != Class::indication)) {
    ++counters_.not_mine;
    return {.verdict = Verdict::not_mine};
  }
  // RFC 8489 §6.3: silently discarded. There is none in the time of RFC 3489, where it is an unknown optional
  // attribute.
  if (!classic && message->has<attr::Fingerprint>() && !message->check_fingerprint()) {
    ++counters_.malformed;
    return refuse(now, in, Verdict::malformed, "stun-server-wrong-fingerprint");
  }
  if (!request) {
    ++counters_.indications;
    return {.verdict = Verdict::handled};
  }
  ++counters_.requests;
  if (classic) ++counters_.classic_requests;
  if (in.from.port == 0) {  // nobody can be there
    ++counters_.unanswerable;
    return refuse(now, in, Verdict::malformed, "stun-server-unanswerable");
  }
  return answer(now, in, *message, scratch);
}

Received BindingServer::answer(TimePoint now, const Datagram& in, const Message& request,
                               MutableBytes scratch) noexcept {
  const Socket* const socket = find(in.socket);
  const auto error = [&](ErrorCode code, const AttributeTypeList& unknown = {}) -> Received {
    if (!spend_error_token(now)) {
      ++counters_.errors_suppressed;
      return refuse(now, in, Verdict::handled, "stun-server-error-suppressed");
    }
    const result<Bytes> response = write_error(scratch, request, code, unknown, config_.software);
    assert(response);
    ++counters_.errors;
    return respond(in, socket, in.from.port, *response);
  };

  // RFC 8489 §11: classic STUN must not be used over DTLS.
  if (request.is_classic() && socket->self.transport == Transport::dtls) return error(ErrorCode::server_error);

  // What RFC 5780 wants of a datagram socket cannot be had on a stream; it is refused where it cannot be done (§6).
  AttributeSet understood = AttributeSet::current();
  const bool can_change = socket != nullptr && socket->change_both != none;
  if (!can_change) understood = understood.without(AttributeSet::of<attr::ChangeRequest>());
  if (socket == nullptr || !config_.response_port || request.is_classic())
    understood = understood.without(AttributeSet::of<attr::ResponsePort>());
  if (socket == nullptr || request.is_classic()) understood = understood.without(AttributeSet::of<attr::Padding>());
  if (const AttributeTypeList unknown = request.unknown_required(understood); !unknown.empty())
    return error(ErrorCode::unknown_attribute, unknown);

  const Socket* from = socket;
  if (request.has<attr::ChangeRequest>()) {
    const auto change = request.get<attr::ChangeRequest>();
    if (!change) return error(ErrorCode::bad_request);
    if (change->change_ip && change->change_port) {
      from = &sockets_[socket->change_both];
    } else if (change->change_ip) {
      from = &sockets_[socket->change_ip];
    } else if (change->change_port) {
      from = &sockets_[socket->change_port];
    }
  }
  std::uint16_t port = in.from.port;
  if (request.has<attr::ResponsePort>()) {
    const auto asked = request.get<attr::ResponsePort>();
    if (!asked || *asked == 0 || request.has<attr::Padding>()) return error(ErrorCode::bad_request);  // RFC 5780 §7.5
    port = *asked;
  }

  Facts facts;
  facts.mapped = shown_to_clients(in.from);
  if (from != nullptr) {
    facts.origin = from->shown();
    if (facts.origin.address.is_unspecified()) facts.origin.address = in.ip.local.canonical().without_scope();
  }
  if (can_change) facts.other = sockets_[socket->change_both].shown();
  facts.discovery = can_change || request.has<attr::ResponsePort>() || request.has<attr::Padding>();

  result<Bytes> response = write_success(scratch, request, facts, config_.software);
  if (const auto asked = request.get<attr::Padding>(); asked && response) {
    // RFC 5780 §6.1 would have as much as the MTU, whatever the request was; a request of 24 bytes from a forged
    // address could then hit its victim with 1500. Ours has no more than the request, and what the scratch holds.
    const std::size_t room = std::min(scratch.size(), scratch_size) - response->size() - 4;
    facts.padding = std::min(asked->size(), room) & ~std::size_t{3};
    response = write_success(scratch, request, facts, config_.software);
  }
  assert(response);
  ++counters_.successes;
  return respond(in, from, port, *response);
}

Received BindingServer::respond(const Datagram& in, const Socket* from, std::uint16_t port, Bytes response) noexcept {
  Transmit transmit;
  transmit.socket = in.socket;
  transmit.to = {in.from.address, port};
  transmit.head = response;
  if (from != nullptr && from->self.socket != in.socket) {
    transmit.socket = from->self.socket;
  } else {
    // RFC 8489 §6.3.1.2: from the address that the request came to, which matters on a wildcard socket.
    transmit.ip.local = in.ip.local;
  }
  return {.verdict = Verdict::forward, .forward = transmit};
}

bool BindingServer::spend_error_token(TimePoint now) noexcept {
  const std::uint64_t rate = config_.errors_per_second;
  if (rate == 0) return false;
  constexpr Duration full = std::chrono::seconds{1};  // as many as a second brings may come at once
  const Duration elapsed = std::clamp(now - error_tokens_at_, Duration::zero(), full);
  const std::uint64_t earned =
      static_cast<std::uint64_t>(elapsed.count()) * rate / static_cast<std::uint64_t>(full.count());
  if (elapsed == full) {
    error_tokens_ = rate;
    error_tokens_at_ = now;
  } else if (earned > 0) {
    error_tokens_ = std::min(rate, error_tokens_ + earned);
    // What is left of an unfinished token stays earned.
    error_tokens_at_ += Duration{static_cast<std::int64_t>(earned * static_cast<std::uint64_t>(full.count()) / rate)};
  }
  if (error_tokens_ == 0) return false;
  --error_tokens_;
  return true;
}

static_assert(Machine<BindingServer>);
static_assert(BindingServer::longest_response <= max_udp_message_size(Family::ipv4), "RFC 8489 §6.1");

}  // namespace ice::stun
