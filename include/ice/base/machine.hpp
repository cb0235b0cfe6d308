#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <optional>
#include <utility>

#include "ice/base/datagram.hpp"
#include "ice/base/socket.hpp"
#include "ice/base/time.hpp"

namespace ice {

/// The one contract: bytes and time go in, bytes and events are pulled out. Nothing that satisfies it opens a socket,
/// reads a clock, draws global randomness, starts a thread or calls upward.
///
/// - handle_datagram: what arrived. Views in the answer live as long as the input, a `forward` as long as `scratch`.
/// - handle_timeout: time has passed. Early and late calls are harmless.
/// - poll_transmit: the next packet to send, written into `scratch` (at least scratch_size bytes) now, so that what
///   is sent is never stale. Nothing when there is nothing.
/// - poll_event: what the owner should know, oldest first.
/// - next_timeout: when handle_timeout wants to be called. It changes only through the calls above and through verbs.
///
/// After every input and every verb the owner calls drain(), and nobody writes a second one.
template <class M>
concept Machine = requires(M m, const M cm, TimePoint now, const Datagram& in, MutableBytes scratch) {
  typename M::Event;
  { m.handle_datagram(now, in, scratch) } -> std::same_as<Received>;
  { m.handle_timeout(now) } -> std::same_as<void>;
  { m.poll_transmit(now, scratch) } -> std::same_as<std::optional<Transmit>>;
  { m.poll_event() } -> std::same_as<std::optional<typename M::Event>>;
  { cm.next_timeout() } -> std::same_as<std::optional<TimePoint>>;
};

/// A machine that needs sockets of its own asks for them as it asks for everything.
template <class M>
concept SocketMachine = Machine<M> && requires(M m, TimePoint now, const SocketEvent& e) {
  { m.poll_socket() } -> std::same_as<std::optional<SocketRequest>>;
  { m.handle_socket(now, e) } -> std::same_as<void>;
};

/// What an owner does with what a machine gives out. `transmit` must be done with the packet when it returns: the
/// scratch is used again. `event` may call verbs of the machine; it must not call drain().
template <class S, class M>
concept OutletOf = Machine<M> && requires(S& s, const Transmit& t, typename M::Event e) {
  s.transmit(t);
  s.event(std::move(e));
} &&(!SocketMachine<M> || requires(S & s, SocketRequest r) { s.request(std::move(r)); });

/// Pulls everything out of a machine: sockets it wants, packets, events, until it has nothing more, since the handling
/// of an event may give it more to say. Returns its next timeout, for the owner's one timer.
template <Machine M, OutletOf<M> S>
std::optional<TimePoint> drain(M& machine, TimePoint now, MutableBytes scratch, S& outlet) {
  // A machine that never falls silent is broken; the bound turns a hang into a finding.
  [[maybe_unused]] constexpr std::size_t most_items = 10'000'000;
  [[maybe_unused]] std::size_t items = 0;
  for (bool more = true; more;) {
    more = false;
    if constexpr (SocketMachine<M>) {
      while (auto request = machine.poll_socket()) {
        outlet.request(std::move(*request));
        more = true;
        assert(++items < most_items);
      }
    }
    while (auto packet = machine.poll_transmit(now, scratch)) {
      outlet.transmit(*packet);
      more = true;
      assert(++items < most_items);
    }
    while (auto event = machine.poll_event()) {
      outlet.event(std::move(*event));
      more = true;
      assert(++items < most_items);
    }
  }
  return machine.next_timeout();
}

}  // namespace ice
