#include <gtest/gtest.h>

#include <string>

#include "ice/sdp/description.hpp"

namespace ice::sdp {
namespace {

using namespace std::chrono_literals;

Endpoint endpoint(std::string_view text) { return *Endpoint::parse(text); }

constexpr std::string_view head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
constexpr std::string_view credentials = "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n";
constexpr std::string_view media = "m=application 9 UDP octet-stream\r\nc=IN IP4 0.0.0.0\r\n";

result<IceContent> read(std::string_view text) {
  const auto session = parse(text);
  EXPECT_TRUE(session) << session.error().line << ": " << session.error().reason;
  if (!session) return fail(session.error());
  return ice_content(*session);
}

// One stream with the usual credentials in front and `lines` in its section.
result<IceContent> read_stream(std::string_view lines) {
  return read(std::string{head} + std::string{credentials} + std::string{media} + std::string{lines});
}

TEST(SdpContent, ReadsTheExampleOfRfc8839) {
  const auto content = read(
      "v=0\r\n"
      "o=jdoe 2890844526 2890842807 IN IP4 203.0.113.141\r\n"
      "s=\r\n"
      "c=IN IP4 192.0.2.3\r\n"
      "t=0 0\r\n"
      "a=ice-options:ice2\r\n"
      "a=ice-pacing:50\r\n"
      "a=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"
      "a=ice-ufrag:8hhY\r\n"
      "m=audio 45664 RTP/AVP 0\r\n"
      "b=RS:0\r\n"
      "b=RR:0\r\n"
      "a=rtpmap:0 PCMU/8000\r\n"
      "a=candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host\r\n"
      "a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998\r\n");
  ASSERT_TRUE(content);
  const Description& description = content->description;
  EXPECT_EQ(description.ufrag, "8hhY");
  EXPECT_EQ(description.password, "asd88fgpdd777uzjYhagZg");
  EXPECT_EQ(description.options, std::vector<std::string>{"ice2"});
  EXPECT_EQ(description.pacing, 50ms);
  EXPECT_FALSE(description.lite);
  ASSERT_EQ(description.streams.size(), 1U);
  ASSERT_EQ(description.streams[0].candidates.size(), 2U);
  EXPECT_EQ(description.streams[0].candidates[1].endpoint, endpoint("192.0.2.3:45664"));
  EXPECT_FALSE(description.streams[0].end_of_candidates);
  EXPECT_FALSE(content->streams[0].default_mismatch);
}

TEST(SdpContent, ReadsTheIpv6ExampleOfRfc8839) {
  const auto content = read(
      "v=0\n"
      "o=jdoe 2890844526 2890842807 IN IP6 fe80::6676:baff:fe9c:ee4a\n"
      "s=\n"
      "c=IN IP6 2001:db8:8101:3a55:4858:a2a9:22ff:99b9\n"
      "t=0 0\n"
      "a=ice-options:ice2\n"
      "a=ice-pacing:50\n"
      "a=ice-pwd:asd88fgpdd777uzjYhagZg\n"
      "a=ice-ufrag:8hhY\n"
      "m=audio 45664 RTP/AVP 0\n"
      "b=RS:0\n"
      "b=RR:0\n"
      "a=rtpmap:0 PCMU/8000\n"
      "a=candidate:1 1 UDP 2130706431 fe80::6676:baff:fe9c:ee4a 8998 typ host\n"
      "a=candidate:2 1 UDP 1694498815 2001:db8:8101:3a55:4858:a2a9:22ff:99b9 45664 typ srflx raddr "
      "fe80::6676:baff:fe9c:ee4a rport 8998\n");
  ASSERT_TRUE(content);
  EXPECT_EQ(content->description.streams[0].candidates[1].related, endpoint("[fe80::6676:baff:fe9c:ee4a]:8998"));
  EXPECT_FALSE(content->streams[0].default_mismatch);
}

// What Chrome offers for a data channel, after gathering.
constexpr std::string_view chrome =
    "v=0\r\n"
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=group:BUNDLE 0\r\n"
    "a=extmap-allow-mixed\r\n"
    "a=msid-semantic: WMS\r\n"
    "m=application 61665 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 203.0.113.7\r\n"
    "a=candidate:3098175849 1 udp 2113937151 4b2c3e1d-5f60-4718-92a3-b4c5d6e7f809.local 61665 typ host generation 0 "
    "network-cost 999\r\n"
    "a=candidate:842163049 1 udp 1677729535 203.0.113.7 61665 typ srflx raddr 0.0.0.0 rport 0 generation 0 "
    "network-cost 999\r\n"
    "a=candidate:1467250027 1 ssltcp 2122260223 192.168.0.196 443 typ host generation 0\r\n"
    "a=ice-ufrag:EsAw\r\n"
    "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
    "a=ice-options:trickle renomination\r\n"
    "a=fingerprint:sha-256 "
    "0F:74:31:25:CB:A2:13:EC:28:6F:6D:2C:61:FF:5D:C2:BC:B9:DB:3D:98:14:8D:1A:BB:EA:33:0C:A4:60:A8:8E\r\n"
    "a=setup:actpass\r\n"
    "a=mid:0\r\n"
    "a=sctp-port:5000\r\n"
    "a=max-message-size:262144\r\n";

TEST(SdpContent, ReadsAnOfferOfChrome) {
  const auto content = read(chrome);
  ASSERT_TRUE(content);
  const Description& description = content->description;
  EXPECT_EQ(description.ufrag, "EsAw");
  EXPECT_EQ(description.password, "P2uYro0UCOQ4zxjKXaWCBui1");
  EXPECT_TRUE(description.has_option(option_trickle));
  EXPECT_FALSE(description.has_option(option_ice2));
  EXPECT_FALSE(description.pacing);
  ASSERT_EQ(description.streams.size(), 1U);
  EXPECT_EQ(description.streams[0].mid, "0");
  ASSERT_EQ(description.streams[0].candidates.size(), 2U);
  EXPECT_EQ(description.streams[0].candidates[0].name, "4b2c3e1d-5f60-4718-92a3-b4c5d6e7f809.local");
  EXPECT_EQ(content->skipped.unsupported, 1U);
  EXPECT_EQ(content->skipped.malformed, 0U);
  EXPECT_EQ(format(*parse(chrome)), chrome);
}

TEST(SdpContent, ReadsAnAnswerOfFirefox) {
  const auto content = read(
      "v=0\r\n"
      "o=mozilla...THIS_IS_SDPARTA-99.0 5890423179853441223 0 IN IP4 0.0.0.0\r\n"
      "s=-\r\n"
      "t=0 0\r\n"
      "a=fingerprint:sha-256 00:11:22\r\n"
      "a=group:BUNDLE 0\r\n"
      "a=ice-options:trickle\r\n"
      "a=msid-semantic:WMS *\r\n"
      "m=application 56214 UDP/DTLS/SCTP webrtc-datachannel\r\n"
      "c=IN IP4 192.0.2.7\r\n"
      "a=candidate:0 1 UDP 2122252543 192.0.2.7 56214 typ host\r\n"
      "a=candidate:4 1 TCP 2105524479 192.0.2.7 9 typ host tcptype active\r\n"
      "a=sendrecv\r\n"
      "a=end-of-candidates\r\n"
      "a=ice-pwd:5a3e4e9c36f1fcd7b5d7e3c2fe0a9b1d\r\n"
      "a=ice-ufrag:1f2e3d4c\r\n"
      "a=mid:0\r\n"
      "a=setup:active\r\n"
      "a=sctp-port:5000\r\n"
      "a=max-message-size:1073741823\r\n");
  ASSERT_TRUE(content);
  EXPECT_EQ(content->description.ufrag, "1f2e3d4c");
  EXPECT_TRUE(content->description.has_option(option_trickle));
  EXPECT_EQ(content->description.streams[0].candidates.size(), 2U);
  EXPECT_TRUE(content->description.streams[0].end_of_candidates);
  EXPECT_FALSE(content->streams[0].default_mismatch);
}

TEST(SdpContent, PrefersCredentialsOfTheMediaLevel) {
  const std::string at_session = std::string{head} + std::string{credentials} + std::string{media};
  EXPECT_EQ(read(at_session)->description.ufrag, "8hhY");
  const auto content = read(at_session + "a=ice-ufrag:media\r\n");
  EXPECT_EQ(content->description.ufrag, "media");
  EXPECT_EQ(content->description.password, "asd88fgpdd777uzjYhagZg");
}

TEST(SdpContent, ChecksCredentialsForLengthAndCharacters) {
  const auto error = [](std::string_view lines) {
    const auto content = read(std::string{head} + std::string{media} + std::string{lines});
    return content ? std::error_code{} : content.error();
  };
  const std::string password = "a=ice-pwd:" + std::string(22, 'p') + "\r\n";
  EXPECT_FALSE(error("a=ice-ufrag:abcd\r\n" + password));
  EXPECT_FALSE(error("a=ice-ufrag:" + std::string(256, 'u') + "\r\na=ice-pwd:" + std::string(256, 'p') + "\r\n"));
  EXPECT_EQ(error(""), errc::bad_ufrag);
  EXPECT_EQ(error(password), errc::bad_ufrag);
  EXPECT_EQ(error("a=ice-ufrag:abc\r\n" + password), errc::bad_ufrag);
  EXPECT_EQ(error("a=ice-ufrag:" + std::string(257, 'u') + "\r\n" + password), errc::bad_ufrag);
  EXPECT_EQ(error("a=ice-ufrag:abc d\r\n" + password), errc::bad_ufrag);
  EXPECT_EQ(error("a=ice-ufrag:abc\xff\r\n" + password), errc::bad_ufrag);
  EXPECT_EQ(error("a=ice-ufrag:abcd\r\n"), errc::bad_password);
  EXPECT_EQ(error("a=ice-ufrag:abcd\r\na=ice-pwd:" + std::string(21, 'p') + "\r\n"), errc::bad_password);
  EXPECT_EQ(error("a=ice-ufrag:abcd\r\na=ice-pwd:" + std::string(257, 'p') + "\r\n"), errc::bad_password);
}

TEST(SdpContent, ReadsFlagsOptionsAndPacingWhereTheyStand) {
  const auto content = read(std::string{head} + std::string{credentials} +
                            "a=ice-lite\r\na=ice-options:ice2 rtp+ecn\r\na=ice-pacing:0000000020\r\n" +
                            std::string{media} + "a=ice-options:trickle ice2\r\na=ICE-Mismatch\r\na=ice-pacing:7\r\n");
  ASSERT_TRUE(content);
  EXPECT_TRUE(content->description.lite);
  EXPECT_EQ(content->description.options, (std::vector<std::string>{"ice2", "rtp+ecn", "trickle"}));
  EXPECT_EQ(content->description.pacing, 20ms);
  EXPECT_TRUE(content->streams[0].ice_mismatch);
  // Both are of the session alone (RFC 8839 §5.3, §5.5).
  EXPECT_FALSE(read_stream("a=ice-lite\r\n")->description.lite);
  EXPECT_FALSE(read_stream("a=ice-pacing:7\r\n")->description.pacing);
}

TEST(SdpContent, CountsAndSkipsWhatItCannotUse) {
  const auto content =
      read(std::string{head} + std::string{credentials} +
           "a=ice-pacing:fast\r\na=ice-pacing:00000000001\r\na=ice-options:google-ice ok\r\n" + std::string{media} +
           "a=mid:two words\r\n"
           "a=candidate:1 1 UDP 2130706431 192.0.2.1 3478 typ host\r\n"
           "a=candidate:1 1 UDP 2130706431 192.0.2.1 nine typ host\r\n"
           "a=candidate:1 1 SCTP 2130706431 192.0.2.1 3478 typ host\r\n"
           "a=candidate:1 1 UDP 2130706431 192.0.2.1 3478 typ host ufrag a\r\n"
           "a=candidate\r\n"
           "a=remote-candidates:1 192.0.2.9\r\n"
           "a=candidate:1 1 UDP 2130706431 192.0.2.1 3478 typ host x " +
           std::string(5000, 'x') + "\r\n");
  ASSERT_TRUE(content);
  EXPECT_EQ(content->description.streams[0].candidates.size(), 1U);
  EXPECT_EQ(content->description.options, std::vector<std::string>{"ok"});
  EXPECT_FALSE(content->description.pacing);
  EXPECT_EQ(content->description.streams[0].mid, "");
  EXPECT_EQ(content->skipped.malformed, 8U);
  EXPECT_EQ(content->skipped.unsupported, 1U);
  EXPECT_EQ(content->skipped.over_limit, 1U);
}

TEST(SdpContent, KeepsNoMoreThanMaxCandidates) {
  std::string lines;
  for (int port = 1; port <= 400; ++port) {
    lines += "a=candidate:1 1 UDP 2130706431 192.0.2.1 " + std::to_string(port) + " typ host\r\n";
  }
  const auto content = read_stream(lines);
  ASSERT_TRUE(content);
  ASSERT_EQ(content->description.streams[0].candidates.size(), max_candidates);
  EXPECT_EQ(content->description.streams[0].candidates.back().endpoint.port, max_candidates);
  EXPECT_EQ(content->skipped.over_limit, 400 - max_candidates);
}

TEST(SdpContent, KeepsABoundedNumberOfOptionsAndRemoteCandidates) {
  std::string options = "a=ice-options:o";
  for (int i = 0; i < 2000; ++i) options += " o" + std::to_string(i);
  std::string remote = "a=remote-candidates:1 192.0.2.1 1";
  for (int i = 0; i < 2000; ++i) remote += " 1 192.0.2.1 1";
  const auto content = read_stream(options + "\r\n" + remote + "\r\n");
  ASSERT_TRUE(content);
  EXPECT_EQ(content->description.options.size(), 32U);
  EXPECT_EQ(content->streams[0].remote_candidates.size(), max_candidates);
  EXPECT_EQ(content->skipped.over_limit, 2U);
}

TEST(SdpContent, KeepsNoLongerLabelsThan256) {
  const std::string longest(256, 'm');
  auto content = read_stream("a=mid:" + longest + "\r\na=ice-options:" + longest + "\r\n");
  EXPECT_EQ(content->description.streams[0].mid, longest);
  EXPECT_TRUE(content->description.has_option(longest));
  content = read_stream("a=mid:" + longest + "m\r\na=ice-options:" + longest + "m\r\n");
  EXPECT_EQ(content->description.streams[0].mid, "");
  EXPECT_TRUE(content->description.options.empty());
  EXPECT_EQ(content->skipped.over_limit, 2U);
}

TEST(SdpContent, ReadsRemoteCandidates) {
  const auto content =
      read_stream("a=remote-candidates:1 192.0.2.3 45664\r\na=remote-candidates:2 fe80::1%4 45665 3 2001:db8::1 1\r\n");
  ASSERT_TRUE(content);
  const std::vector<RemoteCandidate> expected = {{ComponentId{1}, endpoint("192.0.2.3:45664")},
                                                 {ComponentId{2}, endpoint("[fe80::1]:45665")},
                                                 {ComponentId{3}, endpoint("[2001:db8::1]:1")}};
  EXPECT_EQ(content->streams[0].remote_candidates, expected);
}

TEST(SdpContent, TakesTheEndOfCandidatesFromBothLevels) {
  EXPECT_FALSE(read_stream("")->description.streams[0].end_of_candidates);
  const auto of_media = read_stream("a=end-of-candidates\r\n");
  EXPECT_TRUE(of_media->description.streams[0].end_of_candidates);
  EXPECT_FALSE(of_media->end_of_candidates);
  const auto of_session =
      read(std::string{head} + std::string{credentials} + "a=end-of-candidates\r\n" + std::string{media});
  EXPECT_TRUE(of_session->description.streams[0].end_of_candidates);
  EXPECT_TRUE(of_session->end_of_candidates);
}

TEST(SdpContent, LeavesOutDisabledStreamsAndThoseWithoutIce) {
  const auto content = read(std::string{head} +
                            "m=audio 0 RTP/AVP 0\r\na=ice-ufrag:other\r\na=mid:a\r\n"
                            "m=audio 9 RTP/AVP 0\r\na=mid:b\r\n"
                            "m=application 9 UDP octet-stream\r\na=mid:c\r\n" +
                            std::string{credentials});
  ASSERT_TRUE(content);
  ASSERT_EQ(content->description.streams.size(), 1U);
  EXPECT_EQ(content->description.streams[0].mid, "c");
  EXPECT_EQ(content->streams[0].media_index, 2U);
}

TEST(SdpContent, RefusesStreamsWithDifferentCredentials) {
  const auto content = read(std::string{head} + std::string{credentials} + std::string{media} + std::string{media} +
                            "a=ice-ufrag:other\r\n");
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error(), errc::unsupported);
}

// RFC 8839 §4.2.5.
class SdpMismatch : public testing::Test {
 protected:
  static bool found(std::string_view m_and_c, std::string_view session_lines = "") {
    const auto content =
        read(std::string{head} + std::string{credentials} + std::string{session_lines} + std::string{m_and_c} +
             "a=candidate:1 1 UDP 2130706431 192.0.2.1 3478 typ host\r\n"
             "a=candidate:1 2 UDP 2130706430 192.0.2.2 3479 typ host\r\n"
             "a=candidate:2 1 TCP 2130706430 192.0.2.3 3480 typ host tcptype passive\r\n");
    EXPECT_TRUE(content);
    return content && content->streams.at(0).default_mismatch;
  }
};

TEST_F(SdpMismatch, IsADefaultDestinationInNoCandidate) {
  EXPECT_FALSE(found("m=application 3478 UDP x\r\nc=IN IP4 192.0.2.1\r\n"));
  EXPECT_TRUE(found("m=application 3479 UDP x\r\nc=IN IP4 192.0.2.1\r\n"));
  EXPECT_TRUE(found("m=application 3478 UDP x\r\nc=IN IP4 198.51.100.1\r\n"));
  EXPECT_TRUE(found("m=application 3479 UDP x\r\nc=IN IP4 192.0.2.2\r\n"));  // of another component
  EXPECT_TRUE(found("m=application 3480 UDP x\r\nc=IN IP4 192.0.2.3\r\n"));  // of another transport
  EXPECT_FALSE(found("m=application 3480 TCP/TLS x\r\nc=IN IP4 192.0.2.3\r\n"));
}

TEST_F(SdpMismatch, IsNotADestinationThatIsToldLater) {
  EXPECT_FALSE(found("m=application 9 UDP x\r\nc=IN IP4 0.0.0.0\r\n"));
  EXPECT_FALSE(found("m=application 9 UDP x\r\nc=IN IP6 ::\r\n"));
  EXPECT_TRUE(found("m=application 9 UDP x\r\nc=IN IP4 192.0.2.1\r\n"));
  EXPECT_FALSE(found("m=application 9 UDP x\r\nc=IN IP4 192.0.2.1\r\n", "a=ice-options:trickle\r\n"));
}

TEST_F(SdpMismatch, IsNotANameNorNothing) {
  EXPECT_FALSE(found("m=application 3478 UDP x\r\nc=IN IP4 host.example.org\r\n"));
  EXPECT_FALSE(found("m=application 3478 UDP x\r\n"));
}

TEST_F(SdpMismatch, IsNotClaimedWhereALineWasSkipped) {
  EXPECT_FALSE(
      found("m=application 5000 UDP x\r\nc=IN IP4 192.0.2.1\r\na=candidate:1 1 SCTP 1 192.0.2.1 5000 typ host\r\n"));
}

TEST_F(SdpMismatch, LooksAtTheConnectionOfTheSession) {
  const auto content = read("v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\n" + std::string{credentials} +
                            "m=application 3478 UDP x\na=candidate:1 1 UDP 2130706431 192.0.2.1 3478 typ host\n");
  EXPECT_TRUE(content->streams[0].default_mismatch);
}

}  // namespace
}  // namespace ice::sdp
