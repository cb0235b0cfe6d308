#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/hidden.hpp"
#include "ice/nat/discovery.hpp"
#include "nat/filtering_test.hpp"
#include "nat/fragment_test.hpp"
#include "nat/hairpin_test.hpp"
#include "nat/lifetime_test.hpp"
#include "nat/mapping_test.hpp"
#include "nat/port_test.hpp"
#include "nat/questions.hpp"

namespace ice::nat {

/// The parent of the tests, which know nothing of each other.
///
/// discovery.cpp has the verbs and the machine, discovery_course.cpp what follows on what.
struct ICE_HIDDEN Discovery::Impl {
  enum class Stage : std::uint8_t { idle, contact, tests, lifetime, finished };

  /// A socket of a role, or the lack of one.
  struct Socket {
    SocketTicket ticket{};
    std::optional<SocketId> id{};
    Endpoint local{};
    bool failed = false;
  };
  /// What is known of a configured server.
  struct Server {
    Endpoint endpoint{};
    bool ended = false;
    bool answered = false;
    bool tcp_ended = false;
    bool tcp_answered = false;
    Endpoint mapped{};
    Endpoint other{};  ///< OTHER-ADDRESS, if it can be one
    SocketTicket tcp_ticket{};
    std::optional<SocketId> tcp_socket{};
  };

  Impl(DiscoveryConfig config, Environment environment);

  // ---- the machine (discovery.cpp)
  result<void> start(TimePoint now);
  Received handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch);
  void handle_timeout(TimePoint now);
  std::optional<Transmit> poll_transmit(TimePoint now, MutableBytes scratch);
  TimePoint deadline() const noexcept;
  std::optional<TimePoint> next_timeout() const noexcept;
  void handle_socket(TimePoint now, const SocketEvent& event);
  void opened(const SocketOpened& event);
  void failed(const SocketFailed& event);
  void lost(SocketId socket);
  Socket* socket_of(SocketId id) noexcept;
  Socket& socket_of(Role role) noexcept { return sockets_[static_cast<std::size_t>(role)]; }
  const Socket& socket_of(Role role) const noexcept { return sockets_[static_cast<std::size_t>(role)]; }
  bool owns(SocketId id) const noexcept;
  SocketTicket open(OpenSocket request);
  void close(SocketId socket);
  Behavior behavior() const;

  // ---- the course (discovery_course.cpp)
  void advance(TimePoint now);
  void step(TimePoint now);
  void take(TimePoint now, const Answer& answer);
  void contact();
  void take_contact(TimePoint now, const Answer& answer, Observation observation);
  void try_tcp(TimePoint now);
  void choose(TimePoint now);
  void begin_tests(const Server& primary);
  void take_fresh(const Answer& answer);
  bool contact_ended() const noexcept;
  void begin_fragments();
  bool tests_ended(TimePoint now);
  void end_tests();
  void finish();
  Endpoint usable_other(const Endpoint& server, const Endpoint& other) const noexcept;

  DiscoveryConfig config_;
  Questions questions_;
  MappingTest mapping_;
  FilteringTest filtering_;
  HairpinTest hairpin_;
  FragmentTest fragments_;
  LifetimeTest lifetime_;
  std::vector<std::optional<PortSample>> fresh_;  // in the order in which they were asked for

  Stage stage_ = Stage::idle;
  TimePoint started_{};
  std::array<Socket, role_count> sockets_;
  std::vector<Server> servers_;
  bool contacted_ = false;
  bool tcp_tried_ = false;
  std::optional<TimePoint> choose_at_{};
  const Server* primary_ = nullptr;
  std::size_t fresh_open_ = 0;
  bool rewritten_ = false;
  std::vector<Observation> observations_;
  std::deque<SocketRequest> requests_;
  std::deque<DiscoveryEvent> events_;
  std::uint32_t next_ticket_ = 1;
};

}  // namespace ice::nat
