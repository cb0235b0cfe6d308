// Candidate lines: what is read is within the bounds of RFC 8839 §5.1, and is written so that it reads the same.

#include <string>

#include "fuzz/check.hpp"
#include "ice/description.hpp"
#include "ice/sdp/candidate.hpp"

using namespace ice;

namespace {

void check_bounds(const Candidate& candidate) {
  ICE_FUZZ_CHECK(is_ice_text(candidate.foundation, 1, 32));
  ICE_FUZZ_CHECK(candidate.component >= ComponentId{1} && candidate.component <= ComponentId{256});
  ICE_FUZZ_CHECK(candidate.priority >= 1 && candidate.priority <= 0x7fff'ffff);
  ICE_FUZZ_CHECK(candidate.transport == Transport::udp || candidate.transport == Transport::tcp);
  ICE_FUZZ_CHECK(candidate.endpoint.port != 0);
  ICE_FUZZ_CHECK(static_cast<bool>(candidate.endpoint) == candidate.name.empty());
  ICE_FUZZ_CHECK(candidate.ufrag.empty() || is_ice_text(candidate.ufrag, min_ufrag, max_credential));
  ICE_FUZZ_CHECK(candidate.extensions.size() <= sdp::max_candidate_extensions);
  ICE_FUZZ_CHECK(candidate.type != CandidateType::host || !candidate.related);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of({data, size});
  const auto candidate = sdp::parse_candidate(text);
  if (!candidate) {
    const std::error_code error = candidate.error();
    ICE_FUZZ_CHECK(error == errc::unsupported || error == errc::bad_candidate || error == errc::bad_ufrag ||
                   error == errc::limit_reached);
    return 0;
  }
  check_bounds(*candidate);
  const std::string written = sdp::format(*candidate);
  for (const char c : written) ICE_FUZZ_CHECK(c >= ' ' && c < '\x7f');
  // Writing may replace a hidden related address by a longer one, which can pass the limit of reading.
  const auto again = sdp::parse_candidate("a=" + written + "\r\n");
  ICE_FUZZ_CHECK(again ? *again == *candidate : written.size() > sdp::max_candidate_size);
  return 0;
}
