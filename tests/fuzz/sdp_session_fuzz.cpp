// Whole session descriptions and fragments: what is read is written so that it reads the same; what it says of ICE is
// within its bounds, and survives an offer, an answer and a fragment made of it.

#include <string>

#include "fuzz/check.hpp"
#include "ice/sdp/fragment.hpp"

using namespace ice;

namespace {

void check_bounds(const sdp::IceContent& content) {
  ICE_FUZZ_CHECK(validate_credentials(content.description).has_value());
  ICE_FUZZ_CHECK(content.streams.size() == content.description.streams.size());
  std::size_t candidates = 0;
  for (const StreamDescription& stream : content.description.streams) {
    candidates += stream.candidates.size();
    for (const Candidate& candidate : stream.candidates) {
      ICE_FUZZ_CHECK(candidate.endpoint.address.scope() == 0 && candidate.related.address.scope() == 0);
    }
  }
  ICE_FUZZ_CHECK(candidates <= sdp::max_candidates);
}

// Nothing that was said of ICE may be lost or added on a round, but what RFC 8839 itself drops.
void check_offer(Description description) {
  if (description.streams.empty()) return;  // then no section carries the credentials
  for (std::size_t index = 0; index < description.streams.size(); ++index) {
    std::string& mid = description.streams[index].mid;
    if (mid.empty()) mid = std::to_string(index);
  }
  if (description.lite) description.pacing.reset();
  const auto session = sdp::parse(sdp::format(description));
  ICE_FUZZ_CHECK(session.has_value());
  const auto content = sdp::ice_content(*session);
  ICE_FUZZ_CHECK(content.has_value());
  for (const sdp::StreamContent& stream : content->streams) ICE_FUZZ_CHECK(!stream.default_mismatch);
  // Writing may replace a hidden related address by a longer one, which can pass the limit of reading.
  if (content->skipped.over_limit == 0) ICE_FUZZ_CHECK(content->description == description);

  const auto fragment = sdp::parse_fragment(sdp::format_fragment(description));
  ICE_FUZZ_CHECK(fragment && fragment->description.streams == content->description.streams);
}

void check_answer(const sdp::SessionDescription& offer, const Description& description) {
  const sdp::SessionDescription answer = sdp::make_answer(offer, description);
  ICE_FUZZ_CHECK(answer.media.size() == offer.media.size());
  const auto again = sdp::parse(sdp::format(answer));
  ICE_FUZZ_CHECK(again && *again == answer);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of({data, size});
  if (const auto fragment = sdp::parse_fragment(text)) check_bounds(*fragment);

  const auto session = sdp::parse(text);
  if (!session) {
    ICE_FUZZ_CHECK(!session.error().reason.empty());
    return 0;
  }
  const auto again = sdp::parse(sdp::format(*session));
  ICE_FUZZ_CHECK(again && *again == *session);

  const auto content = sdp::ice_content(*session);
  if (!content) return 0;
  check_bounds(*content);
  check_offer(content->description);
  check_answer(*session, content->description);
  return 0;
}
