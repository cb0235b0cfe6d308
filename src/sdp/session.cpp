#include "ice/sdp/session.hpp"

#include <limits>

#include "sdp/grammar.hpp"
#include "sdp/lines.hpp"

namespace ice::sdp {
namespace {

bool is_non_ws(std::string_view text) noexcept {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_visible(c) || static_cast<signed char>(c) < 0; });
}

std::optional<std::uint64_t> parse_64_bit(std::string_view text) noexcept {
  return parse_number(text, std::numeric_limits<std::uint64_t>::max());
}

std::optional<Connection> parse_connection(std::string_view text) {
  const std::string_view network = take_until(text, ' ');
  const std::string_view family = take_until(text, ' ');
  if (!is_token(network) || !is_token(family) || !is_non_ws(text)) return std::nullopt;
  return Connection{std::string{network}, std::string{family}, std::string{text}};
}

std::optional<Origin> parse_origin(std::string_view text) {
  const std::string_view username = take_until(text, ' ');
  const auto id = parse_64_bit(take_until(text, ' '));
  const auto version = parse_64_bit(take_until(text, ' '));
  auto connection = parse_connection(text);
  if (!is_non_ws(username) || !id || !version || !connection) return std::nullopt;
  return Origin{std::string{username},
                *id,
                *version,
                std::move(connection->network_type),
                std::move(connection->address_type),
                std::move(connection->address)};
}

// RFC 8866 §5.9: two times, in seconds of any length.
bool is_time_field(std::string_view text) noexcept {
  const std::string_view start = take_until(text, ' ');
  return !start.empty() && std::all_of(start.begin(), start.end(), is_digit) && !text.empty() &&
         std::all_of(text.begin(), text.end(), is_digit);
}

bool is_protocol(std::string_view text) noexcept {
  while (!text.empty()) {
    if (text.ends_with('/') || !is_token(take_until(text, '/'))) return false;
  }
  return true;
}

// m=<media> <port>[/<count>] <proto> <fmt> …
std::optional<MediaDescription> parse_media_line(std::string_view text) {
  const std::string_view media = take_until(text, ' ');
  std::string_view ports = take_until(text, ' ');
  const std::string_view protocol = take_until(text, ' ');
  const bool has_count = ports.find('/') != std::string_view::npos;
  const auto port = parse_number(take_until(ports, '/'), 65535);
  const auto count = has_count ? parse_number(ports, std::numeric_limits<std::uint32_t>::max()) : 1;
  const bool has_formats = text.find_first_not_of(' ') != std::string_view::npos &&
                           std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || is_token_char(c); });
  if (!is_token(media) || !port || !count || *count == 0 || protocol.empty() || !is_protocol(protocol) ||
      !has_formats) {
    return std::nullopt;
  }
  MediaDescription description;
  description.media = media;
  description.port = static_cast<std::uint16_t>(*port);
  description.port_count = static_cast<std::uint32_t>(*count);
  description.protocol = protocol;
  description.formats = text;
  return description;
}

// Follows the rules of RFC 8866 §9 from the top; every function takes the lines that its rule names.
class SessionReader {
 public:
  explicit SessionReader(std::string_view text) noexcept : lines_{text} {}

  result<SessionDescription, ParseError> read() {
    SessionDescription session;
    if (const auto done = read_head(session); !done) return fail(done.error());
    if (const auto done = read_times(session.times); !done) return fail(done.error());
    lines_.take_if('k');
    if (const auto done = read_attributes(session.attributes); !done) return fail(done.error());
    while (const auto line = lines_.take_if('m')) {
      if (session.media.size() == max_media) {
        return fail(
            ParseError{make_error_code(errc::limit_reached), lines_.number(), "more m= sections than max_media"});
      }
      auto media = parse_media_line(*line);
      if (!media) return lines_.refuse("m= needs media, port, protocol and format");
      if (const auto done = read_media(*media); !done) return fail(done.error());
      session.media.push_back(std::move(*media));
    }
    if (lines_.type() != 0 || lines_.error()) return lines_.refuse_next("this line cannot stand here");
    return session;
  }

 private:
  using Step = result<void, ParseError>;

  Step read_head(SessionDescription& session) {
    const auto version = lines_.take_if('v');
    if (!version) return lines_.refuse_next("a session description begins with v=0");
    if (*version != "0") return lines_.refuse("the version of SDP is 0");
    const auto origin_line = lines_.take_if('o');
    if (!origin_line) return lines_.refuse_next("o= follows v=");
    auto origin = parse_origin(*origin_line);
    if (!origin) return lines_.refuse("o= needs six fields, the second and third numbers of 64 bits");
    session.origin = std::move(*origin);
    const auto name = lines_.take_if('s');
    if (!name) return lines_.refuse_next("s= follows o=");
    session.name = *name;
    session.information = lines_.take_if('i').value_or("");
    session.uri = lines_.take_if('u').value_or("");
    read_texts('e', session.emails);
    read_texts('p', session.phones);
    if (const auto line = lines_.take_if('c')) {
      session.connection = parse_connection(*line);
      if (!session.connection) return lines_.refuse(bad_connection);
    }
    read_texts('b', session.bandwidths);
    return {};
  }

  Step read_times(std::vector<TimeDescription>& times) {
    times.clear();
    while (const auto line = lines_.take_if('t')) {
      if (!is_time_field(*line)) return lines_.refuse("t= needs two numbers");
      TimeDescription& time = times.emplace_back();
      time.active = *line;
      read_texts('r', time.repeats);
      time.zones = lines_.take_if('z').value_or("");
    }
    if (times.empty()) return lines_.refuse_next("t= is missing here");
    return {};
  }

  Step read_media(MediaDescription& media) {
    media.title = lines_.take_if('i').value_or("");
    while (const auto line = lines_.take_if('c')) {
      auto connection = parse_connection(*line);
      if (!connection) return lines_.refuse(bad_connection);
      media.connections.push_back(std::move(*connection));
    }
    read_texts('b', media.bandwidths);
    lines_.take_if('k');
    return read_attributes(media.attributes);
  }

  Step read_attributes(std::vector<Attribute>& attributes) {
    while (const auto line = lines_.take_if('a')) {
      auto attribute = parse_attribute(*line);
      if (!attribute) return lines_.refuse("the name of an attribute is a token");
      attributes.push_back(std::move(*attribute));
    }
    return {};
  }

  void read_texts(char type, std::vector<std::string>& texts) {
    while (const auto line = lines_.take_if(type)) texts.emplace_back(*line);
  }

  static constexpr std::string_view bad_connection = "c= needs network type, address type and address";

  LineReader lines_;
};

void append_line(std::string& out, char type, std::string_view value) {
  out += type;
  out += '=';
  out += value;
  out += "\r\n";
}

void append_optional(std::string& out, char type, std::string_view value) {
  if (!value.empty()) append_line(out, type, value);
}

void append_each(std::string& out, char type, const std::vector<std::string>& values) {
  for (const std::string& value : values) append_line(out, type, value);
}

void append_connection(std::string& out, const Connection& connection) {
  append_line(out, 'c', connection.network_type + ' ' + connection.address_type + ' ' + connection.address);
}

void append_media(std::string& out, const MediaDescription& media) {
  std::string line = media.media + ' ' + std::to_string(media.port);
  if (media.port_count != 1) line += '/' + std::to_string(media.port_count);
  line += ' ' + media.protocol + ' ' + media.formats;
  append_line(out, 'm', line);
  append_optional(out, 'i', media.title);
  for (const Connection& connection : media.connections) append_connection(out, connection);
  append_each(out, 'b', media.bandwidths);
  append_attributes(out, media.attributes);
}

}  // namespace

result<SessionDescription, ParseError> parse(std::string_view text) { return SessionReader{text}.read(); }

std::string format(const SessionDescription& session) {
  std::string out;
  out.reserve(1024);
  const Origin& origin = session.origin;
  append_line(out, 'v', "0");
  append_line(out, 'o',
              origin.username + ' ' + std::to_string(origin.session_id) + ' ' + std::to_string(origin.session_version) +
                  ' ' + origin.network_type + ' ' + origin.address_type + ' ' + origin.address);
  append_line(out, 's', session.name);
  append_optional(out, 'i', session.information);
  append_optional(out, 'u', session.uri);
  append_each(out, 'e', session.emails);
  append_each(out, 'p', session.phones);
  if (session.connection) append_connection(out, *session.connection);
  append_each(out, 'b', session.bandwidths);
  for (const TimeDescription& time : session.times) {
    append_line(out, 't', time.active);
    append_each(out, 'r', time.repeats);
    append_optional(out, 'z', time.zones);
  }
  append_attributes(out, session.attributes);
  for (const MediaDescription& media : session.media) append_media(out, media);
  return out;
}

std::optional<std::string_view> find_attribute(const std::vector<Attribute>& attributes,
                                               std::string_view name) noexcept {
  for (const Attribute& attribute : attributes) {
    if (equals_ignoring_case(attribute.name, name)) return attribute.value;
  }
  return std::nullopt;
}

}  // namespace ice::sdp
