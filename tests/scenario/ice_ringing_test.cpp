// The call that this project began with: a phone on LTE could call a laptop on Wi-Fi, the laptop could not call the
// phone. The offer is out, the callee rings for a minute, and by then the caller's NAT has forgotten the mapping that
// the offer speaks of, unless somebody keeps it (RFC 8445 §5.1.1.4).

#include <gtest/gtest.h>

#include "scenario/support/call.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::Call;

enum class Keepalives { on, off };

Call::Config ringing(const sim::NatConfig& caller, const sim::NatConfig& callee, Keepalives keepalives) {
  Call::Config config;
  config.caller.nat = caller;
  config.callee.nat = callee;
  config.ringing = 60s;
  if (keepalives == Keepalives::off)
    for (test::SideConfig* side : {&config.caller, &config.callee}) side->agent.mapping_keepalive = 24h;
  return config;
}

bool connects(const Call::Config& config) {
  Call call{config};
  call.start();
  call.run_until_final(300s);
  return call.agent(0).state() == AgentState::connected && call.agent(1).state() == AgentState::connected &&
         call.same_pair();
}

TEST(Ringing, ThePhoneBehindASymmetricNatReachesTheLaptopBehindACone) {
  EXPECT_TRUE(connects(ringing(sim::NatConfig::symmetric(), sim::NatConfig::full_cone(), Keepalives::on)));
}

TEST(Ringing, TheLaptopBehindAConeReachesThePhoneSinceItsMappingIsKept) {
  EXPECT_TRUE(connects(ringing(sim::NatConfig::full_cone(), sim::NatConfig::symmetric(), Keepalives::on)));
}

TEST(Ringing, WithoutKeepalivesThePhoneStillReachesTheLaptop) {
  EXPECT_TRUE(connects(ringing(sim::NatConfig::symmetric(), sim::NatConfig::full_cone(), Keepalives::off)));
}

TEST(Ringing, WithoutKeepalivesTheSameCallTheOtherWayRoundFails) {
  EXPECT_FALSE(connects(ringing(sim::NatConfig::full_cone(), sim::NatConfig::symmetric(), Keepalives::off)));
}

TEST(Ringing, WithoutRingingTheMappingIsYoungEnoughAndBothDirectionsWork) {
  for (const bool phone_calls : {true, false}) {
    auto config = phone_calls ? ringing(sim::NatConfig::symmetric(), sim::NatConfig::full_cone(), Keepalives::off)
                              : ringing(sim::NatConfig::full_cone(), sim::NatConfig::symmetric(), Keepalives::off);
    config.ringing = 1s;
    EXPECT_TRUE(connects(config)) << (phone_calls ? "phone calls" : "laptop calls");
  }
}

}  // namespace
}  // namespace ice
