#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "ice/base/result.hpp"
#include "ice/sdp/session.hpp"

namespace ice::sdp {

/// Cuts a text into the `<type>=<value>` lines of RFC 8866 §5, one look ahead. It stops at the first line that is
/// none, and at the bounds of session.hpp; then error() says why.
class LineReader {
 public:
  explicit LineReader(std::string_view text) noexcept;

  /// The type of the line that take() will give; 0 at the end of the text and after an error.
  char type() const noexcept { return type_; }
  /// The value of that line, and on to the next.
  std::string_view take() noexcept;
  /// The value if the line is of this type.
  std::optional<std::string_view> take_if(char type) noexcept;

  /// The number of the line that take() gave last.
  std::size_t number() const noexcept { return taken_; }
  /// What stopped the reader before the end of the text.
  const std::optional<ParseError>& error() const noexcept { return error_; }

  /// bad_sdp at the line that take() gave last.
  failure<ParseError> refuse(std::string_view reason) const noexcept;
  /// bad_sdp at the line that take() would give, or error() if that is what stopped the reader.
  failure<ParseError> refuse_next(std::string_view reason) const noexcept;

 private:
  void read_next() noexcept;
  void stop(errc code, std::string_view reason) noexcept;

  std::string_view rest_;
  char type_ = 0;
  std::string_view value_;
  std::size_t read_ = 0;
  std::size_t taken_ = 0;
  std::optional<ParseError> error_;
};

/// RFC 8866 §5.13: `name` or `name:value`.
std::optional<Attribute> parse_attribute(std::string_view value);
void append_attributes(std::string& out, const std::vector<Attribute>& attributes);

}  // namespace ice::sdp
