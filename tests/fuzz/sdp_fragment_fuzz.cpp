// Fragments that trickle candidates (RFC 8840 §9): what is read is within its bounds and is written so that it reads
// the same, and nothing in it is what a whole session description alone may have.

#include <string>

#include "fuzz/check.hpp"
#include "ice/sdp/fragment.hpp"

using namespace ice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of({data, size});
  const auto fragment = sdp::parse_fragment(text);
  if (!fragment) {
    const std::error_code error = fragment.error();
    ICE_FUZZ_CHECK(error == errc::bad_sdp || error == errc::limit_reached || error == errc::bad_ufrag ||
                   error == errc::bad_password || error == errc::unsupported);
    return 0;
  }
  Description description = fragment->description;
  ICE_FUZZ_CHECK(validate_credentials(description).has_value());
  ICE_FUZZ_CHECK(fragment->streams.size() == description.streams.size());
  std::size_t candidates = 0;
  bool ended = true;
  for (const StreamDescription& stream : description.streams) {
    candidates += stream.candidates.size();
    ended = ended && stream.end_of_candidates;
    for (const Candidate& candidate : stream.candidates)
      ICE_FUZZ_CHECK(candidate.endpoint.address.scope() == 0 && candidate.related.address.scope() == 0);
  }
  ICE_FUZZ_CHECK(candidates <= sdp::max_candidates);
  if (fragment->end_of_candidates) ICE_FUZZ_CHECK(ended);

  if (description.streams.empty()) return 0;  // then no section carries the credentials
  for (std::size_t index = 0; index < description.streams.size(); ++index) {
    std::string& mid = description.streams[index].mid;
    if (mid.empty()) mid = std::to_string(index);
  }
  const auto again = sdp::parse_fragment(sdp::format_fragment(description));
  ICE_FUZZ_CHECK(again && again->streams.size() == fragment->streams.size());
  // Writing may replace a hidden related address by a longer one, which can pass the limit of reading.
  if (again->skipped.over_limit == 0) ICE_FUZZ_CHECK(again->description.streams == description.streams);
  ICE_FUZZ_CHECK(again->description.ufrag == description.ufrag && again->description.password == description.password);
  return 0;
}
