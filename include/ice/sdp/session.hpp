#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "ice/base/export.hpp"
#include "ice/base/result.hpp"

namespace ice::sdp {

/// The longest text that is read; an offer of a browser with dozens of streams stays below it.
inline constexpr std::size_t max_session_size = 256 * 1024;
/// The most lines, and the most media descriptions, that are read: what bounds the memory a text may claim.
inline constexpr std::size_t max_lines = 8192;
inline constexpr std::size_t max_media = 128;

/// Why a text was refused, and where. Converts to the std::error_code that results carry.
struct ParseError {
  std::error_code code;     ///< errc::bad_sdp or errc::limit_reached
  std::size_t line = 0;     ///< counted from 1; 0 where no single line is at fault
  std::string_view reason;  ///< static text, such as "o= needs six fields"

  operator std::error_code() const noexcept { return code; }
};

/// RFC 8866 §5.2. Numbers to be sent stay within 63 bits (RFC 3264 §5). The address says nothing that ICE needs, so
/// the default is none (RFC 8829 §5.2.1).
struct Origin {
  std::string username = "-";
  std::uint64_t session_id = 0;
  std::uint64_t session_version = 1;
  std::string network_type = "IN";
  std::string address_type = "IP4";
  std::string address = "0.0.0.0";

  friend bool operator==(const Origin&, const Origin&) = default;
};

/// RFC 8866 §5.7. The address may be a name, and of a family that nobody knows.
struct Connection {
  std::string network_type = "IN";
  std::string address_type = "IP4";
  std::string address = "0.0.0.0";

  friend bool operator==(const Connection&, const Connection&) = default;
};

/// RFC 8866 §5.9 to §5.11, as text.
struct TimeDescription {
  std::string active = "0 0";        ///< t=
  std::vector<std::string> repeats;  ///< r=
  std::string zones;                 ///< z=, empty for none

  friend bool operator==(const TimeDescription&, const TimeDescription&) = default;
};

/// RFC 8866 §5.13. An attribute without a value is a flag.
struct Attribute {
  std::string name;
  std::string value;

  friend bool operator==(const Attribute&, const Attribute&) = default;
};

/// RFC 8866 §5.14: one m= section.
struct MediaDescription {
  std::string media = "application";
  std::uint16_t port = 9;        ///< 0: the stream is disabled (RFC 3264 §8.2); 9 with 0.0.0.0: told later (RFC 8840)
  std::uint32_t port_count = 1;  ///< what follows the port after "/"
  std::string protocol = "UDP";
  std::string formats = "octet-stream";  ///< fmt, one or several, a space between two
  std::string title;                     ///< i=
  std::vector<Connection> connections;   ///< c=; empty where the session's counts
  std::vector<std::string> bandwidths;   ///< b=, as text
  std::vector<Attribute> attributes;     ///< a=, in order, every one of them

  friend bool operator==(const MediaDescription&, const MediaDescription&) = default;
};

/// RFC 8866 §5: a whole session description. What ICE has no use for is kept as text, but for k=, which §5.12 wants
/// ignored. Texts are the bytes that came, in whatever character set a=charset says (§5): never NUL, CR or LF, and not
/// checked for more.
struct SessionDescription {
  Origin origin;
  std::string name = "-";                ///< s=
  std::string information;               ///< i=
  std::string uri;                       ///< u=
  std::vector<std::string> emails;       ///< e=
  std::vector<std::string> phones;       ///< p=
  std::optional<Connection> connection;  ///< c=
  std::vector<std::string> bandwidths;   ///< b=
  std::vector<TimeDescription> times = std::vector<TimeDescription>(1);
  std::vector<Attribute> attributes;  ///< a=, in order, every one of them
  std::vector<MediaDescription> media;

  friend bool operator==(const SessionDescription&, const SessionDescription&) = default;
};

/// Reads a session description by the grammar of RFC 8866 §9, lines ended by CRLF or LF, in time linear in its
/// length. Attributes are kept unread; ice_content() reads those of ICE.
ICE_API result<SessionDescription, ParseError> parse(std::string_view text);

/// The text, with CRLF. What parse() gave comes back as an equal SessionDescription; texts that the application
/// filled in must not contain NUL, CR or LF.
ICE_API std::string format(const SessionDescription& session);

/// The value of the first attribute of that name (compared without case: RFC 8840 §9.2), a view into `attributes`;
/// empty text for a flag, nothing where there is none.
ICE_API std::optional<std::string_view> find_attribute(const std::vector<Attribute>& attributes,
                                                       std::string_view name) noexcept;

}  // namespace ice::sdp
