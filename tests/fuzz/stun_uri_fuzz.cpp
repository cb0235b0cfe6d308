// URIs: what is read has a host that somebody can be asked for, and is written so that it reads the same.

#include <string>

#include "fuzz/check.hpp"
#include "ice/base/bytes.hpp"
#include "ice/stun/uri.hpp"

using namespace ice;
using namespace ice::stun;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto uri = Uri::parse(text_of({data, size}));
  if (!uri) {
    ICE_FUZZ_CHECK(uri.error() == errc::bad_uri || uri.error() == errc::unsupported);
    return 0;
  }
  ICE_FUZZ_CHECK(!uri->host.empty() && uri->host.size() <= 255);
  ICE_FUZZ_CHECK(uri->port != 0 && uri->effective_port() != 0);
  ICE_FUZZ_CHECK(!uri->named_transport || uri->is_turn());
  ICE_FUZZ_CHECK(uri->is_secure() == (uri->transport() == Transport::tls || uri->transport() == Transport::dtls));
  ICE_FUZZ_CHECK(uri->address().scope() == 0);

  const std::string written = uri->to_string();
  for (const char c : written) ICE_FUZZ_CHECK(c > ' ' && c < '\x7f');
  ICE_FUZZ_CHECK((written.find('[') != std::string::npos) == uri->address().is_v6());
  const auto again = Uri::parse(written);
  ICE_FUZZ_CHECK(again && *again == *uri);
  return 0;
}
