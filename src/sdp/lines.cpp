#include "sdp/lines.hpp"

#include "sdp/grammar.hpp"

namespace ice::sdp {

LineReader::LineReader(std::string_view text) noexcept : rest_{text} {
  if (text.size() > max_session_size) {
    stop(errc::limit_reached, "the text is larger than max_session_size");
    return;
  }
  // Empty lines behind the last one are what copying and embedding leave.
  const std::size_t last = rest_.find_last_not_of("\r\n");
  rest_ = rest_.substr(0, last == std::string_view::npos ? 0 : last + 1);
  read_next();
}

std::string_view LineReader::take() noexcept {
  const std::string_view value = value_;
  taken_ = read_;
  read_next();
  return value;
}

std::optional<std::string_view> LineReader::take_if(char type) noexcept {
  if (type_ != type) return std::nullopt;
  return take();
}

failure<ParseError> LineReader::refuse(std::string_view reason) const noexcept {
  return {{make_error_code(errc::bad_sdp), taken_, reason}};
}

failure<ParseError> LineReader::refuse_next(std::string_view reason) const noexcept {
  if (error_) return {*error_};
  return {{make_error_code(errc::bad_sdp), type_ == 0 ? 0 : read_, reason}};
}

void LineReader::read_next() noexcept {
  type_ = 0;
  value_ = {};
  if (rest_.empty()) return;
  ++read_;
  if (read_ > max_lines) return stop(errc::limit_reached, "more lines than max_lines");
  std::string_view line = take_until(rest_, '\n');
  // RFC 8866 §5: CRLF ends a line, and a single newline is accepted.
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.find_first_of(std::string_view{"\r\0", 2}) != std::string_view::npos) {
    return stop(errc::bad_sdp, "NUL or CR inside a line");
  }
  if (line.size() < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z') {
    return stop(errc::bad_sdp, "not <type>=<value>");
  }
  type_ = line[0];
  value_ = line.substr(2);
}

void LineReader::stop(errc code, std::string_view reason) noexcept {
  error_ = ParseError{make_error_code(code), read_, reason};
  rest_ = {};
}

std::optional<Attribute> parse_attribute(std::string_view value) {
  const std::string_view name = take_until(value, ':');
  if (!is_token(name)) return std::nullopt;
  return Attribute{std::string{name}, std::string{value}};
}

void append_attributes(std::string& out, const std::vector<Attribute>& attributes) {
  for (const Attribute& attribute : attributes) {
    out += "a=";
    out += attribute.name;
    if (!attribute.value.empty()) {
      out += ':';
      out += attribute.value;
    }
    out += "\r\n";
  }
}

}  // namespace ice::sdp
