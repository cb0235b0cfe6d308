// The checklist by itself: which pairs are formed, in which order they are tried, and which ones go when there are too
// many (RFC 8445 §6.1.2 and §6.1.4, RFC 8838 §10 to §12).

#include "ice/checklist.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/stun_messages.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::endpoint;

/// A checklist with its candidates, as an agent holds them.
class Lists {
 public:
  explicit Lists(const std::vector<std::string_view>& locals = {"192.0.2.1:5000"}, std::size_t limit = 100,
                 Role role = Role::controlling)
      : session{role, 1, "ufrag", "password", *stun::Credential::short_term("password")}, limit_{limit} {
    std::uint32_t id = 1;
    for (const std::string_view text : locals)
      EXPECT_TRUE(local.add_base({}, {SocketId{id++}, endpoint(text), "eth0", ComponentId{1}}));
    local.rank();
    for (BaseIndex base = 0; base < local.bases().size(); ++base) local.add_host(base);
  }

  /// Signals a candidate and pairs it.
  RemoteIndex add(std::string_view text, std::uint16_t preference = 65535, std::string foundation = "1",
                  CandidateType type = CandidateType::host) {
    Candidate candidate;
    candidate.foundation = std::move(foundation);
    candidate.priority = candidate_priority(type, preference, ComponentId{1});
    candidate.endpoint = endpoint(text);
    candidate.type = type;
    const auto added = remote.add_signalled(now, candidate);
    EXPECT_TRUE(added);
    checklist.pair_remote(now, added->index);
    return added->index;
  }
  /// The remote addresses of the pairs in the order in which they are checked, as far as they can be by now.
  std::vector<Endpoint> take_all() {
    std::vector<Endpoint> order;
    while (checklist.has_next()) order.push_back(remote_of(*checklist.take_next()));
    EXPECT_EQ(checklist.take_next(), std::nullopt);
    return order;
  }
  Endpoint remote_of(PairIndex pair) const { return remote[checklist[pair].remote].candidate.endpoint; }
  PairState state(PairIndex pair) const { return checklist[pair].state; }

  TimePoint now{};
  Session session;

 private:
  std::size_t limit_;

 public:
  LocalCandidates local{false, 64, "ufrag"};
  RemoteCandidates remote{false, AgentLimits{}};
  Checklist checklist{local, remote, session, limit_};
};

std::vector<Endpoint> endpoints(std::initializer_list<std::string_view> texts) {
  std::vector<Endpoint> all;
  for (const std::string_view text : texts) all.push_back(endpoint(text));
  return all;
}

// RFC 8445 §6.1.2.2.
TEST(Checklist, PairsCandidatesOfOneFamily) {
  Lists lists{{"192.0.2.1:5000", "[2001:db8::1]:5000"}};
  lists.add("198.51.100.1:6000");
  lists.add("[2001:db8:1::1]:6000");
  ASSERT_EQ(lists.checklist.pairs().size(), 2U);
  for (const Pair& pair : lists.checklist.pairs())
    EXPECT_EQ(lists.checklist.base_of(pair).local.address.family(),
              lists.remote[pair.remote].candidate.endpoint.address.family());
}

// RFC 8445 §6.1.2.2: "IPv6 link-local addresses MUST NOT be paired with other than link-local addresses".
TEST(Checklist, PairsIpv6LinkLocalAddressesAmongThemselvesAlone) {
  Lists lists{{"[2001:db8::1]:5000", "[fe80::1%3]:5000"}};
  lists.add("[fe80::2]:6000");
  lists.add("[2001:db8:1::1]:6000");
  ASSERT_EQ(lists.checklist.pairs().size(), 2U);
  for (const Pair& pair : lists.checklist.pairs())
    EXPECT_EQ(lists.checklist.base_of(pair).local.address.is_link_local(),
              lists.remote[pair.remote].candidate.endpoint.address.is_link_local());
}

TEST(Checklist, SendsToALinkLocalAddressThroughTheLinkOfItsBase) {
  Lists lists{{"[fe80::1%3]:5000", "[fe80::1%4]:5000"}};
  lists.add("[fe80::2]:6000");
  ASSERT_EQ(lists.checklist.pairs().size(), 2U);
  for (const Pair& pair : lists.checklist.pairs())
    EXPECT_EQ(lists.checklist.destination(pair).address.scope(), lists.checklist.base_of(pair).local.address.scope());
}

// RFC 8445 §6.1.2.3, §6.1.4.2 step 3.
TEST(Checklist, TriesThePairOfHighestPriorityFirst) {
  Lists lists;
  lists.add("198.51.100.1:1", 10, "1");
  lists.add("198.51.100.1:2", 30, "2");
  lists.add("198.51.100.1:3", 20, "3");
  EXPECT_EQ(lists.take_all(), endpoints({"198.51.100.1:2", "198.51.100.1:3", "198.51.100.1:1"}));
}

// RFC 8445 §6.1.2.3: G is the controlling agent's, so both ends compute the same.
TEST(Checklist, ComputesPrioritiesByRole) {
  for (const Role role : {Role::controlling, Role::controlled}) {
    Lists lists{{"192.0.2.1:5000"}, 100, role};
    lists.add("198.51.100.1:1", 7, "1");
    const std::uint32_t ours = lists.local.bases()[0].host_priority;
    const std::uint32_t theirs = candidate_priority(CandidateType::host, 7, ComponentId{1});
    const std::uint64_t as_controlling = pair_priority(ours, theirs);
    const std::uint64_t as_controlled = pair_priority(theirs, ours);
    EXPECT_EQ(lists.checklist[0].priority, role == Role::controlling ? as_controlling : as_controlled);
    lists.session.role = role == Role::controlling ? Role::controlled : Role::controlling;
    lists.checklist.recompute_priorities();
    EXPECT_EQ(lists.checklist[0].priority, role == Role::controlling ? as_controlled : as_controlling);
  }
}

// RFC 8445 §6.1.2.4: a reflexive local candidate is replaced by its base, which leaves one pair.
TEST(Checklist, HasOnePairForABaseAndARemoteCandidate) {
  Lists lists;
  const RemoteIndex remote = lists.add("198.51.100.1:6000");
  lists.local.add_server_reflexive(0, endpoint("203.0.113.1:9"), Address::v4(203, 0, 113, 9), 0);
  lists.checklist.pair_base({}, 0);
  lists.checklist.pair_remote({}, remote);
  EXPECT_EQ(lists.checklist.find_or_add({}, 0, remote), PairIndex{0});
  EXPECT_EQ(lists.checklist.pairs().size(), 1U);
}

// RFC 8445 §7.3.1.3: "the ICE agent does not pair this candidate with any local candidates", but for the triggered one.
TEST(Checklist, PairsAPeerReflexiveCandidateOnlyWithTheBaseThatItsCheckArrivedOn) {
  Lists lists{{"192.0.2.1:5000", "192.0.2.2:5000"}};
  const auto remote = lists.remote.find_or_discover({}, ComponentId{1}, endpoint("198.51.100.1:6000"), 1);
  ASSERT_TRUE(remote);
  ASSERT_TRUE(lists.checklist.find_or_add({}, 1, *remote));
  lists.checklist.pair_base({}, 0);
  EXPECT_EQ(lists.checklist.pairs().size(), 1U);
}

// RFC 8445 §6.1.2.6, RFC 8838 §12 rules 1 and 3.
TEST(Checklist, FreezesAllButTheTopmostPairOfAFoundation) {
  Lists lists;
  lists.add("198.51.100.1:1", 30, "1");
  lists.add("198.51.100.1:2", 20, "1");
  lists.add("198.51.100.1:3", 10, "2");
  lists.add("198.51.100.1:4", 40, "1");  // above those that are there: waits as well
  EXPECT_EQ(lists.state(0), PairState::waiting);
  EXPECT_EQ(lists.state(1), PairState::frozen);
  EXPECT_EQ(lists.state(2), PairState::waiting);
  EXPECT_EQ(lists.state(3), PairState::waiting);
}

// RFC 8445 §7.2.5.3.3; RFC 8838 §12 rule 2.
TEST(Checklist, ThawsAFoundationWhenOneOfItsPairsSucceeds) {
  Lists lists;
  lists.add("198.51.100.1:1", 30, "1");
  lists.add("198.51.100.1:2", 20, "1");
  ASSERT_EQ(lists.checklist.take_next(), PairIndex{0});
  EXPECT_EQ(lists.state(1), PairState::frozen);
  lists.checklist.succeed({}, 0, 0);
  EXPECT_EQ(lists.state(1), PairState::waiting);
  lists.add("198.51.100.1:3", 10, "1");
  EXPECT_EQ(lists.state(2), PairState::waiting);
}

// RFC 8445 §7.2.5.2: a failure "does not change the states of other candidate pairs with the same foundation"; §6.1.4.2
// step 2 thaws one when nothing of its foundation waits or is in progress.
TEST(Checklist, TriesFrozenPairsOneByOneOnceTheirFoundationIsIdle) {
  Lists lists;
  lists.add("198.51.100.1:1", 30, "1");
  lists.add("198.51.100.1:2", 20, "1");
  lists.add("198.51.100.1:3", 10, "1");
  ASSERT_EQ(lists.checklist.take_next(), PairIndex{0});
  EXPECT_FALSE(lists.checklist.has_next());  // the foundation is in progress
  lists.checklist.fail({}, 0, Cause::no_response);
  EXPECT_EQ(lists.state(1), PairState::frozen);
  ASSERT_TRUE(lists.checklist.has_next());
  EXPECT_EQ(lists.checklist.take_next(), PairIndex{1});
  EXPECT_FALSE(lists.checklist.has_next());
}

// RFC 8445 §6.1.4.1, §6.1.4.2 step 1.
TEST(Checklist, TriesTriggeredPairsFirstInTheOrderTheyWereTriggered) {
  Lists lists;
  lists.add("198.51.100.1:1", 30, "1");
  lists.add("198.51.100.1:2", 20, "2");
  lists.add("198.51.100.1:3", 10, "3");
  lists.checklist.trigger(2);
  lists.checklist.trigger(1);
  lists.checklist.trigger(2);  // "if not already present" (§7.3.1.4)
  EXPECT_EQ(lists.take_all(), endpoints({"198.51.100.1:3", "198.51.100.1:2", "198.51.100.1:1"}));
}

// RFC 8445 §7.3.1.4: also from Failed.
// The peer's checks come by relay as long as a filter keeps the others out, and ours is what opens it.
TEST(Checklist, TheFirstCheckOfADirectPairGoesBeforeWhatWasTriggeredThroughARelay) {
  Lists lists;
  lists.add("198.51.100.1:6000", 65535, "1", CandidateType::relayed);
  lists.add("198.51.100.2:6000", 65535, "2", CandidateType::relayed);
  lists.add("198.51.100.3:6000", 65535, "3", CandidateType::server_reflexive);
  lists.add("198.51.100.4:6000", 65535, "4", CandidateType::server_reflexive);
  lists.checklist.trigger(0);
  lists.checklist.trigger(1);
  EXPECT_EQ(lists.remote_of(*lists.checklist.take_next()), endpoint("198.51.100.3:6000"));
  lists.checklist[0].peer_nominated = true;  // waits for nothing
  EXPECT_EQ(lists.take_all(), endpoints({"198.51.100.1:6000", "198.51.100.4:6000", "198.51.100.2:6000"}));
}

TEST(Checklist, APairThatHasFailedIsTriggeredAnew) {
  Lists lists;
  lists.add("198.51.100.1:1");
  lists.checklist.take_next();
  lists.checklist.fail({}, 0, Cause::no_response);
  lists.checklist.trigger(0);
  EXPECT_EQ(lists.state(0), PairState::waiting);
  EXPECT_EQ(lists.checklist[0].cause, Cause::none);
  EXPECT_EQ(lists.checklist[0].ended, std::nullopt);
  EXPECT_EQ(lists.checklist.take_next(), PairIndex{0});
}

TEST(Checklist, APairThatIsDecidedLeavesTheQueue) {
  Lists lists;
  lists.add("198.51.100.1:1", 30, "1");
  lists.add("198.51.100.1:2", 20, "2");
  lists.checklist.trigger(0);
  lists.checklist.trigger(1);
  lists.checklist.fail({}, 0, Cause::no_response);
  lists.checklist.succeed({}, 1, 0);
  EXPECT_FALSE(lists.checklist.has_next());
}

// RFC 8445 §6.1.2.5, RFC 8838 §10 item 6.
TEST(Checklist, AtItsLimitThePairOfLowestPriorityGivesWay) {
  Lists lists{{"192.0.2.1:5000"}, 2};
  lists.add("198.51.100.1:1", 10, "1");
  lists.add("198.51.100.1:2", 20, "2");
  lists.add("198.51.100.1:3", 30, "3");
  EXPECT_EQ(lists.state(0), PairState::failed);
  EXPECT_EQ(lists.checklist[0].cause, Cause::evicted);
  lists.add("198.51.100.1:4", 15, "4");  // below both
  EXPECT_EQ(lists.checklist.pairs().size(), 3U);
  EXPECT_EQ(lists.checklist.undecided(), 2U);
  EXPECT_EQ(lists.take_all(), endpoints({"198.51.100.1:3", "198.51.100.1:2"}));
}

TEST(Checklist, WhatWasCheckedOrTriggeredDoesNotGiveWay) {
  Lists lists{{"192.0.2.1:5000"}, 3};
  lists.add("198.51.100.1:1", 10, "1");
  lists.checklist.take_next();
  lists.add("198.51.100.1:2", 11, "2");
  lists.checklist.trigger(1);
  lists.add("198.51.100.1:3", 12, "3");
  lists.add("198.51.100.1:4", 13, "4");
  EXPECT_EQ(lists.checklist[2].cause, Cause::evicted);
  EXPECT_EQ(lists.state(0), PairState::in_progress);
  EXPECT_TRUE(lists.checklist[1].queued);
}

TEST(Checklist, FailedPairsStayForTheReportUntilTheyAreTooMany) {
  Lists lists{{"192.0.2.1:5000"}, 2};
  for (std::uint16_t i = 0; i < 10; ++i) {
    lists.now += 1s;
    const RemoteIndex remote = lists.add("198.51.100.1:" + std::to_string(1 + i), 10, std::to_string(i));
    const auto pair = lists.checklist.find_or_add(lists.now, 0, remote);
    ASSERT_TRUE(pair);
    ASSERT_EQ(lists.checklist.take_next(), pair);
    lists.checklist.fail(lists.now, *pair, Cause::no_response);
  }
  ASSERT_EQ(lists.checklist.pairs().size(), 2 * Checklist::kept_per_limit);
  std::vector<std::uint16_t> kept;
  for (PairIndex i = 0; i < lists.checklist.pairs().size(); ++i) kept.push_back(lists.remote_of(i).port);
  EXPECT_EQ(kept, (std::vector<std::uint16_t>{9, 10, 7, 8}));  // the last four
}

// RFC 8445 §14.3 counts those that wait or are in progress.
TEST(Checklist, CountsWhatItStillHasToDo) {
  Lists lists;
  lists.add("198.51.100.1:1", 30, "1");
  lists.add("198.51.100.1:2", 20, "1");
  lists.add("198.51.100.1:3", 10, "2");
  lists.checklist.take_next();
  EXPECT_EQ(lists.checklist.undecided(), 3U);
  EXPECT_EQ(lists.checklist.active(), 2U);
  lists.checklist.succeed({}, 0, 0);
  EXPECT_EQ(lists.checklist.undecided(), 2U);
  EXPECT_EQ(lists.checklist.active(), 2U);
}

// RFC 8445 §8.1.2.
TEST(Checklist, FailingAllSparesTheSelectedPair) {
  Lists lists;
  lists.add("198.51.100.1:1", 30, "1");
  lists.add("198.51.100.1:2", 20, "2");
  lists.checklist.trigger(1);
  lists.checklist.succeed({}, 0, 0);
  lists.checklist[0].selected = true;
  lists.checklist.fail_all({}, Cause::superseded);
  EXPECT_EQ(lists.state(0), PairState::succeeded);
  EXPECT_EQ(lists.checklist[1].cause, Cause::superseded);
  EXPECT_FALSE(lists.checklist.has_next());
}

// RFC 8445 §7.2.5.3.2.
TEST(Checklist, AValidPairHasThePriorityOfTheCandidateThatThePeerSaw) {
  Lists lists{{"192.0.2.1:5000", "192.0.2.2:5000"}};
  lists.add("198.51.100.1:1");
  const auto mapped = lists.local.find_or_add_mapped(0, endpoint("203.0.113.1:9"));
  ASSERT_TRUE(mapped);
  lists.checklist.succeed({}, 0, *mapped);
  EXPECT_EQ(lists.checklist.best_valid(), PairIndex{0});
  lists.checklist.succeed({}, 1, 1);
  EXPECT_GT(lists.checklist[0].priority, lists.checklist[1].priority);
  EXPECT_LT(lists.checklist.valid_priority(lists.checklist[0]), lists.checklist.valid_priority(lists.checklist[1]));
  EXPECT_EQ(lists.checklist.best_valid(), PairIndex{1});
}

}  // namespace
}  // namespace ice
