// Address and endpoint texts: what is read is written the same way for ever after.

#include <arpa/inet.h>

#include <array>
#include <string>

#include "fuzz/check.hpp"
#include "ice/base/endpoint.hpp"

using namespace ice;

namespace {

void check_address(std::string_view text) {
  const auto address = Address::parse(text);
  if (!address) return;
  std::array<char, Address::max_text> buffer;
  const std::string_view written = address->format(buffer);
  ICE_FUZZ_CHECK(written.size() <= Address::max_text);
  const auto again = Address::parse(written);
  ICE_FUZZ_CHECK(again && *again == *address);
  ICE_FUZZ_CHECK(address->canonical().canonical() == address->canonical());
  ICE_FUZZ_CHECK(std::hash<Address>{}(*again) == std::hash<Address>{}(*address));

  // The system's own parser has no zone, and reads whatever else we do.
  std::array<std::uint8_t, 16> system{};
  const std::string without_zone{text.substr(0, text.find('%'))};
  ICE_FUZZ_CHECK(inet_pton(address->is_v4() ? AF_INET : AF_INET6, without_zone.c_str(), system.data()) == 1);
  ICE_FUZZ_CHECK(std::equal(address->bytes().begin(), address->bytes().end(), system.begin()));
}

void check_endpoint(std::string_view text) {
  const auto endpoint = Endpoint::parse(text);
  if (!endpoint) return;
  std::array<char, Endpoint::max_text> buffer;
  const auto again = Endpoint::parse(endpoint->format(buffer));
  ICE_FUZZ_CHECK(again && *again == *endpoint);
  ICE_FUZZ_CHECK(std::hash<Endpoint>{}(*again) == std::hash<Endpoint>{}(*endpoint));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_address(text_of({data, size}));
  check_endpoint(text_of({data, size}));
  return 0;
}
