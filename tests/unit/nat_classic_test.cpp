#include "ice/nat/classic.hpp"

#include <gtest/gtest.h>

namespace ice::nat {
namespace {

Behavior seen(bool translated, Mapping mapping, Filtering filtering) {
  Behavior behavior;
  behavior.udp_answered = true;
  behavior.translated = translated;
  behavior.mapping.value = mapping;
  behavior.filtering.value = filtering;
  return behavior;
}

std::string_view name(const Behavior& behavior) { return to_string(ClassicDiscovery{behavior}.type()); }

TEST(ClassicDiscovery, HasTheNamesOfRfc3489) {  // §5, §10.1
  constexpr auto one = Mapping::endpoint_independent;
  constexpr auto each = Mapping::address_and_port_dependent;
  EXPECT_EQ(name(seen(false, one, Filtering::endpoint_independent)), "open internet");
  EXPECT_EQ(name(seen(false, one, Filtering::address_and_port_dependent)), "symmetric firewall");
  EXPECT_EQ(name(seen(true, one, Filtering::endpoint_independent)), "full cone");
  EXPECT_EQ(name(seen(true, one, Filtering::address_dependent)), "restricted cone");
  EXPECT_EQ(name(seen(true, one, Filtering::address_and_port_dependent)), "port restricted cone");
  EXPECT_EQ(name(seen(true, each, Filtering::address_and_port_dependent)), "symmetric");
  EXPECT_EQ(name(seen(true, Mapping::address_dependent, Filtering::unknown)), "symmetric");
  EXPECT_EQ(name(seen(true, Mapping::endpoint_dependent, Filtering::unknown)), "symmetric");
}

TEST(ClassicDiscovery, CallsNothingAFullConeThatHasAMappingForEachRemote) {
  EXPECT_EQ(name(seen(true, Mapping::address_and_port_dependent, Filtering::endpoint_independent)), "symmetric");
}

TEST(ClassicDiscovery, NeverGuesses) {
  EXPECT_EQ(name(seen(true, Mapping::endpoint_independent, Filtering::unknown)), "unknown");
  EXPECT_EQ(name(seen(true, Mapping::unknown, Filtering::endpoint_independent)), "unknown");
  EXPECT_EQ(name(seen(false, Mapping::endpoint_independent, Filtering::unknown)), "unknown");
  Behavior somewhere = seen(true, Mapping::endpoint_independent, Filtering::endpoint_independent);
  somewhere.translated.reset();
  EXPECT_EQ(name(somewhere), "unknown");
}

TEST(ClassicDiscovery, CallsUdpBlockedOnlyWhatIsThereForTcp) {
  Behavior silent;
  EXPECT_EQ(name(silent), "unknown");
  silent.tcp_answered = false;
  EXPECT_EQ(name(silent), "unknown");
  silent.tcp_answered = true;
  EXPECT_EQ(name(silent), "udp blocked");
}

TEST(ClassicDiscovery, ShowsTheWayThroughTheTree) {
  const ClassicDiscovery cone{seen(true, Mapping::endpoint_independent, Filtering::address_dependent)};
  ASSERT_EQ(cone.steps().size(), 4u);
  EXPECT_EQ(cone.steps()[1].test, ClassicTest::test_1_again);
  EXPECT_EQ(cone.steps()[1].outcome, ClassicOutcome::yes);
  EXPECT_EQ(cone.steps()[2].outcome, ClassicOutcome::no);
  EXPECT_EQ(cone.steps()[3].test, ClassicTest::test_3);
  EXPECT_EQ(cone.steps()[3].outcome, ClassicOutcome::yes);
  const ClassicDiscovery doubtful{seen(true, Mapping::unknown, Filtering::address_dependent)};
  EXPECT_EQ(doubtful.steps().back().outcome, ClassicOutcome::unknown);
}

}  // namespace
}  // namespace ice::nat
