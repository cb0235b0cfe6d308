// What DNS says to a lookup of servers, in any order and at any time: records of a stranger's making.

#include <algorithm>
#include <array>
#include <string>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "ice/stun/server_lookup.hpp"

using namespace ice;
using namespace ice::stun;

namespace {

constexpr std::array<std::string_view, 6> uris{"turn:a",      "turns:a", "stun:a", "turn:a?transport=tcp",
                                               "turn:a:1000", "stuns:a"};
constexpr std::array all_transports{Transport::udp, Transport::tcp, Transport::tls, Transport::dtls};
// So that records lead somewhere.
constexpr std::array<std::string_view, 8> names{"a",   "B.", "_turn._udp.a", "_turns._tcp.a",
                                                "c.d", ".",  "_x._udp.c.d",  "0"};

std::string text(fuzz::Input& input) {
  const std::size_t which = input.below(names.size() + 1);
  return std::string{which < names.size() ? names[which] : text_of(input.chunk())};
}

Address address(fuzz::Input& input) {
  if (input.below(2) == 0)
    return Address::v4(std::array<std::uint8_t, 4>{input.number(), input.number(), input.number(), input.number()});
  std::array<std::uint8_t, 16> bytes{};
  for (std::uint8_t& byte : bytes) byte = input.number();
  return Address::v6(bytes);
}

void answer(ServerLookup& lookup, TimePoint now, const DnsQuestion& question, fuzz::Input& input) {
  const std::size_t count = input.number();
  if (count == 0) return lookup.fail(now, question, make_error_code(errc::name_not_resolved));
  if (question.type == DnsType::address) {
    std::vector<Address> addresses;
    while (addresses.size() < count && !input.empty()) addresses.push_back(address(input));
    lookup.answer(now, question.name, addresses);
  } else if (question.type == DnsType::srv) {
    std::vector<SrvRecord> records;
    while (records.size() < count && !input.empty())
      records.push_back({input.number(), input.number<std::uint16_t>(), input.number<std::uint16_t>(), text(input)});
    lookup.answer(now, question.name, std::move(records));
  } else {
    constexpr std::array<std::string_view, 4> flags{"", "s", "A", "u"};
    constexpr std::array<std::string_view, 4> services{"RELAY:turn.udp", "relay:turn.tls:turn.tcp", "SIP+D2U", ""};
    std::vector<NaptrRecord> records;
    while (records.size() < count && !input.empty()) {
      NaptrRecord& record = records.emplace_back();
      record.order = input.number();
      record.preference = input.number();
      record.flags = flags[input.below(flags.size())];
      record.services = input.below(8) == 0 ? text_of(input.chunk()) : services[input.below(services.size())];
      if (input.below(8) == 0) record.regexp = text_of(input.chunk());
      record.replacement = text(input);
    }
    lookup.answer(now, question.name, std::move(records));
  }
}

void check(const ServerLookup& lookup, const Uri& uri) {
  ICE_FUZZ_CHECK(lookup.servers().empty() == static_cast<bool>(lookup.error()));
  ICE_FUZZ_CHECK(lookup.servers().size() <= ServerLookup::most_servers);
  ICE_FUZZ_CHECK(!lookup.next_timeout());
  for (const ServerAddress& server : lookup.servers()) {
    const bool secure = server.transport == Transport::tls || server.transport == Transport::dtls;
    ICE_FUZZ_CHECK(!uri.is_secure() || secure);
    ICE_FUZZ_CHECK(!uri.named_transport || server.transport == uri.transport());
    ICE_FUZZ_CHECK(server.tls_name == (secure ? uri.host : ""));
    ICE_FUZZ_CHECK(server.endpoint && server.endpoint.port != 0 && !server.endpoint.address.is_unspecified());
    ICE_FUZZ_CHECK(std::count(lookup.servers().begin(), lookup.servers().end(), server) == 1);
  }
}

}  // namespace

/// The URI, the first transport, then for each step: whether time passes, or which open question is answered, and how.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{{data, size}};
  const Uri uri = *Uri::parse(uris[input.below(uris.size())]);
  auto supported = all_transports;
  std::rotate(supported.begin(), supported.begin() + static_cast<std::ptrdiff_t>(input.below(4)), supported.end());
  SeededRandom random{input.number()};
  ServerLookup lookup{uri, supported, random};

  TimePoint now{};
  std::size_t asked = 0;
  std::vector<DnsQuestion> open;
  while (!lookup.done()) {
    while (auto question = lookup.poll_question()) {
      ++asked;
      ICE_FUZZ_CHECK(std::find(open.begin(), open.end(), *question) == open.end());
      open.push_back(std::move(*question));
    }
    ICE_FUZZ_CHECK(asked <= ServerLookup::most_questions && !open.empty());
    if (lookup.next_timeout() && input.below(4) == 3) {
      now = *lookup.next_timeout();
      lookup.handle_timeout(now);
      continue;
    }
    const auto next = open.begin() + static_cast<std::ptrdiff_t>(input.below(open.size()));
    const DnsQuestion question = std::move(*next);
    open.erase(next);
    answer(lookup, now, question, input);
  }
  check(lookup, uri);
  return 0;
}
