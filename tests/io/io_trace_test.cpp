#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <boost/json/src.hpp>  // the parser, compiled here: the library has none
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent_pair.hpp"
#include "ice/io/json_trace.hpp"
#include "ice/io/pcapng_trace.hpp"
#include "ice/io/text_trace.hpp"

namespace ice::io {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const Endpoint local{Address::v4(192, 0, 2, 1), 5000};
const Endpoint remote{Address::v4(198, 51, 100, 7), 6000};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// An event with a value of every type, and texts that would break a careless writer.
void tell_everything(TraceSink& sink, TimePoint at) {
  const std::array fields{TraceField{"signed", std::int64_t{-5}},
                          TraceField{"unsigned", ~std::uint64_t{0}},
                          TraceField{"flag", true},
                          TraceField{"text", std::string_view{"a \"b\"\\\n\xc3\xa9 \xff\0", 12}},
                          TraceField{"endpoint", remote},
                          TraceField{"nowhere", Endpoint{}},
                          TraceField{"time", Duration{-1'500'000'042}},
                          TraceField{"error", make_error_code(errc::closed)}};
  sink.event({at, "ice-state", 42, fields});
  sink.packet({at, TracePacket::Direction::out, SocketId{1}, local, remote, bytes_of("he"), bytes_of("llo")});
  sink.packet({at, TracePacket::Direction::in, SocketId{1}, local, remote, bytes_of("hi"), {}});
}

TEST(TextTrace, WritesALineForEachEventAndPacket) {
  std::ostringstream out;
  {
    TextTrace sink{out};
    tell_everything(sink, now() + 3600s);
  }
  const auto lines = lines_of(out.str());
  ASSERT_EQ(lines.size(), 3U);
  double seconds = 0;
  std::array<char, 32> name{};
  ASSERT_EQ(std::sscanf(lines[0].c_str(), "%lf %31s", &seconds, name.data()), 2);
  EXPECT_GE(seconds, 3600);
  EXPECT_STREQ(name.data(), "ice-state");
  EXPECT_THAT(lines[0],
              testing::EndsWith(" #42 signed=-5 unsigned=18446744073709551615 flag=true "
                                "text=\"a \\x22b\\x22\\x5c\\x0a\\xc3\\xa9 \\xff\\x00\" endpoint=198.51.100.7:6000 "
                                "nowhere= time=-1.500000s error=icebreaker:8"));
  EXPECT_THAT(lines[1], testing::EndsWith(" packet out local=192.0.2.1:5000 remote=198.51.100.7:6000 size=5"));
  EXPECT_THAT(lines[2], testing::EndsWith(" packet in local=192.0.2.1:5000 remote=198.51.100.7:6000 size=2"));
}

TEST(JsonLinesTrace, WritesAnObjectForEachEventAndPacket) {
  std::ostringstream out;
  {
    JsonLinesTrace sink{out};
    tell_everything(sink, now());
  }
  const auto lines = lines_of(out.str());
  ASSERT_EQ(lines.size(), 3U);
  const auto event = boost::json::parse(lines[0]).as_object();
  EXPECT_EQ(event.at("event"), "ice-state");
  const double wall = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_EQ(event.at("source"), "42");
  EXPECT_EQ(event.at("signed"), -5);
  EXPECT_EQ(event.at("unsigned"), ~std::uint64_t{0});
  EXPECT_EQ(event.at("flag"), true);
  EXPECT_EQ(std::string_view{event.at("text").as_string()}, std::string_view("a \"b\"\\\n\xc3\xa9 \xef\xbf\xbd\0", 14));
  EXPECT_EQ(event.at("endpoint"), "198.51.100.7:6000");
  EXPECT_EQ(event.at("nowhere"), "");
  EXPECT_EQ(event.at("error"), "icebreaker:8");

  const auto packet = boost::json::parse(lines[1]).as_object();
  EXPECT_EQ(packet.at("event"), "packet");
  EXPECT_NEAR(packet.at("time").as_double(), wall, 60);
  EXPECT_EQ(packet.at("direction"), "out");
  EXPECT_EQ(packet.at("local"), "192.0.2.1:5000");
  EXPECT_EQ(packet.at("remote"), "198.51.100.7:6000");
  EXPECT_EQ(packet.at("size"), 5);
  EXPECT_EQ(boost::json::parse(lines[2]).at("direction"), "in");
}

// What a capture file says, by the layout of draft-ietf-opsawg-pcapng: blocks of type, length, body and length again.
struct Capture {
  struct Packet {
    std::uint32_t interface = 0;
    std::uint64_t nanoseconds = 0;
    std::string bytes;
  };
  int interfaces = 0;
  std::vector<Packet> packets;

  static std::uint32_t word(const std::string& text, std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, text.substr(at, 4).data(), 4);
    return value;
  }

  explicit Capture(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const std::uint32_t type = word(text, at);
      const std::uint32_t length = word(text, at + 4);
      EXPECT_LE(at + length, text.size());
      EXPECT_EQ(word(text, at + length - 4), length);
      EXPECT_EQ(at == 0, type == 0x0A0D0D0A);
      if (type == 1) ++interfaces;
      if (type == 6) {
        packets.push_back({word(text, at + 8),
                           static_cast<std::uint64_t>(word(text, at + 12)) << 32 | word(text, at + 16),
                           text.substr(at + 28, word(text, at + 20))});
      }
      at += length;
    }
  }
};

TEST(PcapngTrace, WritesPacketsAsTheyWereOnTheWire) {
  std::ostringstream out;
  {
    PcapngTrace sink{out};
    tell_everything(sink, now());
    const Endpoint local6{*Address::parse("2001:db8::1"), 5000};
    sink.packet(
        {now(), TracePacket::Direction::in, SocketId{2}, local6, {*Address::parse("2001:db8::2"), 6000}, {}, {}});
  }
  const Capture capture{out.str()};
  EXPECT_EQ(capture.interfaces, 2);
  ASSERT_EQ(capture.packets.size(), 3U);
  EXPECT_EQ(capture.packets[0].interface, 0U);
  EXPECT_EQ(capture.packets[2].interface, 1U);
  std::vector<std::uint8_t> wanted;
  append_udp_packet(wanted, {local, remote}, bytes_of("hello"));
  EXPECT_EQ(capture.packets[0].bytes, text_of(wanted));
  wanted.clear();
  append_udp_packet(wanted, {remote, local}, bytes_of("hi"));
  EXPECT_EQ(capture.packets[1].bytes, text_of(wanted));
  EXPECT_EQ(capture.packets[2].bytes.size(), 48U);
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_LT(std::chrono::abs(wall - std::chrono::nanoseconds{capture.packets[0].nanoseconds}), 60s);
}

TEST(PcapngTrace, CountsWhatIsNoPacket) {
  std::ostringstream out;
  PcapngTrace sink{out};
  const auto tell = [&](const Endpoint& from, const Endpoint& to, std::size_t size) {
    sink.packet({now(), TracePacket::Direction::out, SocketId{1}, from, to, std::vector<std::uint8_t>(size), {}});
  };
  tell({}, remote, 1);
  tell(local, {}, 1);
  tell({*Address::parse("::1"), 1}, remote, 1);
  tell(local, remote, 65'508);
  EXPECT_EQ(sink.output().failures(), 4U);
  tell(local, remote, 65'507);
  EXPECT_EQ(sink.output().failures(), 4U);
  EXPECT_EQ(Capture{out.str()}.packets.size(), 1U);
}

TEST(PcapngTrace, LeavesOutWhatTheFilterDoesNotWant) {
  std::ostringstream out;
  PcapngTrace sink{out, [](const TracePacket& packet) { return packet.direction == TracePacket::Direction::in; }};
  tell_everything(sink, now());
  EXPECT_EQ(Capture{out.str()}.packets.size(), 1U);
  EXPECT_EQ(sink.output().failures(), 0U);
}

TEST(TraceOutput, WhatIsWrittenToAFileIsThereAtOnce) {
  const std::string path = testing::TempDir() + "icebreaker_trace_" + std::to_string(::getpid()) + ".txt";
  auto file = TraceOutput::open(path);
  ASSERT_TRUE(file);
  TextTrace sink{std::move(*file)};
  tell_everything(sink, now());
  std::ifstream in{path};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  std::filesystem::remove(path);
  EXPECT_EQ(lines_of(text).size(), 3U);
}

TEST(TraceOutput, AFileThatCannotBeMadeIsAnError) {
  const auto output = TraceOutput::open("/nonexistent/trace.pcapng");
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error(), std::errc::no_such_file_or_directory);
}

TEST(TraceOutput, WhatCannotBeWrittenIsCountedAndNeverThrown) {
  auto full = TraceOutput::open("/dev/full");
  ASSERT_TRUE(full);
  TextTrace sink{std::move(*full)};
  tell_everything(sink, now());
  sink.output().flush();
  EXPECT_GT(sink.output().failures(), 0U);

  struct Refusing : std::streambuf {
  } refusing;
  std::ostream refused{&refusing};
  refused.exceptions(std::ios::badbit);
  JsonLinesTrace json{refused};
  tell_everything(json, now());
  EXPECT_EQ(json.output().failures(), 3U);
}

struct TraceOfAgents : AgentPair {};

TEST_F(TraceOfAgents, AFileHasEveryPacketThatTheDriverCounts) {
  const std::string path = testing::TempDir() + "icebreaker_trace_" + std::to_string(::getpid()) + ".pcapng";
  DriverStatistics counted;
  {
    auto file = TraceOutput::open(path);
    ASSERT_TRUE(file) << file.error().message();
    PcapngTrace trace{std::move(*file)};
    a = std::make_unique<Agent>(loop.get_executor(), loopback_config(), &trace);
    connect();
    int arrived = 0;
    a->on_data([&](Bytes) { ++arrived; });
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(b->send("to a") && a->send("to b"));
    ASSERT_TRUE(run_until(loop, [&] { return arrived == 10; }));
    counted = a->statistics();
    a.reset();
    EXPECT_EQ(trace.output().failures(), 0U);
  }
  std::ifstream in{path, std::ios::binary};
  const Capture capture{std::string{std::istreambuf_iterator<char>{in}, {}}};
  std::filesystem::remove(path);
  EXPECT_EQ(capture.packets.size(), counted.received + counted.sent);
  EXPECT_GE(counted.received, 12U);
  EXPECT_EQ(capture.interfaces, 1);
}

TEST_F(TraceOfAgents, EventsOfAWholeConnectionHaveNoSecret) {
  std::ostringstream text;
  std::ostringstream json;
  std::string password;
  {
    TextTrace text_trace{text};
    JsonLinesTrace json_trace{json};
    a = std::make_unique<Agent>(loop.get_executor(), loopback_config(), &text_trace);
    b = std::make_unique<Agent>(loop.get_executor(), loopback_config(Role::controlled), &json_trace);
    password = a->local_description().password;
    connect();
    a.reset();
    b.reset();
  }
  EXPECT_THAT(text.str(), HasSubstr("ice-pair-selected"));
  EXPECT_THAT(json.str(), HasSubstr("\"ice-pair-selected\""));
  for (const std::string& line : lines_of(json.str())) EXPECT_TRUE(boost::json::parse(line).is_object());
  EXPECT_THAT(text.str() + json.str(), testing::Not(HasSubstr(password)));
}

}  // namespace
}  // namespace ice::io
