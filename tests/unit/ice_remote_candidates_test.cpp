// Remote candidates by themselves: what signalling may bring, and what checks reveal (RFC 8445 §7.3.1.3, RFC 8838 §11).

#include "ice/remote_candidates.hpp"

#include <gtest/gtest.h>

#include <string>

#include "ice/early_checks.hpp"
#include "ice/proven_sources.hpp"
#include "support/stun_messages.hpp"

namespace ice {
namespace {

using test::endpoint;

Candidate candidate(std::string_view text, std::string foundation = "1") {
  Candidate made;
  made.foundation = std::move(foundation);
  made.priority = candidate_priority(CandidateType::host, 65535, ComponentId{1});
  made.endpoint = endpoint(text);
  return made;
}

TEST(RemoteCandidates, RefuseWhatCannotBeChecked) {
  RemoteCandidates remote{false, AgentLimits{}};
  for (const std::string_view text : {"198.51.100.1:0", "0.0.0.0:6000", "[::]:6000", "224.0.0.1:6000", "[ff02::1]:6000",
                                      "127.0.0.1:6000", "[::1]:6000", "[::ffff:127.0.0.1]:6000"})
    EXPECT_EQ(remote.add_signalled({}, candidate(text)).error(), errc::bad_candidate) << text;
  const auto refused = [&](errc why, auto change) {
    Candidate bad = candidate("198.51.100.1:6000");
    change(bad);
    EXPECT_EQ(remote.add_signalled({}, bad).error(), why);
  };
  refused(errc::unsupported, [](Candidate& c) { c.transport = Transport::tcp; });
  refused(errc::unsupported, [](Candidate& c) { c.name = "0b1c.local"; });
  refused(errc::bad_candidate, [](Candidate& c) { c.endpoint = {}; });
  refused(errc::bad_candidate, [](Candidate& c) { c.priority = 0; });
  refused(errc::bad_candidate, [](Candidate& c) { c.priority = max_priority + 1; });
  refused(errc::bad_candidate, [](Candidate& c) { c.component = ComponentId{2}; });
  refused(errc::bad_candidate, [](Candidate& c) { c.foundation.clear(); });
  refused(errc::bad_candidate, [](Candidate& c) { c.foundation = std::string(33, 'a'); });
  refused(errc::bad_candidate, [](Candidate& c) { c.foundation = "a b"; });
  EXPECT_TRUE(remote.all().empty());
}

TEST(RemoteCandidates, TakeLoopbackWhereItIsAllowed) {
  RemoteCandidates remote{true, AgentLimits{}};
  EXPECT_TRUE(remote.add_signalled({}, candidate("127.0.0.1:6000")));
}

TEST(RemoteCandidates, KeepOneSpellingOfAnAddressAndNoScope) {
  RemoteCandidates remote{false, AgentLimits{}};
  ASSERT_TRUE(remote.add_signalled({}, candidate("[::ffff:198.51.100.1]:6000")));
  EXPECT_EQ(remote[0].candidate.endpoint, endpoint("198.51.100.1:6000"));
  EXPECT_FALSE(remote.add_signalled({}, candidate("198.51.100.1:6000"))->fresh);
  ASSERT_TRUE(remote.add_signalled({}, candidate("[fe80::1%7]:6000")));
  EXPECT_EQ(remote[1].candidate.endpoint, endpoint("[fe80::1]:6000"));
  EXPECT_EQ(remote.find_or_discover({}, ComponentId{1}, endpoint("[fe80::1%2]:6000"), 1), RemoteIndex{1});
}

// RFC 8445 §7.3.1.3: type, priority, a foundation that no other has.
TEST(RemoteCandidates, DiscoverAPeerReflexiveCandidateWithAFoundationOfItsOwn) {
  RemoteCandidates remote{false, AgentLimits{}};
  ASSERT_TRUE(remote.add_signalled({}, candidate("198.51.100.1:6000")));
  const auto one = remote.find_or_discover({}, ComponentId{1}, endpoint("198.51.100.1:7000"), 77);
  const auto two = remote.find_or_discover({}, ComponentId{1}, endpoint("198.51.100.1:8000"), 78);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(remote[*one].candidate.type, CandidateType::peer_reflexive);
  EXPECT_EQ(remote[*one].candidate.priority, 77U);
  EXPECT_NE(remote[*one].foundation, remote[0].foundation);
  EXPECT_NE(remote[*one].foundation, remote[*two].foundation);
  EXPECT_EQ(remote.find_or_discover({}, ComponentId{1}, endpoint("198.51.100.1:7000"), 99), one);
  EXPECT_EQ(remote[*one].candidate.priority, 77U);
  // One that is signalled later shares with neither.
  ASSERT_TRUE(remote.add_signalled({}, candidate("198.51.100.1:9000", "2")));
  EXPECT_NE(remote[3].foundation, remote[*one].foundation);
  EXPECT_NE(remote[3].foundation, remote[*two].foundation);
}

// RFC 8445 §7.3.1.3, RFC 8838 §11: "it will signal the actual foundation for the candidate".
TEST(RemoteCandidates, ADiscoveredCandidateThatIsSignalledIsKnownBetter) {
  RemoteCandidates remote{false, AgentLimits{}};
  ASSERT_TRUE(remote.add_signalled({}, candidate("198.51.100.1:6000")));
  const auto found = remote.find_or_discover({}, ComponentId{1}, endpoint("198.51.100.1:7000"), 77);
  const auto added = remote.add_signalled({}, candidate("198.51.100.1:7000"));
  ASSERT_TRUE(found && added);
  EXPECT_EQ(added->index, *found);
  EXPECT_FALSE(added->fresh);
  EXPECT_EQ(remote[*found].candidate.type, CandidateType::host);
  EXPECT_EQ(remote[*found].foundation, remote[0].foundation);
  EXPECT_TRUE(remote[*found].signalled && remote[*found].discovered);
}

TEST(RemoteCandidates, WhatWasSignalledFirstStays) {
  RemoteCandidates remote{false, AgentLimits{}};
  ASSERT_TRUE(remote.add_signalled({}, candidate("198.51.100.1:6000")));
  Candidate again = candidate("198.51.100.1:6000", "9");
  again.priority = 1;
  EXPECT_FALSE(remote.add_signalled({}, again)->fresh);
  EXPECT_NE(remote[0].candidate.priority, 1U);
}

// RFC 8445 §19.5.1: what a peer can make us send to is bounded, one kind apart from the other.
TEST(RemoteCandidates, KeepTheirLimits) {
  AgentLimits limits;
  limits.remote_candidates = 2;
  limits.peer_reflexive = 1;
  RemoteCandidates remote{false, limits};
  EXPECT_TRUE(remote.find_or_discover({}, ComponentId{1}, endpoint("198.51.100.1:1"), 1));
  EXPECT_FALSE(remote.find_or_discover({}, ComponentId{1}, endpoint("198.51.100.1:2"), 1));
  EXPECT_TRUE(remote.add_signalled({}, candidate("198.51.100.1:3")));
  EXPECT_TRUE(remote.add_signalled({}, candidate("198.51.100.1:1")));
  EXPECT_EQ(remote.add_signalled({}, candidate("198.51.100.1:4")).error(), errc::limit_reached);
  // The place of the one that is signalled now is free.
  EXPECT_TRUE(remote.find_or_discover({}, ComponentId{1}, endpoint("198.51.100.1:2"), 1));
  EXPECT_EQ(remote.add_signalled({}, candidate("198.51.100.1:2")).error(), errc::limit_reached);
  EXPECT_EQ(remote.all().size(), 3U);
}

// RFC 8445 §7.3: what they told is kept, within a bound.
TEST(EarlyChecks, KeepTheLastWordOfEachSourceAndEveryNomination) {
  EarlyChecks early{2};
  EXPECT_TRUE(early.keep({0, endpoint("198.51.100.1:1"), "peer", 1, true}));
  EXPECT_TRUE(early.keep({0, endpoint("198.51.100.1:1"), "peer", 2, false}));
  EXPECT_TRUE(early.keep({1, endpoint("198.51.100.1:1"), "peer", 3, false}));  // on another base
  EXPECT_FALSE(early.keep({0, endpoint("198.51.100.1:1"), "other", 4, false}));
  const auto kept = early.take();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].priority, 2U);
  EXPECT_TRUE(kept[0].nominates);
  EXPECT_EQ(kept[1].priority, 3U);
  EXPECT_TRUE(early.take().empty());
}

TEST(ProvenSources, AreEndpointsOnASocketWithinABound) {
  ProvenSources proven{2};
  const Endpoint here = endpoint("198.51.100.1:1");
  EXPECT_FALSE(proven.contains(SocketId{1}, here));
  EXPECT_TRUE(proven.add(SocketId{1}, here));
  EXPECT_TRUE(proven.add(SocketId{1}, here));
  EXPECT_TRUE(proven.contains(SocketId{1}, here));
  EXPECT_FALSE(proven.contains(SocketId{2}, here));
  EXPECT_TRUE(proven.add(SocketId{2}, here));
  EXPECT_FALSE(proven.add(SocketId{3}, here));
  EXPECT_FALSE(proven.contains(SocketId{3}, here));
  EXPECT_TRUE(proven.contains(SocketId{2}, here));
  EXPECT_TRUE(proven.contains(SocketId{1}, here));
  proven.clear();
  EXPECT_FALSE(proven.contains(SocketId{1}, here));
}

}  // namespace
}  // namespace ice
