// Local candidates by themselves: which addresses may be candidates, foundations, priorities, redundancy (RFC 8445
// §5.1.1 to §5.1.3).

#include "ice/local_candidates.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "support/stun_messages.hpp"

namespace ice {
namespace {

using test::endpoint;

const Address one_server = Address::v4(203, 0, 113, 1);
const Address another_server = Address::v4(203, 0, 113, 2);

class Locals {
 public:
  explicit Locals(const std::vector<std::string_view>& texts, bool allow_loopback = false, std::size_t limit = 64)
      : candidates{allow_loopback, limit, "ufrag"} {
    for (const std::string_view text : texts) EXPECT_TRUE(add_base(text));
    candidates.rank();
  }
  result<BaseIndex> add_base(std::string_view text) {
    return candidates.add_base({}, {SocketId{next_++}, endpoint(text), "eth0", ComponentId{1}});
  }
  const Base& base(BaseIndex index) const { return candidates.bases()[index]; }

  LocalCandidates candidates;

 private:
  std::uint32_t next_ = 1;
};

// RFC 8445 §5.1.1.1.
TEST(LocalCandidates, RefuseAddressesThatMustNotBeCandidates) {
  const Locals locals{{"127.0.0.1:5000", "[::1]:5000", "[::192.0.2.1]:5000", "[fec0::1]:5000",
                       "[::ffff:192.0.2.1]:5000", "224.0.0.1:5000", "[ff02::1]:5000", "192.0.2.1:5000",
                       "[fe80::1%2]:5000", "10.0.0.1:5000"}};
  std::vector<bool> usable;
  for (const Base& base : locals.candidates.bases()) usable.push_back(base.live());
  EXPECT_EQ(usable, (std::vector<bool>{false, false, false, false, false, false, false, true, true, true}));
}

TEST(LocalCandidates, TakeLoopbackWhereItIsAllowed) {
  const Locals locals{{"127.0.0.1:5000", "[::1]:5000"}, true};
  EXPECT_TRUE(locals.base(0).live());
  EXPECT_TRUE(locals.base(1).live());
}

// RFC 8445 §5.1.2.1: one address has local preference 65535, and each candidate of a type another one.
TEST(LocalCandidates, HaveUniquePriorities) {
  Locals locals{{"192.0.2.1:5000", "192.0.2.2:5000", "[2001:db8::1]:5000", "[fe80::1%2]:5000"}};
  std::set<std::uint32_t> priorities;
  for (BaseIndex base = 0; base < 4; ++base) {
    locals.candidates.add_host(base);
    const std::string mapped = "203.0.113.7:" + std::to_string(1000 + 10 * base);
    locals.candidates.add_server_reflexive(base, endpoint(mapped), one_server, 0);
    locals.candidates.add_server_reflexive(base, endpoint(mapped + "1"), another_server, 1);
    locals.candidates.add_server_reflexive(base, endpoint(mapped + "2"), one_server, 0);
  }
  for (const LocalCandidate& known : locals.candidates.all()) priorities.insert(known.candidate.priority);
  EXPECT_EQ(locals.candidates.all().size(), 16U);
  EXPECT_EQ(priorities.size(), 16U);
  Locals single{{"192.0.2.1:5000"}};
  single.candidates.add_host(0);
  EXPECT_EQ(single.candidates[0].priority, candidate_priority(CandidateType::host, 65535, ComponentId{1}));
}

// RFC 8421 §4: neither family may starve the other; link-local addresses reach the least.
TEST(LocalCandidates, LetBothFamiliesTakeTurnsIpv6FirstAndLinkLocalLast) {
  const Locals locals{{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "[fe80::1%2]:1", "[2001:db8::1]:1"}};
  std::vector<std::uint16_t> ranks;
  for (const Base& base : locals.candidates.bases()) ranks.push_back(base.rank);
  EXPECT_EQ(ranks, (std::vector<std::uint16_t>{1, 3, 4, 2, 0}));
}

TEST(LocalCandidates, RankALateSocketBehindTheOthers) {
  Locals locals{{"192.0.2.1:5000"}};
  ASSERT_TRUE(locals.add_base("[2001:db8::1]:5000"));
  EXPECT_FALSE(locals.base(1).live());
  locals.candidates.rank();
  EXPECT_EQ(locals.base(0).rank, 0U);
  EXPECT_EQ(locals.base(1).rank, 1U);
}

// RFC 8445 §5.1.1.3, item by item.
TEST(LocalCandidates, ShareAFoundationForTheSameTypeBaseAddressAndServerAlone) {
  Locals locals{{"192.0.2.1:5000", "192.0.2.1:5001", "192.0.2.2:5000"}};
  auto& all = locals.candidates;
  for (BaseIndex base = 0; base < 3; ++base) all.add_host(base);
  const auto reflexive = [&](BaseIndex base, std::string_view mapped, const Address& server, std::size_t index) {
    return all[*all.add_server_reflexive(base, endpoint(mapped), server, index)].foundation;
  };
  EXPECT_EQ(all[0].foundation, all[1].foundation);  // another port
  EXPECT_NE(all[0].foundation, all[2].foundation);  // another base address
  const std::string first = reflexive(0, "203.0.113.7:1", one_server, 0);
  EXPECT_NE(first, all[0].foundation);                                 // another type
  EXPECT_EQ(first, reflexive(1, "203.0.113.7:2", one_server, 0));      // another port
  EXPECT_NE(first, reflexive(0, "203.0.113.7:3", another_server, 1));  // another server
  EXPECT_NE(first, reflexive(2, "203.0.113.7:4", one_server, 0));      // another base address
  EXPECT_EQ(first, reflexive(0, "203.0.113.7:5", one_server, 1));      // another name of the server
  for (const LocalCandidate& known : all.all()) EXPECT_TRUE(is_ice_text(known.candidate.foundation, 1, 32));
}

// RFC 8445 §5.1.3: "redundant if and only if its transport address and base equal those of another candidate".
TEST(LocalCandidates, DropAReflexiveCandidateThatEqualsItsBaseOrAnotherOfIt) {
  Locals locals{{"192.0.2.1:5000", "192.0.2.2:5000"}};
  locals.candidates.add_host(0);
  locals.candidates.add_host(1);
  EXPECT_FALSE(locals.candidates.add_server_reflexive(0, endpoint("192.0.2.1:5000"), one_server, 0));
  EXPECT_TRUE(locals.candidates.add_server_reflexive(0, endpoint("203.0.113.7:1"), one_server, 0));
  EXPECT_FALSE(locals.candidates.add_server_reflexive(0, endpoint("203.0.113.7:1"), another_server, 1));
  EXPECT_TRUE(locals.candidates.add_server_reflexive(1, endpoint("203.0.113.7:1"), one_server, 0));
}

// RFC 8445 §5.3: the related address is the base; a zone id is never told (RFC 8839 §5.1).
TEST(LocalCandidates, TellTheBaseOfAReflexiveCandidateAndNoScope) {
  Locals locals{{"[fe80::1%2]:5000"}};
  locals.candidates.add_host(0);
  const auto mapped = locals.candidates.find_or_add_mapped(0, endpoint("[fe80::1%2]:6000"));
  ASSERT_TRUE(mapped);
  EXPECT_EQ(locals.candidates[0].endpoint, endpoint("[fe80::1]:5000"));
  EXPECT_EQ(locals.candidates[0].related, Endpoint{});
  EXPECT_EQ(locals.candidates[*mapped].endpoint, endpoint("[fe80::1]:6000"));
  EXPECT_EQ(locals.candidates[*mapped].related, endpoint("[fe80::1]:5000"));
  EXPECT_EQ(locals.candidates[*mapped].ufrag, "ufrag");
}

// RFC 8445 §7.2.5.3.1.
TEST(LocalCandidates, NameAMappedAddressByACandidateThatIsKnownOrByANewPeerReflexiveOne) {
  Locals locals{{"192.0.2.1:5000", "192.0.2.2:5000"}};
  auto& all = locals.candidates;
  all.add_host(0);
  all.add_host(1);
  const auto reflexive = all.add_server_reflexive(1, endpoint("203.0.113.7:1"), one_server, 0);
  EXPECT_EQ(all.find_or_add_mapped(0, endpoint("192.0.2.1:5000")), LocalIndex{0});
  EXPECT_EQ(all.find_or_add_mapped(1, endpoint("203.0.113.7:1")), reflexive);
  EXPECT_EQ(all.find_or_add_mapped(0, endpoint("203.0.113.7:1")), reflexive);  // of another base, if that is all
  const auto fresh = all.find_or_add_mapped(0, endpoint("203.0.113.7:2"));
  ASSERT_TRUE(fresh);
  EXPECT_EQ(all[*fresh].type, CandidateType::peer_reflexive);
  EXPECT_EQ(all[*fresh].priority, locals.base(0).check_priority());  // what PRIORITY said
  EXPECT_EQ(all[*fresh].related, endpoint("192.0.2.1:5000"));
  EXPECT_EQ(all.find_or_add_mapped(0, endpoint("203.0.113.7:2")), fresh);
}

// RFC 8445 §5.1.1.2: "the base of a relayed candidate is that candidate itself".
TEST(LocalCandidates, ARelayedCandidateIsItsOwnBaseAndIsLikedByItsTransport) {
  Locals locals{{"192.0.2.1:5000", "192.0.2.2:5000"}};
  auto& all = locals.candidates;
  ASSERT_TRUE(all.add_host(0) && all.add_host(1));
  std::uint32_t way = 100;
  std::uint32_t last = all[0].priority;
  std::set<std::string> foundations;
  for (const Transport transport : {Transport::udp, Transport::dtls, Transport::tcp, Transport::tls})
    for (const BaseIndex host : {BaseIndex{0}, BaseIndex{1}}) {
      const std::uint16_t port = static_cast<std::uint16_t>(50'000 + way);
      const auto added = all.add_relayed(
          {}, {host, SocketId{way}, {one_server, port}, endpoint("203.0.113.7:1"), {one_server, 3478}, 3, transport});
      ASSERT_TRUE(added);
      EXPECT_EQ(all[*added].type, CandidateType::relayed);
      EXPECT_EQ(all[*added].related, endpoint("203.0.113.7:1"));
      EXPECT_LT(all[*added].priority, last) << "unique, and in this order";
      last = all[*added].priority;
      foundations.insert(all[*added].foundation);
      const auto base = all.base_of(SocketId{way++});
      ASSERT_TRUE(base);
      EXPECT_TRUE(locals.base(*base).live());
      EXPECT_EQ(locals.base(*base).local, (Endpoint{one_server, port}));
      EXPECT_EQ(locals.base(*base).host_priority, all[*added].priority);
      EXPECT_LT(locals.base(*base).check_priority(), locals.base(1).check_priority());
    }
  EXPECT_EQ(foundations.size(), 4U) << "one for each transport to the server (RFC 8445 §5.1.1.3)";
}

TEST(LocalCandidates, ARelayedAddressThatNoCandidateMayHaveIsNone) {
  Locals locals{{"192.0.2.1:5000"}};
  for (const std::string_view text : {"127.0.0.1:5000", "224.0.0.1:5000", "[::ffff:192.0.2.1]:5000"})
    EXPECT_FALSE(
        locals.candidates.add_relayed({}, {0, SocketId{9}, endpoint(text), {}, {one_server, 3478}, 0, Transport::udp}));
}

TEST(LocalCandidates, KeepTheirLimit) {
  Locals locals{{"192.0.2.1:5000", "192.0.2.2:5000", "192.0.2.3:5000"}, false, 2};
  EXPECT_TRUE(locals.candidates.add_host(0));
  EXPECT_FALSE(locals.candidates.add_host(0));
  EXPECT_TRUE(locals.candidates.add_host(1));
  EXPECT_FALSE(locals.candidates.add_host(2));
  EXPECT_FALSE(locals.base(2).live());  // nothing may be sent from it then
  EXPECT_FALSE(locals.candidates.add_server_reflexive(0, endpoint("203.0.113.7:1"), one_server, 0));
  EXPECT_FALSE(locals.candidates.find_or_add_mapped(0, endpoint("203.0.113.7:1")));
}

TEST(LocalCandidates, KeepABoundOnSockets) {
  Locals locals{{}};
  for (std::size_t i = 0; i < LocalCandidates::max_bases; ++i)
    ASSERT_TRUE(locals.add_base("192.0.2.1:" + std::to_string(5000 + i)));
  EXPECT_EQ(locals.add_base("192.0.2.1:6000").error(), errc::limit_reached);
}

}  // namespace
}  // namespace ice
