#include <gtest/gtest.h>

#include <string>

#include "ice/sdp/candidate.hpp"
#include "ice/sdp/description.hpp"
#include "ice/sdp/fragment.hpp"

namespace ice::sdp {
namespace {

using namespace std::chrono_literals;

Endpoint endpoint(std::string_view text) { return *Endpoint::parse(text); }

Candidate candidate(std::string_view text) {
  const auto parsed = parse_candidate("candidate:" + std::string{text});
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Candidate{});
}

const char* const host = "1 1 UDP 2130706431 10.0.0.1 5000 typ host";
const char* const reflexive = "2 1 UDP 1694498815 192.0.2.1 6000 typ srflx raddr 10.0.0.1 rport 5000";
const char* const relayed = "3 1 UDP 16777215 198.51.100.1 7000 typ relay raddr 192.0.2.1 rport 6000";

Description description_with(std::initializer_list<std::string_view> candidates) {
  Description description;
  description.ufrag = "8hhY";
  description.password = "asd88fgpdd777uzjYhagZg";
  description.options = {"ice2", "trickle"};
  description.pacing = 5ms;
  StreamDescription& stream = description.streams.emplace_back();
  stream.mid = "0";
  for (const std::string_view text : candidates) stream.candidates.push_back(candidate(text));
  return description;
}

TEST(SdpOffer, LooksLikeThis) {
  Description local = description_with({host, reflexive});
  local.streams[0].end_of_candidates = true;
  EXPECT_EQ(format(local, OfferOptions{.origin = {.session_id = 7}}),
            "v=0\r\n"
            "o=- 7 1 IN IP4 0.0.0.0\r\n"
            "s=-\r\n"
            "t=0 0\r\n"
            "a=ice-options:ice2 trickle\r\n"
            "a=ice-pacing:5\r\n"
            "m=application 6000 UDP octet-stream\r\n"
            "c=IN IP4 192.0.2.1\r\n"
            "a=ice-ufrag:8hhY\r\n"
            "a=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"
            "a=mid:0\r\n"
            "a=candidate:1 1 UDP 2130706431 10.0.0.1 5000 typ host\r\n"
            "a=candidate:2 1 UDP 1694498815 192.0.2.1 6000 typ srflx raddr 10.0.0.1 rport 5000\r\n"
            "a=end-of-candidates\r\n");
}

TEST(SdpOffer, ComesBackAsTheDescriptionItWasMadeOf) {
  Description local = description_with({host, reflexive, relayed,
                                        "4 1 UDP 2 2001:db8::1 9000 typ prflx raddr :: rport 9 generation 0 ufrag 8hhY",
                                        "5 256 TCP 1 fe80::1 9 typ host tcptype active"});
  EXPECT_EQ(parse_description(format(local)).value_or(Description{}), local);
  local.lite = true;
  local.pacing.reset();
  local.streams[0].end_of_candidates = true;
  local.streams.push_back({.mid = "second", .candidates = {candidate(host)}});
  EXPECT_EQ(parse_description(format(local)).value_or(Description{}), local);
}

TEST(SdpOffer, IsNeverAMismatchToItsReader) {
  for (const auto& local : {description_with({}), description_with({host}), description_with({host, relayed}),
                            description_with({"1 2 UDP 1 10.0.0.1 5000 typ host"}),
                            description_with({"1 1 TCP 1 10.0.0.1 9 typ host tcptype active"}),
                            description_with({"1 1 UDP 1 2001:db8::1 5000 typ host"}),
                            description_with({"1 1 UDP 1 4b2c.local 5000 typ host"})}) {
    const auto content = ice_content(*parse(format(local)));
    ASSERT_TRUE(content);
    EXPECT_FALSE(content->streams[0].default_mismatch) << format(local);
  }
}

std::pair<std::string, std::uint16_t> destination_of(const SessionDescription& session) {
  const MediaDescription& media = session.media.at(0);
  return {media.connections.at(0).address_type + " " + media.connections.at(0).address, media.port};
}

TEST(SdpOffer, NamesTheDestinationThatMostLikelyWorksWithoutIce) {
  using Destination = std::pair<std::string, std::uint16_t>;
  const auto chosen = [](std::initializer_list<std::string_view> candidates) {
    return destination_of(make_offer(description_with(candidates)));
  };
  EXPECT_EQ(chosen({host, reflexive, relayed}), (Destination{"IP4 198.51.100.1", 7000}));
  EXPECT_EQ(chosen({host, reflexive}), (Destination{"IP4 192.0.2.1", 6000}));
  EXPECT_EQ(chosen({host}), (Destination{"IP4 10.0.0.1", 5000}));
  EXPECT_EQ(chosen({"1 1 UDP 9 2001:db8::1 5001 typ host", "1 1 UDP 8 10.0.0.1 5000 typ host"}),
            (Destination{"IP4 10.0.0.1", 5000}));
  EXPECT_EQ(chosen({"1 1 UDP 9 2001:db8::1 5001 typ host"}), (Destination{"IP6 2001:db8::1", 5001}));
  EXPECT_EQ(chosen({"1 1 UDP 8 10.0.0.1 5000 typ host", "1 1 UDP 9 10.0.0.2 5000 typ host"}),
            (Destination{"IP4 10.0.0.2", 5000}));
}

TEST(SdpOffer, SaysThatADestinationFollowsWhereThereIsNone) {
  using Destination = std::pair<std::string, std::uint16_t>;
  const Destination later{"IP4 0.0.0.0", 9};
  EXPECT_EQ(destination_of(make_offer(description_with({}))), later);
  EXPECT_EQ(destination_of(make_offer(description_with({"1 1 UDP 9 4b2c.local 5000 typ host"}))), later);
  EXPECT_EQ(destination_of(make_offer(description_with({"1 2 UDP 9 10.0.0.1 5000 typ host"}))), later);
  EXPECT_EQ(destination_of(make_offer(description_with({"1 1 TCP 9 10.0.0.1 9 typ host tcptype active"}))), later);
}

TEST(SdpOffer, TakesTheNominatedDestinationAndWhatItSelectedAtThePeer) {
  OfferOptions options;
  options.default_destination = endpoint("10.0.0.1:5000");
  options.remote_candidates = {{ComponentId{1}, endpoint("[fe80::9%3]:9000")},
                               {ComponentId{2}, endpoint("192.0.2.9:1")}};
  const SessionDescription offer = make_offer(description_with({host, reflexive}), options);
  EXPECT_EQ(destination_of(offer), (std::pair<std::string, std::uint16_t>{"IP4 10.0.0.1", 5000}));
  EXPECT_EQ(find_attribute(offer.media[0].attributes, "remote-candidates"), "1 fe80::9 9000 2 192.0.2.9 1");
}

TEST(SdpOffer, CarriesADataChannelWhereTheApplicationBringsDtls) {
  OfferOptions options;
  options.media.protocol = "UDP/DTLS/SCTP";
  options.media.formats = "webrtc-datachannel";
  options.media.attributes = {{"setup", "actpass"}, {"sctp-port", "5000"}};
  options.attributes = {{"group", "BUNDLE 0"}};
  const std::string text = format(description_with({host}), options);
  EXPECT_NE(text.find("m=application 5000 UDP/DTLS/SCTP webrtc-datachannel\r\n"), std::string::npos);
  EXPECT_NE(text.find("a=setup:actpass\r\na=sctp-port:5000\r\n"), std::string::npos);
  EXPECT_LT(text.find("a=group:BUNDLE 0\r\n"), text.find("m="));
}

TEST(SdpOffer, HasNoPaceWhenLite) {
  Description local = description_with({host});
  local.lite = true;
  const std::string text = format(local);
  EXPECT_NE(text.find("a=ice-lite\r\n"), std::string::npos);
  EXPECT_EQ(text.find("ice-pacing"), std::string::npos);
}

TEST(SdpOffer, GivesEveryStreamAMid) {
  Description local = description_with({});
  local.streams[0].mid.clear();
  local.streams.emplace_back();
  const SessionDescription offer = make_offer(local);
  EXPECT_EQ(find_attribute(offer.media[0].attributes, "mid"), "0");
  EXPECT_EQ(find_attribute(offer.media[1].attributes, "mid"), "1");
}

TEST(SdpOffer, TellsSessionsApartByTheirIds) {
  Description local = description_with({});
  const auto first = make_offer(local).origin.session_id;
  EXPECT_EQ(make_offer(local).origin.session_id, first);
  EXPECT_LT(first, std::uint64_t{1} << 63);
  local.ufrag = "9hhY";
  EXPECT_NE(make_offer(local).origin.session_id, first);
}

TEST(SdpAnswer, MirrorsTheOfferSectionBySection) {
  const auto offer = parse(
      "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
      "m=video 0 RTP/AVP 31\r\na=mid:v\r\n"
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:data\r\n"
      "m=audio 9 RTP/AVP 0 8\r\na=mid:a\r\n");
  ASSERT_TRUE(offer);
  AnswerOptions options;
  options.media_attributes = {{"setup", "active"}};
  const SessionDescription answer = make_answer(*offer, description_with({host}), options);
  ASSERT_EQ(answer.media.size(), 3U);
  EXPECT_EQ(answer.media[0].port, 0);
  EXPECT_EQ(find_attribute(answer.media[0].attributes, "mid"), "v");
  EXPECT_FALSE(find_attribute(answer.media[0].attributes, "candidate"));
  EXPECT_EQ(answer.media[1].port, 5000);
  EXPECT_EQ(answer.media[1].protocol, "UDP/DTLS/SCTP");
  EXPECT_EQ(answer.media[1].formats, "webrtc-datachannel");
  EXPECT_EQ(find_attribute(answer.media[1].attributes, "mid"), "data");
  EXPECT_EQ(find_attribute(answer.media[1].attributes, "setup"), "active");
  EXPECT_EQ(answer.media[2].port, 0);
  EXPECT_EQ(answer.media[2].formats, "0 8");

  const auto content = ice_content(*parse(format(answer)));
  ASSERT_TRUE(content);
  ASSERT_EQ(content->description.streams.size(), 1U);
  EXPECT_EQ(content->description.streams[0].candidates, description_with({host}).streams[0].candidates);
}

TEST(SdpAnswer, UsesTheTransportOfTheOffer) {
  const auto offer = parse("v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=5 9\nm=audio 9 TCP/RTP/AVP 0\n");
  const SessionDescription answer = make_answer(*offer, description_with({host}));
  EXPECT_EQ(destination_of(answer), (std::pair<std::string, std::uint16_t>{"IP4 0.0.0.0", 9}));
  EXPECT_EQ(answer.times, offer->times);
}

TEST(SdpAnswer, OmitsCandidatesWhenItReportsAMismatch) {
  const auto offer = parse(format(description_with({host})));
  AnswerOptions options;
  options.ice_mismatch = true;
  Description local = description_with({host});
  local.streams[0].end_of_candidates = true;
  const SessionDescription answer = make_answer(*offer, local, options);
  EXPECT_TRUE(find_attribute(answer.media[0].attributes, "ice-mismatch"));
  EXPECT_FALSE(find_attribute(answer.media[0].attributes, "candidate"));
  EXPECT_FALSE(find_attribute(answer.media[0].attributes, "end-of-candidates"));
  const auto content = ice_content(answer);
  ASSERT_TRUE(content);
  EXPECT_TRUE(content->streams[0].ice_mismatch);
  EXPECT_FALSE(content->streams[0].default_mismatch);
}

TEST(SdpFragment, ReadsTheExampleOfRfc8840) {
  const auto content = parse_fragment(
      "a=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"
      "a=ice-ufrag:8hhY\r\n"
      "m=audio 9 RTP/AVP 0\r\n"
      "a=mid:1\r\n"
      "a=candidate:1 1 UDP 2130706432 2001:db8:a0b:12f0::1 5000 typ host\r\n"
      "a=candidate:1 2 UDP 2130706432 2001:db8:a0b:12f0::1 5001 typ host\r\n"
      "a=candidate:1 1 UDP 2130706431 192.0.2.1 5010 typ host\r\n"
      "a=candidate:1 2 UDP 2130706431 192.0.2.1 5011 typ host\r\n"
      "a=candidate:2 1 UDP 1694498815 192.0.2.3 5010 typ srflx raddr 192.0.2.1 rport 8998\r\n"
      "a=candidate:2 2 UDP 1694498815 192.0.2.3 5011 typ srflx raddr 192.0.2.1 rport 8998\r\n"
      "a=end-of-candidates\r\n"
      "m=audio 9 RTP/AVP 0\r\n"
      "a=mid:2\r\n"
      "a=candidate:1 1 UDP 2130706432 2001:db8:a0b:12f0::1 6000 typ host\r\n");
  ASSERT_TRUE(content);
  EXPECT_EQ(content->description.ufrag, "8hhY");
  ASSERT_EQ(content->description.streams.size(), 2U);
  EXPECT_EQ(content->description.streams[0].mid, "1");
  EXPECT_EQ(content->description.streams[0].candidates.size(), 6U);
  EXPECT_TRUE(content->description.streams[0].end_of_candidates);
  EXPECT_EQ(content->description.streams[1].mid, "2");
  EXPECT_FALSE(content->description.streams[1].end_of_candidates);
  EXPECT_FALSE(content->streams[0].default_mismatch);
}

TEST(SdpFragment, ComesBackAsItWasWritten) {
  Description local = description_with({host, reflexive});
  local.streams[0].end_of_candidates = true;
  const std::string text = format_fragment(local);
  EXPECT_TRUE(text.starts_with("m=audio 9 RTP/AVP 0\r\na=ice-ufrag:8hhY\r\n"));
  EXPECT_NE(text.find("a=mid:0\r\na=candidate:"), std::string::npos);
  const auto content = parse_fragment(text);
  ASSERT_TRUE(content);
  EXPECT_EQ(content->description.ufrag, local.ufrag);
  EXPECT_EQ(content->description.password, local.password);
  EXPECT_EQ(content->description.streams, local.streams);
}

TEST(SdpFragment, EndsAllStreamsAtOnce) {
  const auto content = parse_fragment(
      "a=ice-ufrag:8hhY\na=ice-pwd:asd88fgpdd777uzjYhagZg\na=end-of-candidates\nm=audio 0 whatever\na=mid:0\n");
  ASSERT_TRUE(content);
  EXPECT_TRUE(content->end_of_candidates);
  ASSERT_EQ(content->description.streams.size(), 1U);  // the pseudo m= line is not read
  EXPECT_TRUE(content->description.streams[0].end_of_candidates);
}

TEST(SdpFragment, RefusesWhatIsNone) {
  const auto error = [](std::string_view text) {
    const auto content = parse_fragment(text);
    return content ? std::error_code{} : content.error();
  };
  EXPECT_EQ(error(""), errc::bad_ufrag);
  EXPECT_EQ(error("m=audio 9 RTP/AVP 0\na=mid:0\n"), errc::bad_ufrag);
  EXPECT_EQ(error("a=ice-ufrag:8hhY\n"), errc::bad_password);
  EXPECT_EQ(error("v=0\n"), errc::bad_sdp);
  EXPECT_EQ(error("a=\n"), errc::bad_sdp);
  EXPECT_EQ(error("nonsense\n"), errc::bad_sdp);
  EXPECT_EQ(error(std::string(max_session_size + 1, 'a')), errc::limit_reached);
  std::string many;
  for (std::size_t i = 0; i <= max_media; ++i) many += "m=x\n";
  EXPECT_EQ(error(many), errc::limit_reached);
}

}  // namespace
}  // namespace ice::sdp
