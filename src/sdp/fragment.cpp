#include "ice/sdp/fragment.hpp"

#include <cassert>

#include "sdp/content.hpp"
#include "sdp/lines.hpp"

namespace ice::sdp {

result<IceContent> parse_fragment(std::string_view text) {
  LineReader lines{text};
  SessionDescription session;
  std::vector<Attribute>* attributes = &session.attributes;
  while (lines.type() != 0) {
    if (lines.take_if('m')) {
      if (session.media.size() == max_media) return fail(errc::limit_reached);
      attributes = &session.media.emplace_back().attributes;
    } else if (const auto line = lines.take_if('a')) {
      auto attribute = parse_attribute(*line);
      if (!attribute) return fail(errc::bad_sdp);
      attributes->push_back(std::move(*attribute));
    } else {
      return fail(errc::bad_sdp);  // RFC 8840 §9.2 knows m= and a= alone
    }
  }
  if (lines.error()) return fail(*lines.error());
  return read_content(session, TextKind::fragment);
}

std::string format_fragment(const Description& local) {
  assert(validate_credentials(local));
  std::string out;
  for (std::size_t index = 0; index < local.streams.size(); ++index) {
    const StreamDescription& stream = local.streams[index];
    out += "m=audio 9 RTP/AVP 0\r\n";  // RFC 8840 §4.4: the values to use where the m= line is not known
    append_attributes(out, stream_attributes(local, stream, mid_of(stream, index)));
  }
  return out;
}

}  // namespace ice::sdp
