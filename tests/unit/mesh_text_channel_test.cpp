// Texts over datagrams: each arrives once and in order, whatever the network does to the datagrams.

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "mesh_demo/text_channel.hpp"

namespace ice::mesh {
namespace {

using namespace std::chrono_literals;
using Kind = TextChannel::Heard::Kind;

constexpr TimePoint start{1s};

std::optional<std::string> poll(TextChannel& channel, TimePoint now) {
  const auto datagram = channel.poll_transmit(now);
  if (!datagram) return std::nullopt;
  return std::string{text_of(*datagram)};
}

/// Hands everything over, both ways, until both are silent. What the second one heard of texts.
std::vector<std::string> settle(TextChannel& from, TextChannel& to, TimePoint now) {
  std::vector<std::string> heard;
  for (bool more = true; more;) {
    more = false;
    while (const auto datagram = poll(from, now)) {
      const auto told = to.handle_datagram(now, bytes_of(*datagram));
      if (told.kind == Kind::text) heard.emplace_back(told.text);
      more = true;
    }
    while (const auto datagram = poll(to, now)) {
      static_cast<void>(from.handle_datagram(now, bytes_of(*datagram)));
      more = true;
    }
  }
  return heard;
}

TEST(MeshTextChannel, TextsArriveInOrder) {
  TextChannel a;
  TextChannel b;
  for (const char* text : {"one", "", "세 번째"}) ASSERT_TRUE(a.say(text));
  EXPECT_FALSE(a.idle());
  EXPECT_EQ(settle(a, b, start), (std::vector<std::string>{"one", "", "세 번째"}));
  EXPECT_TRUE(a.idle());
  EXPECT_EQ(a.next_timeout(), std::nullopt);
}

TEST(MeshTextChannel, ALostOneIsSentAgainEverMoreSlowly) {
  TextChannel a;
  ASSERT_TRUE(a.say("hello"));
  const auto first = poll(a, start);
  ASSERT_TRUE(first);
  EXPECT_EQ(poll(a, start), std::nullopt);
  TimePoint sent = start;
  for (const Duration wait : {200ms, 400ms, 800ms, 1600ms, 2000ms, 2000ms}) {
    ASSERT_EQ(a.next_timeout(), sent + wait);
    EXPECT_EQ(poll(a, sent + wait - 1ns), std::nullopt);
    sent += wait;
    EXPECT_EQ(poll(a, sent), first) << "the same message";
  }
  EXPECT_EQ(a.resent(), 6U);
}

TEST(MeshTextChannel, OneThatArrivesAgainIsAcknowledgedAndNotHeardAgain) {
  TextChannel a;
  TextChannel b;
  ASSERT_TRUE(a.say("hello"));
  const auto datagram = *poll(a, start);
  EXPECT_EQ(b.handle_datagram(start, bytes_of(datagram)).kind, Kind::text);
  const auto acknowledgement = *poll(b, start);
  EXPECT_EQ(b.handle_datagram(start, bytes_of(datagram)).kind, Kind::nothing);
  EXPECT_EQ(poll(b, start), acknowledgement);
  ASSERT_TRUE(a.say("next"));
  static_cast<void>(a.handle_datagram(start, bytes_of(acknowledgement)));
  static_cast<void>(a.handle_datagram(start, bytes_of(acknowledgement)));
  EXPECT_EQ(settle(a, b, start), std::vector<std::string>{"next"}) << "a second acknowledgement counts for nothing";
}

TEST(MeshTextChannel, AnAnsweredProbeIsToldAndAGoodbyeIsTheLastWord) {
  TextChannel a;
  TextChannel b;
  a.probe();
  const auto probe = *poll(a, start);
  EXPECT_EQ(b.handle_datagram(start, bytes_of(probe)).kind, Kind::nothing);
  EXPECT_EQ(a.handle_datagram(start, bytes_of(*poll(b, start))).kind, Kind::alive);
  a.say_bye();
  a.say_bye();
  EXPECT_EQ(a.say("one more").error(), errc::closed);
  EXPECT_EQ(b.handle_datagram(start, bytes_of(*poll(a, start))).kind, Kind::bye);
  static_cast<void>(a.handle_datagram(start, bytes_of(*poll(b, start))));
  EXPECT_TRUE(a.idle());
}

TEST(MeshTextChannel, WhatWasSentAfterTheQuestionProvesThatThePeerLivesAndWhatWasSentBeforeDoesNot) {
  TextChannel a;
  TextChannel b;
  ASSERT_TRUE(a.say("before"));
  const auto before = *poll(a, start);
  ASSERT_TRUE(a.say("after"));
  a.probe();
  static_cast<void>(b.handle_datagram(start, bytes_of(before)));
  EXPECT_EQ(a.handle_datagram(start, bytes_of(*poll(b, start))).kind, Kind::nothing);
  static_cast<void>(b.handle_datagram(start, bytes_of(*poll(a, start))));
  EXPECT_EQ(a.handle_datagram(start, bytes_of(*poll(b, start))).kind, Kind::alive);
  EXPECT_TRUE(a.idle()) << "no probe was needed";
}

TEST(MeshTextChannel, AQuestionDoesNotWaitForTheLongIntervalOfWhatWasLost) {
  TextChannel a;
  ASSERT_TRUE(a.say("lost"));
  TimePoint now = start;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(poll(a, now));
    now = *a.next_timeout();
  }
  EXPECT_EQ(a.unacknowledged_since(), start);
  now -= 1s;
  EXPECT_EQ(poll(a, now), std::nullopt);
  a.probe();
  EXPECT_TRUE(poll(a, now));
}

TEST(MeshTextChannel, WhatIsTooLongOrNoTextOrTooMuchIsRefused) {
  TextChannel a;
  EXPECT_EQ(a.say(std::string(TextChannel::longest_text + 1, 'x')).error(), errc::text_too_long);
  EXPECT_EQ(a.say("\xff").error(), errc::bad_text);
  for (std::size_t i = 0; i < TextChannel::most_waiting; ++i) ASSERT_TRUE(a.say("x"));
  EXPECT_TRUE(a.full());
  EXPECT_EQ(a.say("x").error(), errc::limit_reached);
}

TEST(MeshTextChannel, GarbageIsCountedAndNothingElse) {
  TextChannel a;
  const std::vector<std::string> garbage = {"",
                                            "t",
                                            "t123",
                                            std::string("x\0\0\0\1", 5),
                                            std::string("t\0\0\0\0zero", 9),
                                            std::string("t\0\0\0\2gap", 8),
                                            std::string("t\0\0\0\1\xff", 6),
                                            "t" + std::string(TextChannel::longest_text + 5, '\0')};
  for (const std::string& datagram : garbage)
    EXPECT_EQ(a.handle_datagram(start, bytes_of(datagram)).kind, Kind::nothing);
  EXPECT_EQ(a.malformed(), garbage.size());
  const std::string unasked("a\0\0\0\1", 5);
  EXPECT_EQ(a.handle_datagram(start, bytes_of(unasked)).kind, Kind::nothing);
  EXPECT_EQ(poll(a, start), std::nullopt);
}

}  // namespace
}  // namespace ice::mesh
