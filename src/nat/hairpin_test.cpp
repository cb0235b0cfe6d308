#include "nat/hairpin_test.hpp"

#include <algorithm>
#include <chrono>

#include "base/earliest.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"

namespace ice::nat {
namespace {

// The way is short, so there is no round trip to wait for: at 0, 0.1, 0.3 and 0.7 s (ours).
constexpr stun::RetransmissionSchedule schedule{.rto = std::chrono::milliseconds{100}, .rc = 4, .rm = 4};

}  // namespace

void HairpinTest::ready(const Endpoint& primary, const End& end) {
  if (end.mapped == end.local) return;  // its own address leads to the host itself, and no NAT sees it
  primary_ = primary;
  (ends_[0] ? ends_[1] : ends_[0]) = end;
  if (ends_[1] && !lost_) begin_round();
}

void HairpinTest::begin_round() {
  ++round_;
  for (auto& request : requests_) request.emplace(stun::TransactionId::random(*random_), schedule);
}

bool HairpinTest::running() const noexcept {
  return std::any_of(requests_.begin(), requests_.end(), [](const auto& r) { return r && r->in_progress(); });
}

void HairpinTest::stop() noexcept {
  for (auto& request : requests_)
    if (request) request->finish();
}

void HairpinTest::lose(SocketId socket) noexcept {
  for (const auto& end : ends_)
    if (end && end->socket == socket) lost_ = true;
  if (lost_) stop();
}

bool HairpinTest::handle_datagram(const Datagram& in) {
  const auto message = stun::Message::parse(in.payload);
  if (!message || !message->is(stun::Method::binding, stun::Class::request)) return false;
  for (std::size_t from = 0; from < requests_.size(); ++from) {
    const auto& request = requests_[from];
    if (!request || request->transmissions() == 0 || request->id() != message->transaction_id()) continue;
    if (in.socket != ends_[1 - from]->socket) continue;
    const bool external = in.from.canonical().address == ends_[from]->mapped.address;
    seen_ = external ? Hairpinning::external_source : Hairpinning::internal_source;
    stop();
    return true;
  }
  return false;
}

void HairpinTest::handle_timeout(TimePoint now, Questions& questions) {
  if (!running()) return;
  for (auto& request : requests_) static_cast<void>(request->handle_timeout(now));
  if (running()) return;
  // The first one of a round goes to a port that has sent nothing to where it comes from.
  unconfirmed_ = requests_[0]->transmissions() + requests_[1]->transmissions() - 1u;
  control_open_ = true;
  questions.ask({Test::hairpin_control, ends_[0]->role, {.socket = ends_[0]->socket, .server = primary_}});
}

void HairpinTest::take(const Answer& answer) {
  control_open_ = false;
  if (!answer.good()) return;
  silent_ += unconfirmed_;
  moved_ = moved_ || answer.result.mapped != ends_[0]->mapped;
  if (round_ < rounds && !moved_ && !lost_) begin_round();
}

std::optional<TimePoint> HairpinTest::next_timeout() const noexcept {
  std::optional<TimePoint> next;
  for (const auto& request : requests_)
    if (request && request->in_progress()) earliest(next, request->next_timeout());
  return next;
}

std::optional<Transmit> HairpinTest::poll_transmit(TimePoint now, MutableBytes scratch) {
  for (std::size_t from = 0; from < requests_.size(); ++from) {
    auto& request = requests_[from];
    if (!request || !request->in_progress() || !request->transmit_due()) continue;
    const auto message = stun::Builder{scratch, stun::Method::binding, stun::Class::request, request->id()}.finish();
    request->transmitted(now);
    if (!message) continue;
    Transmit transmit;
    transmit.socket = ends_[from]->socket;
    transmit.to = ends_[1 - from]->mapped;
    transmit.head = *message;
    return transmit;
  }
  return std::nullopt;
}

Judged<Hairpinning> HairpinTest::judge(Mapping mapping, Filtering filtering,
                                       const PathQuality& quality) const noexcept {
  if (seen_ != Hairpinning::unknown) return {seen_, Confidence::high, Doubt::no_doubt};
  if (!ends_[1]) return {};
  if (moved_) return {.doubt = Doubt::mapping_moved};
  // With another mapping for each remote the filter of the one that is known was never opened to the other port.
  if (mapping != Mapping::endpoint_independent && filtering != Filtering::endpoint_independent)
    return {.doubt = Doubt::cannot_be_seen};
  if (!quality.silence_counts(silent_)) return {.doubt = Doubt::too_few_answers};
  return {Hairpinning::unsupported, quality.lossy() ? Confidence::medium : Confidence::high, Doubt::no_doubt};
}

}  // namespace ice::nat
