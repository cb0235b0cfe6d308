#pragma once

#include <cstdint>
#include <string>

#include "ice/sdp/description.hpp"

namespace ice::sdp {

/// RFC 8840 §4.4: in a fragment an m= line tells streams apart and nothing else.
enum class TextKind : std::uint8_t { session, fragment };

/// What the attributes of RFC 8839 §5 and RFC 8840 §8 say, as ice_content() and parse_fragment() document it.
result<IceContent> read_content(const SessionDescription& session, TextKind kind);

/// The transport of the candidates that an m= line with this protocol may name.
Transport transport_of(std::string_view protocol) noexcept;

/// How signalling names the stream at `index`; RFC 8840 §4.1.1 wants every one to have a mid.
std::string mid_of(const StreamDescription& stream, std::size_t index);

/// The attributes that carry one stream of `local`, its credentials in front: in its own section, where every
/// implementation looks for them.
std::vector<Attribute> stream_attributes(const Description& local, const StreamDescription& stream, std::string mid);

}  // namespace ice::sdp
