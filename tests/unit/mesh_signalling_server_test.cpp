// The signalling server alone: rooms, their bounds, and what clients may do to it.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/machine.hpp"
#include "mesh_demo/signalling_server.hpp"

namespace ice::mesh {
namespace {

using namespace std::chrono_literals;

/// A server and connections that are numbers.
class Rig {
 public:
  explicit Rig(SignallingLimits limits = {})
      : server{{[](const Address& arrived_at, std::string_view user) {
                  return std::vector<IceServer>{{{"turn:" + arrived_at.to_string()}, std::string{user}, "secret", 60}};
                },
                limits}} {
    server.listen({Address::v4(192, 0, 2, 1), 9000});
    drain_it();
    server.handle_socket(now, SocketOpened{{}, listener, {Address::v4(192, 0, 2, 1), 9000}});
    drain_it();
  }

  SocketId connect() {
    const SocketId socket{++last_};
    server.handle_socket(now, SocketAccepted{listener,
                                             socket,
                                             {Address::v4(192, 0, 2, 1), 9000},
                                             {Address::v4(198, 51, 100, 7), static_cast<std::uint16_t>(last_)}});
    drain_it();
    return socket;
  }
  Verdict feed(SocketId socket, std::string_view bytes) {
    const Received received = server.handle_datagram(now, {socket, {}, bytes_of(bytes), {}}, scratch_);
    drain_it();
    return received.verdict;
  }
  Verdict send(SocketId socket, const Message& message) { return feed(socket, format(message)); }
  SocketId join(std::string room, std::string name) {
    const SocketId socket = connect();
    send(socket, Join{std::move(room), std::move(name)});
    return socket;
  }
  /// The last message to a connection.
  Message last(SocketId socket) {
    const auto& all = heard[socket];
    EXPECT_FALSE(all.empty());
    return all.empty() ? Message{} : all.back();
  }
  bool is_closed(SocketId socket) const { return std::find(closed.begin(), closed.end(), socket) != closed.end(); }
  ErrorCode error(SocketId socket) {
    const Message message = last(socket);
    const auto* error = std::get_if<Error>(&message);
    return error == nullptr ? ErrorCode::unknown : error->code;
  }

  // The outlet of drain().
  void transmit(const Transmit& out) {
    EXPECT_FALSE(is_closed(out.socket)) << "a word after the end";
    const std::string_view line = text_of(out.body);
    EXPECT_TRUE(line.ends_with('\n'));
    heard[out.socket].push_back(*parse(line));
  }
  void event(SignallingEvent event) { events.push_back(std::move(event)); }
  void request(const SocketRequest& request) {
    if (const auto* close = std::get_if<CloseSocket>(&request))
      closed.push_back(close->socket);
    else
      opened.push_back(std::get<OpenSocket>(request));
  }
  void drain_it() { timeout = drain(server, now, scratch_, *this); }

  SignallingServer server;
  TimePoint now{1s};
  SocketId listener{1000000};
  std::map<SocketId, std::vector<Message>> heard;
  std::vector<SocketId> closed;
  std::vector<OpenSocket> opened;
  std::vector<SignallingEvent> events;
  std::optional<TimePoint> timeout;

 private:
  std::uint32_t last_ = 0;
  std::array<std::uint8_t, scratch_size> scratch_{};
};

TEST(MeshSignallingServer, ListensWhereItIsToldAndSaysSo) {
  Rig rig;
  ASSERT_EQ(rig.opened.size(), 1U);
  EXPECT_EQ(rig.opened[0].kind, OpenSocket::Kind::listen);
  EXPECT_EQ(rig.opened[0].ports.first, 9000);
  ASSERT_EQ(rig.events.size(), 1U);
  EXPECT_EQ(std::get<Listening>(rig.events[0]).local.port, 9000);
  rig.server.handle_socket(rig.now, SocketFailed{{}, std::make_error_code(std::errc::address_in_use)});
  rig.drain_it();
  EXPECT_EQ(std::get<ListenFailed>(rig.events[1]).why, std::errc::address_in_use);
}

TEST(MeshSignallingServer, TheNewcomerIsToldWhoIsThereAndTheOthersWhoCame) {
  Rig rig;
  const SocketId a = rig.join("room", "a");
  const SocketId b = rig.join("room", "b");
  const SocketId elsewhere = rig.join("other", "a");
  EXPECT_EQ(rig.last(a), Message{(PeerJoined{{2, "b"}})});
  EXPECT_EQ(rig.last(b),
            (Message{Welcome{{2, "b"}, "room", {{1, "a"}}, {{{"turn:192.0.2.1"}, "b@room", "secret", 60}}}}));
  EXPECT_TRUE(std::get<Welcome>(rig.last(elsewhere)).peers.empty());
  EXPECT_EQ(rig.server.rooms(), 2U);
}

TEST(MeshSignallingServer, StampsTheSenderOfWhatItForwards) {
  Rig rig;
  const SocketId a = rig.join("room", "a");
  const SocketId b = rig.join("room", "b");
  rig.send(b, Offer{1, 1, "offer"});
  EXPECT_EQ(rig.last(a), (Message{Offer{2, 1, "offer"}}));
  rig.send(a, Answer{2, 1, "answer"});
  EXPECT_EQ(rig.last(b), (Message{Answer{1, 1, "answer"}}));
  rig.send(a, Error{ErrorCode::attempt_failed, "why", 2, 1});
  EXPECT_EQ(rig.last(b), (Message{Error{ErrorCode::attempt_failed, "why", 1, 1}}));
  EXPECT_EQ(rig.server.counters().forwarded, 3U);
}

TEST(MeshSignallingServer, NothingReachesAnotherRoomOrWhoeverTookTheNameOfOneWhoLeft) {
  Rig rig;
  const SocketId a = rig.join("room", "a");
  const SocketId other = rig.join("other", "x");
  rig.send(a, Offer{2, 1, "to another room"});
  EXPECT_EQ(rig.heard[other].size(), 1U);
  const SocketId b = rig.join("room", "b");
  rig.send(b, Bye{});
  const SocketId again = rig.join("room", "b");
  rig.send(a, Offer{3, 1, "to the first b"});
  EXPECT_EQ(rig.heard[again].size(), 1U);
  EXPECT_EQ(rig.server.counters().misdirected, 2U);
  EXPECT_FALSE(rig.is_closed(a));
}

TEST(MeshSignallingServer, TellsAGoodbyeFromAnEnd) {
  Rig rig;
  const SocketId a = rig.join("room", "a");
  const SocketId b = rig.join("room", "b");
  const SocketId c = rig.join("room", "c");
  rig.send(b, Bye{});
  EXPECT_EQ(rig.last(a), (Message{PeerLeft{{2, "b"}, true}}));
  EXPECT_TRUE(rig.is_closed(b));
  rig.server.handle_socket(rig.now, SocketClosed{c, {}});
  rig.drain_it();
  EXPECT_EQ(rig.last(a), (Message{PeerLeft{{3, "c"}, false}}));
  rig.send(a, Bye{});
  EXPECT_EQ(rig.server.rooms(), 0U);
  EXPECT_EQ(rig.server.clients(), 0U);
}

TEST(MeshSignallingServer, ATakenNameIsRefusedWithAWordBeforeTheEnd) {
  Rig rig;
  rig.join("room", "a");
  const SocketId second = rig.join("room", "a");
  EXPECT_EQ(rig.error(second), ErrorCode::name_taken);
  EXPECT_TRUE(rig.is_closed(second));
  EXPECT_EQ(rig.server.counters().refused, 1U);
}

TEST(MeshSignallingServer, ClientsRoomsAndPeersAreBounded) {
  Rig rig{{.clients = 70, .rooms = 2}};
  rig.join("small", "a");
  for (std::size_t i = 0; i < most_peers; ++i) rig.join("room", "p" + std::to_string(i));
  EXPECT_EQ(rig.error(rig.join("room", "one more")), ErrorCode::room_full);
  EXPECT_EQ(rig.error(rig.join("third", "a")), ErrorCode::server_full);
  for (std::size_t i = rig.server.clients(); i < 70; ++i) rig.connect();
  const SocketId refused = rig.connect();
  EXPECT_EQ(rig.error(refused), ErrorCode::server_full);
  EXPECT_TRUE(rig.is_closed(refused));
  EXPECT_EQ(rig.server.clients(), 70U);
  EXPECT_EQ(rig.server.counters().refused, 3U);
}

TEST(MeshSignallingServer, WhoeverDoesNotJoinInTimeIsClosed) {
  Rig rig;
  EXPECT_EQ(rig.timeout, std::nullopt);
  const SocketId mute = rig.connect();
  EXPECT_EQ(rig.timeout, rig.now + 10s);
  rig.now += 5s;
  const SocketId member = rig.join("room", "a");
  const SocketId halfway = rig.connect();
  rig.feed(halfway, R"({"type":"jo)");
  EXPECT_EQ(rig.server.buffered(), 11U);
  rig.now += 5s;
  rig.server.handle_timeout(rig.now);
  rig.drain_it();
  EXPECT_TRUE(rig.is_closed(mute));
  EXPECT_EQ(rig.error(mute), ErrorCode::timed_out);
  EXPECT_FALSE(rig.is_closed(halfway));
  rig.now += 5s;
  rig.server.handle_timeout(rig.now);
  rig.drain_it();
  EXPECT_TRUE(rig.is_closed(halfway));
  EXPECT_FALSE(rig.is_closed(member));
  EXPECT_EQ(rig.timeout, std::nullopt);
  EXPECT_EQ(rig.server.buffered(), 0U);
}

TEST(MeshSignallingServer, WhatMayNotComeClosesTheClientAndTellsItsRoom) {
  const std::vector<Message> before_joining = {Bye{}, Offer{1, 1, ""}, Welcome{{1, "a"}, "r", {}, {}},
                                               PeerJoined{{1, "a"}}};
  for (const Message& message : before_joining) {
    Rig rig;
    const SocketId client = rig.connect();
    EXPECT_EQ(rig.send(client, message), Verdict::malformed) << format(message);
    EXPECT_EQ(rig.error(client), ErrorCode::bad_message);
    EXPECT_TRUE(rig.is_closed(client));
  }
  const std::vector<std::string> after_joining = {"garbage\n", format(Join{"room", "b"}), format(PeerLeft{{1, "a"}}),
                                                  std::string(longest_line + 1, 'x')};
  for (const std::string& bytes : after_joining) {
    Rig rig;
    const SocketId watcher = rig.join("room", "watcher");
    const SocketId client = rig.join("room", "a");
    EXPECT_EQ(rig.feed(client, bytes), Verdict::malformed);
    EXPECT_TRUE(rig.is_closed(client));
    EXPECT_EQ(rig.last(watcher), (Message{PeerLeft{{2, "a"}, false}}));
    EXPECT_EQ(rig.server.counters().malformed, 1U);
    EXPECT_EQ(rig.feed(client, bytes), Verdict::not_mine) << "what was on its way counts no more";
  }
}

TEST(MeshSignallingServer, MessagesOfALaterVersionAreIgnored) {
  Rig rig;
  const SocketId client = rig.join("room", "a");
  EXPECT_EQ(rig.feed(client, "{\"type\":\"dance\"}\n"), Verdict::handled);
  EXPECT_EQ(rig.server.counters().unknown, 1U);
  EXPECT_FALSE(rig.is_closed(client));
}

}  // namespace
}  // namespace ice::mesh
