#include "ice/sdp/session.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ice::sdp {
namespace {

// The example of RFC 8866 §5.
constexpr std::string_view rfc8866_example =
    "v=0\r\n"
    "o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\n"
    "s=Call to John Smith\r\n"
    "i=SDP Offer #1\r\n"
    "u=http://www.jdoe.example.com/home.html\r\n"
    "e=Jane Doe <jane@jdoe.example.com>\r\n"
    "p=+1 617 555-6011\r\n"
    "c=IN IP4 198.51.100.1\r\n"
    "t=0 0\r\n"
    "m=audio 49170 RTP/AVP 0\r\n"
    "m=audio 49180 RTP/AVP 0\r\n"
    "m=video 51372 RTP/AVP 99\r\n"
    "c=IN IP6 2001:db8::2\r\n"
    "a=rtpmap:99 h263-1998/90000\r\n";

std::string with_newlines_alone(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\r') out += c;
  }
  return out;
}

// A session of the shortest kind with `lines` after it.
std::string session_with(std::string_view lines) {
  return "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\n" + std::string{lines};
}

ParseError error_of(std::string_view text) {
  const auto session = parse(text);
  return session ? ParseError{} : session.error();
}

TEST(SdpSession, ReadsTheExampleOfRfc8866) {
  const auto session = parse(rfc8866_example);
  ASSERT_TRUE(session) << session.error().reason;
  EXPECT_EQ(session->origin, (Origin{"jdoe", 3724394400, 3724394405, "IN", "IP4", "198.51.100.1"}));
  EXPECT_EQ(session->name, "Call to John Smith");
  EXPECT_EQ(session->information, "SDP Offer #1");
  EXPECT_EQ(session->uri, "http://www.jdoe.example.com/home.html");
  EXPECT_EQ(session->emails, std::vector<std::string>{"Jane Doe <jane@jdoe.example.com>"});
  EXPECT_EQ(session->phones, std::vector<std::string>{"+1 617 555-6011"});
  EXPECT_EQ(session->connection, (Connection{"IN", "IP4", "198.51.100.1"}));
  ASSERT_EQ(session->times.size(), 1U);
  EXPECT_EQ(session->times[0].active, "0 0");
  ASSERT_EQ(session->media.size(), 3U);
  EXPECT_EQ(session->media[1].port, 49180);
  EXPECT_EQ(session->media[2].media, "video");
  EXPECT_EQ(session->media[2].protocol, "RTP/AVP");
  EXPECT_EQ(session->media[2].formats, "99");
  EXPECT_EQ(session->media[2].connections, (std::vector<Connection>{{"IN", "IP6", "2001:db8::2"}}));
  EXPECT_EQ(session->media[2].attributes, (std::vector<Attribute>{{"rtpmap", "99 h263-1998/90000"}}));
}

TEST(SdpSession, WritesWhatItReadByteForByte) { EXPECT_EQ(format(*parse(rfc8866_example)), rfc8866_example); }

TEST(SdpSession, TakesNewlinesAloneAndWritesCrLf) {
  EXPECT_EQ(format(*parse(with_newlines_alone(rfc8866_example))), rfc8866_example);
}

TEST(SdpSession, TakesALastLineWithoutEndAndEmptyLinesBehindIt) {
  EXPECT_TRUE(parse(session_with("a=x")));
  EXPECT_TRUE(parse(session_with("a=x\r\n\r\n\n")));
  EXPECT_EQ(error_of(session_with("a=x\n\na=y\n")).line, 6U);
}

TEST(SdpSession, KeepsEveryLineThatRfc8866Knows) {
  constexpr std::string_view text =
      "v=0\r\n"
      "o=- 18446744073709551615 2 IN IP6 ::1\r\n"
      "s= \r\n"
      "e=a@example.org\r\n"
      "e=b@example.org\r\n"
      "b=CT:128\r\n"
      "b=X-YZ:1\r\n"
      "t=3724394400 3724398000\r\n"
      "r=7d 1h 0 25h\r\n"
      "r=604800 3600 0 90000\r\n"
      "z=3730928400 -1h 3749680800 0\r\n"
      "t=0 0\r\n"
      "a=recvonly\r\n"
      "m=video 49170/2 RTP/AVP 31 32\r\n"
      "i=A title\r\n"
      "c=IN IP4 233.252.0.1/127\r\n"
      "c=IN IP4 233.252.0.2/127\r\n"
      "b=AS:64\r\n"
      "a=orient:portrait\r\n"
      "a=fmtp:31 a=b:c\r\n";
  const auto session = parse(text);
  ASSERT_TRUE(session) << session.error().reason;
  EXPECT_EQ(session->media[0].port_count, 2U);
  EXPECT_EQ(session->times[0].repeats.size(), 2U);
  EXPECT_EQ(session->times[0].zones, "3730928400 -1h 3749680800 0");
  EXPECT_EQ(format(*session), text);
}

TEST(SdpSession, DiscardsKeysAsRfc8866Demands) {
  const auto session =
      parse("v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\nk=prompt\na=x\nm=audio 9 RTP/AVP 0\nk=clear:secret\n");
  ASSERT_TRUE(session);
  EXPECT_EQ(format(*session).find("k="), std::string::npos);
}

TEST(SdpSession, KeepsTextsOfAnyCharacterSet) {
  const auto session = parse("v=0\no=\xff\xfe 1 1 IN IP4 0.0.0.0\ns=caf\xe9\nt=0 0\na=title:\x80\xbf\n");
  ASSERT_TRUE(session);
  EXPECT_EQ(session->name, "caf\xe9");
  EXPECT_EQ(session->attributes[0].value, "\x80\xbf");
  EXPECT_EQ(*parse(format(*session)), *session);
}

TEST(SdpSession, SaysWhichLineIsAtFaultAndWhy) {
  const ParseError error = error_of("v=0\r\no=- 1 1 IN IP4\r\ns=-\r\nt=0 0\r\n");
  EXPECT_EQ(error.code, errc::bad_sdp);
  EXPECT_EQ(error.line, 2U);
  EXPECT_EQ(error.reason, "o= needs six fields, the second and third numbers of 64 bits");
}

TEST(SdpSession, RefusesWhatBreaksTheGrammar) {
  struct Case {
    std::string text;
    std::size_t line;
  };
  const std::string head = "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\n";
  const Case cases[] = {
      {"", 0},
      {"\r\n", 0},
      {"hello", 1},
      {"v=1\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\n", 1},
      {"v=0\n", 0},
      {"v=0\ns=-\n", 2},
      {"v=0\no=- 1 1 IN IP4 0.0.0.0\nt=0 0\n", 3},
      {"v=0\no=- -1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\n", 2},
      {"v=0\no=- 18446744073709551616 1 IN IP4 0.0.0.0\ns=-\nt=0 0\n", 2},
      {"v=0\no=- 1 1 IN IP4 0.0.0.0 x\ns=-\nt=0 0\n", 2},
      {"v=0\no= 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\n", 2},
      {head, 0},
      {head + "a=x\n", 4},
      {head + "t=0\n", 4},
      {head + "t=now later\n", 4},
      {head + "t=0 0 0\n", 4},
      {head + "c=IN IP4\nt=0 0\n", 4},
      {head + "c=IN IP4 a b\nt=0 0\n", 4},
      {head + "i=too late\nu=x\ni=again\nt=0 0\n", 6},
      {session_with("x=unknown\n"), 5},
      {session_with("A=x\n"), 5},
      {session_with("a\n"), 5},
      {session_with("a:x\n"), 5},
      {session_with("a=\n"), 5},
      {session_with("a=:x\n"), 5},
      {session_with("a=b c:x\n"), 5},
      {session_with("a=\xc3\xa9:x\n"), 5},
      {session_with("a=x\rb\n"), 5},
      {session_with(std::string_view{"a=x\0b\n", 6}), 5},
      {session_with("a=x\ns=again\n"), 6},
      {session_with("m=audio\n"), 5},
      {session_with("m=audio 9\n"), 5},
      {session_with("m=audio 9 RTP/AVP\n"), 5},
      {session_with("m=audio 9 RTP/AVP  \n"), 5},
      {session_with("m=audio 65536 RTP/AVP 0\n"), 5},
      {session_with("m=audio x RTP/AVP 0\n"), 5},
      {session_with("m=audio 9/0 RTP/AVP 0\n"), 5},
      {session_with("m=audio 9/ RTP/AVP 0\n"), 5},
      {session_with("m=audio 9 RTP/ 0\n"), 5},
      {session_with("m=audio 9 RTP//AVP 0\n"), 5},
      {session_with("m=audio 9 RTP/AVP \xff\n"), 5},
      {session_with("m=audio 9 RTP/AVP 0\na=x\nc=IN IP4 0.0.0.0\n"), 7},
  };
  for (const Case& one : cases) {
    const ParseError error = error_of(one.text);
    EXPECT_EQ(error.code, errc::bad_sdp) << one.text;
    EXPECT_EQ(error.line, one.line) << one.text;
    EXPECT_FALSE(error.reason.empty()) << one.text;
  }
}

TEST(SdpSession, TakesTheSpacesThatRewritingFormatsLeaves) {
  const auto session = parse(session_with("m=video 9 UDP/TLS/RTP/SAVPF 96  98 \n"));
  ASSERT_TRUE(session);
  EXPECT_EQ(*parse(format(*session)), *session);
}

TEST(SdpSession, BoundsWhatATextMayClaim) {
  EXPECT_EQ(error_of(std::string(max_session_size + 1, 'a')).code, errc::limit_reached);
  EXPECT_EQ(error_of(session_with("a=x:" + std::string(1 << 20, 'y') + "\n")).code, errc::limit_reached);
  EXPECT_EQ(error_of(std::string(max_session_size, '\n')).code, errc::bad_sdp);
  EXPECT_EQ(error_of(std::string(max_session_size, '\xff')).code, errc::bad_sdp);
  EXPECT_TRUE(parse(session_with("a=x:" + std::string(max_session_size / 2, 'y') + "\n")));

  std::string lines;
  for (std::size_t i = 4; i < max_lines; ++i) lines += "a=x\n";
  EXPECT_EQ(parse(session_with(lines))->attributes.size(), max_lines - 4);
  const ParseError error = error_of(session_with(lines + "a=x\n"));
  EXPECT_EQ(error.code, errc::limit_reached);
  EXPECT_EQ(error.line, max_lines + 1);

  std::string media;
  for (std::size_t i = 0; i < max_media; ++i) media += "m=audio 9 RTP/AVP 0\n";
  EXPECT_EQ(parse(session_with(media))->media.size(), max_media);
  EXPECT_EQ(error_of(session_with(media + "m=audio 9 RTP/AVP 0\n")).code, errc::limit_reached);
}

TEST(SdpSession, FindsAttributesWithoutCase) {
  const auto session = parse(session_with("a=Ice-Lite\na=mid:0\na=mid:1\n"));
  EXPECT_EQ(find_attribute(session->attributes, "ice-lite"), "");
  EXPECT_EQ(find_attribute(session->attributes, "mid"), "0");
  EXPECT_FALSE(find_attribute(session->attributes, "mi"));
}

}  // namespace
}  // namespace ice::sdp
