// Restarts of calls that go through a TURN server with a name, whatever DNS says meanwhile (RFC 8445 §9).

#include <gtest/gtest.h>

#include "scenario/support/talk.hpp"

namespace ice {
namespace {

using namespace std::chrono_literals;
using test::Call;
using test::endpoint;
using test::Talk;

Call::Config through_a_named_server(std::vector<Transport> relays = {Transport::udp}) {
  Call::Config config;
  config.relays = std::move(relays);
  config.named_relays = true;
  config.caller.nat = sim::NatConfig::symmetric();
  config.callee.nat = sim::NatConfig::symmetric();
  return config;
}

/// Another server, which knows the same users.
struct OtherServer {
  explicit OtherServer(Call& call)
      : process{call.network, endpoint("198.51.100.10:3478"), endpoint("[2001:db8:ffff::10]:3478")} {
    process.secrets = call.turn->secrets;
    process.start();
  }
  std::vector<Endpoint> addresses() const { return {process.local.begin(), process.local.end()}; }

  test::TurnServerProcess process;
};

// RFC 8839 §4.4.3.1.1: what was selected before carries data until there is another.
TEST(RelayRestart, LosesNothingWhileDnsIsLate) {
  for (const int side : {0, 1}) {
    Talk talk{through_a_named_server()};
    talk.call.dns.takes = 40s;
    talk.call.restart(side);
    talk.talk_for(80s);
    talk.expect_restarted(1);
    talk.expect_all_arrived();
  }
}

TEST(RelayRestart, LosesNothingWhereDnsNeverAnswers) {
  for (const int side : {0, 1}) {
    Talk talk{through_a_named_server()};
    talk.call.dns.silent = true;
    talk.call.restart(side);
    talk.talk_for(2min);
    talk.expect_all_arrived();
  }
}

TEST(RelayRestart, LosesNothingWhereTheNameIsNoLongerThere) {
  for (const int side : {0, 1}) {
    Talk talk{through_a_named_server()};
    talk.call.dns.addresses.clear();
    talk.call.restart(side);
    talk.talk_for(2min);
    talk.expect_all_arrived();
  }
}

TEST(RelayRestart, LosesNothingWhereDnsTellsAnotherAddress) {
  for (const int side : {0, 1}) {
    Talk talk{through_a_named_server()};
    OtherServer other{talk.call};
    talk.call.dns.addresses = other.addresses();
    talk.call.dns.takes = 40s;
    talk.call.restart(side);
    talk.talk_for(80s);
    talk.expect_restarted(1);
    talk.expect_all_arrived();
  }
}

}  // namespace
}  // namespace ice
