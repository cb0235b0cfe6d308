#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <sstream>
#include <string>

#include "support/turn_server_rig.hpp"

namespace ice::turn {
namespace {

/// What a reader of the text format finds: the value of each sample. Fails the test where a line breaks the format, or
/// a sample has no HELP and TYPE before it.
std::map<std::string, std::uint64_t> read(const std::string& text) {
  std::map<std::string, std::uint64_t> samples;
  std::map<std::string, std::string> types;
  std::istringstream lines{text};
  std::string line, helped;
  while (std::getline(lines, line)) {
    std::istringstream words{line};
    std::string first, keyword, name, rest;
    words >> first;
    if (first == "#") {
      words >> keyword >> name >> rest;
      EXPECT_FALSE(rest.empty()) << line;
      if (keyword == "HELP") {
        helped = name;
        EXPECT_FALSE(types.contains(name)) << "twice: " << line;
      } else {
        EXPECT_EQ(keyword, "TYPE") << line;
        EXPECT_EQ(helped, name);
        EXPECT_TRUE(rest == "counter" || rest == "gauge") << line;
        types[name] = rest;
      }
      continue;
    }
    const std::string family = first.substr(0, first.find('{'));
    EXPECT_TRUE(types.contains(family)) << line;
    EXPECT_EQ(types[family] == "counter", family.ends_with("_total")) << line;
    std::uint64_t value = 0;
    EXPECT_TRUE(words >> value) << line;
    EXPECT_FALSE(words >> rest) << line;
    EXPECT_TRUE(samples.emplace(first, value).second) << "twice: " << line;
  }
  EXPECT_TRUE(text.ends_with('\n'));
  return samples;
}

/// A struct of numbers with another one in each place.
template <class Numbers>
Numbers numbered(std::uint64_t first) {
  Numbers numbers;
  static_assert(sizeof numbers % sizeof(std::uint64_t) == 0);
  for (std::size_t i = 0; i < sizeof numbers / sizeof first; ++i) {
    const std::uint64_t value = first + i;
    std::memcpy(reinterpret_cast<char*>(&numbers) + i * sizeof value, &value, sizeof value);
  }
  return numbers;
}

TEST(TurnServerMetrics, HaveEveryCounterAndGaugeOnce) {
  const auto turn = numbered<ServerCounters>(1000);
  const auto now = numbered<ServerGauges>(2000);
  const auto binding = numbered<stun::BindingServerCounters>(3000);
  const auto samples = read(to_prometheus(turn, now, binding));
  std::vector<std::uint64_t> values;
  for (const auto& [name, value] : samples) {
    EXPECT_TRUE(name.starts_with("icebreaker_turn_") || name.starts_with("icebreaker_stun_")) << name;
    values.push_back(value);
  }
  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 0; i < sizeof turn / 8; ++i) expected.push_back(1000 + i);
  for (std::uint64_t i = 0; i < sizeof now / 8; ++i) expected.push_back(2000 + i);
  for (std::uint64_t i = 0; i < sizeof binding / 8; ++i) expected.push_back(3000 + i);
  EXPECT_THAT(values, testing::UnorderedElementsAreArray(expected));
  EXPECT_EQ(samples.at("icebreaker_turn_relayed_bytes_total{direction=\"to_peer\"}"), turn.to_peers_bytes);
  EXPECT_EQ(samples.at("icebreaker_turn_allocations"), now.allocations);
}

TEST(TurnServerMetrics, TellWhatTheServerDoes) {
  test::TurnServerRig rig;
  test::TurnTestClient client{rig};
  client.allocated();
  client.permit(test::endpoint("203.0.113.77:1"));
  client.send(test::endpoint("203.0.113.77:1"), "hello");
  client.ask_unsigned(stun::Method::binding, [](stun::Builder&) {});
  const auto samples = read(rig.server.metrics());
  EXPECT_EQ(samples.at("icebreaker_turn_allocations"), 1u);
  EXPECT_EQ(samples.at("icebreaker_turn_permissions"), 1u);
  EXPECT_EQ(samples.at("icebreaker_turn_users"), 1u);
  EXPECT_EQ(samples.at("icebreaker_turn_allocations_made_total"), 1u);
  EXPECT_EQ(samples.at("icebreaker_turn_unauthenticated_total{result=\"challenged\"}"), 1u);
  EXPECT_EQ(samples.at("icebreaker_turn_relayed_bytes_total{direction=\"to_peer\"}"), 5u);
  EXPECT_EQ(samples.at("icebreaker_stun_requests_total"), 1u);
}

}  // namespace
}  // namespace ice::turn
