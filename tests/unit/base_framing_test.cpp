#include "ice/base/framing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "ice/base/random.hpp"
#include "support/allocations.hpp"

namespace ice {
namespace {

using Message = std::vector<std::uint8_t>;

Message stun_message(std::uint16_t length, std::uint8_t fill = 0xab) {
  Message message{0x00, 0x01, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length & 0xff)};
  message.resize(20u + length, fill);
  return message;
}

Message channel_data(std::uint16_t length, std::uint8_t first = 0x40) {
  Message message{first, 0x01, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length & 0xff)};
  message.resize(4u + length, 0xcd);
  return message;
}

Message padded(Message message) {
  message.resize((message.size() + 3) / 4 * 4);
  return message;
}

Message with_length(const Message& message) {
  Message framed{static_cast<std::uint8_t>(message.size() >> 8), static_cast<std::uint8_t>(message.size() & 0xff)};
  framed.insert(framed.end(), message.begin(), message.end());
  return framed;
}

Message joined(std::initializer_list<Message> messages) {
  Message all;
  for (const Message& message : messages) all.insert(all.end(), message.begin(), message.end());
  return all;
}

/// Feeds one piece and takes out all there is.
std::vector<Message> messages_of(Deframer& deframer, Bytes piece) {
  std::vector<Message> messages;
  deframer.feed(piece);
  for (;;) {
    const auto next = deframer.next();
    EXPECT_TRUE(next);
    if (!next || !*next) return messages;
    messages.emplace_back((*next)->begin(), (*next)->end());
  }
}

TEST(Deframer, WithoutFramingGivesBytesAsTheyCome) {
  Deframer deframer{Framing::none};
  EXPECT_EQ(messages_of(deframer, Message{1, 2, 3}), (std::vector<Message>{{1, 2, 3}}));
  EXPECT_TRUE(messages_of(deframer, {}).empty());
  EXPECT_EQ(messages_of(deframer, Message{0xff}), (std::vector<Message>{{0xff}}));
}

TEST(Deframer, CutsStunAndChannelDataByTheirOwnLength) {
  Deframer deframer{Framing::stun};
  const Message a = stun_message(0);
  const Message b = channel_data(5);
  const Message c = stun_message(12);
  const Message d = channel_data(0);
  EXPECT_EQ(messages_of(deframer, joined({a, padded(b), c, d})), (std::vector{a, b, c, d}));
  EXPECT_EQ(deframer.buffered(), 0u);
}

TEST(Deframer, WaitsForThePaddingOfChannelData) {  // RFC 8656 §12.5: on a stream it is part of the message
  Deframer deframer{Framing::stun};
  const Message message = channel_data(5);
  EXPECT_TRUE(messages_of(deframer, message).empty());
  EXPECT_EQ(messages_of(deframer, Message{0, 0, 0}), (std::vector<Message>{message}));
}

TEST(Deframer, CutsReservedChannelNumbersSoThatTheyCanBeDiscarded) {  // RFC 8656 §12.6
  Deframer deframer{Framing::stun};
  const Message reserved = channel_data(4, 0x7f);
  const Message next = stun_message(4);
  EXPECT_EQ(messages_of(deframer, joined({reserved, next})), (std::vector{reserved, next}));
}

TEST(Deframer, CutsRfc4571ByTwoBytesOfLength) {
  Deframer deframer{Framing::rfc4571};
  const Message a{1, 2, 3};
  const Message null_packet;  // RFC 4571 §2: zero is a valid length
  const Message b(65535, 7);
  EXPECT_EQ(messages_of(deframer, joined({with_length(a), with_length(null_packet), with_length(b)})),
            (std::vector{a, null_packet, b}));
}

TEST(Deframer, GivesTheSameMessagesHoweverTheStreamIsCut) {
  const std::vector<Message> of_stun = {stun_message(8), channel_data(3), channel_data(4), stun_message(0),
                                        stun_message(600)};
  Message stun_stream;
  for (const Message& message : of_stun) stun_stream = joined({stun_stream, padded(message)});
  const std::vector<Message> of_rfc4571 = {{1}, {}, Message(300, 2), {3, 4}, {}};
  Message rfc4571_stream;
  for (const Message& message : of_rfc4571) rfc4571_stream = joined({rfc4571_stream, with_length(message)});

  SeededRandom random{1};
  for (int round = 0; round < 500; ++round) {
    const bool stun = round % 2 == 0;
    Deframer deframer{stun ? Framing::stun : Framing::rfc4571};
    const std::uint64_t largest_piece = 1 + random.below(40);
    std::vector<Message> messages;
    for (Bytes rest = stun ? stun_stream : rfc4571_stream; !rest.empty();) {
      const auto size = std::min<std::size_t>(rest.size(), 1 + random.below(largest_piece));
      const Message piece(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size));
      for (Message& message : messages_of(deframer, piece)) messages.push_back(std::move(message));
      rest = rest.subspan(size);
    }
    ASSERT_EQ(messages, stun ? of_stun : of_rfc4571) << largest_piece;
    ASSERT_EQ(deframer.buffered(), 0u);
  }
}

TEST(Deframer, TellsAtTheFirstByteThatAStreamIsNotStun) {
  for (const int first : {0x80, 0xc0, 0xff, 0x8f}) {
    Deframer deframer{Framing::stun};
    const Message piece{static_cast<std::uint8_t>(first)};
    deframer.feed(piece);
    const auto next = deframer.next();
    ASSERT_FALSE(next) << first;
    EXPECT_EQ(next.error(), errc::not_stun);
    EXPECT_FALSE(deframer.next());  // and goes on saying so
  }
}

TEST(Deframer, RefusesAStunLengthThatIsNoMultipleOfFour) {  // RFC 8489 §5
  const Message bad{0x00, 0x01, 0x00, 0x06};
  Deframer whole{Framing::stun};
  whole.feed(bad);
  EXPECT_FALSE(whole.next());

  Deframer in_pieces{Framing::stun};
  EXPECT_TRUE(messages_of(in_pieces, Bytes{bad}.first(3)).empty());
  in_pieces.feed(Bytes{bad}.subspan(3));
  EXPECT_FALSE(in_pieces.next());
}

TEST(Deframer, GivesWhatCameBeforeTheBrokenBytes) {
  const Message good = stun_message(4);
  const Message stream = joined({good, Message{0xff}});
  Deframer deframer{Framing::stun};
  deframer.feed(stream);
  const auto first = deframer.next();
  ASSERT_TRUE(first && *first);
  EXPECT_TRUE(std::equal((*first)->begin(), (*first)->end(), good.begin(), good.end()));
  EXPECT_FALSE(deframer.next());
}

TEST(Deframer, KeepsOnlyWhatCameHoweverMuchALengthPromises) {
  Deframer deframer{Framing::stun};
  EXPECT_TRUE(messages_of(deframer, Message{0x00, 0x01, 0xff, 0xfc}).empty());
  EXPECT_EQ(deframer.buffered(), 4u);
  EXPECT_TRUE(messages_of(deframer, Message(10)).empty());
  EXPECT_EQ(deframer.buffered(), 14u);
}

TEST(Deframer, AllocatesNothingForMessagesThatArriveWhole) {
  const Message stream = joined({stun_message(100), padded(channel_data(1201)), stun_message(0)});
  Deframer deframer{Framing::stun};
  const test::Allocations allocations;
  std::size_t messages = 0;
  for (int round = 0; round < 10; ++round) {
    deframer.feed(stream);
    for (auto next = deframer.next(); next && *next; next = deframer.next()) ++messages;
  }
  EXPECT_EQ(messages, 30u);
  EXPECT_EQ(allocations.count(), 0u);
}

TEST(Deframer, GrowsInFewStepsWhenTheLargestMessageComesByteByByte) {
  const Message message = stun_message(0xfffc);
  Deframer deframer{Framing::stun};
  const test::Allocations allocations;
  std::size_t messages = 0;
  for (const std::uint8_t byte : message) {
    deframer.feed({&byte, 1});
    for (auto next = deframer.next(); next && *next; next = deframer.next())
      messages += (*next)->size() == message.size();
  }
  EXPECT_EQ(messages, 1u);
  EXPECT_LE(allocations.count(), 20u);  // doubling: 2^16 bytes in 17 steps
}

TEST(FramePrefix, IsTheLengthForRfc4571AndNothingElsewhere) {
  std::uint8_t out[2] = {};
  const auto prefix = frame_prefix(Framing::rfc4571, 0x1234, out);
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->data(), out);
  EXPECT_EQ(Message(prefix->begin(), prefix->end()), (Message{0x12, 0x34}));
  EXPECT_TRUE(frame_prefix(Framing::rfc4571, 0xffff, out));
  EXPECT_TRUE(frame_prefix(Framing::stun, 65552, {})->empty());
  EXPECT_TRUE(frame_prefix(Framing::none, 1'000'000, {})->empty());
}

TEST(FramePrefix, RefusesASizeThatTheFramingCannotExpress) {
  std::uint8_t out[2] = {};
  EXPECT_EQ(frame_prefix(Framing::rfc4571, 0x10000, out).error(), errc::limit_reached);
  EXPECT_EQ(frame_prefix(Framing::stun, 65553, out).error(), errc::limit_reached);
  EXPECT_EQ(frame_prefix(Framing::rfc4571, 1, MutableBytes{out}.first(1)).error(), errc::buffer_too_small);
}

TEST(Deframer, CutsByAnotherFramingBehindTheMessageThatWasTakenLast) {
  Deframer deframer{Framing::stun};
  const Message request = stun_message(8), bytes{9, 8, 7};
  const Message both = joined({request, bytes});
  deframer.feed(both);
  EXPECT_TRUE(deframer.next());
  deframer.set_framing(Framing::none);
  const auto rest = deframer.next();
  ASSERT_TRUE(rest && *rest);
  EXPECT_EQ(Message((*rest)->begin(), (*rest)->end()), bytes);
  EXPECT_FALSE(*deframer.next());
}

TEST(Deframer, GivesWhatItHasOfAMessageOnceTheFramingIsNone) {
  Deframer deframer{Framing::stun};
  const Message begun{0, 1, 0};
  EXPECT_TRUE(messages_of(deframer, begun).empty());
  deframer.set_framing(Framing::none);
  EXPECT_EQ(messages_of(deframer, Message{5}), (std::vector<Message>{begun, {5}}));
  EXPECT_EQ(deframer.buffered(), 0u);
}

}  // namespace
}  // namespace ice
