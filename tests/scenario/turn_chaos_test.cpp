// A TURN client through ten minutes of everything that can go wrong, and what is left of it when calm returns.

#include <gtest/gtest.h>

#include <vector>

#include "scenario/support/seeds.hpp"
#include "scenario/support/turn_world.hpp"

namespace ice::turn {
namespace {

using namespace std::chrono_literals;
using test::ip;
using test::turn_config;
using test::TurnWorld;

constexpr Duration storm = 10min;
/// The longest that an allocation may be away after it: the last transaction (39.5 s) and the longest rest (two minutes
/// after 437), twice for what the rest may end in, and some round trips.
constexpr Duration calm = 2 * (40s + 120s) + 10s;

class Storm {
 public:
  explicit Storm(std::uint64_t seed)
      : random_{seed * 7919},
        transport_{random_.below(3) == 0 ? Transport::tcp : Transport::udp},
        world_{nat(), turn_config(transport_), seed} {
    world_.echo();
    world_.user.node.on_event([this](AllocationEvent event) { take(event); });
  }

  void run() {
    sim::Network& network = world_.network;
    world_.user.bind(TurnWorld::peer_v4());
    world_.user.allocate();
    while (network.now() < TimePoint{} + storm) {
      act();
      network.run_for(std::chrono::milliseconds{random_.below(8000)});
      world_.user.send(TurnWorld::peer_v4(), "storm");
    }
    if (!up_) start();
    set_loss(0);
    set_link(true);
    const TimePoint end = network.now() + calm;
    while (network.now() < end) {
      const AllocationState state = world_.user.allocation.state();
      if (state == AllocationState::released || state == AllocationState::failed) world_.user.allocate();
      world_.user.bind(TurnWorld::peer_v4());
      network.run_for(1s);
      world_.user.send(TurnWorld::peer_v4(), "calm");
    }
    EXPECT_EQ(world_.user.allocation.state(), AllocationState::allocated)
        << to_string(world_.user.allocation.state()) << " "
        << world_.user.allocation.report(network.now()).last_refusal.error.message();
    EXPECT_TRUE(world_.user.allocation.bound(network.now(), TurnWorld::peer_v4()));
    ASSERT_FALSE(world_.user.heard.empty());
    EXPECT_GT(world_.user.heard.back().at, end - 2s) << "data flows both ways";
    EXPECT_LE(world_.server->gauges().allocations, 1u + abandoned_);
  }
  std::size_t losses() const { return losses_; }

 private:
  std::optional<sim::NatConfig> nat() {
    switch (random_.below(4)) {
      case 0:
        return std::nullopt;
      case 1:
        return sim::NatConfig::full_cone();
      case 2:
        return sim::NatConfig::port_restricted_cone();
      default:
        return sim::NatConfig::symmetric();
    }
  }

  /// Allocated and lost take turns; a failure comes between them, and after a loss it is never the end.
  void take(const AllocationEvent& event) {
    if (std::holds_alternative<Allocated>(event)) {
      EXPECT_FALSE(there_);
      there_ = was_there_ = true;
    } else if (std::holds_alternative<AllocationLost>(event)) {
      EXPECT_TRUE(there_);
      there_ = false;
      ++losses_;
      ++abandoned_;
    } else if (const auto* failed = std::get_if<AllocationFailed>(&event)) {
      EXPECT_FALSE(there_);
      EXPECT_TRUE(failed->retry_at || !was_there_) << failed->why.error.message();
    } else if (std::holds_alternative<Released>(event)) {
      there_ = was_there_ = false;
      ++abandoned_;
    }
  }

  void start() {
    world_.server.start();
    up_ = true;
  }
  void set_link(bool up) { world_.user.host.interfaces().front()->set_up(up); }
  void set_loss(double loss) {
    world_.user.host.interfaces().front()->link() = sim::Link::both({.jitter = 20ms, .loss = loss, .reordering = loss});
  }

  void act() {
    const TimePoint now = world_.network.now();
    Allocation& allocation = world_.user.allocation;
    const Address other = Address::v4(192, 0, 2, static_cast<std::uint8_t>(100 + random_.below(30)));
    switch (random_.below(13)) {
      case 0:
        if (up_) world_.server.die();
        up_ = false;
        break;
      case 1:
      case 2:
        if (!up_) start();
        break;
      case 3:
        if (world_.nat != nullptr) world_.nat->reboot();
        break;
      case 4:
        if (world_.nat != nullptr)
          world_.nat->set_external_addresses(
              {Address::v4(198, 51, 100, static_cast<std::uint8_t>(1 + random_.below(200)))});
        break;
      case 5:
        set_loss(static_cast<double>(random_.below(30)) / 100);
        break;
      case 6:
        set_link(random_.below(2) == 0);
        break;
      case 7:
        world_.server.host.set_icmp_unreachable(random_.below(2) == 0);
        break;
      case 8:
        world_.user.permit(random_.below(3) == 0 ? ip("127.0.0.1") : other);
        break;
      case 9:
        world_.user.bind({other, static_cast<std::uint16_t>(1 + random_.below(3))});
        break;
      case 10:
        allocation.forget(random_.below(4) == 0 ? TurnWorld::peer_v4().address : other);
        break;
      case 11:
        allocation.replace_credentials(now, *stun::Login::make("user", "pass"));
        world_.user.node.wake();
        break;
      default:
        if (random_.below(4) == 0) {
          allocation.release(now);
          world_.user.node.wake();
        } else {
          world_.user.allocate();
        }
    }
  }

  SeededRandom random_;
  Transport transport_;
  TurnWorld world_;
  bool up_ = true;
  bool there_ = false;
  bool was_there_ = false;
  std::size_t losses_ = 0;
  std::size_t abandoned_ = 0;  // allocations that the server may not know to be of no use
};

// TURN_CHAOS_SEEDS runs more of them, TURN_CHAOS_FIRST begins elsewhere.
TEST(TurnChaos, EveryAllocationThatIsWantedIsThereAgainWhenCalmReturns) {
  const std::uint64_t first = test::environment_or("TURN_CHAOS_FIRST", 1);
  const std::uint64_t seeds = test::environment_or("TURN_CHAOS_SEEDS", 2000);
  std::size_t losses = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Storm one{seed};
    one.run();
    losses += one.losses();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(losses, seeds) << "else it was no storm";
}

}  // namespace
}  // namespace ice::turn
