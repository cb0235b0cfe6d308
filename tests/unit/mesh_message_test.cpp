// The messages of signalling: every one is read as it was written, and nothing else is read.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "mesh_demo/lines.hpp"
#include "mesh_demo/message.hpp"

namespace ice::mesh {
namespace {

std::vector<Message> one_of_each() {
  return {Join{"room", "이름"},
          Bye{},
          Welcome{{3, "c"},
                  "room",
                  {{1, "a"}, {2, "b"}},
                  {{{"stun:192.0.2.1:3478"}, {}, {}, 0}, {{"turn:a", "turns:b"}, "user", "secret", 600}}},
          Welcome{{1, "a"}, "room", {}, {}},
          PeerJoined{{4, "d"}},
          PeerLeft{{4, "d"}, true},
          PeerLeft{{4, "d"}, false},
          Offer{2, 1, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"},
          Answer{2, 2, "v=0\r\n"},
          CandidateLine{2, 1, "candidate:1 1 udp 1 192.0.2.1 9 typ host"},
          CandidateLine{2, 2, ""},
          Error{ErrorCode::name_taken, "somebody has it", 0, 1},
          Error{ErrorCode::attempt_failed, "", 7, 2}};
}

TEST(MeshMessage, IsReadAsItWasWritten) {
  for (const Message& message : one_of_each()) {
    const std::string line = format(message);
    ASSERT_TRUE(line.ends_with('\n'));
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    const auto read = parse(line);
    ASSERT_TRUE(read) << line;
    EXPECT_EQ(*read, message) << line;
  }
}

TEST(MeshMessage, TheLargestFitIntoALine) {
  // Every byte of these texts may take six in JSON.
  const Message offer = Offer{1, 1, std::string(longest_sdp, 'x')};
  EXPECT_LT(format(offer).size(), longest_line);
  Welcome welcome{{1, "a"}, std::string(longest_name, '"'), {}, {}};
  for (std::size_t i = 0; i < most_peers; ++i)
    welcome.peers.push_back({(std::uint64_t{1} << 53) - 1, std::string(longest_name, '"')});
  EXPECT_LT(format(welcome).size(), longest_line);
  EXPECT_TRUE(parse(format(welcome)));
}

TEST(MeshMessage, UnknownKeysAreIgnoredAndUnknownTypesTold) {
  const auto read = parse(R"({"type":"join","room":"r","name":"n","colour":"blue"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, Message{(Join{"r", "n"})});
  EXPECT_EQ(parse(R"({"type":"dance"})").error(), errc::unsupported);
  const auto error = parse(R"({"type":"error","code":"of a later version"})");
  ASSERT_TRUE(error);
  EXPECT_EQ(std::get<Error>(*error).code, ErrorCode::unknown);
}

TEST(MeshMessage, ASingleUrlStandsForAListOfOne) {
  const auto read =
      parse(R"({"type":"welcome","self":"a","id":1,"room":"r","peers":[],"ice_servers":[{"urls":"stun:x"}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<Welcome>(*read).ice_servers.at(0).urls, std::vector<std::string>{"stun:x"});
}

TEST(MeshMessage, WhatBreaksTheFormOrItsBoundsIsRefused) {
  const std::string long_name(longest_name + 1, 'x');
  const std::string too_much_sdp(longest_sdp + 1, 'x');
  std::string too_many = R"({"type":"welcome","self":"a","id":1,"room":"r","ice_servers":[],"peers":[)";
  for (std::size_t i = 0; i <= most_peers; ++i)
    too_many += (i == 0 ? "" : ",") + std::string{R"({"name":"p","id":)"} + std::to_string(i + 1) + "}";
  too_many += "]}";
  const std::vector<std::string> lines = {
      "",
      "x",
      "[]",
      "17",
      "null",
      "{}",
      "{",
      R"({"type":7})",
      R"({"type":"join"})",
      R"({"type":"join","room":"r"})",
      R"({"type":"join","room":"r","name":""})",
      R"({"type":"join","room":"r","name":7})",
      R"({"type":"join","room":"r","name":"a\nb"})",
      R"({"type":"join","room":"r","name":"n"} trailing)",
      R"({"type":"join","room":"r","name":")" + long_name + "\"}",
      "{\"type\":\"join\",\"room\":\"r\",\"name\":\"\xff\"}",
      R"({"type":"offer","peer":1,"attempt":1,"sdp":")" + too_much_sdp + "\"}",
      R"({"type":"offer","peer":0,"attempt":1,"sdp":""})",
      R"({"type":"offer","peer":-1,"attempt":1,"sdp":""})",
      R"({"type":"offer","peer":1.5,"attempt":1,"sdp":""})",
      R"({"type":"offer","peer":"1","attempt":1,"sdp":""})",
      R"({"type":"offer","peer":9007199254740992,"attempt":1,"sdp":""})",
      R"({"type":"offer","peer":1e300,"attempt":1,"sdp":""})",
      R"({"type":"offer","peer":1,"attempt":0,"sdp":""})",
      R"({"type":"offer","peer":1,"attempt":4,"sdp":""})",
      R"({"type":"offer","peer":1,"sdp":""})",
      R"({"type":"peer-left","name":"a","id":1})",
      R"({"type":"peer-left","name":"a","id":1,"bye":"yes"})",
      R"({"type":"welcome","self":"a","id":1,"room":"r","peers":[1],"ice_servers":[]})",
      R"({"type":"welcome","self":"a","id":1,"room":"r","peers":[],"ice_servers":[{"urls":[1]}]})",
      R"({"type":"welcome","self":"a","id":1,"room":"r","peers":[],"ice_servers":[{"urls":[],"ttl":-1}]})",
      R"({"type":"error","code":"name-taken","peer":1})",
      too_many,
      std::string(1000, '['),
      R"({"type":"bye","x":)" + std::string(1000, '[') + std::string(1000, ']') + "}",
  };
  for (const std::string& line : lines) {
    const auto read = parse(line);
    ASSERT_FALSE(read) << line.substr(0, 200);
    EXPECT_EQ(read.error(), errc::malformed_message) << line.substr(0, 200);
  }
}

// ---- lines

std::vector<std::string> split(LineSplitter& lines, std::string_view bytes) {
  std::vector<std::string> all;
  lines.feed(bytes_of(bytes));
  for (;;) {
    const auto line = lines.next();
    if (!line) {
      all.emplace_back("overrun");
      return all;
    }
    if (!*line) return all;
    all.emplace_back(**line);
  }
}

using Lines = std::vector<std::string>;

TEST(MeshLines, AreCutWhereverThePiecesEnd) {
  const std::string text = "one\ntwo\r\n\nthree and more\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    LineSplitter lines;
    Lines all;
    for (std::size_t at = 0; at < text.size(); at += size)
      for (auto& line : split(lines, std::string_view{text}.substr(at, size))) all.push_back(std::move(line));
    EXPECT_EQ(all, (Lines{"one", "two", "", "three and more"})) << size;
    EXPECT_EQ(lines.buffered(), 0U);
  }
}

TEST(MeshLines, OneThatNeverEndsIsKeptUpToItsBoundAndRefusedThen) {
  LineSplitter lines;
  EXPECT_EQ(split(lines, std::string(longest_line, 'x')), Lines{});
  EXPECT_EQ(lines.buffered(), longest_line);
  EXPECT_EQ(split(lines, "\n"), Lines{std::string(longest_line, 'x')});
  EXPECT_EQ(split(lines, std::string(longest_line, 'x')), Lines{});
  EXPECT_EQ(split(lines, "x"), Lines{"overrun"});
  EXPECT_EQ(lines.buffered(), 0U);
  EXPECT_EQ(split(lines, "\nshort\n"), Lines{"overrun"}) << "a stream that was given up stays so";
}

TEST(MeshLines, OneThatIsTooLongIsRefusedWithItsEnd) {
  LineSplitter lines;
  EXPECT_EQ(split(lines, "fine\n" + std::string(longest_line + 1, 'x') + "\nmore\n"), (Lines{"fine", "overrun"}));
}

}  // namespace
}  // namespace ice::mesh
