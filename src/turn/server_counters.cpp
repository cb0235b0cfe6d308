#include "ice/turn/server_counters.hpp"

#include <string_view>

namespace ice::turn {
namespace {

/// The text format of Prometheus, version 0.0.4.
class Exposition {
 public:
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, help, "counter");
    sample(name, {}, value);
  }
  void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, help, "gauge");
    sample(name, {}, value);
  }
  /// One counter in several parts, which a label tells apart.
  struct Part {
    std::string_view value;
    std::uint64_t count;
  };
  void counters(std::string_view name, std::string_view help, std::string_view label,
                std::initializer_list<Part> parts) {
    family(name, help, "counter");
    for (const Part& part : parts) {
      std::string labels{"{"};
      labels.append(label).append("=\"").append(part.value).append("\"}");
      sample(name, labels, part.count);
    }
  }
  std::string take() { return std::move(text_); }

 private:
  void family(std::string_view name, std::string_view help, std::string_view type) {
    text_.append("# HELP ").append(name).append(1, ' ').append(help);
    text_.append("\n# TYPE ").append(name).append(1, ' ').append(type).append(1, '\n');
  }
  void sample(std::string_view name, std::string_view labels, std::uint64_t value) {
    text_.append(name).append(labels).append(1, ' ').append(std::to_string(value)).append(1, '\n');
  }

  std::string text_;
};

void add_turn(Exposition& out, const ServerCounters& c) {
  out.counter("icebreaker_turn_requests_total", "TURN requests that were well formed.", c.requests);
  out.counter("icebreaker_turn_retransmissions_total", "Allocate requests that came again.", c.retransmissions);
  out.counters("icebreaker_turn_responses_total", "Responses by class.", "class",
               {{"success", c.successes}, {"error", c.errors}});
  out.counters("icebreaker_turn_unauthenticated_total", "Requests that proved nothing, by what became of them.",
               "result",
               {{"challenged", c.challenges},
                {"failed", c.authentication_failures},
                {"stale_nonce", c.stale_nonces},
                {"silenced", c.silenced}});
  out.counters("icebreaker_turn_ignored_total", "Packets that are no TURN message.", "reason",
               {{"malformed", c.malformed}, {"not_mine", c.not_mine}});
  out.counter("icebreaker_turn_allocations_made_total", "Allocations that were made.", c.allocations_made);
  out.counter("icebreaker_turn_allocations_moved_total", "Moves of allocations to another address of their client.",
              c.allocations_moved);
  out.counter("icebreaker_turn_allocations_refused_total", "Allocations that were refused to users.",
              c.allocations_refused);
  out.counters("icebreaker_turn_allocations_ended_total", "Allocations that ended, by reason.", "reason",
               {{"released", c.allocations_released}, {"expired", c.allocations_expired}, {"cut", c.allocations_cut}});
  out.counter("icebreaker_turn_permissions_made_total", "Permissions that were made.", c.permissions_made);
  out.counter("icebreaker_turn_permissions_refused_total", "Requests for permissions or channels that were refused.",
              c.permissions_refused);
  out.counter("icebreaker_turn_channels_made_total", "Channels that were bound.", c.channels_made);
  out.counters(
      "icebreaker_turn_connections_total", "Connections of clients, by what became of them.", "result",
      {{"accepted", c.connections_accepted}, {"refused", c.connections_refused}, {"idle", c.connections_idle}});
  out.counters("icebreaker_turn_peer_connections_total", "Connections of TCP allocations, by what became of them.",
               "result",
               {{"made", c.peer_connections_made},
                {"refused", c.peer_connections_refused},
                {"failed", c.peer_connections_failed},
                {"unbound", c.peer_connections_unbound}});
  out.counters("icebreaker_turn_relayed_datagrams_total", "Datagrams that were relayed.", "direction",
               {{"to_peer", c.to_peers}, {"to_client", c.to_clients}});
  out.counters("icebreaker_turn_relayed_bytes_total", "Bytes of applications that were relayed.", "direction",
               {{"to_peer", c.to_peers_bytes}, {"to_client", c.to_clients_bytes}});
  out.counter("icebreaker_turn_between_relays_total", "Datagrams from one client of this server to another.",
              c.between_relays);
  out.counter("icebreaker_turn_icmp_errors_total", "ICMP errors that clients were told of.", c.icmp_errors);
  out.counters("icebreaker_turn_dropped_total", "Data that was not relayed, by reason.", "reason",
               {{"no_allocation", c.no_allocation},
                {"no_channel", c.no_channel},
                {"no_permission", c.no_permission},
                {"forbidden", c.forbidden},
                {"over_bandwidth", c.over_bandwidth},
                {"bad_indication", c.bad_indications},
                {"too_large", c.too_large}});
}

void add_gauges(Exposition& out, const ServerGauges& g) {
  out.gauge("icebreaker_turn_allocations", "Allocations there are.", g.allocations);
  out.gauge("icebreaker_turn_permissions", "Permissions there are.", g.permissions);
  out.gauge("icebreaker_turn_channels", "Channels there are.", g.channels);
  out.gauge("icebreaker_turn_reservations", "Ports that are reserved.", g.reservations);
  out.gauge("icebreaker_turn_connections", "Connections there are.", g.connections);
  out.gauge("icebreaker_turn_peer_connections", "Connections of TCP allocations there are.", g.peer_connections);
  out.gauge("icebreaker_turn_users", "Users that have an allocation or a reservation.", g.users);
}

void add_binding(Exposition& out, const stun::BindingServerCounters& c) {
  out.counter("icebreaker_stun_requests_total", "Binding requests.", c.requests);
  out.counter("icebreaker_stun_classic_requests_total", "Binding requests of RFC 3489.", c.classic_requests);
  out.counters("icebreaker_stun_responses_total", "Binding responses by class.", "class",
               {{"success", c.successes}, {"error", c.errors}});
  out.counter("icebreaker_stun_errors_suppressed_total", "Error responses beyond the rate.", c.errors_suppressed);
  out.counter("icebreaker_stun_indications_total", "Binding indications.", c.indications);
  out.counters("icebreaker_stun_ignored_total", "Packets that are no Binding message.", "reason",
               {{"malformed", c.malformed}, {"unanswerable", c.unanswerable}, {"not_mine", c.not_mine}});
}

}  // namespace

std::string to_prometheus(const ServerCounters& turn, const ServerGauges& now,
                          const stun::BindingServerCounters& binding) {
  Exposition out;
  add_turn(out, turn);
  add_gauges(out, now);
  add_binding(out, binding);
  return out.take();
}

}  // namespace ice::turn
